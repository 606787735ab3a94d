// What the ranktable ConfigMap should hold next, under which generation, and why. Source of the rules: "When a table is
// published" in the API documentation, invariants S1 to S5. Thread: pure functions.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "plan/config_map.h"
#include "plan/devices.h"
#include "plan/membership.h"
#include "plan/snapshot.h"

namespace pd::plan {

enum class TableVerdict {
  kPublished,     // lists every wanted instance
  kPartial,       // goes on without instances that stayed lost
  kWaiting,       // the first table waits for its instances
  kInstanceLost,  // the last table is kept while a lost instance is waited for
  kRoleLost,      // likewise, however long: a role would have none
  kScaledToZero,  // the user wants no instance of a role
  kRejected,      // what we would write breaks a rule
  kTooLarge,      // does not fit in a ConfigMap
  kProfileUnsupported,
  kNameTaken,  // somebody else's ConfigMap has the name
};
std::string_view reason_of(TableVerdict verdict);  // CamelCase, for the condition RanktableReady

struct TableDecision {
  TableVerdict verdict = TableVerdict::kWaiting;
  std::string message;                         // one sentence
  std::string changes;                         // what a table that replaces another one changes, in words
  std::vector<kube::MissingInstance> missing;  // what the table waits for or goes without, and since when
  std::optional<WallTime> due;                 // when the wait for lost instances ends
  bool would_be_too_large = false;             // the table that is waited for

  // What the ConfigMap holds once the plan is carried out; nothing when it is not ours.
  TableContent content;
  std::string digest;
  bool completed = false;
  std::int64_t generation = 0;
  std::int64_t epoch = 0;
  bool write = false;         // it does not hold that yet
  bool reserve = false;       // the generation must be reserved in the status before the write (S4)
  std::set<Instance> listed;  // whose present pods, addresses and devices are what it holds
};

// Null where a profile cannot be served live.
const ranktable::Profile* live_profile(const kube::PDDeployment& deployment);

TableDecision decide_table(const Snapshot& snapshot, const Placements& placements, const StoredTable& stored,
                           WallTime now);

inline constexpr std::int64_t kReserveAhead = 64;

}  // namespace pd::plan
