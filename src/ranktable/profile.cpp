#include "ranktable/profile.h"

#include <array>
#include <iterator>

#include "ranktable/groups.h"
#include "ranktable/layouts.h"
#include "ranktable/writer.h"

namespace pd::ranktable {
namespace {

// One line per layout.
constexpr std::array kProfiles{
    &kAscendCloud, &kPerInstance, &kOmniK8s, &kMindIEMotor, &kVllmAscendLegacy, &kHccl10, &kHccl12, &kGroupList,
};

bool has_logical_ids(Value groups) {
  for (const Value group : groups) {
    for (const Value server : group.find("server_list")) {
      for (const Value device : server.find("device")) {
        if (device.find("device_logical_id")) return true;
      }
    }
  }
  return false;
}

const Profile& global_profile(Value document) {
  if (document.find("prefill_device_list") || document.find("decode_device_list")) return kVllmAscendLegacy;
  const Value groups = document.find("server_group_list");
  if (has_logical_ids(groups)) return kMindIEMotor;
  if (groups.size() == 0) return kAscendCloud;
  const Value first = *groups.begin();
  if (first.find("group_id").text() == "0" && has_devices(first.find("server_list"))) return kPerInstance;
  // Group "1" is all of prefill in one layout and the first instance in the other: ranks that run on, or a fourth
  // group, tell.
  if (groups.size() > 3) return kOmniK8s;
  for (const Value group : groups) {
    const Value servers = group.find("server_list");
    if (servers.size() < 2) continue;
    const Value second = *std::next(servers.begin());
    const Value devices = second.find("device");
    if (devices.size() > 0 && (*devices.begin()).find("rank_id").text() != "0") return kOmniK8s;
  }
  return kAscendCloud;
}

bool is_global(Value document) {
  return document.find("server_group_list") || document.find("prefill_device_list") ||
         document.find("decode_device_list");
}

}  // namespace

const Profile* find_profile(std::string_view name) {
  for (const Profile* profile : kProfiles) {
    if (profile->name == name) return profile;
  }
  return nullptr;
}

std::vector<std::string_view> profile_names() {
  std::vector<std::string_view> names;
  for (const Profile* profile : kProfiles) names.push_back(profile->name);
  return names;
}

Recognised recognise(Value document) {
  if (is_global(document)) return {&global_profile(document), Part::kGlobal};
  if (document.find("group_list")) return {&kGroupList, Part::kLocal};
  const Value servers = document.find("server_list");
  if (!servers) return {};
  if (!document.find("group_id")) {
    return {document.find("version").text() == "1.2" ? &kHccl12 : &kHccl10, Part::kLocal};
  }
  if (!has_devices(servers)) return {&kAscendCloud, Part::kHost};
  return {servers.size() > 1 ? &kPerInstance : &kAscendCloud, Part::kLocal};
}

Part part_of(Value document, const Profile& profile) {
  if (profile.check_local == nullptr || is_global(document)) return Part::kGlobal;
  if (profile.check_global == nullptr) return Part::kLocal;
  const Value servers = document.find("server_list");
  if (!servers) return Part::kGlobal;
  return profile.check_host != nullptr && !has_devices(servers) ? Part::kHost : Part::kLocal;
}

void name_instances(Membership& membership) {
  const auto name = [](std::vector<Instance>& role, const std::string& prefix) {
    for (std::size_t i = 0; i < role.size(); ++i) role[i].name = prefix + std::to_string(i);
  };
  name(membership.prefill, "prefill-");
  name(membership.decode, "decode-");
  name(membership.unassigned, "instance-");
}

Status assign_roles(Membership& membership, std::size_t prefill) {
  if (membership.unassigned.empty()) return invalid("this table tells prefill from decode itself");
  if (prefill > membership.unassigned.size()) {
    return invalid("the table lists " + std::to_string(membership.unassigned.size()) +
                   " instances, fewer than the number of prefill instances, " + std::to_string(prefill));
  }
  std::vector<Instance>& from = membership.unassigned;
  const auto split = from.begin() + static_cast<std::ptrdiff_t>(prefill);
  membership.prefill.insert(membership.prefill.end(), std::make_move_iterator(from.begin()),
                            std::make_move_iterator(split));
  membership.decode.insert(membership.decode.end(), std::make_move_iterator(split),
                           std::make_move_iterator(from.end()));
  from.clear();
  name_instances(membership);
  return Ok{};
}

std::string initializing_document() {
  Writer writer;
  writer.begin_object();
  writer.member("version", "1.0");
  writer.member("status", "initializing");
  writer.end_object();
  return writer.take();
}

}  // namespace pd::ranktable
