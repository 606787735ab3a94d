#include "cli/device_list.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <set>

#include "base/excerpt.h"

namespace pd::cli {
namespace {

bool is_digits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

// Why a text between commas is no device, and what to write.
std::string reason(std::string_view piece, std::string_view whole) {
  if (whole.empty()) return "it is empty; write the numbers of the instance's NPUs: 4,5";
  if (piece.empty() && whole.ends_with(',')) return "it ends with a comma; write 4,5 without a blank, not 4, 5";
  if (piece.empty()) return "there is nothing before a comma; write 4,5";
  const std::string quoted = "\"" + excerpt(piece) + "\" is no device";
  if (piece.find_first_of(" \t") != std::string_view::npos) return quoted + "; write 4,5 without a blank, not 4, 5";
  const std::size_t first = std::min(piece.find_first_not_of('0'), piece.size() - 1);
  if (!is_digits(piece)) return quoted + "; devices are numbers from 0 to " + std::to_string(kHighestDevice) + ": 4,5";
  if (first > 0) return quoted + "; write " + excerpt(piece.substr(first));
  return quoted + ": it is above " + std::to_string(kHighestDevice);
}

bool is_device(std::string_view text, int& id) {
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), id);
  const bool plain = text == "0" || (!text.empty() && text.front() >= '1' && text.front() <= '9');
  return plain && problem == std::errc() && end == text.data() + text.size() && id <= kHighestDevice;
}

Status check_sizes(const std::vector<DeviceList>& instances, const std::string& role) {
  for (const DeviceList& instance : instances) {
    if (instance.size() == instances.front().size()) continue;
    return invalid("the " + role + " instances " + spelled_ids(instances.front()) + " and " + spelled_ids(instance) +
                   " have different numbers of devices; all of one role need the same number (prefill and decode may "
                   "differ)");
  }
  return Ok{};
}

}  // namespace

Result<DeviceList> parse_device_list(const std::string& text) {
  DeviceList devices;
  std::string_view rest = text;
  while (true) {
    const std::size_t comma = rest.find(',');
    int id = -1;
    if (!is_device(rest.substr(0, comma), id)) {
      const std::string why = reason(rest.substr(0, comma), text);
      const bool alone = !text.empty() && rest.substr(0, comma) == text;
      return invalid(alone ? why : "\"" + excerpt(text) + "\": " + why);
    }
    devices.push_back(id);
    if (comma == std::string_view::npos) return devices;
    rest.remove_prefix(comma + 1);
  }
}

std::string joined_ids(const DeviceList& devices) {
  std::string text;
  for (const int id : devices) text += std::to_string(id);
  return text;
}

std::string spelled_ids(const DeviceList& devices) {
  std::string text;
  for (const int id : devices) text += (text.empty() ? "" : ",") + std::to_string(id);
  return text;
}

Status check_device_lists(const std::vector<DeviceList>& prefill, const std::vector<DeviceList>& decode) {
  std::set<int> used;
  std::map<std::string, std::string> spelled_by_name;
  for (const std::vector<DeviceList>* role : {&prefill, &decode}) {
    for (const DeviceList& devices : *role) {
      for (const int id : devices) {
        if (used.insert(id).second) continue;
        return invalid("device " + std::to_string(id) +
                       " is named twice; a device can serve one instance only, prefill or decode");
      }
    }
  }
  for (const std::vector<DeviceList>* role : {&prefill, &decode}) {
    for (const DeviceList& devices : *role) {
      const auto [same, fresh] = spelled_by_name.emplace(joined_ids(devices), spelled_ids(devices));
      if (fresh) continue;
      return invalid("the instances " + same->second + " and " + spelled_ids(devices) +
                     " would share one file name, ..._" + same->first +
                     ".json; make them in two calls, each with its own --save-dir, and merge the global tables");
    }
  }
  const Status prefill_sizes = check_sizes(prefill, "prefill");
  return prefill_sizes ? check_sizes(decode, "decode") : prefill_sizes;
}

}  // namespace pd::cli
