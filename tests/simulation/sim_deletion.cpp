#include "tests/simulation/sim_deletion.h"

#include <algorithm>

#include "kube/json_members.h"
#include "tests/simulation/sim_status.h"

namespace pd::test {
namespace {

std::int64_t grace_of(const SimKind& kind, const Json& object, const DeleteOptions& options) {
  if (kind.kind != "Pod") return 0;
  const Json& spec = kube::object_member(object, "spec");
  const std::string phase = kube::text_member(kube::object_member(object, "status"), "phase");
  if (kube::text_member(spec, "nodeName").empty() || phase == "Failed" || phase == "Succeeded") return 0;
  const std::int64_t wanted = options.grace_seconds.value_or(spec.value("terminationGracePeriodSeconds", 30));
  return std::max<std::int64_t>(wanted, 0);
}

void add_finalizer(Json& metadata, const char* finalizer) {
  Json& finalizers = metadata["finalizers"];
  if (finalizers.is_null()) finalizers = Json::array();
  if (std::find(finalizers.begin(), finalizers.end(), finalizer) == finalizers.end()) finalizers.push_back(finalizer);
}

// The object as it waits for its end.
Json marked(const SimKind& kind, const Json& object, WallTime now, std::int64_t grace, const DeleteOptions& options) {
  Json next = object;
  Json& metadata = next["metadata"];
  const bool first = !metadata.contains("deletionTimestamp");
  const std::int64_t before = metadata.value("deletionGracePeriodSeconds", std::int64_t{0});
  if (first) {
    metadata["deletionTimestamp"] = format_rfc3339(now + std::chrono::seconds(grace));
    const std::int64_t generation = metadata.value("generation", std::int64_t{0});
    if (generation > 0) metadata["generation"] = generation + 1;
  } else if (grace < before) {
    const Result<WallTime> end = parse_rfc3339(metadata["deletionTimestamp"].get<std::string>());
    metadata["deletionTimestamp"] = format_rfc3339(*end - std::chrono::seconds(before - grace));
  }
  if (kind.kind == "Namespace") {
    next["status"]["phase"] = "Terminating";
    return next;
  }
  metadata["deletionGracePeriodSeconds"] = grace;
  if (options.propagation == "Foreground") add_finalizer(metadata, "foregroundDeletion");
  if (options.propagation == "Orphan") add_finalizer(metadata, "orphan");
  return next;
}

std::optional<kube::HttpResponse> check_preconditions(const SimKind& kind, const std::string& name,
                                                      const SimObject& live, const DeleteOptions& options) {
  if (!options.uid.empty() && options.uid != live.meta_text("uid")) {
    return conflict(kind, name,
                    "the UID in the precondition (" + options.uid + ") does not match the UID in record (" +
                        live.meta_text("uid") + "). The object might have been deleted and then recreated");
  }
  if (!options.resource_version.empty() && options.resource_version != live.meta_text("resourceVersion")) {
    return conflict(kind, name,
                    "the ResourceVersion in the precondition (" + options.resource_version +
                        ") does not match the ResourceVersion in record (" + live.meta_text("resourceVersion") +
                        "). The object might have been modified");
  }
  return std::nullopt;
}

kube::HttpResponse deleted(const SimKind& kind, const std::string& name, const SimObject& last) {
  if (kind.returns_deleted) return {200, last.text(), std::nullopt};
  Json details = {{"name", name}, {"kind", kind.plural}, {"uid", last.meta_text("uid")}};
  if (!kind.group.empty()) details["group"] = kind.group;
  const Json status = {{"kind", "Status"},
                       {"apiVersion", "v1"},
                       {"metadata", Json::object()},
                       {"status", "Success"},
                       {"details", details}};
  return {200, dump_json(status), std::nullopt};
}

}  // namespace

bool is_done_for(const Json& object) {
  const Json& metadata = object.at("metadata");
  if (!metadata.contains("deletionTimestamp")) return false;
  if (metadata.value("deletionGracePeriodSeconds", 0) > 0) return false;
  if (object.at("kind") == "Namespace") return false;  // spec.finalizers hold it
  return !metadata.contains("finalizers") || metadata.at("finalizers").empty();
}

kube::HttpResponse delete_object(SimStore& store, WallTime now, const SimKind& kind, const std::string& name,
                                 const std::string& key, const DeleteOptions& options) {
  const ObjectPtr live = store.find(kind, key);
  if (!live) return not_found(kind, name);
  if (std::optional<kube::HttpResponse> refusal = check_preconditions(kind, name, *live, options)) return *refusal;
  std::int64_t grace = grace_of(kind, live->json(), options);
  if (live->terminating()) grace = std::min(grace, live->meta().value("deletionGracePeriodSeconds", std::int64_t{0}));
  Json next = marked(kind, live->json(), now, grace, options);
  if (is_done_for(next)) {
    // A pod is marked first, even where it goes at once: watches see both.
    const ObjectPtr last =
        kind.kind != "Pod" || options.dry_run || next == live->json() ? live : store.put(kind, key, std::move(next));
    if (!options.dry_run) store.remove(kind, key);
    return deleted(kind, name, *last);
  }
  if (options.dry_run || next == live->json()) return {200, dump_json(next), std::nullopt};
  return {200, store.put(kind, key, std::move(next))->text(), std::nullopt};
}

}  // namespace pd::test
