#include "operator/permissions.h"

namespace pd::op {
namespace {

const std::vector<Permission>& in_each_namespace() {
  static const std::vector<Permission> all{
      {"pd-operator.io", "pddeployments", {"list", "watch"}},
      {"pd-operator.io", "pddeployments/status", {"patch"}},
      {"", "pods", {"get", "list", "watch", "create", "patch", "delete"}},
      {"", "configmaps", {"get", "list", "watch", "create", "update"}},
      {"", "services", {"get", "list", "watch", "create", "patch", "delete"}},
      {"policy", "poddisruptionbudgets", {"get", "list", "watch", "create", "patch", "delete"}},
      {"events.k8s.io", "events", {"create", "patch"}},
  };
  return all;
}

}  // namespace

std::vector<Permission> needed_permissions(const Options& options) {
  std::vector<std::string> namespaces = options.namespaces;
  if (namespaces.empty()) namespaces.emplace_back();
  std::vector<Permission> needed;
  for (const std::string& ns : namespaces) {
    for (Permission permission : in_each_namespace()) {
      permission.ns = ns;
      needed.push_back(std::move(permission));
    }
  }
  needed.push_back({"", "nodes", {"list", "watch"}});
  if (!options.election.enabled) return needed;
  const ElectionOptions& lease = options.election;
  // RBAC can't limit a create to a name.
  needed.push_back({"coordination.k8s.io", "leases", {"create"}, lease.lease_ns});
  needed.push_back({"coordination.k8s.io", "leases", {"get", "update"}, lease.lease_ns, lease.lease_name});
  return needed;
}

std::string describe(const Permission& permission, const std::vector<std::string>& verbs) {
  std::string text;
  for (const std::string& verb : verbs) text += (text.empty() ? "" : ", ") + verb;
  text += " " + permission.resource;
  if (!permission.group.empty()) text += "." + permission.group;
  if (!permission.name.empty()) text += " " + permission.name;
  if (permission.resource == "nodes") return text;
  return text + (permission.ns.empty() ? " in all namespaces" : " in namespace " + permission.ns);
}

}  // namespace pd::op
