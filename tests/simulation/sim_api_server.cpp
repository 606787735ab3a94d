#include "tests/simulation/sim_api_server.h"

#include "tests/simulation/list_options.h"
#include "tests/simulation/sim_deletion.h"
#include "tests/simulation/sim_status.h"

namespace pd::test {
namespace {

std::optional<kube::HttpResponse> check_dry_run(SimRequest& request) {
  const auto dry_run = request.query.find("dryRun");
  if (dry_run == request.query.end()) return std::nullopt;
  request.dry_run = true;
  if (dry_run->second == "All") return std::nullopt;
  return invalid_field("CreateOptions.meta.k8s.io", "", "dryRun", "FieldValueNotSupported",
                       "Unsupported value: [\"" + dry_run->second + "\"]: supported values: \"All\"");
}

bool allows(const SimRequest& request, const std::string& method) {
  if (request.subresource == "binding") return method == "POST";
  if (method == "POST") return request.name.empty();
  if (method == "GET") return true;
  if (method == "DELETE") return !request.name.empty() && request.subresource.empty();
  return (method == "PUT" || method == "PATCH") && !request.name.empty();
}

}  // namespace

SimApiServer::SimApiServer(SimStore& store, const Clock& clock, std::string user_agent)
    : store_(store), clock_(clock), user_agent_(std::move(user_agent)), view_(store) {}

kube::HttpResponse SimApiServer::handle(const kube::HttpRequest& http) {
  ParsedRequest parsed = parse_request(http);
  if (parsed.refusal) return *parsed.refusal;
  SimRequest& request = parsed.request;
  if (!allows(request, http.method)) return method_not_allowed();
  if (http.method == "GET") return request.name.empty() ? list(request) : get(request);
  if (std::optional<kube::HttpResponse> refusal = check_dry_run(request)) return *refusal;
  if (http.method == "POST") return post(request, http);
  if (http.method == "PUT") return put(request, http);
  if (http.method == "PATCH") return patch(request, http);
  return remove(request, http);
}

kube::HttpResponse SimApiServer::get(const SimRequest& request) const {
  const SimKind& kind = *request.kind;
  std::uint64_t at = store_.revision();
  if (const std::string& text = request.value("resourceVersion"); !text.empty()) {
    const std::optional<std::uint64_t> wanted = parse_revision(text);
    if (!wanted) return bad_request("invalid resource version: " + text);
    at = view_.visible(kind);
    if (*wanted > at) return too_large_revision(*wanted, at);
  }
  const ObjectPtr found = store_.find_at(kind, object_key(kind, request.ns, request.name), at);
  return found ? object_response(request, *found) : not_found(kind, request.name);
}

kube::HttpResponse SimApiServer::remove(const SimRequest& request, const kube::HttpRequest& http) {
  DeleteOptions options;
  options.dry_run = request.dry_run;
  if (!http.body.empty()) {
    const Json body = Json::parse(http.body, nullptr, false);
    if (!body.is_object()) return bad_request("the delete options can't be read");
    const Json preconditions = body.value("preconditions", Json::object());
    options.uid = preconditions.value("uid", "");
    options.resource_version = preconditions.value("resourceVersion", "");
    options.propagation = body.value("propagationPolicy", "");
    if (body.contains("gracePeriodSeconds")) options.grace_seconds = body.at("gracePeriodSeconds").get<std::int64_t>();
    if (body.contains("dryRun")) options.dry_run = true;
  }
  if (const std::string& grace = request.value("gracePeriodSeconds"); !grace.empty()) {
    options.grace_seconds = static_cast<std::int64_t>(parse_revision(grace).value_or(0));
  }
  if (const std::string& policy = request.value("propagationPolicy"); !policy.empty()) options.propagation = policy;
  return delete_object(store_, clock_.wall_now(), *request.kind, request.name,
                       object_key(*request.kind, request.ns, request.name), options);
}

SimApiServer::Opened SimApiServer::open_watch(const kube::HttpRequest& http) {
  ParsedRequest parsed = parse_request(http);
  if (parsed.refusal) return {*parsed.refusal, nullptr};
  const SimRequest& request = parsed.request;
  if (http.method != "GET" || !request.is_watch() || !request.name.empty()) {
    return {bad_request("a watch is a GET of a collection with watch=true"), nullptr};
  }
  ListOptions options;
  if (std::optional<kube::HttpResponse> refusal = read_list_options(request, options)) return {*refusal, nullptr};
  if (options.send_initial_events && !streaming_lists_) {
    return {invalid_field("ListOptions.meta.k8s.io", "", "sendInitialEvents", "FieldValueForbidden",
                          "Forbidden: sendInitialEvents is forbidden for watch without the feature WatchList"),
            nullptr};
  }
  const SimKind& kind = *request.kind;
  const std::uint64_t visible = view_.visible(kind);
  SimWatch::Start start;
  start.allows_bookmarks = request.flag("allowWatchBookmarks");
  start.after = visible;
  if (options.send_initial_events) {
    if (options.revision.value_or(0) > store_.revision()) {
      return {too_large_revision(*options.revision, visible), nullptr};
    }
    start.with_state = true;
    // Without a resourceVersion the state is to be as new as the store is now.
    const std::uint64_t wanted = options.revision ? *options.revision : store_.revision();
    if (start.allows_bookmarks) start.initial_end = wanted;
  } else if (options.revision.value_or(0) == 0) {
    start.with_state = true;
  } else {
    start.after = *options.revision;
  }
  const kube::HttpResponse head{200, "", std::nullopt};
  if (!start.with_state && start.after < view_.oldest(kind)) {
    Json status = status_object(
        410, "Expired",
        "too old resource version: " + std::to_string(start.after) + " (" + std::to_string(view_.oldest(kind)) + ")");
    return {head, std::make_unique<SimWatch>(store_, view_, kind, std::move(status))};
  }
  return {head, std::make_unique<SimWatch>(store_, view_, kind, std::move(options.filter), start)};
}

kube::HttpResponse object_response(const SimRequest& request, const SimObject& object, int status) {
  return {status, request.metadata_only ? metadata_text(object) : object.text(), std::nullopt};
}

}  // namespace pd::test
