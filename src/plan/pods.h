// What a pod of ours looks like: the user's template, our labels, owner and names, the NPU limit, and what it needs to
// see its tables (equipment.h). Source of the rules: section 2 of the API documentation. Thread: pure functions.
#pragma once

#include "plan/membership.h"
#include "plan/pod_template.h"
#include "plan/snapshot.h"

namespace pd::plan {

// The template must have been checked and found valid; `hash` is its template_hash().
Json pod_object(const Snapshot& snapshot, const Slot& slot, std::int64_t incarnation, const TemplateCheck& check,
                const std::string& hash);

// Annotations that device plugins, scheduler plugins and we write on a pod that lives. In a template they would claim
// devices, or tables, for pods that have not been placed; they are left out there.
bool is_of_a_living_pod(const std::string& annotation);

}  // namespace pd::plan
