// One behaviour of the API server that this project relies on: what it is called, what it says, how it is seen, and
// which versions of Kubernetes have it.
// Thread: as Api.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tests/conformance/api.h"

namespace pd::test {

// Minor versions of Kubernetes 1; 0: no bound.
struct Versions {
  int since = 0;
  int before = 0;
  bool include(int minor) const { return minor >= since && (before == 0 || minor < before); }
  std::string text() const {  // "since 1.34", "" for all
    if (since > 0) return "since 1." + std::to_string(since);
    return before > 0 ? "before 1." + std::to_string(before) : "";
  }
};

inline constexpr Versions kCountsPods{.since = 33};  // pods have a generation
// The gate WatchList was on in 1.32, off in 1.33, and has been on since 1.34.
inline constexpr Versions kStreamsLists{.since = 34};
inline constexpr Versions kStreamsNoLists{.before = 32};
inline constexpr Versions kChecksLists{.since = 33};  // before anything is read: a wrong query is the client's fault

struct Behaviour {
  std::string_view name;         // CreatedTwiceIsRefused
  std::string_view description;  // one sentence, for docs/conformance.md
  void (*check)(Api& api);       // with the EXPECT_ macros of googletest
  Versions versions = {};
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
