#include "tests/simulation/managed_fields.h"

#include <algorithm>
#include <tuple>

namespace pd::test {
namespace {

struct Owner {
  std::string manager;
  std::string operation;  // Apply or Update
  std::string subresource;
  std::string api_version;
  std::string time;
  FieldSet fields;

  bool is(const FieldWriter& writer, std::string_view with) const {
    return manager == writer.manager && operation == with && subresource == writer.subresource;
  }
};

std::vector<Owner> read_owners(const Json& object) {
  std::vector<Owner> owners;
  const auto entries = object.at("metadata").find("managedFields");
  if (entries == object.at("metadata").end()) return owners;
  for (const Json& entry : *entries) {
    owners.push_back({entry.value("manager", ""), entry.value("operation", ""), entry.value("subresource", ""),
                      entry.value("apiVersion", ""), entry.value("time", ""), from_fields_v1(entry.at("fieldsV1"))});
    owners.back().fields.member = false;  // an owner of nothing, which is kept
  }
  return owners;
}

void write_owners(std::vector<Owner> owners, Json& object) {
  std::stable_sort(owners.begin(), owners.end(), [](const Owner& a, const Owner& b) {
    return std::tie(a.operation, a.time, a.manager) < std::tie(b.operation, b.time, b.manager);
  });
  Json entries = Json::array();
  for (const Owner& owner : owners) {
    Json entry = {{"manager", owner.manager}, {"operation", owner.operation}, {"apiVersion", owner.api_version},
                  {"time", owner.time},       {"fieldsType", "FieldsV1"},     {"fieldsV1", to_fields_v1(owner.fields)}};
    if (!owner.subresource.empty()) entry["subresource"] = owner.subresource;
    entries.push_back(std::move(entry));
  }
  if (entries.empty()) {
    object["metadata"].erase("managedFields");
  } else {
    object["metadata"]["managedFields"] = std::move(entries);
  }
}

// What nobody owns, because the server sets it; and what the endpoint does not write.
void strip(const SimKind& kind, const std::string& subresource, FieldSet& fields) {
  static const std::vector<const char*> system = {"f:name",
                                                  "f:namespace",
                                                  "f:uid",
                                                  "f:creationTimestamp",
                                                  "f:generation",
                                                  "f:selfLink",
                                                  "f:deletionTimestamp",
                                                  "f:resourceVersion",
                                                  "f:managedFields",
                                                  "f:deletionGracePeriodSeconds"};
  fields.member = false;
  fields.erase({"f:apiVersion"});
  fields.erase({"f:kind"});
  for (const char* name : system) fields.erase({"f:metadata", name});
  if (const FieldSet* metadata = fields.find({"f:metadata"})) {
    if (metadata->children.empty()) fields.erase({"f:metadata"});
  }
  if (!kind.has_status) return;
  if (subresource.empty()) {
    fields.erase({"f:status"});
  } else if (kind.custom) {
    for (auto field = fields.children.begin(); field != fields.children.end();) {
      field = field->first == "f:status" ? std::next(field) : fields.children.erase(field);
    }
  } else {
    fields.erase({"f:spec"});
  }
}

Owner& owner_of(std::vector<Owner>& owners, const FieldWriter& writer, const std::string& operation) {
  for (Owner& owner : owners) {
    if (owner.is(writer, operation)) return owner;
  }
  owners.push_back({writer.manager, operation, writer.subresource, writer.api_version, format_rfc3339(writer.now), {}});
  return owners.back();
}

std::string name_of(const Owner& owner) {
  std::string name = "\"" + owner.manager + "\"";
  if (!owner.subresource.empty()) name += " with subresource \"" + owner.subresource + "\"";
  if (owner.operation == "Update") name += " using " + owner.api_version;
  return name;
}

// All but the one that writes lose what was changed or is gone.
void take_from_others(std::vector<Owner>& owners, const Owner& writer, const FieldChanges& changes) {
  for (Owner& owner : owners) {
    if (&owner != &writer) owner.fields.subtract(changes.changed);
    owner.fields.subtract(changes.removed);
  }
}

void drop_empty(std::vector<Owner>& owners) {
  owners.erase(std::remove_if(owners.begin(), owners.end(), [](const Owner& owner) { return owner.fields.empty(); }),
               owners.end());
}

}  // namespace

void own_changes(const SimKind& kind, const FieldWriter& writer, const Json& before, Json& after) {
  FieldChanges changes = compare(before, after, shape_of(kind));
  strip(kind, writer.subresource, changes.changed);
  if (changes.changed.empty() && changes.removed.empty()) return;
  std::vector<Owner> owners = read_owners(after);
  Owner& mine = owner_of(owners, writer, "Update");
  take_from_others(owners, mine, changes);
  FieldSet fields = mine.fields;
  fields.unite(changes.changed);
  if (!(fields == mine.fields)) {
    mine.fields = std::move(fields);
    mine.time = format_rfc3339(writer.now);
  }
  drop_empty(owners);
  write_owners(std::move(owners), after);
}

std::vector<FieldConflict> apply_fields(const SimKind& kind, const FieldWriter& writer, const Json& applied, bool force,
                                        Json& object) {
  const Shape& shape = shape_of(kind);
  std::vector<Owner> owners = read_owners(object);
  FieldSet fields = fields_of(applied, shape);
  strip(kind, writer.subresource, fields);

  Json next = object;
  merge_applied(next, applied, shape);
  Owner& mine = owner_of(owners, writer, "Apply");
  const FieldSet last = mine.fields;
  mine.fields = fields;
  FieldSet kept;
  for (const Owner& owner : owners) kept.unite(owner.fields);
  FieldSet dropped = last;
  dropped.subtract(kept);
  remove_fields(next, dropped, kept, shape);

  FieldChanges changes = compare(object, next, shape);
  strip(kind, writer.subresource, changes.changed);
  std::vector<FieldConflict> conflicts;
  for (const Owner& owner : owners) {
    if (&owner == &mine) continue;
    for (const FieldPath& path : owner.fields.intersection(changes.changed).paths()) {
      conflicts.push_back({name_of(owner), shown(path)});
    }
  }
  if (!conflicts.empty() && !force) return conflicts;
  take_from_others(owners, mine, changes);
  if (!(mine.fields == last)) mine.time = format_rfc3339(writer.now);
  drop_empty(owners);
  write_owners(std::move(owners), next);
  object = std::move(next);
  return {};
}

}  // namespace pd::test
