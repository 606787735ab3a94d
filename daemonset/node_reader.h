// All that pd-agent asks on its node, put together: the sources of devices, kubelet for their owners, and the watches
// that tell when to ask again. Without kubelet (--ids unknown) nothing of it is touched, and no privilege is needed.
//
//   NodeReader reader(io, options, make_pod_resources(io, options.pod_resources_socket));
//   Agent agent(io, {...}, reader.sources(), ...);
//   reader.on_change([&] { agent.inventory_changed(); }, [&] { agent.allocations_changed(); });
//
// Owner: main. Thread: the io_context's one thread.
#pragma once

#include <memory>

#include "daemonset/agent.h"
#include "daemonset/file_watch.h"
#include "daemonset/options.h"
#include "daemonset/sources/node_annotation.h"
#include "daemonset/sources/static_file.h"
#include "probe/child_process.h"
#include "probe/hccn_tool.h"
#include "probe/npu_smi.h"

namespace pd::agent {

class NodeReader {
 public:
  // Without PodResources kubelet is not asked: who holds what is unknown.
  NodeReader(asio::io_context& io, const Options& options, std::unique_ptr<PodResources> pod_resources,
             SourceMetrics metrics = {});

  // They refer to this. The patient ones, which are for one look, wait for npu-smi to tell super-pod ids, and for
  // kubelet to be done with the pods that it admits.
  Agent::Sources sources();
  Agent::Sources patient_sources();
  // Called when there may be something new: hccn.conf or kubelet's checkpoint has changed since it was read, or npu-smi
  // has answered.
  void on_change(std::function<void()> of_inventory, std::function<void()> of_allocations);
  // Ends what is under way; nothing is answered any more.
  void stop();

 private:
  bool learn(const Annotations& of_the_node);
  asio::awaitable<Result<InventoryReading>> read_inventory();
  asio::awaitable<Result<InventoryReading>> read_patiently();
  asio::awaitable<void> learn_super_pods(std::vector<npu::Device> devices);
  asio::awaitable<Result<AllocationsReading>> read_allocations();
  asio::awaitable<Result<AllocationsReading>> read_settled_allocations();

  asio::io_context& io_;
  probe::ProcessRunner runner_;
  NodeAnnotation node_annotation_;
  probe::HccnTool tool_;
  probe::HccnConf conf_;
  StaticFile static_file_;
  probe::NpuSmi npu_smi_;
  std::unique_ptr<PodResources> pod_resources_;
  InventoryProbe inventory_;
  std::optional<AllocationsProbe> allocations_;
  bool learning_ = false;  // super pods
  std::function<void()> inventory_changed_ = [] {};
  std::function<void()> allocations_changed_ = [] {};
  FileWatch conf_watch_;
  FileWatch checkpoint_watch_;
};

}  // namespace pd::agent
