// Whoever makes the pods of a role that adopts: it wants as many as the role has instances, replaces those that are
// gone, and rolls out a new version, either as a Deployment does (new names; a surge pod first, and an old one goes
// when it is Ready) or as a Parallel StatefulSet (the same names). Thread: for tests.
#pragma once

#include <string>

#include "tests/plan/fake_cluster.h"

namespace pd::plan {

class FakeWorkload {
 public:
  FakeWorkload(std::string role, bool stable_names) : role_(std::move(role)), stable_names_(stable_names) {}

  void roll_out() { ++version_; }

  void work(FakeCluster& cluster) {
    const kube::PDDeployment deployment = cluster.snapshot().deployment;
    const bool scheduler = role_ == "scheduler";
    const kube::RoleSpec& spec = scheduler            ? deployment.scheduler
                                 : role_ == "prefill" ? deployment.prefill
                                                      : deployment.decode;
    npus_ = scheduler ? 0 : spec.npus_per_pod;
    const int wanted = scheduler ? 1 : spec.instances;
    const std::vector<kube::Pod*> pods = pods_of(cluster);
    if (stable_names_ || scheduler) {
      work_by_name(cluster, wanted);
    } else {
      work_by_count(cluster, pods, wanted);
    }
  }

 private:
  std::string tag() const { return std::to_string(version_) + "-" + std::to_string(npus_); }

  bool is_current(const kube::Pod& pod) const { return pod.meta.label("version") == tag(); }

  std::vector<kube::Pod*> pods_of(FakeCluster& cluster) const {
    std::vector<kube::Pod*> pods;
    for (auto& [name, pod] : cluster.pods_) {
      if (pod.meta.label("workload") == role_ && !pod.meta.deleted && pod.phase != "Failed") pods.push_back(&pod);
    }
    return pods;
  }

  void make(FakeCluster& cluster, const std::string& name) const {
    cluster.add_workload_pod(name, role_, npus_, {{"workload", role_}, {"version", tag()}});
  }

  void work_by_name(FakeCluster& cluster, int wanted) const {
    for (int ordinal = 0; ordinal < wanted; ++ordinal) {
      const std::string name = "set-" + role_ + "-" + std::to_string(ordinal);
      const auto found = cluster.pods_.find(name);
      if (found == cluster.pods_.end()) {
        make(cluster, name);
      } else if (found->second.phase == "Failed") {
        cluster.vanish(name);
      } else if (!found->second.meta.deleted && !is_current(found->second)) {
        cluster.delete_pod(name);
      }
    }
    for (const kube::Pod* pod : pods_of(cluster)) {
      const std::string& name = pod->meta.name;
      if (std::stoi(name.substr(name.rfind('-') + 1)) >= wanted) cluster.delete_pod(name);
    }
  }

  void work_by_count(FakeCluster& cluster, const std::vector<kube::Pod*>& pods, int wanted) {
    int current = 0;
    int ready = 0;
    for (const kube::Pod* pod : pods) {
      current += is_current(*pod) ? 1 : 0;
      ready += pod->ready ? 1 : 0;
    }
    const int count = static_cast<int>(pods.size());
    if (count < wanted || (current < wanted && count <= wanted)) {
      make(cluster, "rs-" + role_ + "-" + std::to_string(++made_));
      return;
    }
    if (count <= wanted) return;
    // Old ones first; an old one that serves goes when there are enough without it, or when it is of another size.
    for (const kube::Pod* pod : pods) {
      const bool size_changed =
          pod->meta.label("version").substr(pod->meta.label("version").find('-')) != tag().substr(tag().find('-'));
      const bool spare = !pod->ready || ready > wanted || size_changed;
      if (!is_current(*pod) && spare) return cluster.delete_pod(pod->meta.name);
    }
    if (current > wanted) cluster.delete_pod(pods.back()->meta.name);
  }

  std::string role_;
  bool stable_names_;
  int version_ = 0;
  int npus_ = 0;
  int made_ = 0;
};

}  // namespace pd::plan
