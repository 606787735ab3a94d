// What the operator keeps of a large cluster at rest, by kind: its stores, the nodes' NPUs, and who has seen the
// tables. It is filled as the API server would fill it, with what the planner itself writes, and emptied kind by kind.
//
//   cache_memory [NODES [PODS [DEPLOYMENTS]]]
#include <malloc.h>

#include <iostream>

#include "npu/inventory.h"
#include "operator/delivery.h"
#include "operator/stores.h"
#include "tests/bench/measure.h"
#include "tests/operator/cluster_script.h"
#include "tests/operator/virtual_run.h"

namespace {

using namespace pd;
using test::ClusterScript;

constexpr int kDevices = 16;  // of a node

double heap_mb() {
  const struct mallinfo2 heap = mallinfo2();
  return static_cast<double>(heap.uordblks + heap.hblkhd) / 1e6;
}

void say(const std::string& name, double mb) {
  std::cout << Json({{"bench", "cache." + name}, {"unit", "MB"}, {"median", bench::rounded(mb)}}).dump() << '\n';
}

// As examples/1p1d-tp2.yaml has it.
Json deployment_object(const std::string& name, int instances) {
  const Json engine = {
      {"name", "engine"},
      {"image", "localhost/pd-operator:dev"},
      {"imagePullPolicy", "Never"},
      {"command", {"table-printer"}},
      {"resources", {{"requests", {{"cpu", "10m"}, {"memory", "16Mi"}}}, {"limits", {{"memory", "64Mi"}}}}}};
  const Json pods = {{"spec", {{"terminationGracePeriodSeconds", 1}, {"containers", Json::array({engine})}}}};
  const auto role = [&](int count) {
    return Json{{"instances", count}, {"podsPerInstance", 1}, {"npusPerPod", 1}, {"template", pods}};
  };
  Json made = test::object("default", name, "1");
  made["metadata"]["uid"] = "0d0c1e0a-5b77-4c21-9a63-of-" + name;
  made["metadata"]["generation"] = 1;
  made["spec"] = {{"scheduler", {{"template", pods}}},
                  {"prefill", role(instances / 3)},
                  {"decode", role(instances - instances / 3)}};
  return made;
}

npu::Inventory inventory_of(int node) {
  npu::Inventory made{"hccn_tool", "huawei.com/Ascend910", "2026-11-24T06:34:56Z", {}};
  for (int id = 0; id < kDevices; ++id) {
    npu::Device device;
    device.id = id;
    device.ip =
        "29." + std::to_string(81 + node / 250) + "." + std::to_string(node % 250) + "." + std::to_string(id + 1);
    device.link = "up";
    device.health = "ok";
    made.devices.push_back(std::move(device));
  }
  return made;
}

class Cluster : op::VirtualRun {
 public:
  explicit Cluster(int nodes) : holders_(static_cast<std::size_t>(nodes)) {
    script_.serve(transport_);
    stores_.watch_with(controller_);
    runtime::spawn(context_, controller_.run_watches(stop_.token()));
    test::run_until(context_, [this] { return controller_.synced(); });
    for (std::size_t node = 0; node < holders_.size(); ++node) report(node, "ADDED");
  }
  ~Cluster() {
    delivery_.stop();
    stop_.stop();
    test::run_out(context_);
  }
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;

  void deploy(const std::string& name, int instances) {
    deployment_ = deployment_object(name, instances);
    tell(ClusterScript::kDeployments, "ADDED", deployment_);
    for (int round = 0; round < 10; ++round) {
      plan::Snapshot snapshot = observe(name);
      for (const plan::DryRunTarget& target : plan::plan(snapshot, now_).dry_runs) {
        snapshot.dry_runs[target.key] = {plan::DryRun::Answer::kAccepted, ""};
      }
      const plan::Plan planned = plan::plan(snapshot, now_);
      for (const plan::Action& action : planned.actions) {
        std::visit([this](const auto& one) { carry_out(one); }, action);
      }
      reported_anew();
      delivery_.follow("default/" + name, planned.deliveries);
      advance(std::chrono::seconds(2));
    }
    pods_.clear();
  }

  bool is_at_rest(const std::string& name) {
    plan::Snapshot snapshot = observe(name);
    const plan::Plan planned = plan::plan(snapshot, now_);
    const auto is_delivered = [](const auto& one) { return one.type == "RanktableDelivered" && one.status == "True"; };
    const auto& conditions = snapshot.deployment.status.conditions;
    return planned.actions.empty() && std::any_of(conditions.begin(), conditions.end(), is_delivered);
  }

  std::size_t remove(const std::string& path) {
    for (Json& identity : there_[path]) {
      identity["metadata"]["resourceVersion"] = std::to_string(++version_);
      script_.event(path, "DELETED", identity);
    }
    run();
    return there_[path].size();
  }
  void forget_deliveries() {
    for (const Json& one : there_[ClusterScript::kDeployments]) {
      delivery_.forget("default/" + one["metadata"]["name"].get<std::string>());
    }
    run();
  }

 private:
  void tell(const std::string& path, const std::string& type, Json& object) {
    object["metadata"]["resourceVersion"] = std::to_string(++version_);
    if (type == "ADDED") {
      const Json& meta = object["metadata"];
      there_[path].push_back(
          {{"metadata",
            {{"name", meta["name"]}, {"namespace", meta.value("namespace", "")}, {"uid", meta.value("uid", "")}}}});
    }
    script_.event(path, type, object);
    run();
  }

  plan::Snapshot observe(const std::string& name) {
    plan::Snapshot snapshot = *stores_.observe("default/" + name, {"localhost/none", ""});
    snapshot.deliveries = delivery_.seen("default/" + name);
    return snapshot;
  }

  void report(std::size_t node, const std::string& type) {
    Json object = test::object("", "node-" + std::to_string(node), "1");
    object["metadata"]["annotations"] = {
        {std::string(npu::kInventoryAnnotation), npu::format_inventory(inventory_of(static_cast<int>(node)))},
        {std::string(npu::kAllocationsAnnotation), npu::format_allocations(holders_[node])}};
    tell(ClusterScript::kNodes, type, object);
  }
  void reported_anew() {
    for (const std::size_t node : touched_) report(node, "MODIFIED");
    touched_.clear();
  }

  void carry_out(const plan::CreateConfigMap& one) { add(ClusterScript::kConfigMaps, one.object); }
  void carry_out(const plan::ReplaceConfigMap& one) {
    Json map = one.object;
    map["metadata"]["uid"] = "0d0c1e0a-5b77-4c21-9a63-000000000000";
    tell(ClusterScript::kConfigMaps, "MODIFIED", map);
  }
  void carry_out(const plan::CreateObject& one) {
    const bool is_service = one.object["kind"] == "Service";
    add(is_service ? ClusterScript::kServices : ClusterScript::kBudgets, one.object);
  }
  void carry_out(const plan::CreatePod& one) {
    Json pod = one.object;
    const std::size_t index = next_pod_++;
    const std::size_t node = index % holders_.size();
    pod["metadata"]["uid"] = "8f2c1e0a-5b77-4c21-9a63-" + std::to_string(100000000000 + index);
    pod["metadata"]["creationTimestamp"] = "2026-11-24T06:34:56Z";
    pod["spec"]["nodeName"] = "node-" + std::to_string(node);
    const std::string address = "10." + std::to_string(200 + index / 62500) + "." + std::to_string(index / 250 % 250) +
                                "." + std::to_string(index % 250 + 1);
    pod["status"] = {{"phase", "Running"},
                     {"hostIP", "192.168.17.1"},
                     {"podIP", address},
                     {"conditions", {{{"type", "Ready"}, {"status", "True"}}}}};
    if (pod["metadata"]["labels"]["pd-operator.io/role"] != "scheduler") {
      npu::Allocations& held = holders_[node];
      held.pods.push_back(
          {"default", pod["metadata"]["name"], pod["metadata"]["uid"], {static_cast<int>(held.pods.size())}});
      touched_.push_back(node);
    }
    tell(ClusterScript::kPods, "ADDED", pod);
    pods_.insert_or_assign(pod["metadata"]["name"].get<std::string>(), pod);
  }
  void carry_out(const plan::TouchPod& one) {
    Json& pod = pods_.at(one.name);
    for (const auto& [key, value] : one.annotations) pod["metadata"]["annotations"][key] = value;
    tell(ClusterScript::kPods, "MODIFIED", pod);
  }
  void carry_out(const plan::WriteStatus& one) {
    deployment_["status"] = kube::encode_status(one.status);
    tell(ClusterScript::kDeployments, "MODIFIED", deployment_);
  }
  template <typename Other>
  void carry_out(const Other& /*one*/) {}  // events; nothing is deleted

  void add(const std::string& path, Json object) {
    object["metadata"]["uid"] = "0d0c1e0a-5b77-4c21-9a63-" + std::to_string(200000000000 + version_);
    tell(path, "ADDED", object);
  }

  static boost::asio::awaitable<Result<std::int64_t>> confirm(plan::DeliveryTarget target) {
    co_return target.generation;
  }

  std::vector<npu::Allocations> holders_;
  std::vector<std::size_t> touched_;
  std::map<std::string, Json> pods_;  // of the deployment that is made
  Json deployment_;
  std::map<std::string, std::vector<Json>> there_;  // what can be removed
  std::size_t next_pod_ = 0;
  int version_ = 100;
  const WallTime now_ = *parse_rfc3339("2026-11-24T12:00:00Z");

  test::ScriptedTransport transport_;
  ClusterScript script_;
  kube::Client client_{transport_};
  runtime::Rng rng_{1};
  StopSource stop_;
  op::Stores stores_{client_, {}, rng_};
  runtime::Controller controller_{context_, rng_, {}, nullptr};  // its watches alone
  op::Delivery delivery_{context_, rng_, confirm, [](const std::string& /*key*/) {}};
};

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> sizes(argv + 1, argv + argc);
  const int nodes = sizes.empty() ? 1000 : std::stoi(sizes[0]);
  const int pods = sizes.size() < 2 ? 10000 : std::stoi(sizes[1]);
  const int deployments = sizes.size() < 3 ? 100 : std::stoi(sizes[2]);
  Cluster cluster(nodes);
  for (int number = 0; number < deployments; ++number) {
    cluster.deploy("d" + std::to_string(number), pods / deployments - 1);
  }
  for (int number = 0; number < deployments; ++number) {
    if (cluster.is_at_rest("d" + std::to_string(number))) continue;
    std::cerr << "cache_memory: deployment d" << number << " did not come to rest: the numbers mean nothing\n";
    return 1;
  }
  const double full = heap_mb();
  double before = full;
  const auto gone = [&](const std::string& name) { say(name, std::exchange(before, heap_mb()) - heap_mb()); };
  cluster.forget_deliveries();
  gone("deliveries");
  cluster.remove(ClusterScript::kPods);
  gone("pods");
  cluster.remove(ClusterScript::kNodes);
  gone("nodes");
  cluster.remove(ClusterScript::kConfigMaps);
  gone("config_maps");
  cluster.remove(ClusterScript::kServices);
  cluster.remove(ClusterScript::kBudgets);
  gone("services_and_budgets");
  cluster.remove(ClusterScript::kDeployments);
  gone("deployments");
  say("all", full - before);
  return 0;
}
