// Those who act in a simulated run: they make PDDeployments and change them, meddle with what is not theirs, and are
// what befalls pods and nodes. At the end they put right what nobody else would.
//
//   People people(world, cluster, processes_of_agents);
//   people.make_deployments(2);
//   world.after(act.at, [&] { people.perform(act); });
//   people.put_right();
//
// Thread: one. What it is given must outlive it.
#pragma once

#include "tests/simulation/act.h"
#include "tests/simulation/sim_cluster.h"

namespace pd::test {

inline const std::string kNamespace = "llm";

class People {
 public:
  // The agent of node N is process `first_agent` + N.
  People(World& world, SimCluster& cluster, int first_agent)
      : world_(world), cluster_(cluster), first_agent_(first_agent) {}

  void make_deployments(int count);
  void perform(const Act& act);
  void put_right();
  // Where there are not enough NPUs: less is wanted of everything.
  void want_little();
  const std::set<std::string>& deployments() const { return names_; }

 private:
  using Pick = std::vector<std::pair<std::string, ObjectPtr>>;

  void act_on_spec(const Act& act, runtime::Rng& rng);
  void act_on_policy(runtime::Rng& rng, const std::string& name, const std::string& role);
  void act_on_map(const Act& act, runtime::Rng& rng);
  void act_on_pod(const Act& act, runtime::Rng& rng);
  void act_on_node(const Act& act, runtime::Rng& rng);
  void forge_claim(const std::string& key, const SimObject& pod, runtime::Rng& rng);
  void forge_node(SimNode& node, runtime::Rng& rng);
  void take_name(runtime::Rng& rng, const std::string& name);
  void remake(const Act& act, const std::string& name);
  void change_address(SimNode& node, std::size_t device, const Act& act);
  void fail_node(SimNode& node, const Act& act);
  bool waits_for_lost_node(const SimObject& pod, const std::string& name) const;
  void edit(const std::string& name, const Json& spec);
  Json deployment(const std::string& name, int number, runtime::Rng& rng) const;
  Pick pods_of(const std::string& name) const;

  World& world_;
  SimCluster& cluster_;
  int first_agent_;
  bool lost_one_ = false;  // a node, for good
  int addresses_ = 0;      // that were given anew
  std::set<std::string> names_;
  std::vector<std::string> foreign_;  // paths of objects that take names of ours
};

}  // namespace pd::test
