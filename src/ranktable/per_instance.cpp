#include <algorithm>

#include "ranktable/instance_groups.h"
#include "ranktable/layouts.h"

namespace pd::ranktable {
namespace {

// Its consumer sorts the servers of a prefill instance after the first by their address as text and ignores the ranks
// that it was given (ranktable-formats, section 10.3): they are written in that order, so that both agree.
Membership in_consumers_order(Membership membership) {
  for (Instance& instance : membership.prefill) {
    if (instance.servers.size() < 3) continue;
    std::stable_sort(instance.servers.begin() + 1, instance.servers.end(),
                     [](const Server& a, const Server& b) { return a.ip < b.ip; });
  }
  return membership;
}

Result<Documents> render(const Membership& given) {
  const Membership membership = in_consumers_order(given);
  Writer writer;
  begin_global(writer, count_devices(membership));
  write_instance_groups(writer, membership, 0);
  Documents documents{.global = end_global(writer), .locals = {}, .host = {}};
  add_locals(documents, membership);
  return documents;
}

void check_global(Value document, Findings& findings) { check_instance_groups(document, 0, findings); }

Result<Membership> read_global(Value document) {
  Membership membership;
  const Status read = read_instance_groups(document, 0, membership);
  if (!read) return read.error();
  return membership;
}

}  // namespace

const Profile kPerInstance{
    .name = "PerInstance",
    .summary = "omni-infer: one group for each instance, prefill first, no scheduler",
    .rules = kGroupRules,
    .integer_counts = true,
    .render = render,
    .check_global = check_global,
    .check_local = check_local_instance,
    .check_host = check_local_host,
    .read_global = read_global,
    .read_local = read_local_instance,
};

}  // namespace pd::ranktable
