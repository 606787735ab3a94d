#include "daemonset/look.h"

#include <algorithm>

#include "base/json.h"
#include "daemonset/publish.h"

namespace pd::agent {
namespace {

AnnotationPatch annotations(const Findings& findings, WallTime now) {
  Wanted wanted;
  if (findings.inventory) wanted.inventory = findings.inventory->inventory;
  if (findings.allocations) wanted.allocations = findings.allocations->allocations;
  return difference(wanted, {}, now);
}

std::string padded(std::string text, std::size_t width) {
  text.resize(std::max(text.size() + 2, width), ' ');
  return text;
}

std::string or_unknown(const std::string& text) { return text.empty() ? "unknown" : text; }

std::string describe_devices(const npu::Inventory& inventory) {
  std::string text =
      "NPUs of this node, by " + inventory.source + " (resource " + or_unknown(inventory.resource) + "):\n";
  text += "  " + padded("id", 6) + padded("address", 42) + padded("link", 10) + "health\n";
  for (const npu::Device& device : inventory.devices) {
    text += "  " + padded(std::to_string(device.id), 6) +
            padded(or_unknown(device.ip.empty() ? device.ipv6 : device.ip), 42) + padded(or_unknown(device.link), 10) +
            or_unknown(device.health) + "\n";
  }
  return text;
}

std::string describe_pods(const npu::Allocations& allocations) {
  if (allocations.ids == npu::Ids::kUnknown) return "Who holds which is unknown: kubelet is not asked.\n";
  std::string text = "Held, by kubelet's word";
  text += allocations.ids == npu::Ids::kRemapped ? " (a scheduler plugin gives other devices than these):\n" : ":\n";
  if (allocations.pods.empty()) text += "  no pod holds any\n";
  for (const npu::PodDevices& pod : allocations.pods) {
    text += "  " + pod.pod_namespace + "/" + pod.name + " (UID " + pod.uid + "):";
    for (const int id : pod.devices) text += " " + std::to_string(id);
    text += "\n";
  }
  return text;
}

std::string describe_problems(const Findings& findings) {
  probe::Problems problems;
  if (findings.inventory) problems = findings.inventory->problems;
  if (!findings.inventory) problems["inventory"] = findings.inventory.error().message;
  if (!findings.allocations) problems["allocations"] = findings.allocations.error().message;
  if (findings.allocations) {
    problems.insert(findings.allocations->problems.begin(), findings.allocations->problems.end());
  }
  std::string text;
  for (const auto& [subject, problem] : problems) {
    text.append("  ").append(subject).append(": ").append(problem).append("\n");
  }
  return text.empty() ? "Nothing is wrong.\n" : "What is wrong:\n" + text;
}

}  // namespace

asio::awaitable<Findings> look(Agent::Sources sources) {
  Result<InventoryReading> devices = co_await sources.inventory();
  Result<AllocationsReading> owners = co_await sources.allocations();
  co_return Findings{std::move(devices), std::move(owners)};
}

std::string describe(const Findings& findings, WallTime now) {
  std::string text;
  if (findings.inventory) text += describe_devices(findings.inventory->inventory) + "\n";
  if (findings.allocations) text += describe_pods(findings.allocations->allocations) + "\n";
  text += describe_problems(findings) + "\n";
  const AnnotationPatch written = annotations(findings, now);
  text += written.empty()
              ? "Nothing would be written to the Node.\n"
              : "Would be written to the Node, where it differs (an agent would first look whether the Node has\n"
                "mind-cluster's annotation baseDeviceInfos, which is not read here):\n";
  for (const auto& [key, value] : written) text += "  " + key + ": " + value.value_or("") + "\n";
  return text;
}

std::string to_json(const Findings& findings, WallTime now) {
  Json object = Json::object();
  for (const auto& [key, value] : annotations(findings, now)) {
    Result<Json> content = parse_json(value.value_or("null"));
    if (content) object[key] = std::move(*content);
  }
  return dump_json(object);
}

}  // namespace pd::agent
