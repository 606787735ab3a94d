// The conditions of a PDDeployment: one function each, in conditions.cpp; the list of them is in the API documentation.
// Thread: pure functions.
#pragma once

#include <string_view>
#include <vector>

#include "plan/rollout.h"
#include "plan/situation.h"

namespace pd::plan {

inline constexpr std::string_view kReady = "Ready";
inline constexpr std::string_view kAvailable = "Available";
inline constexpr std::string_view kProgressing = "Progressing";
inline constexpr std::string_view kTemplatesValid = "TemplatesValid";
inline constexpr std::string_view kDevicesDiscovered = "DevicesDiscovered";
inline constexpr std::string_view kRanktableReady = "RanktableReady";
inline constexpr std::string_view kRanktableDelivered = "RanktableDelivered";

// All of them, in a fixed order. lastTransitionTime is that of the present status unless the condition's status flips.
std::vector<kube::Condition> conditions_of(const Situation& situation, const Rollout& rollout);

// The placement that DevicesDiscovered names; null when all placed pods have their NPUs.
const Placement* worst_placement(const Situation& situation);

const kube::Condition* find_condition(const std::vector<kube::Condition>& conditions, std::string_view type);

}  // namespace pd::plan
