#include "daemonset/agent_metrics.h"

#include <algorithm>

namespace pd::agent {
namespace {

enum class State { kOk, kNoAddress, kLinkDown, kUnhealthy };

State state_of(const npu::Device& device) {
  if (!device.health.empty() && device.health != "ok") return State::kUnhealthy;
  if (device.ip.empty() && device.ipv6.empty()) return State::kNoAddress;
  return device.link == "down" ? State::kLinkDown : State::kOk;
}

runtime::Gauge devices_in(runtime::MetricsRegistry& registry, const std::string& state) {
  return registry.gauge("pd_agent_devices", "NPUs of this node by their state.", {{"state", state}});
}

runtime::Counter publishes(runtime::MetricsRegistry& registry, const std::string& result) {
  return registry.counter("pd_agent_publishes_total", "Patches of the own Node that were wanted, by their result.",
                          {{"result", result}});
}

runtime::Counter failures(runtime::MetricsRegistry& registry, std::string_view source, Code code) {
  return registry.counter("pd_agent_probe_failures_total", "Readings of a source that failed as a whole.",
                          {{"source", std::string(source)}, {"reason", std::string(to_string(code))}});
}

}  // namespace

// So that the first failure is a rise, too.
SourceMetrics::SourceMetrics(runtime::MetricsRegistry& registry) : registry_(&registry) {
  for (const char* source :
       {"node_annotation", "hccn_tool", "hccn_conf", "static_file", "pod_resources", "checkpoint"}) {
    for (const Code code : {Code::kInvalid, Code::kNotFound, Code::kForbidden, Code::kUnavailable, Code::kTimeout}) {
      (void)failures(registry, source, code);
    }
  }
}

void SourceMetrics::answered(std::string_view source, Duration took) const {
  if (registry_ == nullptr) return;
  // One call of the tool for each device, some of which are repeated: seconds, at worst minutes.
  const runtime::Histogram seconds =
      registry_->histogram("pd_agent_probe_seconds", "How long a source took to answer, or to fail.",
                           {0.001, 0.005, 0.02, 0.1, 0.5, 1, 2, 5, 10, 30}, {{"source", std::string(source)}});
  seconds.observe(took);
}

void SourceMetrics::failed(std::string_view source, const Error& why) const {
  if (registry_ != nullptr) failures(*registry_, source, why.code).add();
}

PublishMetrics::PublishMetrics(runtime::MetricsRegistry& registry)
    : written_(publishes(registry, "success")),
      failed_(publishes(registry, "error")),
      ok_(devices_in(registry, "ok")),
      no_address_(devices_in(registry, "no_address")),
      link_down_(devices_in(registry, "link_down")),
      unhealthy_(devices_in(registry, "unhealthy")) {}

void PublishMetrics::devices(const npu::Inventory& inventory) const {
  const auto count = [&inventory](State state) {
    return static_cast<double>(std::count_if(inventory.devices.begin(), inventory.devices.end(),
                                             [state](const npu::Device& device) { return state_of(device) == state; }));
  };
  ok_.set(count(State::kOk));
  no_address_.set(count(State::kNoAddress));
  link_down_.set(count(State::kLinkDown));
  unhealthy_.set(count(State::kUnhealthy));
}

}  // namespace pd::agent
