// The rules that layouts have in common, each on one part of a table. A layout's own file puts them together.
// A check reports what it finds and goes on; it never assumes that an earlier one was content.
// Source of rules: ranktable-formats, section 8; the numbers are the same.
// Thread: pure functions.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/address.h"
#include "ranktable/findings.h"

namespace pd::ranktable {

// Digits only, no leading zeros, at most ten of them.
std::optional<std::int64_t> plain_number(std::string_view text);

bool is_printable(std::string_view text);

// What may occur once in a file, gathered while its devices are visited and judged at the end: two dozen bytes for
// each, since a table may list tens of thousands.
class UniqueDevices {
 public:
  // `server`: what tells servers apart. `place`: the device_id.
  void add_id(std::string_view server, std::int64_t id, Value place);
  // `key`: of the address (address_key.h). `place`: the device_ip.
  void add_ip(std::string_view key, Value place);
  // Rule 6 for an id that occurs again on a server, rule 7 for an address.
  void report(Findings& findings);
  // The first device's; rule 7 wants one for all.
  std::optional<AddressFamily> family;

 private:
  struct Entry {
    std::array<std::uint64_t, 2> key;  // server and id; an address
    Value place;
  };
  std::map<std::string, std::uint32_t, std::less<>> servers_;
  std::deque<Entry> ids_;  // grows without a copy
  std::deque<Entry> ips_;
};

// Rule 1: every scalar is a string. `integer_counts`: but for "server_count", which the script's merge-local and
// merge-all write as an integer.
void check_scalars(Value value, bool integer_counts, Findings& findings);

// The text member `key`; absent when it is missing (reported as rule 1) or no text (check_scalars reports that).
Value check_text(Value object, std::string_view key, Findings& findings);
// The member must be exactly this text.
void check_constant(Value object, std::string_view key, std::string_view wanted, int rule, Findings& findings);
// Rule 1: digits only, no leading zeros. The number when it is one.
std::optional<std::int64_t> check_number(Value object, std::string_view key, Findings& findings);

// Rule 2: `list_key` is a list and `count_key`, if there is one, is its length. Absent when there is no list.
enum class Count { kNeeded, kOptional };
Value check_counted_list(Value object, std::string_view list_key, std::string_view count_key, Count count,
                         Findings& findings);
// Rule 10: server_ip can name a peer.
void check_server_ip(Value server, Findings& findings);
// Rule 12: server_id is 1 to 64 printable characters.
void check_server_id(Value server, Findings& findings);
// Rule 4: `key` is a list of at least one NPU; absent otherwise.
Value check_device_list(Value server, std::string_view key, Findings& findings);
// Rules 6 and 7 on one device of the server that `server` names.
void check_device(Value device, std::string_view server, UniqueDevices& unique, Findings& findings);
void check_device_id(Value device, std::string_view server, UniqueDevices& unique, Findings& findings);
void check_device_ip(Value device, UniqueDevices& unique, Findings& findings);
// Rule 5: the device's rank.
void check_rank(Value device, std::string_view key, std::size_t wanted, Findings& findings);
// Rule 8 for one role: every entry is an instance's place and its number of devices.
using InstanceSizes = std::vector<std::pair<Value, std::size_t>>;
void check_equal_sizes(const InstanceSizes& sizes, Findings& findings);

}  // namespace pd::ranktable
