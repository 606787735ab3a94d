// One behaviour of the API server that this project relies on: what it is called, what it says, and how it is seen.
// Thread: as Api.
#pragma once

#include <string_view>
#include <vector>

#include "tests/conformance/api.h"

namespace pd::test {

struct Behaviour {
  std::string_view name;         // CreatedTwiceIsRefused
  std::string_view description;  // one sentence, for docs/conformance.md
  void (*check)(Api& api);       // with the EXPECT_ macros of googletest
};

struct BehaviourGroup {
  std::string_view title;
  std::vector<Behaviour> behaviours;
};

BehaviourGroup create_behaviours();
BehaviourGroup update_behaviours();
BehaviourGroup patch_behaviours();
BehaviourGroup apply_behaviours();
BehaviourGroup status_behaviours();
BehaviourGroup delete_behaviours();
BehaviourGroup read_behaviours();
BehaviourGroup watch_behaviours();
BehaviourGroup refusal_behaviours();

std::vector<BehaviourGroup> all_behaviours();

}  // namespace pd::test
