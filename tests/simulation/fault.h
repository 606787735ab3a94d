// What goes wrong in a simulated run, and when: drawn from a seed, printed with a run that fails, and shrunk to the few
// faults that it needs.
//
//   std::vector<Fault> faults = draw_faults(rng, {.processes = 2, .servers = 2, .span = std::chrono::seconds(60)});
//
// Thread: values without shared state.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "base/clock.h"
#include "runtime/timing.h"

namespace pd::test {

enum class FaultKind {
  // Requests of one process, while the fault lasts; each is hit with an even chance.
  kRequestsLost,      // they never arrive
  kRepliesLost,       // they are done, and nobody hears of it
  kRequestsReplayed,  // they arrive twice, as a connection that dies at the wrong moment does it
  kRequestsSlow,      // up to 20 s each way
  kThrottled,         // 429 with Retry-After
  kServerErrors,      // 500, 503, 504
  kRefused,           // no connection
  // The watches of one process.
  kWatchesCut,      // in the middle of a line
  kWatchesEnded,    // in good order
  kWatchesSilent,   // half-open: nothing comes any more
  kWatchesRepeat,   // the last events come again
  kWatchesGarbled,  // a line that is no JSON
  kWatchesExpired,  // ERROR 410 out of nothing
  kWatchesFailed,   // ERROR 500
  // One API server.
  kServerLags,        // its watch caches stand still while the fault lasts
  kServerRestarted,   // away while the fault lasts; its caches begin anew
  kNoStreamingLists,  // refuses them while the fault lasts
  kEtcdCompacted,     // nothing older than now can be read
  // One process.
  kCrashed,         // and started again when the fault is over
  kCrashedInWrite,  // likewise, at its next write: whether it was done is even chance
  kPaused,          // SIGSTOP, and SIGCONT when the fault is over
  kStopped,         // SIGTERM; started again when the fault is over
  kMoved,           // talks to another API server from now on
  kWallClockJumps,  // by hours, either way
};
inline constexpr int kFaultKinds = static_cast<int>(FaultKind::kWallClockJumps) + 1;

std::string_view to_string(FaultKind kind);
bool concerns_server(FaultKind kind);  // else a process

struct Fault {
  FaultKind kind;
  Duration at;        // since the start of the run
  Duration duration;  // of those that last
  int subject;        // which process, or which server
};

std::string to_string(const Fault& fault);
std::string to_string(const std::vector<Fault>& faults);

struct FaultRanges {
  int processes = 1;
  int servers = 1;
  Duration span = std::chrono::seconds(60);
  int most = 12;
};
// In order of time.
std::vector<Fault> draw_faults(runtime::Rng& rng, const FaultRanges& ranges);

// The fewest of a run's ills, as far as leaving some out one after the other leads, with which it still fails. First
// halves, quarters and so on are left out, then single ones, until nothing more can be.
template <typename Ill, typename StillFails>
std::vector<Ill> shrink(std::vector<Ill> ills, StillFails still_fails) {
  std::size_t chunk = std::max<std::size_t>(ills.size() / 2, 1);
  while (!ills.empty()) {
    bool shrunk = false;
    for (std::size_t start = 0; start < ills.size();) {
      std::vector<Ill> fewer = ills;
      const auto first = fewer.begin() + static_cast<std::ptrdiff_t>(start);
      fewer.erase(first, first + static_cast<std::ptrdiff_t>(std::min(chunk, fewer.size() - start)));
      if (still_fails(fewer)) {
        ills = std::move(fewer);
        shrunk = true;
      } else {
        start += chunk;
      }
    }
    if (!shrunk && chunk == 1) break;
    if (!shrunk) chunk = std::max<std::size_t>(chunk / 2, 1);
  }
  return ills;
}

}  // namespace pd::test
