#include "daemonset/allocations_probe.h"

#include "base/file.h"

namespace pd::agent {
namespace {

constexpr int kAttempts = 3;

// What kubelet writes before anything was allocated.
constexpr std::string_view kNothingAllocated = R"({"Data":{"PodDeviceEntries":null}})";

}  // namespace

Result<std::string> AllocationsProbe::read_checkpoint() const {
  Result<std::string> text = read_file(options_.checkpoint, kCheckpointLimit);
  // A kubelet that never saw a device plugin has none. If PodResources lists devices nevertheless, they do not join.
  if (!text && text.error().code == Code::kNotFound) return std::string(kNothingAllocated);
  return text;
}

asio::awaitable<Result<std::vector<ContainerDevices>>> AllocationsProbe::list() {
  const Instant asked = std::chrono::steady_clock::now();
  Result<std::vector<ContainerDevices>> listed = co_await pod_resources_.list();
  metrics_.answered("pod_resources", std::chrono::steady_clock::now() - asked);
  if (!listed) metrics_.failed("pod_resources", listed.error());
  co_return listed;
}

Error AllocationsProbe::bad_checkpoint(const Error& error) const {
  metrics_.failed("checkpoint", error);
  return error;
}

asio::awaitable<Result<AllocationsReading>> AllocationsProbe::read() {
  // The list counts when the checkpoint was the same before and after it: devices may just go from one pod to the next.
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const Result<std::string> before = read_checkpoint();
    if (!before) co_return bad_checkpoint(before.error());
    const Result<std::vector<ContainerDevices>> listed = co_await list();
    if (!listed) co_return listed.error();
    const Result<std::string> after = read_checkpoint();
    if (!after) co_return bad_checkpoint(after.error());
    if (*before != *after) continue;
    const Result<Checkpoint> checkpoint = parse_checkpoint(*after);
    if (!checkpoint) co_return bad_checkpoint(checkpoint.error().with_context(options_.checkpoint));
    OwnersReading owners = join_owners(*listed, checkpoint->entries, options_.resource_names);
    AllocationsReading reading;
    reading.allocations.remapped = options_.remapped;
    reading.allocations.pods = std::move(owners.pods);
    reading.problems = std::move(owners.problems);
    const Result<npu::Allocations> readable = npu::parse_allocations(npu::format_allocations(reading.allocations));
    if (!readable) co_return readable.error().with_context("what kubelet says makes no valid annotation");
    co_return reading;
  }
  co_return Error{Code::kUnavailable, options_.checkpoint + " changes all the time"};
}

}  // namespace pd::agent
