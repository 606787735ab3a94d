// Profiles: the layouts in which a membership is written down. One file each, with the rules that apply; profile.cpp
// holds the table of them.
//
//   AscendCloud, PerInstance, OmniK8s, MindIE    a global table of groups, and a local table for each instance
//   VllmAscendLegacy                             a global table of two device lists
//   Hccl10, Hccl12, GroupList                    one table for each instance, without a global one
//
// Thread: pure functions.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "ranktable/document.h"
#include "ranktable/findings.h"
#include "ranktable/membership.h"
#include "ranktable/rules.h"

namespace pd::ranktable {

// The rendered tables as canonical text: compact JSON, fixed key order, every scalar a string.
struct Documents {
  std::string global;                         // empty where the layout has none
  std::map<std::string, std::string> locals;  // by Instance::name
  std::string host;                           // the scheduler's local table; empty where there is none
  bool operator==(const Documents&) const = default;
};

// Which table of a deployment a document is.
enum class Part { kGlobal, kLocal, kHost };

struct Profile {
  std::string_view name;        // as in spec.ranktable.profile
  std::string_view summary;     // one line for a person: who reads it
  RuleSet rules;                // those that apply
  bool integer_counts = false;  // "server_count" may be an integer, as the public script's merges write it

  // Errors: a membership that the layout can't express; the message says what and what to do.
  Result<Documents> (*render)(const Membership& membership) = nullptr;
  // The layout's own rules, for validate.h. Null where the layout has no such part. They are given an object.
  void (*check_global)(Value document, Findings& findings) = nullptr;
  void (*check_local)(Value document, Findings& findings) = nullptr;
  void (*check_host)(Value document, Findings& findings) = nullptr;
  // Back from a global table, or from part of one (a role may be missing). Instances are named "prefill-0", "decode-0"
  // and so on in list order, "instance-0" where the layout does not tell roles apart. Null where there is none.
  Result<Membership> (*read_global)(Value document) = nullptr;
  // Back from an instance's own table; its name is empty. Null where there is none.
  Result<Instance> (*read_local)(Value document) = nullptr;
};

// Null for an unknown name.
const Profile* find_profile(std::string_view name);
std::vector<std::string_view> profile_names();
// The profile whose layout a document has, with the part that it is; AscendCloud rather than another one that would fit
// as well. Null when it has none.
struct Recognised {
  const Profile* profile = nullptr;
  Part part = Part::kGlobal;
};
Recognised recognise(Value document);
// Which part of a deployment a document is, if it is of this profile at all.
Part part_of(Value document, const Profile& profile);

// Names the instances by their places, as read_global() does: "prefill-0", "decode-0", "instance-0".
void name_instances(Membership& membership);
// The first `prefill` instances of those without a role become prefill ones, the rest decode ones. Errors: there are
// not as many, or roles are known already.
Status assign_roles(Membership& membership, std::size_t prefill);

// What a table ConfigMap holds before there is anything to say: {"version":"1.0","status":"initializing"}.
std::string initializing_document();

}  // namespace pd::ranktable
