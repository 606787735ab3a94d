// All that is known about one PDDeployment at one moment, collected from the stores by the operator (or from files by
// pdctl), and the plain input of plan(). Thread: plain values.
#pragma once

#include <boost/iterator/indirect_iterator.hpp>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "kube/objects.h"
#include "kube/pddeployment.h"

namespace pd::plan {

// What the operator was started with; the same for all deployments.
struct Settings {
  std::string gate_image;              // of the injected pd-gate containers, when spec.gate.image is empty
  std::string gate_image_pull_policy;  // likewise; empty: the API server's default
};

struct NodeNpus;

// What a pod's sidecar has told about the tables that it sees.
struct DeliveryState {
  std::int64_t generation = 0;  // the last that it told of
  std::string problem = {};     // why it can't be asked; empty as long as it is not given up
  bool operator==(const DeliveryState&) const = default;
};

// What the API server says of the pods of a template: of a dry run, or when one was made.
struct DryRun {
  enum class Answer {
    kNone,      // it has not said anything yet
    kAccepted,  // it would take them
    kRefused,   // it would not, whenever they come: the pod is invalid, or a policy denies it
    kUnclear,   // not now, or it can't be known before a pod is made
  };
  Answer answer = Answer::kNone;
  std::string message = {};  // its words; empty when it accepts them, or has not been asked
  bool operator==(const DryRun&) const = default;
};

// Pods shared with the store that they are from.
class Pods {
 public:
  void push_back(std::shared_ptr<const kube::Pod> pod) { all_.push_back(std::move(pod)); }
  void push_back(kube::Pod pod) { all_.push_back(std::make_shared<const kube::Pod>(std::move(pod))); }
  auto begin() const { return boost::make_indirect_iterator(all_.begin()); }
  auto end() const { return boost::make_indirect_iterator(all_.end()); }
  bool empty() const { return all_.empty(); }
  std::size_t size() const { return all_.size(); }
  const kube::Pod& operator[](std::size_t index) const { return *all_[index]; }

 private:
  std::vector<std::shared_ptr<const kube::Pod>> all_;
};

struct Snapshot {
  Settings settings;
  kube::PDDeployment deployment;
  Pods pods;  // every pod of its namespace with its deployment label, whoever owns it
  std::map<std::string, std::shared_ptr<const NodeNpus>> nodes;  // by name: those that the pods are bound to
  std::vector<std::string> resources;         // the extended resources that any node's inventory names
  std::optional<kube::ConfigMap> config_map;  // the object named <pdd>-ranktable, whoever owns it
  std::string table_digest;                   // of what it holds, where that was kept
  std::vector<kube::Service> services;        // the objects named <pdd>-pods and <pdd>-scheduler, whoever owns them
  std::vector<kube::PodDisruptionBudget> budgets;   // the objects named <pdd>-<role>, whoever owns them
  std::map<std::string, DeliveryState> deliveries;  // by pod UID
  std::map<std::string, DryRun> dry_runs;           // by the key of what was tried
  std::vector<std::string> taken_pod_names;  // names for which our POST was answered 409 while `pods` has no such pod
};

}  // namespace pd::plan
