// Sets of fields of an object, as metadata.managedFields keeps them, and the walks over objects that yield them.
// A path's steps are written as in FieldsV1: "f:data", "k:{\"type\":\"Ready\"}" (an item of a map list), "v:\"x\"" (of
// a set). Thread: values without shared state.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "tests/simulation/kinds.h"

namespace pd::test {

using FieldPath = std::vector<std::string>;

struct FieldSet {
  bool member = false;  // the field itself, apart from what is in it
  std::map<std::string, FieldSet, std::less<>> children;

  bool empty() const { return !member && children.empty(); }
  void insert(const FieldPath& path);
  void erase(const FieldPath& path);
  const FieldSet* find(const FieldPath& path) const;
  void unite(const FieldSet& other);
  void subtract(const FieldSet& other);
  FieldSet intersection(const FieldSet& other) const;
  std::vector<FieldPath> paths() const;  // of all members
  bool operator==(const FieldSet&) const = default;
};

Json to_fields_v1(const FieldSet& set);
FieldSet from_fields_v1(const Json& fields);
// ".status.conditions[type=\"Ready\"].status"
std::string shown(const FieldPath& path);

// The fields that an applied object names.
FieldSet fields_of(const Json& object, const Shape& shape);

// Whether a map list in it has two items with one key.
bool names_an_item_twice(const Json& object, const Shape& shape);

// What a write changes: fields that are new or have another value, and fields that are gone.
struct FieldChanges {
  FieldSet changed;
  FieldSet removed;
};
FieldChanges compare(const Json& before, const Json& after, const Shape& shape);

// `live` with all that `applied` names: objects and map lists field by field, anything else as a whole.
void merge_applied(Json& live, const Json& applied, const Shape& shape);
// Without these fields; one that holds fields of `kept` stays, and so do those.
void remove_fields(Json& object, const FieldSet& fields, const FieldSet& kept, const Shape& shape);

}  // namespace pd::test
