#include "tests/simulation/object_rules.h"

#include <algorithm>

#include "kube/json_members.h"
#include "tests/simulation/sim_status.h"

namespace pd::test {
namespace {

bool is_string_map(const Json& value) {
  return value.is_null() || (value.is_object() && std::all_of(value.begin(), value.end(), [](const Json& each) {
                               return each.is_string() || each.is_null();
                             }));
}

bool is_list(const Json& value) { return value.is_null() || value.is_array(); }

// Null where it is not there.
const Json& member_of(const Json& object, const char* member) {
  static const Json none;
  const auto found = object.find(member);
  return found == object.end() ? none : *found;
}

kube::HttpResponse refuse_unreadable(const SimKind& kind, int status, const std::string& why) {
  const std::string reason = status == 400 ? "BadRequest" : status == 422 ? "Invalid" : "";
  return refuse(status, reason, "the object cannot be handled as a " + std::string(kind.kind) + ": " + why);
}

bool has_right_types(const SimKind& kind, const Json& object) {
  const Json& metadata = object.at("metadata");
  return is_string_map(member_of(metadata, "labels")) && is_string_map(member_of(metadata, "annotations")) &&
         is_list(member_of(metadata, "finalizers")) && is_list(member_of(metadata, "ownerReferences")) &&
         (kind.kind != "ConfigMap" || is_string_map(member_of(object, "data")));
}

void drop_nulls(Json& object) {
  for (auto member = object.begin(); member != object.end();) {
    member = member->is_null() ? object.erase(member) : std::next(member);
  }
}

void drop_empty(Json& object, const char* member) {
  const auto found = object.find(member);
  if (found == object.end()) return;
  if (found->is_object()) drop_nulls(*found);
  if (found->is_null() || found->empty()) object.erase(found);
}

bool is_alphanumeric(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

// RFC 1123: labels of a-z, 0-9 and '-', with dots between them where `dots` says so.
bool is_dns_name(const std::string& name, bool dots) {
  if (name.empty() || name.size() > (dots ? 253 : 63)) return false;
  char before = '.';
  for (const char c : name) {
    if (c == '.' && (!dots || !is_alphanumeric(before))) return false;
    if (c != '.' && c != '-' && !is_alphanumeric(c)) return false;
    if (c == '-' && before == '.') return false;
    before = c;
  }
  return is_alphanumeric(before);
}

// What of a pod's spec a PUT or patch may change.
Json fixed_pod_spec(const Json& pod) {
  Json spec = pod.value("spec", Json::object());
  for (const char* list : {"containers", "initContainers"}) {
    if (!spec.contains(list)) continue;
    for (Json& container : spec[list]) container.erase("image");
  }
  for (const char* member : {"tolerations", "activeDeadlineSeconds", "terminationGracePeriodSeconds"}) {
    spec.erase(member);
  }
  return spec;
}

std::optional<kube::HttpResponse> validate_owners(const std::string& kind, const std::string& name,
                                                  const Json& metadata) {
  int controllers = 0;
  const Json& owners = member_of(metadata, "ownerReferences");
  for (const Json& owner : owners) {
    for (const char* member : {"apiVersion", "kind", "name", "uid"}) {
      if (kube::text_member(owner, member).empty()) {
        return invalid_field(kind, name, "metadata.ownerReferences." + std::string(member), "FieldValueInvalid",
                             "Invalid value: \"\": must not be empty");
      }
    }
    controllers += owner.value("controller", false) ? 1 : 0;
  }
  if (controllers < 2) return std::nullopt;
  return invalid_field(kind, name, "metadata.ownerReferences", "FieldValueInvalid",
                       "Invalid value: only one reference can have Controller set to true");
}

std::optional<kube::HttpResponse> validate_change(const SimKind& kind, const std::string& name, const Json& before,
                                                  const Json& object) {
  const std::string kind_name(kind.kind);
  const Json& metadata = object.at("metadata");
  const Json& old_metadata = before.at("metadata");
  for (const char* member : {"uid", "deletionTimestamp", "deletionGracePeriodSeconds"}) {
    if (member_of(metadata, member) == member_of(old_metadata, member)) continue;
    return invalid_field(kind_name, name, "metadata." + std::string(member), "FieldValueInvalid",
                         "Invalid value: field is immutable");
  }
  if (old_metadata.contains("deletionTimestamp")) {
    const Json& held = member_of(old_metadata, "finalizers");
    const Json& wanted = member_of(metadata, "finalizers");
    for (const Json& finalizer : wanted) {
      if (std::find(held.begin(), held.end(), finalizer) != held.end()) continue;
      return invalid_field(kind_name, name, "metadata.finalizers", "FieldValueForbidden",
                           "Forbidden: no new finalizers can be added if the object is being deleted");
    }
  }
  if (kind.kind == "Pod" && member_of(before, "spec") != member_of(object, "spec") &&
      fixed_pod_spec(before) != fixed_pod_spec(object)) {
    return invalid_field(
        kind_name, name, "spec", "FieldValueForbidden",
        "Forbidden: pod updates may not change fields other than `spec.containers[*].image` and a few");
  }
  if (kind.kind == "Event") {
    for (const auto& [member, value] : object.items()) {
      if (member == "series" || member == "metadata" || value == member_of(before, member.c_str())) continue;
      return invalid_field(kind_name, name, member, "FieldValueInvalid", "Invalid value: field is immutable");
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<kube::HttpResponse> check_body(const SimRequest& request, Json& object, int unreadable) {
  const SimKind& kind = *request.kind;
  if (!object.is_object()) return refuse_unreadable(kind, unreadable, "it is no object");
  for (const auto& [member, own] : {std::pair{"kind", kind.kind}, std::pair{"apiVersion", kind.api_version}}) {
    if (!object.contains(member)) object[member] = own;
    if (kube::text_member(object, member) != own)
      return refuse_unreadable(kind, unreadable, "it has another " + std::string(member));
  }
  if (!object.contains("metadata") || object["metadata"].is_null()) object["metadata"] = Json::object();
  Json& metadata = object["metadata"];
  if (!metadata.is_object()) return bad_request("metadata is no object");
  if (kind.namespaced) {
    if (!metadata.contains("namespace")) metadata["namespace"] = request.ns;
    if (kube::text_member(metadata, "namespace") != request.ns) {
      return bad_request("the namespace of the provided object does not match the namespace sent on the request");
    }
  }
  if (!request.name.empty()) {
    const std::string name = kube::text_member(metadata, "name");
    if (!name.empty() && name != request.name) {
      return bad_request("the name of the object (" + name + ") does not match the name on the URL (" + request.name +
                         ")");
    }
    metadata["name"] = request.name;
  }
  if (!has_right_types(kind, object)) return refuse_unreadable(kind, unreadable, "a member has the wrong type");
  normalise(kind, object);
  return std::nullopt;
}

void normalise(const SimKind& kind, Json& object) {
  Json& metadata = object["metadata"];
  drop_nulls(metadata);
  for (const char* member : {"labels", "annotations", "finalizers", "ownerReferences"}) drop_empty(metadata, member);
  if (kind.custom) return;
  drop_nulls(object);
  if (kind.kind == "ConfigMap") {
    drop_empty(object, "data");
    drop_empty(object, "binaryData");
  }
}

std::optional<kube::HttpResponse> validate(const SimKind& kind, const Json& before, const Json& object) {
  const Json& metadata = object.at("metadata");
  const std::string name = kube::text_member(metadata, "name");
  const std::string kind_name(kind.kind);
  if (!is_dns_name(name, kind.kind != "Service" && kind.kind != "Namespace" && !kind.custom)) {
    return invalid_field(
        kind_name, name, "metadata.name", "FieldValueInvalid",
        "Invalid value: \"" + name +
            "\": a lowercase RFC 1123 subdomain must consist of lower case "
            "alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character");
  }
  if (auto refusal = validate_owners(kind_name, name, metadata)) return refusal;
  if (kind.kind == "Lease") {
    if (kube::object_member(object, "spec").value("leaseDurationSeconds", 1) <= 0) {
      return invalid_field(kind_name, name, "spec.leaseDurationSeconds", "FieldValueInvalid",
                           "Invalid value: must be greater than 0");
    }
  }
  if (kind.kind == "ConfigMap") {
    std::size_t bytes = 0;
    const Json& content = member_of(object, "data");
    for (const Json& value : content) bytes += value.get_ref<const std::string&>().size();
    if (bytes > (std::size_t{1} << 20)) {
      return invalid_field(kind_name, name, "", "FieldValueTooLong", "Too long: may not be more than 1048576 bytes");
    }
  }
  return before.is_null() ? std::nullopt : validate_change(kind, name, before, object);
}

void prepare_create(const SimKind& kind, Json& object) {
  Json& metadata = object["metadata"];
  for (const char* member : {"deletionTimestamp", "deletionGracePeriodSeconds", "generation", "managedFields",
                             "selfLink", "resourceVersion"}) {
    metadata.erase(member);
  }
  if (kind.has_generation) metadata["generation"] = 1;
  if (kind.has_status && kind.kind != "Node") object.erase("status");
  if (kind.kind == "Pod") {
    object["status"] = {{"phase", "Pending"}, {"qosClass", "BestEffort"}};
    Json& spec = object["spec"];
    if (!spec.contains("restartPolicy")) spec["restartPolicy"] = "Always";
    if (!spec.contains("terminationGracePeriodSeconds")) spec["terminationGracePeriodSeconds"] = 30;
  }
  if (kind.kind == "Namespace") {
    metadata["labels"]["kubernetes.io/metadata.name"] = metadata.value("name", "");
    object["spec"]["finalizers"] = Json::array({"kubernetes"});
    object["status"] = {{"phase", "Active"}};
  }
}

void prepare_update(const SimKind& kind, const std::string& subresource, const Json& live, Json& next) {
  const auto keep = [](const Json& from, Json& to, const char* member) {
    if (from.contains(member)) {
      to[member] = from.at(member);
    } else {
      to.erase(member);
    }
  };
  if (subresource == "status" && kind.custom) {
    Json status = member_of(next, "status");
    const std::string revision = kube::text_member(next["metadata"], "resourceVersion");
    const Json managed = member_of(next["metadata"], "managedFields");  // a copy, as is the status: next is replaced
    next = live;
    if (!managed.is_null()) next["metadata"]["managedFields"] = managed;
    next["metadata"]["resourceVersion"] = revision;
    if (status.is_null()) {
      next.erase("status");
    } else {
      next["status"] = std::move(status);
    }
    return;
  }
  const Json& before = live.at("metadata");
  Json& metadata = next["metadata"];
  for (const char* member : {"creationTimestamp", "generation"}) keep(before, metadata, member);
  for (const char* member : {"uid", "deletionTimestamp", "deletionGracePeriodSeconds"}) {
    if (!metadata.contains(member)) keep(before, metadata, member);  // another one is refused by validate()
  }
  if (subresource == "status") {
    keep(live, next, "spec");
    keep(before, metadata, "ownerReferences");
    return;
  }
  if (kind.has_status) keep(live, next, "status");
  if (kind.has_generation && member_of(live, "spec") != member_of(next, "spec")) {
    metadata["generation"] = before.value("generation", std::int64_t{0}) + 1;
  }
}

}  // namespace pd::test
