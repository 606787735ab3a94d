// Which NPUs this node has, with what addresses: asks the sources in their order, and kubelet for the resource's name.
//
// Devices are those of /dev/davinciN; where there is none, as many as --device-count says; else those the source knows,
// and for the tool, which knows none, those that kubelet has to give. What can't be read is absent, never guessed
// (invariants S3, S9): a device whose address can't be read is listed without one, and when no source answers at all,
// the devices known from /dev or kubelet are. With `auto`, a source that answers nothing at all makes room for the
// next; a tool that answers "no address is set" has answered, and so has one whose last words still stand.
//
// Owner: the agent. Thread: the io_context's one thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "daemonset/agent_metrics.h"
#include "daemonset/sources/pod_resources.h"
#include "npu/inventory.h"
#include "probe/device_source.h"
#include "probe/hccn_conf.h"

namespace pd::agent {

struct InventoryReading {
  npu::Inventory inventory;  // without `probed`
  probe::Problems problems;  // all that keeps it from being complete, by subject
};

class InventoryProbe {
 public:
  struct Options {
    std::string source = "auto";
    std::string dev_dir = "/dev";
    std::optional<int> device_count;
    std::vector<std::string> resource_names;
  };
  struct Sources {  // in the order in which `auto` asks them
    probe::DeviceSource& node_annotation;
    probe::DeviceSource& hccn_tool;
    probe::HccnConf& hccn_conf;
    probe::DeviceSource& static_file;
  };

  // Without PodResources kubelet is not asked, and the resource is the first of the names.
  InventoryProbe(Options options, Sources sources, PodResources* pod_resources)
      : options_(std::move(options)), sources_(sources), pod_resources_(pod_resources) {}

  // An error when not even the devices are known.
  asio::awaitable<Result<InventoryReading>> read();
  void measure(SourceMetrics metrics) { metrics_ = metrics; }

 private:
  std::vector<probe::DeviceSource*> sources_in_order() const;
  asio::awaitable<std::vector<int>> ask_kubelet(probe::Problems& problems);
  asio::awaitable<Result<probe::SourceReading>> read_first(std::vector<int> ids, std::vector<int> known_ids,
                                                           InventoryReading& result);
  asio::awaitable<std::vector<int>> ids_in_conf() const;
  asio::awaitable<void> compare(const npu::Inventory& inventory, probe::DeviceSource& other,
                                probe::Problems& problems) const;

  Options options_;
  Sources sources_;
  PodResources* pod_resources_;
  SourceMetrics metrics_;
  std::string resource_;  // once seen it stays: kubelet forgets it while the device plugin restarts
};

// N of each davinciN in the folder, ascending.
std::vector<int> davinci_ids(const std::string& dev_dir);

}  // namespace pd::agent
