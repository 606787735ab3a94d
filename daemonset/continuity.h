// What one reading of the owners says, against those before it. Kubelet tells less than it knows at two moments, and
// neither must be published:
//
//   * While it admits a pod it allocates container by container. A pod whose last container holds NPUs has all it gets;
//     one whose last does not is held back until it has stayed the same for kGrown.
//   * After a restart, PodResources lists nothing, then pod after pod, as the API server tells kubelet of them. What
//   was
//     said of a pod stays while the checkpoint says the same and no listed pod holds any of its devices: for kUnlisted,
//     and for kNothingListed when no pod at all is listed.
//
// Owner: AllocationsProbe. Thread: a value; time is an argument.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "daemonset/owners.h"

namespace pd::agent {

class Continuity {
 public:
  static constexpr Duration kGrown = std::chrono::milliseconds(500);
  static constexpr Duration kUnlisted = std::chrono::seconds(1);
  static constexpr Duration kNothingListed = std::chrono::seconds(10);

  struct Verdict {
    std::vector<npu::PodDevices> pods;
    std::optional<Instant> look_again;  // when it may be another, without anything new
  };

  // What an earlier run has published; only before the first verdict.
  void remember(const npu::Allocations& published, Instant now);
  // `checkpoint`: what kubelet has given, by UID.
  Verdict judge(OwnersReading reading, const DevicesByUid& checkpoint, Instant now);

 private:
  struct Said {
    npu::PodDevices pod;
    Instant listed;  // last
  };
  struct Growing {
    std::vector<int> devices;
    Instant since;
  };

  bool has_grown(const npu::PodDevices& pod, bool growing, Verdict& verdict, Instant now);
  void keep_unlisted(const OwnersReading& reading, const DevicesByUid& checkpoint, Verdict& verdict, Instant now);

  std::map<std::string, Said> said_;        // by UID
  std::map<std::string, Growing> growing_;  // likewise
  bool judged_ = false;
};

}  // namespace pd::agent
