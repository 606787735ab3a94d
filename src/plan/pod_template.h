// What concerns us in a role's PodTemplateSpec, which the CRD leaves unchecked: its shape as far as we touch it, the
// NPU limit, the restart policy, and the hash that tells an outdated pod. The API server judges the rest (dry_run.h).
// Thread: pure functions.
#pragma once

#include <string>
#include <vector>

#include "plan/membership.h"
#include "plan/snapshot.h"

namespace pd::plan {

inline constexpr std::string_view kVolumeName = "pd-ranktable";

struct TemplateCheck {
  enum class Verdict { kValid, kInvalid, kUnknown };
  Verdict verdict = Verdict::kValid;
  std::string reason;    // CamelCase, for the condition TemplatesValid
  std::string message;   // one sentence; empty when valid
  std::string resource;  // the NPU resource whose limit is ours to set; empty when the template has one, or needs none
  DryRun dry_run = {};   // what the API server says of a template that keeps our rules
};
TemplateCheck check_template(const Snapshot& snapshot, Role role);

// What is wrong with a template, whoever makes the pods: its shape as far as we touch it, and what would clash with our
// volume. Empty: nothing.
std::string template_problem(const Json& pod_template, const std::string& mount_path);

// The NPUs that the containers of a pod ask for.
struct NpuLimit {
  bool there = false;
  int count = 0;
  std::string problem;  // what is wrong with a limit; empty: nothing
};
NpuLimit npu_limit(const Json& spec, const std::vector<std::string>& resource_names);

// A label value: version, dash, and a part of the SHA-256 of what a pod of the role depends on. Never the operator's
// version, the gate's image or what we inject: an upgrade of the operator restarts nobody.
std::string template_hash(const kube::PDDeployment& deployment, Role role);
// Whether a pod was made from another template. A hash of a version that this operator does not know counts as equal.
bool is_outdated(const kube::Pod& pod, const std::string& hash);
// Whether it was made when an instance had more or fewer pods. What a pod does not say counts as equal.
bool is_of_another_group(const kube::Pod& pod, const kube::PDDeployment& deployment, Role role);
// Whether its instance has another number of NPUs: such a pod never fits in one table with its successors.
bool is_outsized(const kube::Pod& pod, const kube::PDDeployment& deployment, Role role);

}  // namespace pd::plan
