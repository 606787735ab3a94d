#include "daemonset/continuity.h"

#include <algorithm>
#include <set>

namespace pd::agent {
namespace {

void look_again(Continuity::Verdict& verdict, Instant when) {
  verdict.look_again = std::min(verdict.look_again.value_or(when), when);
}

}  // namespace

void Continuity::remember(const npu::Allocations& published) {
  if (judged_) return;
  for (const npu::PodDevices& pod : published.pods) said_.insert_or_assign(pod.uid, pod);
}

// It was said to hold a device that it does not hold: one of the two readings is wrong, and the next one decides.
bool Continuity::contradicts(const npu::PodDevices& pod) const {
  const auto said = said_.find(pod.uid);
  if (said == said_.end()) return false;
  const std::vector<int>& before = said->second.devices;
  return !std::includes(pod.devices.begin(), pod.devices.end(), before.begin(), before.end());
}

// What was said once has grown already.
bool Continuity::has_grown(const npu::PodDevices& pod, bool growing, Verdict& verdict, Instant now) {
  const auto said = said_.find(pod.uid);
  if (!growing || (said != said_.end() && said->second == pod)) {
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
  // The first pods are listed again: the rest follows within moments, counted from now.
  if (nothing_listed_ && !reading.nothing_listed) missing_.clear();
  nothing_listed_ = reading.nothing_listed;
  const Duration grace = nothing_listed_ ? kNothingListed : kUnlisted;
  std::map<std::string, Instant> missing;
  for (const auto& [uid, pod] : said_) {
    const auto given = checkpoint.find(uid);
    const bool same = given != checkpoint.end() && given->second == pod.devices;
    const bool free =
        std::none_of(pod.devices.begin(), pod.devices.end(), [&held](int id) { return held.contains(id); });
    if (listed.contains(uid) || !same || !free) continue;
    if (!reading.kubelet_waits) {
      const auto before = missing_.find(uid);
      const Instant since = before == missing_.end() ? now : before->second;
      if (now >= since + grace) continue;
      missing.emplace(uid, since);
      look_again(verdict, since + grace);
    }
    verdict.pods.push_back(pod);
  }
  missing_ = std::move(missing);
}

void Continuity::note_said(const Verdict& verdict, const DevicesByUid& checkpoint) {
  said_.clear();
  for (const npu::PodDevices& pod : verdict.pods) {
    said_.emplace(pod.uid, pod);
    names_.insert_or_assign(pod.uid, PodName(pod.pod_namespace, pod.name));
  }
  std::erase_if(names_, [&checkpoint](const auto& known) { return !checkpoint.contains(known.first); });
}

Continuity::Verdict Continuity::judge(OwnersReading reading, const DevicesByUid& checkpoint, Instant now) {
  judged_ = true;
  Verdict verdict;
  for (const npu::PodDevices& pod : reading.pods) {
    if (contradicts(pod)) {
      look_again(verdict, now + kGrown);
    } else if (has_grown(pod, reading.growing.contains(pod.uid), verdict, now)) {
      verdict.pods.push_back(pod);
    }
  }
  keep_unlisted(reading, checkpoint, verdict, now);
  std::erase_if(growing_, [&reading](const auto& one) { return !reading.growing.contains(one.first); });
  note_said(verdict, checkpoint);
  return verdict;
}

}  // namespace pd::agent
