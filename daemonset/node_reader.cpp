#include "daemonset/node_reader.h"

namespace pd::agent {

NodeReader::NodeReader(asio::io_context& io, const Options& options, std::unique_ptr<PodResources> pod_resources,
                       SourceMetrics metrics)
    : runner_(io),
      tool_(io, runner_, {.path = options.hccn_tool, .timeout = seconds(options.hccn_tool_timeout)}),
      conf_(options.hccn_conf),
      static_file_(options.static_file),
      npu_smi_(runner_, {.path = options.npu_smi}),
      pod_resources_(std::move(pod_resources)),
      inventory_({options.source, options.dev_dir, options.device_count, options.resource_names},
                 {node_annotation_, tool_, conf_, static_file_, &npu_smi_}, pod_resources_.get()),
      conf_watch_(io, options.hccn_conf, [this] { inventory_changed_(); }),
      checkpoint_watch_(io, options.checkpoint, [this] { allocations_changed_(); }) {
  inventory_.measure(metrics);
  if (!pod_resources_) return;
  allocations_.emplace(AllocationsProbe::Options{options.checkpoint, options.pod_logs, options.resource_names,
                                                 npu::parse_ids(options.ids).value_or(npu::Ids::kReal)},
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
  co_return reading;
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
