#include "ranktable/instance_groups.h"
#include "ranktable/layouts.h"

namespace pd::ranktable {
namespace {

Result<Documents> render(const Membership& membership) {
  if (membership.schedulers.empty()) return invalid("OmniK8s lists the scheduler in group 0, and there is none");
  Writer writer;
  begin_global(writer, count_devices(membership));
  write_group(writer, "0", servers_of(membership.schedulers));
  write_instance_groups(writer, membership, 1);
  Documents documents{.global = end_global(writer), .locals = {}, .host = {}};
  add_locals(documents, membership);
  return documents;
}

void check_global(Value document, Findings& findings) {
  const Value list = document.find("server_group_list");
  if (list.is_list() && list.size() > 0) {
    const Value servers = check_group(*list.begin(), "0", findings);
    if (servers) check_scheduler(servers, findings);
  }
  check_instance_groups(document, 1, findings);
}

Result<Membership> read_global(Value document) {
  const Value groups = document.find("server_group_list");
  if (groups.size() == 0)
    return unreadable(document, "\"server_group_list\" should be a list with the scheduler's group");
  Membership membership;
  Result<std::vector<Server>> schedulers = read_servers((*groups.begin()).find("server_list"));
  if (!schedulers) return schedulers.error();
  membership.schedulers = std::move(*schedulers);
  const Status read = read_instance_groups(document, 1, membership);
  if (!read) return read.error();
  return membership;
}

}  // namespace

const Profile kOmniK8s{
    .name = "OmniK8s",
    .summary = "omni-infer on Kubernetes: the scheduler in group 0, then one group for each instance",
    .rules = kGroupRules,
    .render = render,
    .check_global = check_global,
    .check_local = check_local_instance,
    .check_host = check_local_host,
    .read_global = read_global,
    .read_local = read_local_instance,
};

}  // namespace pd::ranktable
