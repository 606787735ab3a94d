#include "tests/simulation/field_set.h"

#include <algorithm>

namespace pd::test {
namespace {

void collect(const FieldSet& set, FieldPath& path, std::vector<FieldPath>& found) {
  if (set.member) found.push_back(path);
  for (const auto& [step, child] : set.children) {
    path.push_back(step);
    collect(child, path, found);
    path.pop_back();
  }
}

}  // namespace

void FieldSet::insert(const FieldPath& path) {
  FieldSet* place = this;
  for (const std::string& step : path) place = &place->children[step];
  place->member = true;
}

void FieldSet::erase(const FieldPath& path) {
  FieldSet* place = this;
  for (std::size_t i = 0; i + 1 < path.size(); ++i) {
    const auto child = place->children.find(path[i]);
    if (child == place->children.end()) return;
    place = &child->second;
  }
  if (!path.empty()) place->children.erase(path.back());
}

const FieldSet* FieldSet::find(const FieldPath& path) const {
  const FieldSet* place = this;
  for (const std::string& step : path) {
    const auto child = place->children.find(step);
    if (child == place->children.end()) return nullptr;
    place = &child->second;
  }
  return place;
}

void FieldSet::unite(const FieldSet& other) {
  member = member || other.member;
  for (const auto& [step, child] : other.children) children[step].unite(child);
}

void FieldSet::subtract(const FieldSet& other) {
  if (other.member) member = false;
  for (const auto& [step, child] : other.children) {
    const auto mine = children.find(step);
    if (mine == children.end()) continue;
    mine->second.subtract(child);
    if (mine->second.empty()) children.erase(mine);
  }
}

FieldSet FieldSet::intersection(const FieldSet& other) const {
  FieldSet both;
  both.member = member && other.member;
  for (const auto& [step, child] : children) {
    const auto theirs = other.children.find(step);
    if (theirs == other.children.end()) continue;
    FieldSet common = child.intersection(theirs->second);
    if (!common.empty()) both.children.emplace(step, std::move(common));
  }
  return both;
}

std::vector<FieldPath> FieldSet::paths() const {
  std::vector<FieldPath> found;
  FieldPath path;
  collect(*this, path, found);
  return found;
}

Json to_fields_v1(const FieldSet& set) {
  Json fields = Json::object();
  if (set.member && !set.children.empty()) fields["."] = Json::object();
  for (const auto& [step, child] : set.children) fields[step] = to_fields_v1(child);
  return fields;
}

FieldSet from_fields_v1(const Json& fields) {
  FieldSet set;
  set.member = fields.empty() || fields.contains(".");
  for (const auto& [step, child] : fields.items()) {
    if (step != ".") set.children.emplace(step, from_fields_v1(child));
  }
  return set;
}

std::string shown(const FieldPath& path) {
  std::string text;
  for (const std::string& step : path) {
    const std::string rest = step.substr(2);
    if (step.starts_with("f:")) {
      text += "." + rest;
    } else if (step.starts_with("v:")) {
      text += "[=" + rest + "]";
    } else {
      const Json keys = Json::parse(rest, nullptr, false);
      text += "[";
      for (const auto& [key, value] : keys.items()) text += key + "=" + value.dump();
      text += "]";
    }
  }
  return text;
}

}  // namespace pd::test
