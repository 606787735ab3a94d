#include "tests/simulation/sim_store.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace pd::test {

const std::string& SimObject::text() const {
  if (text_.empty()) text_ = dump_json(json_);
  return text_;
}

const std::string& SimObject::meta_text(const char* member) const {
  static const std::string none;
  const Json& metadata = meta();
  const auto found = metadata.find(member);
  return found != metadata.end() && found->is_string() ? found->get_ref<const std::string&>() : none;
}

SimStore::SimStore() {
  put(kind_of("namespaces"), "default",
      {{"apiVersion", "v1"},
       {"kind", "Namespace"},
       {"metadata", {{"name", "default"}, {"uid", new_uid()}, {"creationTimestamp", "2026-01-01T00:00:00Z"}}},
       {"spec", {{"finalizers", Json::array({"kubernetes"})}}},
       {"status", {{"phase", "Active"}}}});
}

ObjectPtr SimStore::at(const std::vector<Version>& versions, std::uint64_t revision) {
  for (auto version = versions.rbegin(); version != versions.rend(); ++version) {
    if (version->revision <= revision) return version->object;
  }
  return nullptr;
}

ObjectPtr SimStore::find_at(const SimKind& kind, std::string_view key, std::uint64_t revision) const {
  const Versions& objects = objects_[slot(kind)];
  const auto found = objects.find(key);
  return found == objects.end() ? nullptr : at(found->second, revision);
}

void SimStore::each_at(const SimKind& kind, std::string_view prefix, std::string_view from, std::uint64_t revision,
                       const std::function<bool(const std::string&, const ObjectPtr&)>& visit) const {
  const Versions& objects = objects_[slot(kind)];
  for (auto entry = objects.lower_bound(std::max(prefix, from)); entry != objects.end(); ++entry) {
    if (!std::string_view(entry->first).starts_with(prefix)) return;
    const ObjectPtr object = at(entry->second, revision);
    if (object && !visit(entry->first, object)) return;
  }
}

std::vector<std::pair<std::string, ObjectPtr>> SimStore::all(const SimKind& kind) const {
  std::vector<std::pair<std::string, ObjectPtr>> found;
  each_at(kind, "", "", revision_, [&found](const std::string& key, const ObjectPtr& object) {
    found.emplace_back(key, object);
    return true;
  });
  return found;
}

ObjectPtr SimStore::put(const SimKind& kind, const std::string& key, Json object) {
  ++revision_;
  object["metadata"]["resourceVersion"] = std::to_string(revision_);
  auto stored = std::make_shared<const SimObject>(std::move(object), revision_);
  std::vector<Version>& versions = objects_[slot(kind)][key];
  const ObjectPtr before = versions.empty() ? nullptr : versions.back().object;
  versions.push_back({revision_, stored});
  changes_[slot(kind)].push_back({revision_, before, stored});
  return stored;
}

std::uint64_t SimStore::remove(const SimKind& kind, const std::string& key) {
  const auto found = objects_[slot(kind)].find(key);
  if (found == objects_[slot(kind)].end() || !found->second.back().object) std::abort();  // the caller looked it up
  ++revision_;
  changes_[slot(kind)].push_back({revision_, found->second.back().object, nullptr});
  found->second.push_back({revision_, nullptr});
  return revision_;
}

void SimStore::compact(std::uint64_t revision) {
  compacted_ = std::max(compacted_, std::min(revision, revision_));
  for (Versions& objects : objects_) {
    for (auto entry = objects.begin(); entry != objects.end();) {
      std::vector<Version>& versions = entry->second;
      auto keep = versions.begin();
      while (keep + 1 != versions.end() && (keep + 1)->revision <= compacted_) ++keep;
      versions.erase(versions.begin(), keep);
      const bool gone = versions.size() == 1 && !versions.front().object && versions.front().revision <= compacted_;
      entry = gone ? objects.erase(entry) : std::next(entry);
    }
  }
}

std::string SimStore::new_uid() {
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), "00000000-0000-4000-8000-%012llx", static_cast<unsigned long long>(++names_));
  return text.data();
}

std::string SimStore::new_suffix() {
  static constexpr std::string_view kLetters = "bcdfghjklmnpqrstvwxz2456789";
  std::uint64_t number = ++names_ * 0x9E3779B97F4A7C15ULL;
  std::string suffix;
  for (int i = 0; i < 5; ++i, number /= kLetters.size()) suffix += kLetters[number % kLetters.size()];
  return suffix;
}

std::string object_key(const SimKind& kind, std::string_view ns, std::string_view name) {
  std::string key;
  if (kind.namespaced) key.append(ns).append("/");
  return key.append(name);
}

}  // namespace pd::test
