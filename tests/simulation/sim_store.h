// The simulated etcd: objects by kind, namespace and name, with every version of each, one revision counter, and for
// each kind the list of its changes. Any number of SimApiServers are in front of one store.
//
//   SimStore store;                                        // revision 1000, no object but the namespace "default"
//   ObjectPtr made = store.put(kind_of("pods"), "llm/p", object);     // one revision on, also in the object
//   store.find_at(kind_of("pods"), "llm/p", made->revision() - 1);    // as it was: not there
//
// It enforces nothing: who puts an object in here directly plays a part that is trusted (a kubelet, a scheduler).
// Thread: one.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "tests/simulation/kinds.h"

namespace pd::test {

// One version of an object; never changed. Its text is made once, whoever asks for it.
class SimObject {
 public:
  SimObject(Json json, std::uint64_t revision) : json_(std::move(json)), revision_(revision) {}
  const Json& json() const { return json_; }
  std::uint64_t revision() const { return revision_; }
  const std::string& text() const;
  const Json& meta() const { return json_.at("metadata"); }
  // A string of the metadata; "" where there is none.
  const std::string& meta_text(const char* member) const;
  bool terminating() const { return meta().contains("deletionTimestamp"); }

 private:
  Json json_;
  std::uint64_t revision_;
  mutable std::string text_;
};

using ObjectPtr = std::shared_ptr<const SimObject>;

struct SimChange {
  std::uint64_t revision = 0;
  ObjectPtr before;  // none: it was added
  ObjectPtr after;   // none: it was deleted
};

class SimStore {
 public:
  static constexpr std::uint64_t kFirstRevision = 1000;

  SimStore();
  std::uint64_t revision() const { return revision_; }

  // `key`: "namespace/name", or the name alone where the kind has no namespaces.
  ObjectPtr find(const SimKind& kind, std::string_view key) const { return find_at(kind, key, revision_); }
  ObjectPtr find_at(const SimKind& kind, std::string_view key, std::uint64_t revision) const;
  // The objects there were at `revision`, in the order of their keys, from the key `from` on while they begin with
  // `prefix`; until `visit` says false.
  void each_at(const SimKind& kind, std::string_view prefix, std::string_view from, std::uint64_t revision,
               const std::function<bool(const std::string& key, const ObjectPtr&)>& visit) const;
  // All there are, of this kind.
  std::vector<std::pair<std::string, ObjectPtr>> all(const SimKind& kind) const;

  ObjectPtr put(const SimKind& kind, const std::string& key, Json object);
  // The object must be there. Answers the revision of its deletion.
  std::uint64_t remove(const SimKind& kind, const std::string& key);

  // In order of their revisions; none is ever taken away.
  const std::vector<SimChange>& changes(const SimKind& kind) const { return changes_[slot(kind)]; }

  // From now on nothing older than `revision` can be read.
  void compact(std::uint64_t revision);
  std::uint64_t compacted() const { return compacted_; }

  // Made of a counter: the same in each run.
  std::string new_uid();
  std::string new_suffix();  // of a generated name

 private:
  struct Version {
    std::uint64_t revision;
    ObjectPtr object;  // none: deleted
  };
  using Versions = std::map<std::string, std::vector<Version>, std::less<>>;

  static std::size_t slot(const SimKind& kind) { return static_cast<std::size_t>(kind.index); }
  static ObjectPtr at(const std::vector<Version>& versions, std::uint64_t revision);

  std::uint64_t revision_ = kFirstRevision;
  std::uint64_t compacted_ = 0;
  std::uint64_t names_ = 0;
  std::array<Versions, kKindCount> objects_;
  std::array<std::vector<SimChange>, kKindCount> changes_;
};

std::string object_key(const SimKind& kind, std::string_view ns, std::string_view name);

}  // namespace pd::test
