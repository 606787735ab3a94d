// SimApiServer's patches: merge patch, JSON patch, server-side apply.
#include "tests/simulation/object_rules.h"
#include "tests/simulation/sim_api_server.h"
#include "tests/simulation/sim_status.h"

namespace pd::test {
namespace {

constexpr std::string_view kMerge = "application/merge-patch+json";
constexpr std::string_view kJson = "application/json-patch+json";
constexpr std::string_view kApply = "application/apply-patch+yaml";

// The API server's library sets a member of an object that "replace" does not find; nlohmann's refuses it.
Json as_served(const Json& operation, const Json& object) {
  if (operation.value("op", "") != "replace") return operation;
  const Json::json_pointer place(operation.value("path", ""));
  const bool is_new_member = !place.empty() && !object.contains(place) && object.contains(place.parent_pointer()) &&
                             object.at(place.parent_pointer()).is_object();
  if (!is_new_member) return operation;
  Json added = operation;
  added["op"] = "add";
  return added;
}

// The patched object, or a refusal.
std::optional<kube::HttpResponse> patch_with(std::string_view type, const Json& patch, Json& object) {
  if (type == kMerge) {
    object.merge_patch(patch);
    return std::nullopt;
  }
  if (!patch.is_array()) return bad_request("error decoding patch: a JSON patch is a list of operations");
  try {
    for (const Json& operation : patch) object = object.patch(Json::array({as_served(operation, object)}));
  } catch (const Json::exception&) {
    return refuse(422, "Invalid", "the server rejected our request due to an error in our request");
  }
  return std::nullopt;
}

kube::HttpResponse field_conflicts(const std::vector<FieldConflict>& conflicts) {
  Json causes = Json::array();
  std::string message =
      "Apply failed with " + std::to_string(conflicts.size()) + " conflict" + (conflicts.size() == 1 ? "" : "s") + ":";
  for (const FieldConflict& each : conflicts) {
    message += " conflict with " + each.owner + ": " + each.field;
    causes.push_back(
        {{"reason", "FieldManagerConflict"}, {"message", "conflict with " + each.owner}, {"field", each.field}});
  }
  return refuse(409, "Conflict", message, {{"causes", causes}});
}

kube::HttpResponse invalid_option(const std::string& field, const std::string& cause, const std::string& message) {
  return invalid_field("PatchOptions.meta.k8s.io", "", field, cause, message);
}

}  // namespace

kube::HttpResponse SimApiServer::patch(const SimRequest& request, const kube::HttpRequest& http) {
  const SimKind& kind = *request.kind;
  const bool is_apply = http.content_type == kApply;
  if (!is_apply && http.content_type != kMerge && http.content_type != kJson) {
    return refuse(415, "UnsupportedMediaType", "415: Unsupported Media Type");
  }
  if (is_apply && request.value("fieldManager").empty()) {
    return invalid_option("fieldManager", "FieldValueRequired", "Required value: is required for apply patch");
  }
  if (!is_apply && !request.value("force").empty()) {
    return invalid_option("force", "FieldValueForbidden", "Forbidden: may not be specified for non-apply patch");
  }
  const Json patch = Json::parse(http.body, nullptr, false);
  Write write{request, kind, object_key(kind, request.ns, request.name), true, is_apply};
  if (is_apply) return apply(std::move(write), patch);
  if (patch.is_discarded()) return bad_request("error decoding patch: it is no JSON");
  const ObjectPtr live = store_.find(kind, write.key);
  if (!live) return not_found(kind, request.name);
  Json next = live->json();
  if (std::optional<kube::HttpResponse> refusal = patch_with(http.content_type, patch, next)) return *refusal;
  if (std::optional<kube::HttpResponse> refusal = check_body(request, next, 422)) return *refusal;
  return update(write, live, std::move(next));
}

kube::HttpResponse SimApiServer::apply(Write write, const Json& applied) {
  const SimKind& kind = write.kind;
  const SimRequest& request = write.request;
  Json wanted = applied;
  if (!wanted.is_object() || !wanted.contains("kind") || !wanted.contains("apiVersion")) {
    return bad_request("error decoding YAML: an applied object has a kind and an apiVersion");
  }
  if (wanted.contains("metadata") && wanted["metadata"].contains("managedFields")) {
    return bad_request("metadata.managedFields must be nil");
  }
  const Json as_sent = wanted;
  if (std::optional<kube::HttpResponse> refusal = check_body(request, wanted, 500)) return *refusal;
  if (names_an_item_twice(as_sent, shape_of(kind))) {
    return refuse(500, "", "failed to create typed patch object: a list has duplicate entries for a key");
  }
  const ObjectPtr live = store_.find(kind, write.key);
  if (!live && !request.subresource.empty()) return not_found(kind, request.name);
  Json next = live ? live->json() : Json{{"metadata", Json::object()}};
  const std::vector<FieldConflict> conflicts =
      apply_fields(kind, writer_of(write), as_sent, request.flag("force"), next);
  if (!conflicts.empty()) return field_conflicts(conflicts);
  if (!live) {
    if (std::optional<kube::HttpResponse> refusal = check_body(request, next)) return *refusal;
    return create(write, std::move(next));
  }
  return update(write, live, std::move(next));
}

}  // namespace pd::test
