// What a deployment of 512 NPUs (32 prefill and 32 decode instances of 8) costs the operator's one thread: rendering
// and judging its tables, planning when nothing changed, and planning when a pod is lost.
#include <iostream>

#include "plan/config_map.h"
#include "plan/node_npus.h"
#include "plan/plan.h"
#include "ranktable/profile.h"
#include "ranktable/validate.h"
#include "tests/bench/measure.h"
#include "tests/plan/fake_cluster.h"

namespace {

using pd::bench::measure;

constexpr int kInstances = 32;  // of each role
constexpr int kNpus = 8;        // of each instance
constexpr std::string_view kProfile = "AscendCloud";

pd::ranktable::Membership membership() {
  pd::ranktable::Membership made;
  made.schedulers = {{"10.0.9.1", "10.0.9.1"}};
  for (int n = 0; n < 2 * kInstances; ++n) {
    const bool is_prefill = n < kInstances;
    const std::string ip = "10.0.1." + std::to_string(n + 1);
    pd::ranktable::Server server{ip, ip, {}};
    for (int id = 0; id < kNpus; ++id)
      server.devices.push_back({id, "29.81." + std::to_string(n) + "." + std::to_string(id + 1)});
    auto& role = is_prefill ? made.prefill : made.decode;
    role.push_back({(is_prefill ? "prefill-" : "decode-") + std::to_string(role.size()), {server}});
  }
  return made;
}

// False when the tables are not right: then their times mean nothing.
bool measure_tables() {
  const pd::ranktable::Membership members = membership();
  const pd::ranktable::Profile& profile = *pd::ranktable::find_profile(kProfile);
  const std::string table = profile.render(members)->global;
  measure("ranktable.render_512_npus", [&] { return profile.render(members)->global.size(); });
  measure("ranktable.validate_512_npus", [&] { return pd::ranktable::validate_global(table, kProfile).size(); });
  return pd::ranktable::validate_global(table, kProfile).empty();
}

// With what the operator keeps of a ConfigMap.
pd::plan::Snapshot snapshot_of(const pd::plan::FakeCluster& cluster) {
  pd::plan::Snapshot made = cluster.snapshot();
  made.table_digest = pd::plan::digest_of(pd::plan::content_of(made.config_map.value()));
  return made;
}

// A pod has another address: the table is rendered, judged and compared.
bool measure_publish(pd::plan::FakeCluster& cluster, const pd::plan::DeploymentBuilder& wanted) {
  cluster = pd::plan::FakeCluster(wanted, 2 * kInstances + 1);
  if (!cluster.settle()) return false;
  cluster.pod("qwen-prefill-0-0-1").pod_ip = "10.9.9.9";
  const pd::plan::Snapshot moved = snapshot_of(cluster);
  measure("plan.publish_512_npus", [&] { return pd::plan::plan(moved, cluster.now_).actions.size(); });
  return pd::plan::plan(moved, cluster.now_).actions.size() > 2 * kInstances;
}

bool measure_plans() {
  const auto wanted = pd::plan::a_deployment("qwen")
                          .prefill(kInstances)
                          .decode(kInstances)
                          .set("/spec/prefill/npusPerPod", kNpus)
                          .set("/spec/decode/npusPerPod", kNpus);
  pd::plan::FakeCluster cluster(wanted, 2 * kInstances + 1);
  const bool settled = cluster.settle();
  const pd::plan::Snapshot idle = snapshot_of(cluster);
  measure("plan.idle_512_npus", [&] { return pd::plan::plan(idle, cluster.now_).actions.size(); });
  cluster.delete_pod("qwen-prefill-0-0-1");
  const pd::plan::Snapshot changed = snapshot_of(cluster);
  measure("plan.lost_pod_512_npus", [&] { return pd::plan::plan(changed, cluster.now_).actions.size(); });
  return settled && measure_publish(cluster, wanted) && pd::plan::plan(idle, cluster.now_).actions.empty();
}

}  // namespace

int main() {
  const bool right = measure_tables() && measure_plans();
  if (!right)
    std::cerr << "plan_bench: the deployment did not come to rest with a right table: the numbers mean nothing\n";
  return right ? 0 : 1;
}
