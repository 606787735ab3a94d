// What the four layouts with a "server_group_list" have in common: writing, judging and reading servers and groups.
// Thread: pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ranktable/checks.h"
#include "ranktable/profile.h"
#include "ranktable/writer.h"

namespace pd::ranktable {

// Those that apply to a layout of groups with their local tables.
inline constexpr RuleSet kGroupRules = {kStrings,    kCounts,    kLayout,     kNotEmpty, kRanks,
                                        kDeviceIds,  kDeviceIps, kEqualSizes, kMirror,   kServerAddresses,
                                        kGroupOrder, kServerIds, kSize,       kStatus};

using Servers = std::vector<const Server*>;
Servers servers_of(const std::vector<Server>& servers);
Servers servers_of(const Instance& instance);

// "device":[{"device_id","device_ip","rank_id"}] of an object that is open, with the super_device_id where that is
// known and asked for; ranks go on from `rank`.
void write_devices(Writer& writer, const Server& server, std::size_t& rank, bool super_device_ids);
// {"server_id","server_ip","device":[{"device_id","device_ip","rank_id"}]}; ranks go on from `rank`.
void write_server(Writer& writer, const Server& server, std::size_t& rank);
// "group_id","server_count","server_list" of an object that is open. Ranks run on over the servers, from 0.
void write_group_members(Writer& writer, std::string_view group_id, const Servers& servers);
void write_group(Writer& writer, std::string_view group_id, const Servers& servers);
// A table's start: {"version":"1.0","status":"completed","server_group_list":[ and its end.
void begin_global(Writer& writer, std::size_t devices);
std::string end_global(Writer& writer);
// {"version","status","group_id":"0","server_count","server_list"}
std::string local_table(const Servers& servers);
// Local tables of all instances, and the scheduler's.
void add_locals(Documents& documents, const Membership& membership);
std::size_t count_devices(const Membership& membership);

// The groups of a global table; absent (and reported) when there is no such list. Rule 11 on their order.
Value check_group_list(Value document, Findings& findings);
// Rule 3: the group's id, and its servers' list. Absent when there is none.
Value check_group(Value group, std::string_view group_id, Findings& findings);
// Servers without NPUs, with an id each unless `addresses_only`; rule 3.
void check_hosts(Value list, bool addresses_only, Findings& findings);
// The scheduler's servers: exactly one, without NPUs; rule 3.
void check_scheduler(Value list, Findings& findings);
// One server with its NPUs, whose ranks run on from `rank`. Returns the number of its devices.
std::size_t check_server(Value server, std::size_t rank, UniqueDevices& unique, Findings& findings);
// One instance's servers, over which ranks run on. Returns the number of its devices.
std::size_t check_instance(Value server_list, UniqueDevices& unique, Findings& findings);
// The local tables, in the form in which local_table() writes them.
void check_local_instance(Value document, Findings& findings);
void check_local_host(Value document, Findings& findings);
bool has_devices(Value server_list);

// Reading back. Errors name the place. Ranks have to stand in list order, from `rank` on; members that no layout knows
// are kept.
Result<Device> read_device(Value device, std::size_t rank);
Result<Server> read_server(Value server, std::size_t& rank);
Result<std::vector<Server>> read_servers(Value list);  // one instance's: ranks run on
Result<std::vector<Instance>> read_each(Value list);   // an instance for each server
Result<Instance> read_local_instance(Value document);  // from a local table
// A member that is there, as text of printable ASCII: it gets into messages.
Result<std::string> read_text(Value object, std::string_view key);
// A group that is not as it has to be for reading it.
Error unreadable(Value place, const std::string& problem);

}  // namespace pd::ranktable
