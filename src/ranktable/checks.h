// The rules that layouts have in common, each on one part of a table. A layout's own file puts them together.
// A check reports what it finds and goes on; it never assumes that an earlier one was content.
// Source of rules: ranktable-formats, section 8; the numbers are the same.
// Thread: pure functions.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "base/address.h"
#include "base/json.h"
#include "ranktable/findings.h"

namespace pd::ranktable {

// What may occur once in a file: a device on a server, and a device's address. And the one address family of all
// devices.
struct UniqueDevices {
  std::set<std::pair<std::string, int>> ids;  // address key of the server, device id
  std::set<std::string> ips;                  // address keys
  std::optional<AddressFamily> family;
};

// Rule 1: every scalar of the document is a string, whoever's member it is.
void check_scalars_are_strings(const Json& value, const Place& place, Findings& findings);

// The string member `key`; null when it is missing (reported as rule 1) or no string (check_scalars_are_strings reports
// that).
const std::string* check_string(const Json& object, const Place& place, std::string_view key, Findings& findings);
// The member must be exactly this text.
void check_constant(const Json& object, const Place& place, std::string_view key, std::string_view wanted, int rule,
                    Findings& findings);
// Rule 1: digits only, no leading zeros. The number when it is one and at most nine digits long.
std::optional<int> check_number(const Json& object, const Place& place, std::string_view key, Findings& findings);

// Rule 2: "server_list" is a list and "server_count" is its length. Null when there is no list.
const Json* check_server_list(const Json& object, const Place& place, Findings& findings);
// Rule 11: the groups stand in the numeric order of their ids.
void check_group_order(const Json& groups, const Place& place, Findings& findings);
// Rules 10 and 12: server_ip can name a peer, server_id is 1 to 64 characters.
void check_server_address(const Json& server, const Place& place, Findings& findings);
// Rules 4 to 7 on one server's "device" list, whose ranks run on from `first_rank`. The number of its devices.
std::size_t check_devices(const Json& server, const Place& place, std::size_t first_rank, UniqueDevices& unique,
                          Findings& findings);

}  // namespace pd::ranktable
