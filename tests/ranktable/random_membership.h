// Any membership that keeps the rules of all layouts: hosts with up to 16 NPUs, either address family, and where it is
// asked for instances that span hosts, and super pods.
#pragma once

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "ranktable/membership.h"

namespace pd::ranktable {

class RandomMembership {
 public:
  struct Shape {
    bool spans_hosts = false;
    bool super_pods = false;
    bool pod_addresses = false;  // each pod has an address of its own, not its host's
  };

  RandomMembership(unsigned seed, Shape shape) : random_(seed), shape_(shape) {}

  Membership next() {
    hosts_ = pick(2, 8);
    ipv6_ = pick(0, 1) == 1;
    pods_ = 0;
    used_.assign(static_cast<std::size_t>(hosts_), 0);
    Membership membership;
    membership.schedulers.push_back({host_ip(0), host_ip(0)});
    fill(membership.prefill, "prefill-", pick(1, 4), 8);
    fill(membership.decode, "decode-", pick(1, 4), 16);
    return membership;
  }

  void shuffle(Membership& membership) {
    for (auto* role : {&membership.prefill, &membership.decode}) {
      std::shuffle(role->begin(), role->end(), random_);
      for (Instance& instance : *role) {
        std::shuffle(instance.servers.begin(), instance.servers.end(), random_);
        for (Server& server : instance.servers) {
          std::shuffle(server.devices.begin(), server.devices.end(), random_);
        }
      }
    }
  }

  int pick(int low, int high) { return std::uniform_int_distribution(low, high)(random_); }

 private:
  std::string host_ip(int host) const { return (ipv6_ ? "fd00::" : "10.0.0.") + std::to_string(host + 1); }
  std::string device_ip(int host, int id) const {
    return (ipv6_ ? "fd01::" + std::to_string(host + 1) + ":" : "29.81." + std::to_string(host + 1) + ".") +
           std::to_string(id + 1);
  }

  Server take_server(int host, int size, const std::string& pod) {
    int& used = used_[static_cast<std::size_t>(host)];
    Server server{.id = host_ip(host), .ip = host_ip(host), .pod = pod};
    if (shape_.super_pods) server.super_pod_id = "0";
    if (shape_.pod_addresses) {
      server.host_ip = server.id;
      server.ip = host_ip(99 + pods_++);
    }
    for (int i = 0; i < size; ++i, ++used) {
      Device device{used, device_ip(host, used)};
      if (shape_.super_pods) device.super_device_id = static_cast<std::uint32_t>(host * 65536 + used);
      server.devices.push_back(std::move(device));
    }
    return server;
  }

  // At least one instance: prefill leaves half of each host's ids to decode.
  void fill(std::vector<Instance>& role, const std::string& prefix, int size, int highest) {
    const int wanted = pick(1, 12);
    const int span = shape_.spans_hosts ? pick(1, hosts_) : 1;
    for (int first = 0; static_cast<int>(role.size()) < wanted && first + span <= hosts_;) {
      const bool fits = std::all_of(used_.begin() + first, used_.begin() + first + span,
                                    [&](int used) { return used + size <= highest; });
      if (!fits || (!role.empty() && pick(0, 3) == 0)) {
        ++first;
        continue;
      }
      Instance instance{prefix + std::to_string(role.size()), {}};
      for (int i = 0; i < span; ++i) {
        instance.servers.push_back(take_server(first + i, size, instance.name + "-" + std::to_string(i)));
      }
      role.push_back(std::move(instance));
    }
  }

  std::mt19937 random_;
  Shape shape_;
  int hosts_ = 1;
  bool ipv6_ = false;
  int pods_ = 0;
  std::vector<int> used_;
};

}  // namespace pd::ranktable
