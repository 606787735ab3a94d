// Who should see the published tables, and who is known to: the pods that the table lists are asked by the operator
// (operator/delivery.h), as far as they have the sidecar that answers. Thread: pure functions.
#pragma once

#include <vector>

#include "plan/plan.h"
#include "plan/situation.h"

namespace pd::plan {

// All pods that should see what the ConfigMap holds after this plan, and have a sidecar to tell.
std::vector<DeliveryTarget> delivery_targets(const Situation& situation);

// The condition RanktableDelivered, but for its times.
kube::Condition delivered(const Situation& situation);

}  // namespace pd::plan
