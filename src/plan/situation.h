// All that the planner has concluded from a snapshot before it decides on actions.
// Thread: pure functions. It points into the snapshot, which must outlive it.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "plan/adopted.h"
#include "plan/config_map.h"
#include "plan/devices.h"
#include "plan/dry_run.h"
#include "plan/membership.h"
#include "plan/pod_template.h"
#include "plan/snapshot.h"
#include "plan/table.h"

namespace pd::plan {

struct Situation {
  const Snapshot& snapshot;
  WallTime now;
  Occupancy occupancy;
  Placements placements;
  StoredTable stored;
  std::optional<WallTime> unscheduled_due;  // when it is told why a pod has no node
  TableDecision table;
  AdoptionObstacle adoption;
  std::map<Role, TemplateCheck> templates;
  std::map<Role, std::string> hashes;
  std::vector<DryRunTarget> dry_runs;
  std::string raise_epoch;  // a sentence; empty: the epoch stays
  std::string lacking;      // the instance for which peers wait with their restart; empty: they do not
  std::map<Role, std::string> hashes_as_listed;  // of a positional table that is kept in an update: with its counts

  const kube::PDDeployment& deployment() const { return snapshot.deployment; }
  // All pods of the instance are there and Ready.
  bool ready(const Instance& instance) const;
  // One of its pods is.
  bool outdated(const Instance& instance) const;
  // It was made from an older template, or says that it was made for another podsPerInstance.
  bool outdated(Role role, const kube::Pod& pod) const;
  // Ready, and in the table as long as there is one.
  bool available(const Instance& instance) const;
  // Why pods are neither created nor deleted at present; empty when they are.
  std::string frozen() const;
};

Situation assess(const Snapshot& snapshot, WallTime now);

}  // namespace pd::plan
