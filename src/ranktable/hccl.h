// HCCL's own form of one instance's ranks, which other layouts use for their local tables.
// Thread: pure functions.
#pragma once

#include "ranktable/groups.h"

namespace pd::ranktable {

// {"version","server_count","server_list":[{"server_id","device":[{"device_id","device_ip","rank_id"}]}],"status"};
// with super pods, version 1.2 (the devices then have their super_device_id). Errors: a super pod or device id that is
// not known.
Result<std::string> hccl_table(const Instance& instance, bool super_pods);
// The same as the Ascend operator writes it: {"status","server_list":[{"device","server_id","host_ip","container_ip"}],
// "server_count","version"}.
std::string ascend_operator_table(const Instance& instance);

void check_hccl(Value document, std::string_view version, Findings& findings);
// server_ip is the container's address where one is told, else server_id.
Result<Instance> read_hccl(Value document);

}  // namespace pd::ranktable
