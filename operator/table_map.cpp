#include "operator/table_map.h"

#include <algorithm>

#include "kube/json_members.h"

namespace pd::kube {
namespace {

// By name and owner, which the garbage collector removes it with.
bool may_be_a_table(const Json& object, const ObjectMeta& map) {
  if (!map.owner || map.name != map.owner->name.str() + "-ranktable") return false;
  const Json& owners = array_member(object_member(object, "metadata"), "ownerReferences");
  return std::any_of(owners.begin(), owners.end(), [&](const Json& owner) {
    return text_member(owner, "kind") == kKind && text_member(owner, "uid") == map.owner->uid &&
           text_member(owner, "apiVersion").starts_with(std::string(kGroup) + "/");
  });
}

}  // namespace

Result<op::TableMap> Resource<op::TableMap>::decode(const Json& object) {
  Result<ConfigMap> map = Resource<ConfigMap>::decode(object);
  if (!map) return map.error();
  if (!may_be_a_table(object, map->meta)) map->data = {};
  return op::TableMap{std::move(*map)};
}

}  // namespace pd::kube
