// Whether the API server would take a role's pods, asked before any is made and before a serving one is given up for a
// successor. Each role's template is tried as the pod that would be made from it, until a pod of it is there. A pod
// that is refused is not made, and no other is replaced by it; what can't be known holds up nothing, since a create
// then tells. Thread: pure functions.
#pragma once

#include <map>
#include <vector>

#include "plan/plan.h"
#include "plan/pod_template.h"

namespace pd::plan {

// The pods to be tried: those of roles whose templates keep our own rules. Their number is not one that a pod has, and
// what changes without a change of the template (the epoch) is left out of them.
std::vector<DryRunTarget> dry_run_targets(const Snapshot& snapshot, const std::map<Role, TemplateCheck>& checks,
                                          const std::map<Role, std::string>& hashes);

// What the API server has said goes into the checks.
void add_answers(const Snapshot& snapshot, const std::vector<DryRunTarget>& targets,
                 std::map<Role, TemplateCheck>& checks);

}  // namespace pd::plan
