#include "daemonset/withdraw.h"

#include "base/log.h"
#include "npu/inventory.h"
#include "runtime/timing.h"

namespace pd::agent {
namespace {

constexpr auto kTimeout = std::chrono::seconds(15);

// Nothing when the Node has none of ours.
Json removal(const kube::Node& node) {
  Json annotations = Json::object();
  for (const std::string_view key : {npu::kInventoryAnnotation, npu::kAllocationsAnnotation}) {
    if (node.meta.annotations.contains(std::string(key))) annotations[std::string(key)] = nullptr;
  }
  return annotations;
}

}  // namespace

asio::awaitable<Result<Withdrawn>> withdraw(kube::Client& client, Duration limit, StopToken stop) {
  runtime::TimeService* time = co_await runtime::time_service();
  const Instant deadline = time->now() + limit;
  kube::ListOptions everywhere;
  everywhere.call.stop = stop;
  Result<kube::Listed<kube::Node>> nodes = co_await client.list<kube::Node>(std::move(everywhere));
  if (!nodes) co_return nodes.error();
  Withdrawn result;
  for (const kube::Node& node : nodes->items) {
    Json annotations = removal(node);
    if (annotations.empty()) continue;
    if (time->now() > deadline)
      co_return Error{Code::kTimeout, "not all Nodes could be asked in time: " + std::to_string(result.nodes) +
                                          " done, " + std::to_string(result.failed) +
                                          " failed, the others not tried; run pd-agent withdraw again"};
    Json patch = {{"metadata", {{"annotations", std::move(annotations)}}}};
    const std::string path = kube::object_path(kube::Resource<kube::Node>::kPath, "", node.meta.name);
    kube::CallOptions options{kTimeout, stop};
    const Result<kube::ObjectMeta> written = co_await client.merge_patch(path, std::move(patch), std::move(options));
    const bool gone = !written && written.error().code == Code::kNotFound;
    if (written) {
      ++result.nodes;
      log::info("Withdrew the annotations", {{"node", node.meta.name}});
    } else if (!gone) {
      ++result.failed;
      log::error("Did not withdraw the annotations", {{"node", node.meta.name}, {"error", written.error().message}});
    }
    if (stop.stopped()) co_return Error{Code::kCancelled, "stopped"};
  }
  co_return result;
}

}  // namespace pd::agent
