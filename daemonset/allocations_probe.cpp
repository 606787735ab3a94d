#include "daemonset/allocations_probe.h"

#include <algorithm>

#include "base/file.h"

namespace pd::agent {
namespace {

constexpr int kAttempts = 3;

bool same(const Result<std::string>& before, const Result<std::string>& after) {
  return before.ok() == after.ok() && (!before || *before == *after);
}

}  // namespace

asio::awaitable<Result<std::vector<ContainerDevices>>> AllocationsProbe::list() {
  const Instant asked = std::chrono::steady_clock::now();
  Result<std::vector<ContainerDevices>> listed = co_await pod_resources_.list();
  metrics_.answered("pod_resources", std::chrono::steady_clock::now() - asked);
  if (!listed) metrics_.failed("pod_resources", listed.error());
  co_return listed;
}

// Of the checkpoint, or where that is no help, of the logs' folders.
Result<AllocationsProbe::Given> AllocationsProbe::given(const Result<std::string>& checkpoint,
                                                        const std::vector<ContainerDevices>& listed,
                                                        const Result<PodNames>& names,
                                                        probe::Problems& problems) const {
  Result<Checkpoint> parsed = checkpoint ? parse_checkpoint(*checkpoint) : checkpoint.error();
  if (parsed && !parsed->verified) {
    problems["checkpoint"] = options_.checkpoint +
                             " has members that this version does not know, so its checksum can't be verified; what it "
                             "says is used: look for a newer pd-agent";
  }
  if (parsed) return Given{std::move(parsed->entries), false};
  // A kubelet that never saw a device plugin has none.
  const bool none = std::all_of(listed.begin(), listed.end(), [](const auto& held) { return held.devices.empty(); });
  if (parsed.error().code == Code::kNotFound && none) return Given{{}, true};
  metrics_.failed("checkpoint", parsed.error());
  const Error why = checkpoint ? parsed.error().with_context(options_.checkpoint) : parsed.error();
  if (!names) return Error{why.code, why.message + "; nor can the folders of the pods' logs: " + names.error().message};
  problems["checkpoint"] = why.message + "; pods' UIDs are taken from the folders in " + options_.pod_logs +
                           ", where one that was made anew under its old name waits until the old folder is gone";
  return Given{entries_by_logs(listed, *names), true};
}

// The logs' folders say of a pod that is not listed who it is, not what it holds: that is as it was said.
DevicesByUid AllocationsProbe::devices_of(const Given& given, const Result<PodNames>& names) const {
  DevicesByUid devices = devices_by_uid(given.entries, options_.resource_names);
  if (!given.by_logs || !names) return devices;
  for (const auto& [uid, pod] : continuity_.said()) {
    const auto named = names->find(uid);
    if (named != names->end() && named->second == PodName(pod.pod_namespace, pod.name))
      devices.emplace(uid, pod.devices);
  }
  return devices;
}

// A kubelet that was restarted and has not reached the API server yet knows of static pods only: not of the asking one.
bool AllocationsProbe::lists_own_pod(const std::vector<ContainerDevices>& listed) const {
  return std::any_of(listed.begin(), listed.end(), [this](const ContainerDevices& container) {
    return container.pod_namespace + "/" + container.pod == options_.own_pod;
  });
}

Result<AllocationsReading> AllocationsProbe::join(const std::vector<ContainerDevices>& listed,
                                                  const Result<std::string>& checkpoint) {
  AllocationsReading reading;
  const Result<PodNames> names = read_pod_logs(options_.pod_logs);
  const Result<Given> given = this->given(checkpoint, listed, names, reading.problems);
  if (!given) return given.error();
  PodNames named = names ? *names : PodNames();
  named.insert(continuity_.names().begin(), continuity_.names().end());
  OwnersReading owners = join_owners(listed, given->entries, options_.resource_names, named);
  const bool waits = owners.nothing_listed && !options_.own_pod.empty() && !lists_own_pod(listed);
  owners.kubelet_waits = waits;
  reading.allocations.ids = options_.ids;
  reading.problems.merge(owners.problems);
  const Instant now = std::chrono::steady_clock::now();
  Continuity::Verdict verdict = continuity_.judge(std::move(owners), devices_of(*given, names), now);
  if (waits && !verdict.pods.empty()) {
    reading.problems["kubelet"] = "kubelet does not list the agent's own pod " + options_.own_pod +
                                  ": it was restarted and has not reached the API server yet (look at its log), or " +
                                  "--own-pod is wrong; until it does, pods keep what they had";
  }
  reading.allocations.pods = std::move(verdict.pods);
  if (verdict.look_again) reading.look_again = *verdict.look_again - now;
  const Result<npu::Allocations> readable = npu::parse_allocations(npu::format_allocations(reading.allocations));
  if (!readable) return readable.error().with_context("what kubelet says makes no valid annotation");
  return reading;
}

asio::awaitable<Result<AllocationsReading>> AllocationsProbe::read() {
  // The list counts when the checkpoint was the same before and after it: devices may just go from one pod to the next.
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const Result<std::string> before = read_file(options_.checkpoint, kCheckpointLimit);
    const Result<std::vector<ContainerDevices>> listed = co_await list();
    if (!listed) co_return listed.error();
    const Result<std::string> after = read_file(options_.checkpoint, kCheckpointLimit);
    if (same(before, after)) co_return join(*listed, after);
  }
  co_return Error{Code::kUnavailable,
                  options_.checkpoint + " changes all the time: kubelet admits pods without end; look at its log"};
}

}  // namespace pd::agent
