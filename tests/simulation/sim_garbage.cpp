// The garbage collector and the namespace controller, of sim_deletion.h.
#include <algorithm>
#include <unordered_map>

#include "tests/simulation/sim_deletion.h"

namespace pd::test {
namespace {

struct Entry {
  const SimKind* kind;
  std::string key;
  ObjectPtr object;
};

using ByUid = std::unordered_map<std::string, const Entry*>;

std::vector<Entry> everything(const SimStore& store) {
  std::vector<Entry> entries;
  for (const SimKind& kind : sim_kinds()) {
    store.each_at(kind, "", "", store.revision(), [&](const std::string& key, const ObjectPtr& object) {
      entries.push_back({&kind, key, object});
      return true;
    });
  }
  return entries;
}

bool has_finalizer(const SimObject& object, const char* finalizer) {
  const auto finalizers = object.meta().find("finalizers");
  return finalizers != object.meta().end() &&
         std::find(finalizers->begin(), finalizers->end(), finalizer) != finalizers->end();
}

enum class Fate { kStays, kGoes, kIsOrphaned };

// An owner counts where it is: its namespace is the dependent's, or it has none.
const Entry* owner_of(const Json& reference, const Entry& dependent, const ByUid& by_uid) {
  const auto found = by_uid.find(reference.value("uid", ""));
  if (found == by_uid.end()) return nullptr;
  const bool near = !found->second->kind->namespaced ||
                    found->second->object->meta_text("namespace") == dependent.object->meta_text("namespace");
  return near ? found->second : nullptr;
}

Fate fate_of(const Entry& entry, const ByUid& by_uid) {
  const auto references = entry.object->meta().find("ownerReferences");
  if (references == entry.object->meta().end() || references->empty()) return Fate::kStays;
  bool solid = false;
  for (const Json& reference : *references) {
    const Entry* owner = owner_of(reference, entry, by_uid);
    if (owner == nullptr) continue;
    if (owner->object->terminating() && has_finalizer(*owner->object, "orphan")) return Fate::kIsOrphaned;
    const bool waits = owner->object->terminating() && has_finalizer(*owner->object, "foregroundDeletion");
    solid = solid || !waits;
  }
  return solid ? Fate::kStays : Fate::kGoes;
}

void drop_finalizer(SimStore& store, const Entry& entry, const char* finalizer) {
  Json next = entry.object->json();
  Json& finalizers = next["metadata"]["finalizers"];
  finalizers.erase(std::remove(finalizers.begin(), finalizers.end(), finalizer), finalizers.end());
  if (finalizers.empty()) next["metadata"].erase("finalizers");
  if (is_done_for(next)) {
    store.remove(*entry.kind, entry.key);
  } else {
    store.put(*entry.kind, entry.key, std::move(next));
  }
}

// Without references to owners that are orphaning.
void orphan(SimStore& store, const Entry& entry, const ByUid& by_uid) {
  Json next = entry.object->json();
  Json kept = Json::array();
  for (const Json& reference : next["metadata"]["ownerReferences"]) {
    const Entry* owner = owner_of(reference, entry, by_uid);
    const bool orphaning = owner != nullptr && has_finalizer(*owner->object, "orphan");
    if (!orphaning) kept.push_back(reference);
  }
  next["metadata"]["ownerReferences"] = kept;
  if (kept.empty()) next["metadata"].erase("ownerReferences");
  store.put(*entry.kind, entry.key, std::move(next));
}

int finish_owners(SimStore& store, const std::vector<Entry>& entries) {
  std::unordered_map<std::string, int> dependents;
  for (const Entry& entry : entries) {
    const auto references = entry.object->meta().find("ownerReferences");
    if (references == entry.object->meta().end()) continue;
    for (const Json& reference : *references) ++dependents[reference.value("uid", "")];
  }
  int touched = 0;
  for (const Entry& entry : entries) {
    if (!entry.object->terminating() || dependents[entry.object->meta_text("uid")] > 0) continue;
    for (const char* finalizer : {"foregroundDeletion", "orphan"}) {
      if (!has_finalizer(*entry.object, finalizer)) continue;
      drop_finalizer(store, entry, finalizer);
      ++touched;
      break;
    }
  }
  return touched;
}

int empty_namespaces(SimStore& store, WallTime now, const std::vector<Entry>& entries) {
  int touched = 0;
  for (const Entry& space : entries) {
    if (space.kind->kind != "Namespace" || !space.object->terminating()) continue;
    const std::string& name = space.object->meta_text("name");
    bool empty = true;
    for (const Entry& entry : entries) {
      if (!entry.kind->namespaced || entry.object->meta_text("namespace") != name) continue;
      empty = false;
      if (entry.object->terminating()) continue;
      delete_object(store, now, *entry.kind, entry.object->meta_text("name"), entry.key, {});
      ++touched;
    }
    if (!empty) continue;
    store.remove(*space.kind, space.key);
    ++touched;
  }
  return touched;
}

}  // namespace

int collect_garbage(SimStore& store, WallTime now) {
  const std::vector<Entry> entries = everything(store);
  int touched = empty_namespaces(store, now, entries);
  if (touched > 0) return touched;
  ByUid by_uid;
  for (const Entry& entry : entries) by_uid[entry.object->meta_text("uid")] = &entry;
  for (const Entry& entry : entries) {
    const Fate fate = fate_of(entry, by_uid);
    if (fate == Fate::kIsOrphaned) {
      orphan(store, entry, by_uid);
      ++touched;
    } else if (fate == Fate::kGoes && !entry.object->terminating()) {
      DeleteOptions options;
      options.uid = entry.object->meta_text("uid");
      delete_object(store, now, *entry.kind, entry.object->meta_text("name"), entry.key, options);
      ++touched;
    }
  }
  return touched > 0 ? touched : finish_owners(store, entries);
}

}  // namespace pd::test
