#include "tests/simulation/kinds.h"

#include <cstdlib>

namespace pd::test {
namespace {

Shape keyed(std::string key, std::map<std::string, Shape, std::less<>> fields = {}) {
  return {Shape::List::kMap, std::move(key), false, std::move(fields)};
}

Shape structure(std::map<std::string, Shape, std::less<>> fields) {
  return {Shape::List::kAtomic, "", true, std::move(fields)};
}

Shape with_metadata(std::map<std::string, Shape, std::less<>> fields) {
  fields["metadata"] =
      structure({{"ownerReferences", keyed("uid")}, {"finalizers", Shape{Shape::List::kSet, "", false, {}}}});
  return structure(std::move(fields));
}

Shape pod_shape() {
  const Shape container = keyed("name", {{"env", keyed("name")}, {"volumeMounts", keyed("mountPath")}});
  return with_metadata({{"spec", structure({{"containers", container},
                                            {"initContainers", container},
                                            {"volumes", keyed("name")},
                                            {"imagePullSecrets", keyed("name")}})},
                        {"status", structure({{"conditions", keyed("type")}, {"podIPs", keyed("ip")}})}});
}

Shape deployment_shape() {
  return with_metadata(
      {{"status", Shape{Shape::List::kAtomic,
                        "",
                        false,
                        {{"conditions", keyed("type")},
                         {"incarnations", keyed("slot")},
                         {"adopted", keyed("slot")},
                         {"restarts", keyed("instance")},
                         {"ranktable", Shape{Shape::List::kAtomic, "", false, {{"missing", keyed("instance")}}}}}}}});
}

}  // namespace

std::string SimKind::qualified_name() const {
  return group.empty() ? std::string(plural) : std::string(plural) + "." + std::string(group);
}

const std::array<SimKind, kKindCount>& sim_kinds() {
  static const std::array<SimKind, kKindCount> kinds = {{
      {0, "/api/v1", "configmaps", "ConfigMap", "v1", ""},
      {.index = 1,
       .prefix = "/api/v1",
       .plural = "pods",
       .kind = "Pod",
       .api_version = "v1",
       .group = "",
       .has_status = true,
       .has_generation = true,
       .returns_deleted = true},
      {.index = 2,
       .prefix = "/api/v1",
       .plural = "nodes",
       .kind = "Node",
       .api_version = "v1",
       .group = "",
       .namespaced = false,
       .has_status = true},
      {.index = 3,
       .prefix = "/api/v1",
       .plural = "services",
       .kind = "Service",
       .api_version = "v1",
       .group = "",
       .has_status = true,
       .returns_deleted = true},
      {.index = 4,
       .prefix = "/apis/events.k8s.io/v1",
       .plural = "events",
       .kind = "Event",
       .api_version = "events.k8s.io/v1",
       .group = "events.k8s.io",
       .create_on_update = true},
      {.index = 5,
       .prefix = "/apis/coordination.k8s.io/v1",
       .plural = "leases",
       .kind = "Lease",
       .api_version = "coordination.k8s.io/v1",
       .group = "coordination.k8s.io",
       .create_on_update = true,
       .unconditional_update = false},
      {.index = 6,
       .prefix = "/apis/pd-operator.io/v1alpha1",
       .plural = "pddeployments",
       .kind = "PDDeployment",
       .api_version = "pd-operator.io/v1alpha1",
       .group = "pd-operator.io",
       .has_status = true,
       .custom = true,
       .has_generation = true,
       .unconditional_update = false},
      {.index = 7,
       .prefix = "/api/v1",
       .plural = "namespaces",
       .kind = "Namespace",
       .api_version = "v1",
       .group = "",
       .namespaced = false,
       .has_status = true},
      {.index = 8,
       .prefix = "/apis/policy/v1",
       .plural = "poddisruptionbudgets",
       .kind = "PodDisruptionBudget",
       .api_version = "policy/v1",
       .group = "policy",
       .has_status = true,
       .has_generation = true,
       .unconditional_update = false},
  }};
  return kinds;
}

const SimKind& kind_of(std::string_view plural) {
  for (const SimKind& kind : sim_kinds()) {
    if (kind.plural == plural) return kind;
  }
  std::abort();
}

const Shape& shape_of(const SimKind& kind) {
  static const Shape pod = pod_shape();
  static const Shape deployment = deployment_shape();
  static const Shape conditions =
      with_metadata({{"spec", structure({})}, {"status", structure({{"conditions", keyed("type")}})}});
  static const Shape plain = with_metadata({{"spec", structure({})}});
  if (kind.kind == "Pod") return pod;
  if (kind.custom) return deployment;
  return kind.has_status ? conditions : plain;
}

}  // namespace pd::test
