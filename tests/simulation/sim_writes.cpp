// SimApiServer's writes: POST and PUT, and what all writes end in.
#include "kube/json_members.h"
#include "tests/simulation/object_rules.h"
#include "tests/simulation/sim_api_server.h"
#include "tests/simulation/sim_deletion.h"
#include "tests/simulation/sim_status.h"

namespace pd::test {
namespace {

std::optional<kube::HttpResponse> read_body(const SimRequest& request, const kube::HttpRequest& http, Json& object) {
  if (http.content_type != "application/json") {
    return refuse(415, "UnsupportedMediaType",
                  "the body of the request was in an unknown format - accepted media types include: application/json");
  }
  object = Json::parse(http.body, nullptr, false);
  if (object.is_discarded()) {
    return bad_request("the object provided is unrecognized (must be of type " + std::string(request.kind->kind) +
                       "): json parse error");
  }
  return check_body(request, object);
}

}  // namespace

kube::HttpResponse SimApiServer::post(const SimRequest& request, const kube::HttpRequest& http) {
  const SimKind& kind = *request.kind;
  if (kind.namespaced && request.ns.empty()) return method_not_allowed();
  if (request.subresource == "binding") return bind(request, Json::parse(http.body, nullptr, false));
  Json object;
  if (std::optional<kube::HttpResponse> refusal = read_body(request, http, object)) return *refusal;
  Json& metadata = object["metadata"];
  if (!kube::text_member(metadata, "resourceVersion").empty()) {
    return refuse(500, "", "resourceVersion should not be set on objects to be created");
  }
  if (kube::text_member(metadata, "name").empty()) {
    const std::string base = kube::text_member(metadata, "generateName");
    if (base.empty()) {
      return invalid_field(std::string(kind.kind), "", "metadata.name", "FieldValueRequired",
                           "Required value: name or generateName is required");
    }
    metadata["name"] = base + store_.new_suffix();
  }
  return create({request, kind, object_key(kind, request.ns, kube::text_member(metadata, "name"))}, std::move(object));
}

kube::HttpResponse SimApiServer::put(const SimRequest& request, const kube::HttpRequest& http) {
  const SimKind& kind = *request.kind;
  Json object;
  if (std::optional<kube::HttpResponse> refusal = read_body(request, http, object)) return *refusal;
  const Write write{request, kind, object_key(kind, request.ns, request.name)};
  const ObjectPtr live = store_.find(kind, write.key);
  if (!live) {
    if (!kind.create_on_update) return not_found(kind, request.name);
    return create(write, std::move(object));
  }
  Json& metadata = object["metadata"];
  const std::string uid = kube::text_member(metadata, "uid");
  if (!uid.empty() && uid != live->meta_text("uid")) {
    return conflict(
        kind, request.name,
        "Precondition failed: UID in precondition: " + uid + ", UID in object meta: " + live->meta_text("uid"));
  }
  metadata["uid"] = live->meta_text("uid");
  return update(write, live, std::move(object));
}

kube::HttpResponse SimApiServer::create(const Write& write, Json object) {
  const SimKind& kind = write.kind;
  const std::string name = kube::text_member(object["metadata"], "name");
  if (kind.namespaced) {
    const ObjectPtr space = store_.find(kind_of("namespaces"), write.request.ns);
    if (!space) return not_found(kind_of("namespaces"), write.request.ns);
    if (space->terminating()) {
      const Json cause = {{"reason", "NamespaceTerminating"}, {"field", "metadata.namespace"}};
      return refuse(403, "Forbidden",
                    kind.qualified_name() + " \"" + name +
                        "\" is forbidden: unable to create new content in namespace " + write.request.ns +
                        " because it is being terminated",
                    {{"name", name}, {"kind", kind.plural}, {"causes", Json::array({cause})}});
    }
  }
  Json managed = write.is_apply ? object["metadata"].value("managedFields", Json()) : Json();
  prepare_create(kind, object);
  normalise(kind, object);
  if (std::optional<kube::HttpResponse> refusal = validate(kind, Json(), object)) return *refusal;
  if (store_.find(kind, write.key)) return already_exists(kind, name);
  if (write.is_apply) {
    object["metadata"]["managedFields"] = std::move(managed);
  } else {
    own_changes(kind, writer_of(write), {{"metadata", Json::object()}}, object);
  }
  object["metadata"]["uid"] = store_.new_uid();
  object["metadata"]["creationTimestamp"] = format_rfc3339(clock_.wall_now());
  if (write.request.dry_run) return object_response(write.request, SimObject(std::move(object), 0), 201);
  return object_response(write.request, *store_.put(kind, write.key, std::move(object)), 201);
}

kube::HttpResponse SimApiServer::update(const Write& write, const ObjectPtr& live, Json next) {
  const SimKind& kind = write.kind;
  Json& metadata = next["metadata"];
  const std::string revision = kube::text_member(metadata, "resourceVersion");
  if (revision.empty() || revision == "0") {
    if (!kind.unconditional_update && !write.is_patch) {
      return invalid_field(kind.qualified_name(), write.request.name, "metadata.resourceVersion", "FieldValueInvalid",
                           "Invalid value: 0: must be specified for an update");
    }
  } else if (!parse_revision(revision)) {
    return refuse(500, "", "strconv.ParseUint: parsing \"" + revision + "\": invalid syntax");
  } else if (revision != live->meta_text("resourceVersion")) {
    return modified(kind, write.request.name);
  }
  metadata["resourceVersion"] = live->meta_text("resourceVersion");
  if (!write.is_apply) {
    const auto managed = live->meta().find("managedFields");
    if (managed == live->meta().end()) {
      metadata.erase("managedFields");
    } else {
      metadata["managedFields"] = *managed;
    }
  }
  prepare_update(kind, write.request.subresource, live->json(), next);
  normalise(kind, next);
  if (std::optional<kube::HttpResponse> refusal = validate(kind, live->json(), next)) return *refusal;
  return store_update(write, live, std::move(next));
}

kube::HttpResponse SimApiServer::store_update(const Write& write, const ObjectPtr& live, Json next) {
  if (next == live->json()) return object_response(write.request, *live);  // nothing is written
  if (!write.is_apply) own_changes(write.kind, writer_of(write), live->json(), next);
  if (write.request.dry_run) return object_response(write.request, SimObject(std::move(next), live->revision()));
  if (is_done_for(next)) {
    // Its last finalizer went: what is stored is deleted, the change itself never seen.
    store_.remove(write.kind, write.key);
    return object_response(write.request, SimObject(std::move(next), live->revision()));
  }
  return object_response(write.request, *store_.put(write.kind, write.key, std::move(next)));
}

kube::HttpResponse SimApiServer::bind(const SimRequest& request, const Json& binding) {
  const SimKind& kind = *request.kind;
  const std::string key = object_key(kind, request.ns, request.name);
  const ObjectPtr live = store_.find(kind, key);
  if (!live) return not_found(kind, request.name);
  const std::string node = kube::text_member(kube::object_member(binding, "target"), "name");
  if (node.empty())
    return invalid_field("Binding", request.name, "target.name", "FieldValueRequired", "Required value");
  const Json& spec = kube::object_member(live->json(), "spec");
  if (const std::string bound = kube::text_member(spec, "nodeName"); !bound.empty()) {
    return conflict(kind, request.name, "pod " + request.name + " is already assigned to node \"" + bound + "\"");
  }
  if (live->terminating()) {
    return conflict(kind, request.name, "pod " + request.name + " is being deleted, cannot be assigned to a host");
  }
  Json next = live->json();
  next["spec"]["nodeName"] = node;
  next["status"]["conditions"].push_back(
      {{"type", "PodScheduled"}, {"status", "True"}, {"lastTransitionTime", format_rfc3339(clock_.wall_now())}});
  if (!request.dry_run) store_.put(kind, key, std::move(next));
  const Json status = {
      {"kind", "Status"}, {"apiVersion", "v1"}, {"metadata", Json::object()}, {"status", "Success"}, {"code", 201}};
  return {201, dump_json(status), std::nullopt};
}

FieldWriter SimApiServer::writer_of(const Write& write) const {
  const std::string& manager = write.request.value("fieldManager");
  return {manager.empty() ? user_agent_ : manager, write.request.subresource, std::string(write.kind.api_version),
          clock_.wall_now()};
}

}  // namespace pd::test
