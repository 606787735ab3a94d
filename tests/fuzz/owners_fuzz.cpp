// Who holds what, from lists of kubelet's that agree or not: the bytes choose what is listed, what the checkpoint says
// and which folders of logs there are, out of few names, so that they meet. A device has one owner, an owner has what
// both sides say, and what is kept from before is what the checkpoint still says.
#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "daemonset/continuity.h"
#include "tests/fuzz/require.h"

namespace pd::agent {
namespace {

using fuzz::require;

const std::vector<std::string> kResources = {"huawei.com/Ascend910"};

class Choice {
 public:
  explicit Choice(std::string_view bytes) : bytes_(bytes) {}
  bool any() const { return !bytes_.empty(); }
  int below(int most) {
    if (bytes_.empty()) return 0;
    const int chosen = static_cast<unsigned char>(bytes_.front()) % most;
    bytes_.remove_prefix(1);
    return chosen;
  }
  std::string one_of(std::initializer_list<const char*> names) {
    return names.begin()[below(static_cast<int>(names.size()))];
  }
  std::vector<std::string> devices() {
    std::vector<std::string> names;
    for (int i = below(4); i > 0; --i)
      names.push_back(one_of({"Ascend910-0", "Ascend910-1", "Ascend910-2", "davinci3", "Ascend910-2c-1"}));
    return names;
  }
  std::string resource() {
    return one_of({"huawei.com/Ascend910", "huawei.com/Ascend910", "huawei.com/Ascend910-2c", "", "a/nic"});
  }
  std::string uid() { return one_of({"u-1", "u-2", "u-3"}); }

 private:
  std::string_view bytes_;
};

struct Said {
  std::vector<ContainerDevices> listed;
  std::vector<CheckpointEntry> entries;
  PodNames names;
};

Said said_by(Choice& choice) {
  Said said;
  for (int i = choice.below(6); i > 0 && choice.any(); --i) {
    ContainerDevices held{
        "llm", choice.one_of({"p", "q"}), choice.one_of({"a", "b"}), choice.resource(), choice.devices(), false};
    held.last = choice.below(2) == 1;
    said.listed.push_back(held);
    // Kubelet mostly says the same twice.
    if (choice.below(3) > 0) said.entries.push_back({choice.uid(), held.container, held.resource, held.devices});
  }
  for (int i = choice.below(3); i > 0; --i)
    said.entries.push_back({choice.uid(), choice.one_of({"a", "b"}), choice.resource(), choice.devices()});
  for (int i = choice.below(3); i > 0; --i) said.names[choice.uid()] = {"llm", choice.one_of({"p", "q"})};
  return said;
}

bool is_said(const npu::PodDevices& pod, const Said& said) {
  return std::all_of(pod.devices.begin(), pod.devices.end(), [&](int id) {
    const auto holds = [id](const std::vector<std::string>& names) {
      return std::any_of(names.begin(), names.end(), [id](const std::string& name) {
        const Result<int> number = npu::device_id_of(name);
        return number && *number == id;
      });
    };
    const bool listed = std::any_of(said.listed.begin(), said.listed.end(), [&](const ContainerDevices& held) {
      return held.pod == pod.name && holds(held.devices);
    });
    const bool given = std::any_of(said.entries.begin(), said.entries.end(), [&](const CheckpointEntry& entry) {
      return entry.pod_uid == pod.uid && holds(entry.devices);
    });
    return listed && given;
  });
}

void check_owners(const std::vector<npu::PodDevices>& pods) {
  std::set<std::string> uids;
  std::set<int> ids;
  for (const npu::PodDevices& pod : pods) {
    require(uids.insert(pod.uid).second, "a UID is listed once", pod.uid);
    require(!pod.devices.empty() && std::is_sorted(pod.devices.begin(), pod.devices.end()), "devices are in order");
    for (const int id : pod.devices) require(ids.insert(id).second, "a device has one owner", std::to_string(id));
  }
}

void check(std::string_view bytes) {
  const auto folder = parse_pod_log_folder(bytes);
  if (folder)
    require(folder->second.first + "_" + folder->second.second + "_" + folder->first == bytes,
            "a folder's name is its parts");
  Choice choice(bytes);
  Continuity continuity;
  std::map<std::string, npu::PodDevices> before;
  Instant now{std::chrono::hours(1)};
  for (int round = 0; round < 4 && choice.any(); ++round) {
    Said said = said_by(choice);
    if (choice.below(4) == 0) said.entries = entries_by_logs(said.listed, said.names);
    const OwnersReading reading = join_owners(said.listed, said.entries, kResources, said.names);
    check_owners(reading.pods);
    for (const npu::PodDevices& pod : reading.pods)
      require(is_said(pod, said), "both sides say what a pod holds", pod.uid);
    const DevicesByUid checkpoint = devices_by_uid(said.entries, kResources);
    const Continuity::Verdict verdict = continuity.judge(reading, checkpoint, now);
    check_owners(verdict.pods);
    require(!verdict.look_again || *verdict.look_again > now, "the next look is to come");
    for (const npu::PodDevices& pod : verdict.pods) {
      const bool read = std::find(reading.pods.begin(), reading.pods.end(), pod) != reading.pods.end();
      const auto kept = before.find(pod.uid);
      require(read || (kept != before.end() && kept->second == pod && checkpoint.at(pod.uid) == pod.devices),
              "what is not read was said before, and the checkpoint says it", pod.uid);
    }
    before.clear();
    for (const npu::PodDevices& pod : verdict.pods) before.emplace(pod.uid, pod);
    now += std::chrono::milliseconds(choice.below(4) * 400);
  }
}

}  // namespace
}  // namespace pd::agent

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {  // NOLINT: libFuzzer's name
  pd::agent::check(pd::fuzz::text_of(data, size));
  return 0;
}
