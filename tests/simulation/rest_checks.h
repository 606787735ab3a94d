// What must come about when faults and edits have ended: L1, judged from the nodes' own truth.
//
//   const std::string why = not_at_rest(world, cluster);   // "qwen: prefill-1 is not in the table"; empty: all is well
//
// Thread: pure functions of what the world holds now.
#pragma once

#include "tests/simulation/sim_cluster.h"

namespace pd::test {

std::string not_at_rest(World& world, const SimCluster& cluster);

}  // namespace pd::test
