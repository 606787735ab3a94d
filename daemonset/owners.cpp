#include "daemonset/owners.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

namespace pd::agent {
namespace {

// What both sides name. The devices are sorted, for their order means nothing.
using Holding = std::tuple<std::string, std::string, std::vector<std::string>>;  // container, resource, devices

Holding holding_of(const std::string& container, const std::string& resource, std::vector<std::string> devices) {
  std::sort(devices.begin(), devices.end());
  devices.erase(std::unique(devices.begin(), devices.end()), devices.end());
  return {container, resource, std::move(devices)};
}

std::string subject_of(const PodName& pod) { return "pod " + pod.first + "/" + pod.second; }

bool is_npu(const std::string& resource, const std::vector<std::string>& resources) {
  return std::find(resources.begin(), resources.end(), resource) != resources.end();
}

// "huawei.com/Ascend910-2c" where "huawei.com/Ascend910" is an NPU.
bool is_virtual_npu(const std::string& resource, const std::vector<std::string>& resources) {
  return std::any_of(resources.begin(), resources.end(),
                     [&](const std::string& npu) { return resource.starts_with(npu + "-"); });
}

class Join {
 public:
  Join(const std::vector<CheckpointEntry>& entries, const std::vector<std::string>& resources, const PodNames& names)
      : resources_(resources), names_(names) {
    for (const CheckpointEntry& entry : entries) {
      if (is_npu(entry.resource, resources))
        uids_[holding_of(entry.container, entry.resource, entry.devices)].insert(entry.pod_uid);
    }
  }

  void take(const ContainerDevices& listed) {
    const PodName pod(listed.pod_namespace, listed.pod);
    if (is_virtual_npu(listed.resource, resources_)) {
      reading_.problems[subject_of(pod)] =
          "it holds " + listed.resource + "; virtual NPUs have no address of their own and are not supported";
    }
    if (!is_npu(listed.resource, resources_) || listed.devices.empty()) return;
    holdings_[holding_of(listed.container, listed.resource, listed.devices)].insert(pod);
    if (listed.last) complete_.insert(pod);
  }

  OwnersReading finish() {
    for (const auto& [holding, pods] : holdings_) {
      for (const PodName& pod : pods) attribute(holding, pods, pod);
    }
    refuse_shared_devices();
    for (auto& [key, pod] : found_) {
      const PodName name(pod.pod_namespace, pod.name);
      if (refused_.contains(pod.uid) || refused_names_.contains(name)) continue;
      if (!complete_.contains(name)) reading_.growing.insert(pod.uid);
      reading_.pods.push_back(std::move(pod));
    }
    return std::move(reading_);
  }

 private:
  void attribute(const Holding& holding, const std::set<PodName>& pods, const PodName& pod) {
    const auto uids = uids_.find(holding);
    if (uids == uids_.end())
      return refuse(pod, "kubelet's checkpoint does not know what its container " + std::get<0>(holding) + " holds");
    if (uids->second.size() > 1)
      return refuse(pod, "kubelet's checkpoint has what its container " + std::get<0>(holding) + " holds for two pods");
    const std::string& uid = *uids->second.begin();
    const auto known = names_.find(uid);
    const bool is_named = known != names_.end() && known->second == pod;
    if (known != names_.end() && !is_named) {
      if (pods.contains(known->second)) return;  // it has finished, and the other one has its devices
      return refuse(pod, "kubelet's checkpoint still has what it holds for the pod " + known->second.first + "/" +
                             known->second.second + ", which had it before");
    }
    if (pods.size() > 1 && !is_named)
      return refuse(pod, "PodResources lists another pod with the same container and devices");
    npu::PodDevices& owner = found_[{pod.first, pod.second, uid}];
    owner.pod_namespace = pod.first;
    owner.name = pod.second;
    owner.uid = uid;
    for (const std::string& name : std::get<2>(holding)) {
      const Result<int> id = npu::device_id_of(name);
      if (!id) return refuse(pod, "it holds a device that is not a whole NPU: " + id.error().message);
      owner.devices.insert(std::upper_bound(owner.devices.begin(), owner.devices.end(), *id), *id);
    }
    owner.devices.erase(std::unique(owner.devices.begin(), owner.devices.end()), owner.devices.end());
  }

  // A whole pod, and every other of its name: which of their containers is whose can't be said any more.
  void refuse(const PodName& pod, const std::string& problem) {
    reading_.problems[subject_of(pod)] = problem;
    refused_names_.insert(pod);
  }

  // A device is held by one pod at a time; one UID belongs to one name.
  void refuse_shared_devices() {
    std::map<int, std::set<std::string>> holders;
    std::map<std::string, std::set<PodName>> names;
    for (const auto& [key, pod] : found_) {
      names[pod.uid].insert({pod.pod_namespace, pod.name});
      for (const int id : pod.devices) holders[id].insert(pod.uid);
    }
    for (const auto& [key, pod] : found_) {
      bool shared = names[pod.uid].size() > 1;
      for (const int id : pod.devices) shared = shared || holders[id].size() > 1;
      if (!shared) continue;
      refused_.insert(pod.uid);
      reading_.problems[subject_of({pod.pod_namespace, pod.name})] = "kubelet lists a device of it for another pod too";
    }
  }

  const std::vector<std::string>& resources_;
  const PodNames& names_;
  std::map<Holding, std::set<std::string>> uids_;                                       // from the checkpoint
  std::map<Holding, std::set<PodName>> holdings_;                                       // from PodResources
  std::map<std::tuple<std::string, std::string, std::string>, npu::PodDevices> found_;  // by namespace, name, uid
  std::set<std::string> refused_;                                                       // uids
  std::set<PodName> refused_names_;
  std::set<PodName> complete_;  // the last container holds NPUs, too
  OwnersReading reading_;
};

}  // namespace

OwnersReading join_owners(const std::vector<ContainerDevices>& listed, const std::vector<CheckpointEntry>& entries,
                          const std::vector<std::string>& resources, const PodNames& names) {
  Join join(entries, resources, names);
  for (const ContainerDevices& container : listed) join.take(container);
  OwnersReading reading = join.finish();
  reading.nothing_listed = std::none_of(listed.begin(), listed.end(), [&](const ContainerDevices& container) {
    return is_npu(container.resource, resources);
  });
  return reading;
}

DevicesByUid devices_by_uid(const std::vector<CheckpointEntry>& entries, const std::vector<std::string>& resources) {
  std::map<std::string, std::set<int>> ids;
  std::set<std::string> strange;
  for (const CheckpointEntry& entry : entries) {
    if (!is_npu(entry.resource, resources)) continue;
    for (const std::string& name : entry.devices) {
      const Result<int> id = npu::device_id_of(name);
      if (id) ids[entry.pod_uid].insert(*id);
      if (!id) strange.insert(entry.pod_uid);
    }
  }
  DevicesByUid devices;
  for (const auto& [uid, held] : ids) {
    if (!strange.contains(uid)) devices.emplace(uid, std::vector<int>(held.begin(), held.end()));
  }
  return devices;
}

std::vector<CheckpointEntry> entries_by_logs(const std::vector<ContainerDevices>& listed, const PodNames& names) {
  std::map<PodName, std::vector<std::string>> uids;
  for (const auto& [uid, name] : names) uids[name].push_back(uid);
  std::map<std::tuple<PodName, std::string, std::string>, int> times;  // by container and resource: one pod has it once
  for (const ContainerDevices& held : listed) ++times[{{held.pod_namespace, held.pod}, held.container, held.resource}];
  std::set<PodName> two;
  for (const auto& [place, count] : times) {
    if (count > 1) two.insert(std::get<0>(place));
  }
  std::vector<CheckpointEntry> entries;
  for (const ContainerDevices& held : listed) {
    const PodName pod(held.pod_namespace, held.pod);
    const auto found = uids.find(pod);
    if (found == uids.end() || found->second.size() != 1 || two.contains(pod)) continue;
    entries.push_back({found->second.front(), held.container, held.resource, held.devices});
  }
  return entries;
}

}  // namespace pd::agent
