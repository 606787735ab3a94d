#include "ranktable/profile.h"

#include <array>

#include "ranktable/ascendcloud.h"

namespace pd::ranktable {
namespace {

// One line per layout.
constexpr std::array kProfiles{
    ascendcloud,
};

}  // namespace

const Profile* find_profile(std::string_view name) {
  for (const auto profile : kProfiles) {
    if (profile().name == name) return &profile();
  }
  return nullptr;
}

std::vector<std::string_view> profile_names() {
  std::vector<std::string_view> names;
  for (const auto profile : kProfiles) names.push_back(profile().name);
  return names;
}

std::string initializing_document() { return dump_json(OrderedJson({{"version", "1.0"}, {"status", "initializing"}})); }

}  // namespace pd::ranktable
