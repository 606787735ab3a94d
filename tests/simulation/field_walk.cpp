// The walks over objects that go with field_set.h.
#include <algorithm>

#include "tests/simulation/field_set.h"

namespace pd::test {
namespace {

const Shape kPlain;

const Shape& field_shape(const Shape& shape, const std::string& name) {
  const auto found = shape.fields.find(name);
  return found == shape.fields.end() ? kPlain : found->second;
}

Shape item_shape(const Shape& list) { return {Shape::List::kAtomic, "", false, list.fields}; }

bool is_granular(const Json& value, const Shape& shape) {
  return value.is_object() || (value.is_array() && shape.list != Shape::List::kAtomic);
}

// How the item of a list is called in a path; "" for one that lacks its key.
std::string item_step(const Json& item, const Shape& list) {
  if (list.list == Shape::List::kSet) return "v:" + item.dump();
  const auto key = item.is_object() ? item.find(list.key) : item.end();
  if (!item.is_object() || key == item.end()) return "";
  return "k:" + Json{{list.key, *key}}.dump();
}

const Json* find_item(const Json& list, const std::string& step, const Shape& shape) {
  for (const Json& item : list) {
    if (item_step(item, shape) == step) return &item;
  }
  return nullptr;
}

// The parts of a granular value by their steps.
template <typename Visit>
void each_part(const Json& value, const Shape& shape, const Visit& visit) {
  if (value.is_object()) {
    for (const auto& [name, field] : value.items()) visit("f:" + name, field, field_shape(shape, name));
    return;
  }
  const Shape item = item_shape(shape);
  for (const Json& each : value) visit(item_step(each, shape), each, item);
}

const Json* find_part(const Json& value, const std::string& step, const Shape& shape) {
  if (value.is_array()) return find_item(value, step, shape);
  const auto found = value.find(step.substr(2));
  return found == value.end() ? nullptr : &*found;
}

void add_fields(const Json& value, const Shape& shape, FieldPath& path, FieldSet& set) {
  const bool is_item = !path.empty() && !path.back().starts_with("f:");
  if (!is_granular(value, shape) || (value.empty() && !path.empty()) || is_item) set.insert(path);
  if (!is_granular(value, shape)) return;
  each_part(value, shape, [&](const std::string& step, const Json& part, const Shape& part_shape) {
    path.push_back(step);
    add_fields(part, part_shape, path, set);
    path.pop_back();
  });
}

// All of a value that is only on one side.
void add_all(const Json& value, const Shape& shape, FieldPath& path, FieldSet& set) {
  if (!is_granular(value, shape) || !shape.is_struct) set.insert(path);
  if (!is_granular(value, shape)) return;
  each_part(value, shape, [&](const std::string& step, const Json& part, const Shape& part_shape) {
    path.push_back(step);
    add_all(part, part_shape, path, set);
    path.pop_back();
  });
}

void walk(const Json& before, const Json& after, const Shape& shape, FieldPath& path, FieldChanges& changes) {
  if (before == after) return;
  if (!is_granular(before, shape) || !is_granular(after, shape) || before.type() != after.type()) {
    if (is_granular(before, shape)) add_all(before, shape, path, changes.removed);
    if (is_granular(after, shape)) add_all(after, shape, path, changes.changed);
    changes.changed.insert(path);
    return;
  }
  each_part(before, shape, [&](const std::string& step, const Json& part, const Shape& part_shape) {
    const Json* other = find_part(after, step, shape);
    path.push_back(step);
    if (other == nullptr) {
      add_all(part, part_shape, path, changes.removed);
    } else {
      walk(part, *other, part_shape, path, changes);
    }
    path.pop_back();
  });
  each_part(after, shape, [&](const std::string& step, const Json& part, const Shape& part_shape) {
    if (find_part(before, step, shape) != nullptr) return;
    path.push_back(step);
    add_all(part, part_shape, path, changes.changed);
    path.pop_back();
  });
}

void merge_list(Json& live, const Json& applied, const Shape& shape) {
  const Shape item = item_shape(shape);
  for (const Json& part : applied) {
    const std::string step = item_step(part, shape);
    const auto same =
        std::find_if(live.begin(), live.end(), [&](const Json& each) { return item_step(each, shape) == step; });
    if (same == live.end()) {
      live.push_back(part);
    } else {
      merge_applied(*same, part, item);
    }
  }
}

}  // namespace

FieldSet fields_of(const Json& object, const Shape& shape) {
  FieldSet set;
  FieldPath path;
  add_fields(object, shape, path, set);
  return set;
}

bool names_an_item_twice(const Json& object, const Shape& shape) {
  if (!is_granular(object, shape)) return false;
  std::vector<std::string> steps;
  bool twice = false;
  each_part(object, shape, [&](const std::string& step, const Json& part, const Shape& part_shape) {
    steps.push_back(step);
    twice = twice || names_an_item_twice(part, part_shape);
  });
  std::sort(steps.begin(), steps.end());
  return twice || std::adjacent_find(steps.begin(), steps.end()) != steps.end();
}

FieldChanges compare(const Json& before, const Json& after, const Shape& shape) {
  FieldChanges changes;
  FieldPath path;
  walk(before, after, shape, path, changes);
  return changes;
}

void merge_applied(Json& live, const Json& applied, const Shape& shape) {
  if (!is_granular(applied, shape) || live.type() != applied.type()) {
    live = applied;
  } else if (applied.is_array()) {
    merge_list(live, applied, shape);
  } else {
    for (const auto& [name, part] : applied.items()) {
      const auto mine = live.find(name);
      if (mine == live.end()) {
        live[name] = part;
      } else {
        merge_applied(*mine, part, field_shape(shape, name));
      }
    }
  }
}

void remove_fields(Json& object, const FieldSet& fields, const FieldSet& kept, const Shape& shape) {
  static const FieldSet none;
  for (const auto& [step, gone] : fields.children) {
    const auto held = kept.children.find(step);
    const FieldSet& stays = held == kept.children.end() ? none : held->second;
    if (object.is_object()) {
      const std::string name = step.substr(2);
      const auto part = object.find(name);
      if (part == object.end()) continue;
      if (gone.member && stays.empty()) {
        object.erase(part);
        continue;
      }
      const bool was_empty = part->empty();
      if (is_granular(*part, field_shape(shape, name))) remove_fields(*part, gone, stays, field_shape(shape, name));
      if (part->is_structured() && part->empty() && !was_empty && stays.empty()) object.erase(name);
    } else if (object.is_array()) {
      const auto part =
          std::find_if(object.begin(), object.end(), [&](const Json& each) { return item_step(each, shape) == step; });
      if (part == object.end()) continue;
      if (gone.member && stays.empty()) {
        object.erase(part);
      } else {
        remove_fields(*part, gone, stays, item_shape(shape));
      }
    }
  }
}

}  // namespace pd::test
