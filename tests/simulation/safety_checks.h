// What must hold whatever fails: invariants S1 to S11, judged after each write and each plan from what the API server
// holds, from what the nodes really are, and from what was seen when a write was planned. Nothing that the planner
// decides with is used; of the ranktable library, the parser and the validator are. The first violation is kept.
//
//   SafetyChecks checks(world, cluster, operators);
//   checks.planned(snapshot, plan, seen_version);    // before it is carried out
//   checks.committed(commit);                        // after each write that was done
//
// Thread: one. World and cluster must outlive it.
#pragma once

#include "plan/plan.h"
#include "ranktable/membership.h"
#include "tests/simulation/sim_cluster.h"
#include "tests/simulation/sim_request.h"

namespace pd::test {

// One slot's pods share a name up to the incarnation: "qwen-prefill-0-0".
struct SlotName {
  std::string role;
  int instance = 0;
  int pod = 0;
  std::int64_t incarnation = 0;
  bool same_slot(const SlotName& other) const {
    return role == other.role && instance == other.instance && pod == other.pod;
  }
  std::string instance_name() const { return role == "scheduler" ? role : role + "-" + std::to_string(instance); }
};
std::optional<SlotName> slot_of(const std::string& deployment, const std::string& pod);

// The servers that an instance's own table lists; nothing where it is not completed.
std::vector<ranktable::Server> listed_servers(const std::string& local, const std::string& profile);
bool lists_address(const std::string& local, const std::string& address);  // whatever its layout
bool says_completed(const std::string& table);
std::string local_key_of(const std::string& instance);  // the scheduler's is that of the host

class SafetyChecks {
 public:
  // The processes before `operators` are operators, the others agents: one for each node, in their order.
  SafetyChecks(World& world, const SimCluster& cluster, int operators)
      : world_(world), cluster_(cluster), operators_(operators) {}

  // Which resourceVersion of a node the one who plans has seen; "" of one that it doesn't know.
  using SeenVersion = std::function<std::string(const std::string& node)>;
  void planned(const plan::Snapshot& snapshot, const plan::Plan& plan, const SeenVersion& seen_version);
  void committed(const Commit& commit);
  const std::string& violation() const { return violation_; }
  void violated(const std::string& what);

  // ---- What the operators have written since the beginning, by deployment.
  struct Written {
    int tables = 0;
    int partial = 0;  // of them, that went on without an instance that is wanted
    int statuses = 0;
    int created = 0;  // pods
    int others = 0;
    std::map<std::string, int> touches;  // by pod UID
    int all() const;
  };
  const std::map<std::string, Written>& written() const { return written_; }  // by "namespace/name"
  Instant last_write() const { return last_write_; }

 private:
  using Content = std::map<std::string, std::string>;  // of a table, but for its generation
  // What is known of one PDDeployment, by its UID.
  struct Known {
    std::set<Content> planned;                               // contents that some plan wanted
    std::map<std::int64_t, Content> by_generation;           // that were written
    std::map<std::string, std::set<std::string>> made_from;  // pod name -> what its pods were made from
    // UIDs of pods that some plan wanted to be deleted; true: since nobody wants their instance.
    std::map<std::string, bool> deletes;
  };
  struct Change {
    const Commit& commit;
    ObjectPtr before;
    ObjectPtr after;
    Json body;  // of the request
  };

  // ---- When it is planned (safety_plans.cpp).
  void plan_writes_table(const plan::Snapshot& snapshot, const Json& object, const SeenVersion& seen_version);
  void plan_is_true(const plan::Snapshot& snapshot, const Content& content, const SeenVersion& seen_version);
  void plan_lists_pod(const plan::Snapshot& snapshot, const std::string& instance, const ranktable::Server& server,
                      const SeenVersion& seen_version);
  void plan_takes_back(const plan::Snapshot& snapshot, const Content& content);
  void plan_creates(const plan::Snapshot& snapshot, const Json& pod);
  void plan_deletes(const plan::Snapshot& snapshot, const plan::DeletePod& pod);
  bool may_be_deleted(const plan::Snapshot& snapshot, const kube::Pod& pod, const SlotName& slot);

  // ---- When it is done (safety_writes.cpp).
  void agent_wrote(const Change& change, const SimRequest& request);
  void operator_wrote(const Change& change, const SimRequest& request);
  void table_written(const Change& change);
  void table_is_well_formed(const Content& content, const std::string& profile);
  void table_is_one_cut(const Json& map, const Content& content, const std::string& profile);
  void table_is_true(const std::string& deployment_uid, const std::string& deployment, const Content& content,
                     const std::string& profile);
  bool is_held(const std::string& deployment_uid, const std::string& deployment, const std::string& instance,
               const ranktable::Server& server);
  void generation_counts_on(const Change& change, const Content& content);
  void pod_created(const Change& change);
  void pod_written(const Change& change);
  void pod_deleted(const Change& change);
  void is_fenced(const Change& change);
  void is_own(const Change& change);
  ObjectPtr owner_of(const Json& object) const;
  void remember_pods();

  World& world_;
  const SimCluster& cluster_;
  int operators_;
  std::string violation_;
  std::map<std::string, Known> known_;
  std::uint64_t revision_ = 0;  // up to which all is judged
  struct PodEver {
    std::string name;
    std::string owner;  // UID
    std::set<std::string> addresses;
  };
  std::map<std::string, PodEver> pods_ever_;  // by UID
  std::size_t seen_pods_ = 0;
  std::map<std::string, Written> written_;
  Instant last_write_{};
};

}  // namespace pd::test
