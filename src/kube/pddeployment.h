// The PDDeployment custom resource, pd-operator.io/v1alpha1 (charts/pd-operator/files/pddeployments.yaml). Defaults are
// those of the schema; they are set here too, because an object that was stored before a default existed lacks it.
// Thread: plain values.
#pragma once

#include <compare>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "kube/objects.h"

namespace pd::kube {

struct RanktableSpec {
  std::string profile = "AscendCloud";
  std::string publish_policy = "Complete";  // Complete | Available
  int lost_grace_seconds = 30;
  std::string server_address = "PodIP";  // PodIP | HostIP
  std::string server_id = "Auto";        // Auto | Address | HostIP | PerInstance
  bool require_link_up = false;
  std::string mount_path = "/etc/pd-operator/ranktable";
};

struct GateSpec {
  bool enabled = true;
  bool sidecar = true;
  int timeout_seconds = 600;
  int port = 8089;
  std::string image;              // empty: the operator's default
  std::string image_pull_policy;  // empty: the API server's default
  Json resources;                 // null: the operator's default
};

struct ReloadSpec {
  int port = 0;
  std::string path;
};

struct RoleSpec {
  int instances = 1;
  int pods_per_instance = 1;
  int npus_per_pod = 0;  // the scheduler: 0
  Json pod_template;     // PodTemplateSpec; null in adopt mode
  bool adopt = false;
  std::string adopt_instance_label;
  std::string adopt_pod_index_label;
  std::string on_peer_change = "Reload";  // Reload | Restart | Ignore
  std::optional<ReloadSpec> reload;
  std::string max_unavailable = "1";  // "2" or "25%", in instances
  std::string restart_scope;          // Instance | Pod; empty: Instance when podsPerInstance > 1
  int backoff_seconds = 10;
  int max_backoff_seconds = 600;
  std::string pod_replacement_policy = "TerminatingOrFailed";  // TerminatingOrFailed | Gone
  std::optional<int> pdb_min_available;
};

struct MissingInstance {
  std::string instance;
  WallTime since;
  std::string digest;  // of what the table listed of it and its peers' starts; empty where none is restarted
  bool operator==(const MissingInstance&) const = default;
};

struct RanktableStatus {
  std::string config_map;
  std::string state;  // Initializing | Completed
  std::int64_t generation = 0;
  std::int64_t generation_ceiling = 0;
  std::int64_t epoch = 0;
  int npus = 0;
  std::vector<MissingInstance> missing;
  std::optional<WallTime> published_at;
  std::string digest;
  bool operator==(const RanktableStatus&) const = default;
};

struct Incarnation {
  std::string slot;  // "prefill-1-0": role, instance, pod
  std::int64_t last = 0;
  bool operator==(const Incarnation&) const = default;
};

// Who has a place in a role that adopts its pods.
struct AdoptedPod {
  std::string slot;  // "prefill-1-0"
  std::string pod;   // its name
  auto operator<=>(const AdoptedPod&) const = default;
};

struct RoleStatus {
  int instances = 0;
  int ready = 0;
  int updated = 0;
  std::string summary;  // "2/2"
  bool operator==(const RoleStatus&) const = default;
};

struct InstanceRestarts {
  std::string instance;
  int count = 0;
  std::optional<WallTime> next_attempt;
  bool operator==(const InstanceRestarts&) const = default;
};

struct PDDeploymentStatus {
  std::int64_t observed_generation = 0;
  RanktableStatus ranktable;
  std::vector<Incarnation> incarnations;
  std::vector<AdoptedPod> adopted;
  RoleStatus scheduler;
  RoleStatus prefill;
  RoleStatus decode;
  std::vector<InstanceRestarts> restarts;
  std::vector<Condition> conditions;
  bool operator==(const PDDeploymentStatus&) const = default;
};

struct PDDeployment {
  ObjectMeta meta;
  RanktableSpec ranktable;
  std::vector<std::string> resource_names = {"huawei.com/Ascend910", "huawei.com/ascend-1980"};
  GateSpec gate;
  RoleSpec scheduler;
  RoleSpec prefill;
  RoleSpec decode;
  bool paused = false;
  PDDeploymentStatus status;
};

// The names of the API.
inline constexpr std::string_view kGroup = "pd-operator.io";
inline constexpr std::string_view kVersion = "v1alpha1";
inline constexpr std::string_view kKind = "PDDeployment";
inline constexpr std::string_view kPlural = "pddeployments";
inline constexpr std::string_view kDeploymentLabel = "pd-operator.io/deployment";
inline constexpr std::string_view kRoleLabel = "pd-operator.io/role";
inline constexpr std::string_view kInstanceLabel = "pd-operator.io/instance";
inline constexpr std::string_view kPodIndexLabel = "pd-operator.io/pod-index";
inline constexpr std::string_view kIncarnationLabel = "pd-operator.io/incarnation";
inline constexpr std::string_view kEpochLabel = "pd-operator.io/epoch";
inline constexpr std::string_view kTemplateHashLabel = "pd-operator.io/template-hash";
inline constexpr std::string_view kPodsPerInstanceLabel = "pd-operator.io/pods-per-instance";  // when it was made
inline constexpr std::string_view kManagedByLabel = "app.kubernetes.io/managed-by";
inline constexpr std::string_view kManagedBy = "pd-operator";
inline constexpr std::string_view kGateWatchContainer = "pd-gate-watch";                // the sidecar in each pod
inline constexpr std::string_view kGenerationAnnotation = "pd-operator.io/generation";  // on the ConfigMap
inline constexpr std::string_view kDigestAnnotation = "pd-operator.io/digest";          // on the ConfigMap
inline constexpr std::string_view kEpochAnnotation = "pd-operator.io/epoch";            // on the ConfigMap
inline constexpr std::string_view kPodGenerationAnnotation = "pd-operator.io/ranktable-generation";  // the touch
inline constexpr std::string_view kRetouchedAnnotation = "pd-operator.io/retouched";                 // the second touch

// Decodes what the API server sent. Errors name the field as a JSON pointer.
Result<PDDeployment> decode_pddeployment(const Json& object);
// The status as the API has it; what is empty is left out.
Json encode_status(const PDDeploymentStatus& status);

}  // namespace pd::kube
