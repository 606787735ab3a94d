// Tables of hosts put together: refused with words, or what some profile can write. The input is several texts with RS
// between them.
#include <cstddef>
#include <cstdint>

#include "ranktable/merge.h"
#include "tests/fuzz/require.h"
#include "tests/fuzz/tables.h"

namespace pd::ranktable {
namespace {

using fuzz::require;

constexpr std::size_t kMostTables = 4;
constexpr std::string_view kOtherGlobal =
    R"({"version":"1.0","status":"completed","server_group_list":[{"group_id":"2","server_count":"1","server_list":[)"
    R"({"server_id":"10.0.0.99","server_ip":"10.0.0.99","device":[)"
    R"({"device_id":"0","device_ip":"29.81.99.100","rank_id":"0"},)"
    R"({"device_id":"1","device_ip":"29.81.99.101","rank_id":"1"}]}]}]})";
constexpr std::string_view kOtherLocal =
    R"({"version":"1.0","status":"completed","group_id":"0","server_count":"1","server_list":[)"
    R"({"server_id":"10.0.0.99","server_ip":"10.0.0.99","device":[)"
    R"({"device_id":"0","device_ip":"29.81.99.100","rank_id":"0"},)"
    R"({"device_id":"1","device_ip":"29.81.99.101","rank_id":"1"}]}]})";

Document other(std::string_view text) { return *parse_document(text); }

std::size_t count_devices(const std::vector<Instance>& role) {
  std::size_t count = 0;
  for (const Instance& instance : role) {
    for (const Server& server : instance.servers) count += server.devices.size();
  }
  return count;
}

void require_merged(const Result<Membership>& merged) {
  if (!merged) return fuzz::require_message(merged.error());
  require(merged->schedulers.size() <= 1, "there is one scheduler at most");
  require(fuzz::require_rendered(*merged) > 0, "what was merged can be written");
}

void require_merged(const Result<Instance>& merged) {
  if (!merged) return fuzz::require_message(merged.error());
  Membership membership;
  membership.prefill.push_back(*merged);
  name_instances(membership);
  require(fuzz::require_rendered(membership) > 0, "what was merged can be written");
}

void merge(const std::vector<Source>& sources) {
  for (const bool missing : {false, true}) {
    for (const bool unequal : {false, true}) {
      const MergeOptions options{.allow_missing_groups = missing, .allow_unequal_sizes = unequal};
      require_merged(merge_global(sources, options));
      const std::vector<Source> decode(sources.begin() + 1, sources.end());
      require_merged(merge_all({sources.front()}, decode, options));
    }
  }
  require_merged(merge_local(sources));
}

// The same table twice is the user's mistake, whatever it holds.
void require_twice_refused(const Document& document) {
  const std::vector<Source> twice = {{"a.json", &document}, {"b.json", &document}};
  const MergeOptions lenient{.allow_missing_groups = true, .allow_unequal_sizes = true};
  require(!merge_global(twice, lenient).ok(), "a global table is merged once");
  require(!merge_local(twice).ok(), "a local table is merged once");
  require(!merge_all({twice[0]}, {twice[1]}, lenient).ok(), "a local table is of one instance");
}

void merge_with_others(const Document& document) {
  static const Document other_global = other(kOtherGlobal);
  static const Document other_local = other(kOtherLocal);
  const MergeOptions lenient{.allow_missing_groups = true, .allow_unequal_sizes = true};
  const Result<Membership> alone = merge_global({{"a.json", &document}}, lenient);
  const Result<Membership> both = merge_global({{"a.json", &document}, {"other.json", &other_global}}, lenient);
  require_merged(both);
  if (both) {
    require(alone.ok(), "what can be merged with another can be merged");
    require(count_devices(both->decode) == count_devices(alone->decode) + 2, "no device is lost");
    require(both->prefill == alone->prefill, "the other table has no prefill instance");
  }
  require_merged(merge_local({{"a.json", &document}, {"other.json", &other_local}}));
}

void check(std::string_view text) {
  std::vector<Document> documents;
  documents.reserve(kMostTables);
  while (documents.size() < kMostTables) {
    const std::size_t end = text.find('\x1e');
    Result<Document> document = parse_document(text.substr(0, end));
    if (document) documents.push_back(*std::move(document));
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  if (documents.empty()) return;
  std::vector<Source> sources;
  for (const Document& document : documents)
    sources.push_back({"table-" + std::to_string(sources.size()) + ".json", &document});
  merge(sources);
  require_twice_refused(documents.front());
  merge_with_others(documents.front());
}

}  // namespace
}  // namespace pd::ranktable

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {  // NOLINT: libFuzzer's name
  pd::ranktable::check(pd::fuzz::text_of(data, size));
  return 0;
}
