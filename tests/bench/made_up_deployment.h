// Deployments of any size for the benchmarks of ranktables: 8 devices on each server, half of the instances prefill and
// half decode. Thread: for benchmarks.
#pragma once

#include <string>

#include "ranktable/membership.h"

namespace pd::bench {

inline constexpr int kDevicesOfAServer = 8;

inline ranktable::Server made_up_server(int number) {
  // Three digits each: in the order of their numbers also where addresses are sorted as text.
  const std::string place = std::to_string(100 + number / 100) + "." + std::to_string(100 + number % 100);
  const std::string ip = "10.18." + place;
  ranktable::Server server{.id = ip, .ip = ip};
  for (int id = 0; id < kDevicesOfAServer; ++id) {
    server.devices.push_back({.id = id, .ip = "29." + place + "." + std::to_string(id + 1)});
  }
  return server;
}

inline ranktable::Membership made_up_deployment(int devices, int servers_per_instance) {
  ranktable::Membership membership;
  membership.schedulers = {{.id = "10.18.0.1", .ip = "10.18.0.1"}};
  const int servers = devices / kDevicesOfAServer;
  for (int number = 0; number < servers; number += servers_per_instance) {
    const bool is_prefill = number < servers / 2;
    auto& role = is_prefill ? membership.prefill : membership.decode;
    ranktable::Instance instance{(is_prefill ? "prefill-" : "decode-") + std::to_string(role.size()), {}};
    for (int i = 0; i < servers_per_instance; ++i) instance.servers.push_back(made_up_server(number + i));
    role.push_back(std::move(instance));
  }
  return membership;
}

}  // namespace pd::bench
