// What one reading of the owners says, against those before it. Three things must not be published:
//
//   * Half a pod. Kubelet allocates container by container while it admits a pod. One whose last container holds NPUs
//     has all it gets; one whose last does not is held back until it has stayed the same for kGrown.
//   * Nothing, because kubelet was restarted. PodResources then lists static pods at most, and later pod after pod, as
//     the API server tells kubelet of them. What was said of a pod stays while the checkpoint (or, where that can't be
//     read, a folder of its logs) says the same and no listed pod holds any of its devices: for as long as kubelet
//     waits for the API server, then for kUnlisted since it was missing first, or for kNothingListed while no pod with
//     NPUs is listed.
//   * Another pod's UID. PodResources is ahead of the checkpoint for the moment in which kubelet writes that: a UID
//     keeps its name for as long as the checkpoint has it, and a living pod never loses a device.
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
  static constexpr Duration kNothingListed = std::chrono::seconds(30);

  struct Verdict {
    std::vector<npu::PodDevices> pods;
    std::optional<Instant> look_again;  // when it may be another, without anything new
  };

  // What an earlier run has published; only before the first verdict.
  void remember(const npu::Allocations& published);
  // Of the UIDs that the checkpoint had at the last verdict, as far as they were said.
  const PodNames& names() const { return names_; }
  const std::map<std::string, npu::PodDevices>& said() const { return said_; }  // by UID: at the last verdict
  // `checkpoint`: what kubelet has given, by UID.
  Verdict judge(OwnersReading reading, const DevicesByUid& checkpoint, Instant now);

 private:
  struct Growing {
    std::vector<int> devices;
    Instant since;
  };

  bool contradicts(const npu::PodDevices& pod) const;
  bool has_grown(const npu::PodDevices& pod, bool growing, Verdict& verdict, Instant now);
  void keep_unlisted(const OwnersReading& reading, const DevicesByUid& checkpoint, Verdict& verdict, Instant now);
  void note_said(const Verdict& verdict, const DevicesByUid& checkpoint);

  std::map<std::string, npu::PodDevices> said_;  // by UID
  std::map<std::string, Growing> growing_;       // likewise
  std::map<std::string, Instant> missing_;       // since when: of those that are kept
  bool nothing_listed_ = false;                  // at the last verdict
  PodNames names_;
  bool judged_ = false;
};

}  // namespace pd::agent
