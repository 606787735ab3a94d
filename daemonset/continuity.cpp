#include "daemonset/continuity.h"

#include <algorithm>
#include <set>

namespace pd::agent {
namespace {

void look_again(Continuity::Verdict& verdict, Instant when) {
  verdict.look_again = std::min(verdict.look_again.value_or(when), when);
}

}  // namespace

void Continuity::remember(const npu::Allocations& published, Instant now) {
  if (judged_) return;
  for (const npu::PodDevices& pod : published.pods) said_.insert_or_assign(pod.uid, Said{pod, now});
}

// What was said once has grown already.
bool Continuity::has_grown(const npu::PodDevices& pod, bool growing, Verdict& verdict, Instant now) {
  const auto said = said_.find(pod.uid);
  if (!growing || (said != said_.end() && said->second.pod == pod)) {
    growing_.erase(pod.uid);
    return true;
  }
  Growing& held = growing_.try_emplace(pod.uid, Growing{pod.devices, now}).first->second;
  if (held.devices != pod.devices) held = {pod.devices, now};
  if (now >= held.since + kGrown) return true;
  look_again(verdict, held.since + kGrown);
  return false;
}

void Continuity::keep_unlisted(const OwnersReading& reading, const DevicesByUid& checkpoint, Verdict& verdict,
                               Instant now) {
  std::set<int> held;
  std::set<std::string> listed;
  for (const npu::PodDevices& pod : reading.pods) {
    held.insert(pod.devices.begin(), pod.devices.end());
    listed.insert(pod.uid);
  }
  const Duration grace = reading.nothing_listed ? kNothingListed : kUnlisted;
  for (const auto& [uid, said] : said_) {
    const auto given = checkpoint.find(uid);
    const bool same = given != checkpoint.end() && given->second == said.pod.devices;
    const bool free =
        std::none_of(said.pod.devices.begin(), said.pod.devices.end(), [&held](int id) { return held.contains(id); });
    if (listed.contains(uid) || !same || !free || now >= said.listed + grace) continue;
    verdict.pods.push_back(said.pod);
    look_again(verdict, said.listed + grace);
  }
}

Continuity::Verdict Continuity::judge(OwnersReading reading, const DevicesByUid& checkpoint, Instant now) {
  judged_ = true;
  Verdict verdict;
  std::map<std::string, Said> says;
  for (const npu::PodDevices& pod : reading.pods) {
    if (!has_grown(pod, reading.growing.contains(pod.uid), verdict, now)) continue;
    verdict.pods.push_back(pod);
    says.insert_or_assign(pod.uid, Said{pod, now});
  }
  keep_unlisted(reading, checkpoint, verdict, now);
  for (const npu::PodDevices& pod : verdict.pods)
    says.insert({pod.uid, said_.contains(pod.uid) ? said_.at(pod.uid) : Said{pod, now}});
  said_ = std::move(says);
  std::erase_if(growing_, [&reading](const auto& one) { return !reading.growing.contains(one.first); });
  return verdict;
}

}  // namespace pd::agent
