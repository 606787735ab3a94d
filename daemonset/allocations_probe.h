// Which pod holds which NPUs of this node: PodResources and kubelet's checkpoint, read as of one moment and joined
// (owners.h). Where the checkpoint can't be read, the folders of the pods' logs tell the UIDs. Owner: the agent.
// Thread: the io_context's one thread.
#pragma once

#include <string>
#include <vector>

#include "daemonset/agent_metrics.h"
#include "daemonset/continuity.h"
#include "daemonset/sources/pod_resources.h"

namespace pd::agent {

struct AllocationsReading {
  npu::Allocations allocations;
  probe::Problems problems;
  std::optional<Duration> look_again = {};  // when it may be another, without a change to be seen
};

class AllocationsProbe {
 public:
  struct Options {
    std::string checkpoint;
    std::string pod_logs;
    std::vector<std::string> resource_names;
    npu::Ids ids = npu::Ids::kReal;
    std::string own_pod = {};  // "namespace/name" of the pod that asks; empty: in none, or not known
  };

  AllocationsProbe(Options options, PodResources& pod_resources)
      : options_(std::move(options)), pod_resources_(pod_resources) {}

  asio::awaitable<Result<AllocationsReading>> read();
  // What an earlier run has published.
  void remember(const npu::Allocations& published) { continuity_.remember(published); }
  void measure(SourceMetrics metrics) { metrics_ = metrics; }

 private:
  // What kubelet has given.
  struct Given {
    std::vector<CheckpointEntry> entries;
    bool by_logs = false;
  };

  asio::awaitable<Result<std::vector<ContainerDevices>>> list();
  Result<Given> given(const Result<std::string>& checkpoint, const std::vector<ContainerDevices>& listed,
                      const Result<PodNames>& names, probe::Problems& problems) const;
  DevicesByUid devices_of(const Given& given, const Result<PodNames>& names) const;
  bool lists_own_pod(const std::vector<ContainerDevices>& listed) const;
  Result<AllocationsReading> join(const std::vector<ContainerDevices>& listed, const Result<std::string>& checkpoint);

  Options options_;
  PodResources& pod_resources_;
  Continuity continuity_;
  SourceMetrics metrics_;
};

}  // namespace pd::agent
