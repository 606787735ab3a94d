#include "daemonset/node_reader.h"

#include "runtime/spawn.h"
#include "runtime/timing.h"

namespace pd::agent {

NodeReader::NodeReader(asio::io_context& io, const Options& options, std::unique_ptr<PodResources> pod_resources,
                       SourceMetrics metrics)
    : io_(io),
      runner_(io),
      tool_(io, runner_,
            {.path = options.hccn_tool,
             .timeout = seconds(options.hccn_tool_timeout),
             .library_path = options.tool_library_path}),
      conf_(options.hccn_conf),
      static_file_(options.static_file),
      npu_smi_(runner_, {.path = options.npu_smi, .library_path = options.tool_library_path}),
      pod_resources_(std::move(pod_resources)),
      inventory_({options.source, options.dev_dir, options.device_count, options.resource_names},
                 {node_annotation_, tool_, conf_, static_file_}, pod_resources_.get()),
      conf_watch_(io, options.hccn_conf,
                  [this] {
                    tool_.forget();  // it writes this file where it sets an address
                    inventory_changed_();
                  }),
      checkpoint_watch_(io, options.checkpoint, [this] { allocations_changed_(); }) {
  inventory_.measure(metrics);
  if (!pod_resources_) return;
  allocations_.emplace(
      AllocationsProbe::Options{options.checkpoint, options.pod_logs, options.resource_names,
                                npu::parse_ids(options.ids).value_or(npu::Ids::kReal), options.own_pod},
      *pod_resources_);
  allocations_->measure(metrics);
}

Agent::Sources NodeReader::sources() {
  Agent::Sources sources;
  sources.inventory = [this] { return read_inventory(); };
  sources.allocations = [this] { return read_allocations(); };
  sources.learn = [this](const Annotations& of_the_node) { return learn(of_the_node); };
  return sources;
}

Agent::Sources NodeReader::patient_sources() {
  Agent::Sources sources = this->sources();
  sources.inventory = [this] { return read_patiently(); };
  sources.allocations = [this] { return read_settled_allocations(); };
  return sources;
}

bool NodeReader::learn(const Annotations& of_the_node) {
  const auto published = of_the_node.find(std::string(npu::kAllocationsAnnotation));
  if (allocations_ && published != of_the_node.end()) {
    const Result<npu::Allocations> before = npu::parse_allocations(published->second);
    if (before) allocations_->remember(*before);
  }
  return node_annotation_.learn(of_the_node);
}

void NodeReader::on_change(std::function<void()> of_inventory, std::function<void()> of_allocations) {
  inventory_changed_ = std::move(of_inventory);
  allocations_changed_ = std::move(of_allocations);
}

void NodeReader::stop() {
  conf_watch_.stop();
  checkpoint_watch_.stop();
  runner_.stop();
  if (pod_resources_) pod_resources_->stop();
}

asio::awaitable<Result<InventoryReading>> NodeReader::read_inventory() {
  const Status watched = conf_watch_.arm();
  Result<InventoryReading> reading = co_await inventory_.read();
  if (reading && !watched) reading->problems["hccn.conf"] = watched.error().message;
  if (!reading) co_return reading;
  if (!learning_ && npu_smi_.is_due(reading->inventory.devices)) {
    learning_ = true;
    runtime::spawn(io_, learn_super_pods(reading->inventory.devices));
  }
  npu_smi_.complete(reading->inventory.devices, reading->problems);
  co_return reading;
}

asio::awaitable<void> NodeReader::learn_super_pods(std::vector<npu::Device> devices) {
  co_await npu_smi_.learn(std::move(devices));
  learning_ = false;
  inventory_changed_();
}

asio::awaitable<Result<InventoryReading>> NodeReader::read_patiently() {
  Result<InventoryReading> reading = co_await inventory_.read();
  if (!reading) co_return reading;
  if (npu_smi_.is_due(reading->inventory.devices)) co_await npu_smi_.learn(reading->inventory.devices);
  npu_smi_.complete(reading->inventory.devices, reading->problems);
  co_return reading;
}

// A pod that kubelet may be admitting is told of when it has stayed the same for a moment.
asio::awaitable<Result<AllocationsReading>> NodeReader::read_settled_allocations() {
  Result<AllocationsReading> reading = co_await read_allocations();
  if (!reading || !reading->look_again) co_return reading;
  co_await runtime::sleep_for(*reading->look_again, {});
  co_return co_await read_allocations();
}

asio::awaitable<Result<AllocationsReading>> NodeReader::read_allocations() {
  AllocationsReading unknown;
  unknown.allocations.ids = npu::Ids::kUnknown;
  if (!allocations_) co_return unknown;
  const Status watched = checkpoint_watch_.arm();
  Result<AllocationsReading> reading = co_await allocations_->read();
  if (reading && !watched) reading->problems["watch"] = watched.error().message;
  co_return reading;
}

}  // namespace pd::agent
