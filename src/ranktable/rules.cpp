#include "ranktable/rules.h"

#include <array>

namespace pd::ranktable {
namespace {

constexpr std::array<RuleText, kRules + 1> kTexts{{
    {"readable", "The text is a JSON object of the layout."},
    {"strings", "Every scalar is a string, and a number in it is digits without leading zeros."},
    {"counts", "A count is the length of its list."},
    {"layout", "The version, the groups and their members are those of the layout."},
    {"not-empty", "Each role lists at least one instance, and each instance at least one NPU."},
    {"ranks", "Ranks count up from 0 in each instance, in list order, over all its servers."},
    {"device-ids", "A device id is at most 15 and occurs once on its server."},
    {"device-ips", "A device has its NPU's own address, of one family throughout, which occurs once."},
    {"equal-sizes", "All instances of a role have the same number of devices."},
    {"mirror", "A local table says of its instance what the global table says, in the same order."},
    {"server-addresses", "server_ip is an address at which peers reach the server."},
    {"group-order", "Groups stand in the numeric order of their ids, each once."},
    {"server-ids", "server_id is 1 to 64 printable characters, and unique in an HCCL table."},
    {"mindie", "MindIE's own limits: device_logical_id, 2 coordinators, 98 groups, ids up to 2048."},
    {"super-pods", "Each rank has its super_device_id; every server is in one super pod, and pods are of one size."},
    {"size", "All tables together are smaller than 1 MiB, so that they fit in a ConfigMap."},
    {"status", "The status is \"completed\"."},
}};

}  // namespace

const RuleText& text_of(int rule) { return kTexts.at(static_cast<std::size_t>(rule)); }

}  // namespace pd::ranktable
