#include "ranktable/diff.h"

#include <algorithm>
#include <deque>
#include <unordered_map>

namespace pd::ranktable {
namespace {

std::string ids_of(const Server& server) {
  std::string ids;
  for (const Device& device : server.devices) ids += (ids.empty() ? "" : ",") + std::to_string(device.id);
  return ids;
}

std::string devices_of(const Instance& instance) {
  std::string text;
  for (const Server& server : instance.servers) text += (text.empty() ? "" : " and ") + ids_of(server);
  return text;
}

std::string addresses_of(const std::vector<Server>& servers) {
  std::string text;
  for (const Server& server : servers) text += (text.empty() ? "" : " and ") + server.ip;
  return text.empty() ? "nothing" : text;
}

// "10.0.0.20 (devices 0,1) and 10.0.0.21 (devices 0,1)"
std::string place_of(const Instance& instance) {
  std::string text;
  for (const Server& server : instance.servers) {
    text += (text.empty() ? "" : " and ") + server.ip + " (devices " + ids_of(server) + ")";
  }
  return text.empty() ? "no server" : text;
}

template <typename Part>
std::vector<std::string> gather(const Instance& instance, Part part) {
  std::vector<std::string> parts;
  for (const Server& server : instance.servers) {
    for (const Device& device : server.devices) parts.push_back(part(server, device));
  }
  return parts;
}

std::vector<std::string> device_ips(const Instance& instance) {
  return gather(instance, [](const Server&, const Device& device) { return device.ip; });
}

// All NPU addresses of an instance, whatever their order.
std::string devices_key(const Instance& instance) {
  std::vector<std::string> ips = device_ips(instance);
  std::sort(ips.begin(), ips.end());
  std::string key;
  for (const std::string& ip : ips) key += ip + ' ';
  return key;
}

// Pairs instances of one role: what was, and what became of it. Each way of pairing is a walk over both lists.
class Pairs {
 public:
  Pairs(const std::vector<Instance>& before, const std::vector<Instance>& after, Names names)
      : before_(before), after_(after), partner_(after.size()), is_paired_(before.size(), false) {
    const auto by_name = [](const Instance& instance) { return std::vector<std::string>{instance.name}; };
    if (names == Names::kReal) {
      pair_by(by_name);
      return;
    }
    pair_by([](const Instance& instance) {
      const std::string key = devices_key(instance);
      return key.empty() ? std::vector<std::string>() : std::vector<std::string>{key};
    });
    pair_by([](const Instance& instance) {
      std::vector<std::string> addresses;
      for (const Server& server : instance.servers) addresses.push_back(server.ip);
      return addresses;
    });
    pair_by(by_name);
  }

  // The instance before that `after[i]` is now; null for a new one.
  const Instance* partner(std::size_t i) const { return partner_[i] ? &before_[*partner_[i]] : nullptr; }
  std::optional<std::size_t> place_before(std::size_t i) const { return partner_[i]; }
  bool is_gone(std::size_t i) const { return !is_paired_[i]; }

 private:
  // Those that share a key and have no partner yet, the first with the first.
  template <typename KeysOf>
  void pair_by(KeysOf keys_of) {
    std::unordered_map<std::string, std::deque<std::size_t>> waiting;
    for (std::size_t i = 0; i < before_.size(); ++i) {
      if (is_paired_[i]) continue;
      for (std::string& key : keys_of(before_[i])) waiting[std::move(key)].push_back(i);
    }
    for (std::size_t i = 0; i < after_.size(); ++i) {
      if (partner_[i]) continue;
      for (const std::string& key : keys_of(after_[i])) {
        const auto found = waiting.find(key);
        if (found == waiting.end()) continue;
        std::deque<std::size_t>& candidates = found->second;
        while (!candidates.empty() && is_paired_[candidates.front()]) candidates.pop_front();
        if (candidates.empty()) continue;
        partner_[i] = candidates.front();
        is_paired_[candidates.front()] = true;
        break;
      }
    }
  }

  const std::vector<Instance>& before_;
  const std::vector<Instance>& after_;
  std::vector<std::optional<std::size_t>> partner_;
  std::vector<bool> is_paired_;
};

// The sentence after the instance's name.
Change describe(const std::string& subject, const Instance& before, const Instance& after) {
  const std::string was = place_of(before);
  const std::string is = place_of(after);
  if (addresses_of(before.servers) == addresses_of(after.servers)) {
    const bool same_devices = devices_key(before) == devices_key(after);
    if (same_devices && device_ips(before) != device_ips(after)) {
      return {ChangeKind::kReordered, subject,
              subject + " lists its devices in another order: " + devices_of(before) + " before, " + devices_of(after) +
                  " now"};
    }
    if (was != is) {
      return {ChangeKind::kMoved, subject, subject + " has other devices: " + was + " before, " + is + " now"};
    }
    if (!same_devices) {
      return {ChangeKind::kMoved, subject, subject + " has other NPU addresses on " + is};
    }
    return {ChangeKind::kMoved, subject, subject + " on " + is + " has another server_id or other members"};
  }
  if (devices_of(before) == devices_of(after) && device_ips(before) == device_ips(after)) {
    return {ChangeKind::kMoved, subject,
            subject + " has another address: " + addresses_of(before.servers) + " before, " +
                addresses_of(after.servers) + " now, with the same devices"};
  }
  return {ChangeKind::kMoved, subject, subject + " moved from " + was + " to " + is};
}

std::string list_names(const std::vector<Instance>& role) {
  constexpr std::size_t kShown = 8;
  std::string names;
  for (std::size_t i = 0; i < std::min(role.size(), kShown); ++i) names += (i == 0 ? "" : ", ") + role[i].name;
  return role.size() > kShown ? names + " ..." : names;
}

void diff_role(const std::string& role, const std::vector<Instance>& before, const std::vector<Instance>& after,
               Names names, std::vector<Change>& changes) {
  const Pairs pairs(before, after, names);
  for (std::size_t i = 0; i < before.size(); ++i) {
    if (!pairs.is_gone(i)) continue;
    const std::string& subject = before[i].name;
    changes.push_back({ChangeKind::kGone, subject, subject + " is gone from " + place_of(before[i])});
  }
  bool in_order = true;
  std::optional<std::size_t> highest;
  for (std::size_t i = 0; i < after.size(); ++i) {
    const Instance* partner = pairs.partner(i);
    const std::string& subject = after[i].name;
    if (partner == nullptr) {
      changes.push_back({ChangeKind::kAdded, subject, subject + " is new on " + place_of(after[i])});
      continue;
    }
    if (highest && *pairs.place_before(i) < *highest) in_order = false;
    highest = std::max(highest.value_or(0), *pairs.place_before(i));
    if (partner->servers != after[i].servers) changes.push_back(describe(subject, *partner, after[i]));
  }
  if (in_order) return;
  std::vector<Instance> former;
  for (std::size_t i = 0; i < after.size(); ++i) {
    if (const Instance* partner = pairs.partner(i)) former.push_back({partner->name, {}});
  }
  const std::string subject = "the " + role + "instances";
  changes.push_back({ChangeKind::kReordered, subject,
                     subject + " stand in another order; by their names before: " + list_names(former)});
}

void diff_hosts(const std::string& subject, const std::vector<Server>& before, const std::vector<Server>& after,
                std::vector<Change>& changes) {
  if (before == after) return;
  if (before.empty()) {
    changes.push_back({ChangeKind::kAdded, subject, subject + " is new on " + addresses_of(after)});
  } else if (after.empty()) {
    changes.push_back({ChangeKind::kGone, subject, subject + " is gone from " + addresses_of(before)});
  } else if (addresses_of(before) == addresses_of(after)) {
    changes.push_back({ChangeKind::kMoved, subject, subject + " on " + addresses_of(after) + " has another server_id"});
  } else {
    changes.push_back(
        {ChangeKind::kMoved, subject, subject + " moved from " + addresses_of(before) + " to " + addresses_of(after)});
  }
}

}  // namespace

std::string_view to_string(ChangeKind kind) {
  switch (kind) {
    case ChangeKind::kAdded:
      return "added";
    case ChangeKind::kGone:
      return "gone";
    case ChangeKind::kMoved:
      return "moved";
    case ChangeKind::kReordered:
      return "reordered";
  }
  return "";
}

std::vector<Change> diff(const Membership& before, const Membership& after, Names names) {
  std::vector<Change> changes;
  diff_hosts("the scheduler", before.schedulers, after.schedulers, changes);
  diff_hosts("the controller", before.controllers, after.controllers, changes);
  diff_role("prefill ", before.prefill, after.prefill, names, changes);
  diff_role("decode ", before.decode, after.decode, names, changes);
  diff_role("", before.unassigned, after.unassigned, names, changes);
  return changes;
}

}  // namespace pd::ranktable
