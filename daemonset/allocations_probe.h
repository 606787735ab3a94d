// Which pod holds which NPUs of this node: PodResources and kubelet's checkpoint, read as of one moment and joined
// (owners.h). Owner: the agent. Thread: the io_context's one thread.
#pragma once

#include <string>
#include <vector>

#include "daemonset/agent_metrics.h"
#include "daemonset/owners.h"
#include "daemonset/sources/pod_resources.h"

namespace pd::agent {

struct AllocationsReading {
  npu::Allocations allocations;
  probe::Problems problems;
};

class AllocationsProbe {
 public:
  struct Options {
    std::string checkpoint;
    std::vector<std::string> resource_names;
    bool remapped = false;
  };

  AllocationsProbe(Options options, PodResources& pod_resources)
      : options_(std::move(options)), pod_resources_(pod_resources) {}

  asio::awaitable<Result<AllocationsReading>> read();
  void measure(SourceMetrics metrics) { metrics_ = metrics; }

 private:
  Result<std::string> read_checkpoint() const;
  asio::awaitable<Result<std::vector<ContainerDevices>>> list();
  Error bad_checkpoint(const Error& error) const;  // the same, counted

  Options options_;
  PodResources& pod_resources_;
  SourceMetrics metrics_;
};

}  // namespace pd::agent
