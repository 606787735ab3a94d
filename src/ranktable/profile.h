// Profiles: the layouts in which a membership is written down. One file each; profile.cpp holds the table of them.
// Thread: pure functions.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "ranktable/membership.h"

namespace pd::ranktable {

class Findings;  // ranktable/findings.h

// The rendered tables as canonical text: compact JSON, fixed key order, every scalar a string.
struct Documents {
  std::string global;
  std::map<std::string, std::string> locals;  // by Instance::name
  std::string host;                           // the scheduler's local table
  bool operator==(const Documents&) const = default;
};

struct Profile {
  std::string_view name;  // as in spec.ranktable.profile
  Documents (*render)(const Membership& membership);
  // The layout's own rules, for validate.h. They are given a document that is an object.
  void (*check_global)(const Json& document, Findings& findings);
  void (*check_local)(const Json& document, Findings& findings);
  void (*check_host)(const Json& document, Findings& findings);
  void (*check_mirror)(const Json& global, const Json& local, Findings& findings);
};

// Null for an unknown name.
const Profile* find_profile(std::string_view name);
std::vector<std::string_view> profile_names();

// What a table ConfigMap holds before there is anything to say: {"version":"1.0","status":"initializing"}.
std::string initializing_document();

}  // namespace pd::ranktable
