// The kinds that the simulated API server knows, and in what they differ: scope, status, what an update needs, and how
// the fields of their lists are owned.
// Thread: constants.
#pragma once

#include <array>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace pd::test {

// How server-side apply sees a value. Objects are granular everywhere; a list is atomic unless a shape says otherwise.
struct Shape {
  enum class List { kAtomic, kMap, kSet };
  List list = List::kAtomic;
  std::string key = {};    // of a kMap list: the member that tells its items apart
  bool is_struct = false;  // an object that is always there, so that nobody owns the object itself
  std::map<std::string, Shape, std::less<>> fields = {};  // of an object, or of a list's items
};

struct SimKind {
  int index;
  std::string_view prefix;  // "/api/v1" or "/apis/<group>/<version>"
  std::string_view plural;
  std::string_view kind;
  std::string_view api_version;
  std::string_view group;  // "" for the core
  bool namespaced = true;
  bool has_status = false;           // a status subresource
  bool custom = false;               // defined by a CRD: its status subresource touches nothing but the status
  bool has_generation = false;       // counts changes of its spec
  bool create_on_update = false;     // PUT makes what is not there
  bool unconditional_update = true;  // PUT without a resourceVersion
  bool returns_deleted = false;      // DELETE answers the object, not a Status

  // "pddeployments.pd-operator.io"
  std::string qualified_name() const;
};

inline constexpr int kKindCount = 9;
const std::array<SimKind, kKindCount>& sim_kinds();
// Nothing that is not known: the caller names one of ours.
const SimKind& kind_of(std::string_view plural);
const Shape& shape_of(const SimKind& kind);

}  // namespace pd::test
