// SimApiServer::list: pages of one snapshot, from the store or from the view.
#include "tests/simulation/list_options.h"
#include "tests/simulation/sim_api_server.h"
#include "tests/simulation/sim_status.h"

namespace pd::test {
namespace {

kube::HttpResponse expired(const ListOptions& options) {
  kube::HttpResponse response;
  Json status = status_object(410, "Expired", "The resourceVersion for the provided list is too old.");
  if (options.from) {
    status["message"] =
        "The provided continue parameter is too old to display a consistent list result. You can start a new list "
        "without the continue parameter, or use the continue token in this response to retrieve the remainder of the "
        "results, which may be inconsistent with what was already seen.";
    status["metadata"]["continue"] = encode_token({-1, options.from->start});
  }
  return {410, dump_json(status), std::nullopt};
}

struct Page {
  std::string items;  // their texts, with commas between
  std::uint64_t count = 0;
  std::string next;  // the key at which the next page begins
  std::uint64_t remaining = 0;
};

Page read_page(const SimStore& store, const SimKind& kind, const ListOptions& options, std::uint64_t at) {
  Page page;
  const std::string from = options.from ? options.filter.prefix + options.from->start : "";
  store.each_at(kind, options.filter.prefix, from, at, [&](const std::string& key, const ObjectPtr& object) {
    if (!options.filter.matches(object)) return true;
    if (options.limit > 0 && page.count == options.limit) {
      if (page.remaining++ == 0) page.next = key.substr(options.filter.prefix.size());
      return true;
    }
    if (page.count++ > 0) page.items += ',';
    page.items += options.filter.metadata_only ? metadata_text(*object) : object->text();
    return true;
  });
  return page;
}

}  // namespace

kube::HttpResponse SimApiServer::list(const SimRequest& request) const {
  ListOptions options;
  if (std::optional<kube::HttpResponse> refusal = read_list_options(request, options)) return *refusal;
  const SimKind& kind = *request.kind;
  std::uint64_t at = store_.revision();
  if (options.from) {
    if (options.from->revision > 0) at = static_cast<std::uint64_t>(options.from->revision);
    if (at < store_.compacted()) return expired(options);
  } else if (options.revision && options.exact) {
    at = *options.revision;
    if (at > store_.revision()) return too_large_revision(at, store_.revision());
    if (at < store_.compacted()) return expired(options);
  } else if (options.revision) {
    at = view_.visible(kind);
    if (*options.revision > at) return too_large_revision(*options.revision, at);
    if (*options.revision == 0) options.limit = 0;  // the watch cache answers it whole
  }
  const Page page = read_page(store_, kind, options, at);
  Json metadata = {{"resourceVersion", std::to_string(at)}};
  if (page.remaining > 0) {
    metadata["continue"] = encode_token({static_cast<std::int64_t>(at), page.next});
    if (options.filter.labels.empty() && options.filter.fields.empty()) metadata["remainingItemCount"] = page.remaining;
  }
  const std::string list_kind = request.metadata_only ? "PartialObjectMetadataList" : std::string(kind.kind) + "List";
  const std::string version = request.metadata_only ? "meta.k8s.io/v1" : std::string(kind.api_version);
  std::string body = R"({"kind":")" + list_kind + R"(","apiVersion":")" + version + R"(","metadata":)";
  body += dump_json(metadata) + R"(,"items":[)" + page.items + "]}";
  return {200, std::move(body), std::nullopt};
}

}  // namespace pd::test
