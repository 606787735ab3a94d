#include "tests/simulation/sim_node.h"

#include <algorithm>

#include "kube/json_members.h"
#include "ranktable/validate.h"

namespace pd::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const SimKind& pods() { return kind_of("pods"); }
const SimKind& maps() { return kind_of("configmaps"); }

std::int64_t number(const std::string& text) {
  const bool digits = !text.empty() && text.size() < 16 && text.find_first_not_of("0123456789") == std::string::npos;
  return digits ? std::stoll(text) : -1;
}

std::string text_in(const ObjectPtr& map, const std::string& key) {
  return map ? kube::text_member(kube::object_member(map->json(), "data"), key.c_str()) : "";
}

int sidecar_port(const Json& pod) {
  for (const Json& container : kube::array_member(kube::object_member(pod, "spec"), "initContainers")) {
    const Json& args = kube::array_member(container, "args");
    for (std::size_t i = 0; i + 1 < args.size(); ++i) {
      if (args[i] == "--port") return std::stoi(args[i + 1].get<std::string>());
    }
  }
  return 0;
}

// The ConfigMap of the volume with the tables, and the key that is mounted as the pod's own table.
std::pair<std::string, std::string> table_source(const Json& pod) {
  for (const Json& volume : kube::array_member(kube::object_member(pod, "spec"), "volumes")) {
    for (const Json& source : kube::array_member(kube::object_member(volume, "projected"), "sources")) {
      const Json& map = kube::object_member(source, "configMap");
      for (const Json& item : kube::array_member(map, "items")) {
        if (item.value("path", "") == "local_ranktable.json") return {map.value("name", ""), item.value("key", "")};
      }
    }
  }
  return {};
}

}  // namespace

bool is_over(const Json& pod) {
  const std::string phase = kube::text_member(kube::object_member(pod, "status"), "phase");
  return phase == "Failed" || phase == "Succeeded";
}

std::string pod_path(const std::string& key) {
  return "/api/v1/namespaces/" + key.substr(0, key.find('/')) + "/pods/" + key.substr(key.find('/') + 1);
}

int npus_of(const Json& pod) {
  int count = 0;
  for (const Json& container : kube::array_member(kube::object_member(pod, "spec"), "containers")) {
    const Json& limits = kube::object_member(kube::object_member(container, "resources"), "limits");
    const auto found = limits.find("huawei.com/Ascend910");
    if (found == limits.end()) continue;
    count += found->is_string() ? std::stoi(found->get<std::string>()) : found->get<int>();
  }
  return count;
}

SimNode::SimNode(World& world, std::string name, std::string ip, int devices)
    : world_(world), name_(std::move(name)), ip_(std::move(ip)) {
  inventory_.source = "hccn_tool";
  inventory_.resource = "huawei.com/Ascend910";
  for (int id = 0; id < devices; ++id) {
    npu::Device device;
    device.id = id;
    device.ip = "29.0." + ip_.substr(ip_.rfind('.') + 1) + "." + std::to_string(100 + id);
    device.link = "up";
    inventory_.devices.push_back(std::move(device));
  }
  note_addresses();
}

void SimNode::note_addresses() {
  for (const npu::Device& device : inventory_.devices) addresses_.emplace(device.id, device.ip);
}

int SimNode::draw(int least, int most) { return std::uniform_int_distribution<int>(least, most)(world_.rng()); }

npu::Allocations SimNode::allocations() const {
  npu::Allocations allocations;
  for (const auto& [uid, devices] : held_) {
    const Held& held = ever_held_.at(uid);
    allocations.pods.push_back({held.ns, held.name, uid, devices});
  }
  const auto name = [](const npu::PodDevices& pod) { return std::tie(pod.pod_namespace, pod.name, pod.uid); };
  std::sort(allocations.pods.begin(), allocations.pods.end(),
            [&](const npu::PodDevices& a, const npu::PodDevices& b) { return name(a) < name(b); });
  return allocations;
}

void SimNode::later(Duration delay, const std::string& uid, void (SimNode::*step)(const std::string&)) {
  world_.after(delay, [this, uid, step, life = life_] {
    if (life == life_ && pods_.contains(uid)) (this->*step)(uid);
  });
}

// ---- Kubelet.

void SimNode::pod_changed(const std::string& key) {
  world_.after(millis(5, 100), [this, key] { look_at(key); });
}

void SimNode::map_changed(const std::string& key) {
  // Mostly about as soon as the pods; at times seconds later, or not before it lists them anew.
  Duration delay = draw(0, 9) > 0 ? millis(5, 100) : millis(100, 6000);
  if (world_.now() < lags_until_) delay = std::max(delay, lags_until_ - world_.now());
  world_.after(delay, [this, key] { maps_[key] = world_.etcd().find(maps(), key); });
}

void SimNode::look_at_all() {
  for (const auto& [key, object] : world_.etcd().all(maps())) maps_[key] = object;
  std::set<std::string> keys;
  for (const auto& [uid, pod] : pods_) keys.insert(pod.key);
  for (const auto& [key, object] : world_.etcd().all(pods())) keys.insert(key);
  for (const std::string& key : keys) look_at(key);
  for (const auto& [uid, pod] : pods_) {
    if (pod.ending) later(millis(100, 2000), uid, &SimNode::finish);
  }
}

void SimNode::look_at(const std::string& key) {
  if (!kubelet_runs()) return;
  const ObjectPtr object = world_.etcd().find(pods(), key);
  forget_vanished(key, object ? object->meta_text("uid") : "");
  if (!object || kube::text_member(kube::object_member(object->json(), "spec"), "nodeName") != name_) return;
  const std::string& uid = object->meta_text("uid");
  const bool known = pods_.contains(uid);
  if (is_over(object->json())) {
    release(uid);
    pods_.erase(uid);
    if (object->terminating()) remove(key, uid);
    return;
  }
  if (object->terminating()) {
    if (!known) {
      Pod& unseen = pods_[uid];
      unseen.key = key;
    }
    return end(uid, object->meta().value("deletionGracePeriodSeconds", std::int64_t{0}));
  }
  if (!known) return admit(key, object->json());
  if (pods_.at(uid).ip.empty()) {
    later(millis(20, 1500), uid, &SimNode::start);
  } else {
    mount(uid);
  }
}

// Killed by force, or by whoever collects the pods of a node that is gone.
void SimNode::forget_vanished(const std::string& key, const std::string& uid) {
  for (auto& [known, pod] : pods_) {
    if (pod.key != key || known == uid || pod.ending) continue;
    pod.ending = true;
    later(millis(50, 1500), known, &SimNode::finish);
  }
}

void SimNode::admit(const std::string& key, const Json& object) {
  const std::string uid = kube::text_member(object["metadata"], "uid");
  Pod& pod = pods_[uid];
  pod.key = key;
  const auto [map, local_key] = table_source(object);
  pod.map = key.substr(0, key.find('/') + 1) + map;
  pod.local_key = local_key;
  pod.port = sidecar_port(object);
  std::vector<int> devices;
  const int want = npus_of(object);
  for (const npu::Device& device : inventory_.devices) {
    const bool taken = std::any_of(held_.begin(), held_.end(), [&](const auto& held) {
      return std::find(held.second.begin(), held.second.end(), device.id) != held.second.end();
    });
    if (!taken && static_cast<int>(devices.size()) < want) devices.push_back(device.id);
  }
  if (static_cast<int>(devices.size()) < want) {
    report(pod, uid, "Failed", false, "UnexpectedAdmissionError");
    pods_.erase(uid);
    return;
  }
  if (want > 0) {
    held_[uid] = devices;
    ever_held_[uid] = {key.substr(0, key.find('/')), key.substr(key.find('/') + 1), devices};
    devices_changed_();
  }
  later(millis(20, 1500), uid, &SimNode::start);
}

// The sandbox is there: its address, its volumes, its sidecar.
void SimNode::start(const std::string& uid) {
  Pod& pod = pods_.at(uid);
  const ObjectPtr object = world_.etcd().find(pods(), pod.key);
  if (!object || object->meta_text("uid") != uid || pod.ending || !pod.ip.empty() || !kubelet_runs()) return;
  const bool host_network = kube::object_member(object->json(), "spec").value("hostNetwork", false);
  if (host_network) {
    pod.ip = ip_;
  } else {
    // Addresses are used again, but not at once.
    pod.ip = "10.244." + ip_.substr(ip_.rfind('.') + 1) + "." + std::to_string(next_address_);
    next_address_ = next_address_ % kAddresses + 1;
  }
  report(pod, uid, "Pending", false);
  mount(uid);
  refresh_later(uid);
}

void SimNode::mount(const std::string& uid) {
  Pod& pod = pods_.at(uid);
  const ObjectPtr object = world_.etcd().find(pods(), pod.key);
  if (!object || object->meta_text("uid") != uid) return;
  const ObjectPtr& map = maps_[pod.map];
  pod.mounted.generation = number(text_in(map, "generation"));
  pod.mounted.local = text_in(map, pod.local_key);
  const Json& annotations = kube::object_member(object->meta(), "annotations");
  pod.mounted.expected = number(kube::text_member(annotations, "pd-operator.io/ranktable-generation"));
  if (!pod.running && !pod.ending && gate_passes(pod)) later(millis(20, 800), uid, &SimNode::run_main);
}

// A minute and more after the last time, kubelet looks at each pod anew.
void SimNode::refresh_later(const std::string& uid) {
  world_.after(millis(60'000, 90'000), [this, uid, life = life_] {
    if (life != life_ || !pods_.contains(uid)) return;
    Pod& pod = pods_.at(uid);
    if (kubelet_runs()) {
      maps_[pod.map] = world_.etcd().find(maps(), pod.map);
      mount(uid);
    }
    refresh_later(uid);
  });
}

// What pd-gate wait checks, as far as a table of ours can fail it.
bool SimNode::gate_passes(const Pod& pod) const {
  if (pod.mounted.expected < 0 || pod.mounted.generation < pod.mounted.expected) return false;
  const Result<std::string> status = ranktable::read_status(pod.mounted.local);
  if (!status || *status != "completed") return false;
  const Result<std::vector<std::string>> ips = ranktable::read_server_ips(pod.mounted.local);
  return ips && std::find(ips->begin(), ips->end(), pod.ip) != ips->end();
}

void SimNode::run_main(const std::string& uid) {
  Pod& pod = pods_.at(uid);
  if (pod.running || pod.ending || !kubelet_runs()) return;
  pod.running = true;
  report(pod, uid, "Running", true);
}

void SimNode::crash(const std::string& uid) {
  if (!started(uid) || !kubelet_runs()) return;
  Pod& pod = pods_.at(uid);
  pod.running = false;
  ++pod.restarts;
  report(pod, uid, "Running", false);
  later(millis(500, 5000), uid, &SimNode::run_main);
}

void SimNode::evict(const std::string& uid) {
  if (!kubelet_runs() || !pods_.contains(uid) || pods_.at(uid).ending) return;
  report(pods_.at(uid), uid, "Failed", false, "Evicted");
  release(uid);
  pods_.erase(uid);
}

// Mostly soon; some take all the time that they are given.
void SimNode::end(const std::string& uid, std::int64_t grace) {
  Pod& pod = pods_.at(uid);
  const Duration whole = seconds(std::max<std::int64_t>(grace, 0));
  const bool again = pod.ending;
  pod.ending = true;
  if (again && grace > 0) return;
  if (!again && pod.running) report(pod, uid, "Running", false);
  later(draw(0, 4) > 0 ? std::min<Duration>(whole, millis(100, 3000)) : whole, uid, &SimNode::finish);
}

void SimNode::finish(const std::string& uid) {
  if (!kubelet_runs()) return;
  const Pod pod = pods_.at(uid);
  release(uid);
  pods_.erase(uid);
  remove(pod.key, uid);
}

void SimNode::remove(const std::string& key, const std::string& uid) {
  world_.as_user("DELETE", pod_path(key), {{"gracePeriodSeconds", 0}, {"preconditions", {{"uid", uid}}}});
}

void SimNode::release(const std::string& uid) {
  if (held_.erase(uid) > 0) devices_changed_();
}

void SimNode::report(const Pod& pod, const std::string& uid, const char* phase, bool ready, const char* reason) {
  Json status = {{"phase", phase},
                 {"conditions", Json::array({{{"type", "PodScheduled"}, {"status", "True"}},
                                             {{"type", "Ready"}, {"status", ready ? "True" : "False"}}})},
                 {"containerStatuses", Json::array({{{"name", "engine"}, {"restartCount", pod.restarts}}})}};
  if (!pod.ip.empty()) status["podIP"] = pod.ip;
  if (!pod.ip.empty()) status["hostIP"] = ip_;
  if (*reason != '\0') status["reason"] = reason;
  world_.as_user("PATCH", pod_path(pod.key) + "/status", {{"metadata", {{"uid", uid}}}, {"status", status}});
}

// ---- The machine.

void SimNode::edit_inventory(const std::function<void(npu::Inventory&)>& edit) {
  edit(inventory_);
  note_addresses();
  devices_changed_();
}

void SimNode::die(Duration time) {
  dead_until_ = std::max(dead_until_, time == Duration::max() ? Instant::max() : world_.now() + time);
  if (dead_until_ == Instant::max()) return;
  world_.at(dead_until_, [this] { look_at_all(); });
}

void SimNode::wipe() {
  ++life_;
  pods_.clear();
  held_.clear();
  dead_until_ = kubelet_back_ = world_.now();
  devices_changed_();
  look_at_all();
}

void SimNode::restart_kubelet(Duration time) {
  kubelet_back_ = world_.now() + time;
  world_.at(kubelet_back_, [this] { look_at_all(); });
}

std::optional<std::int64_t> SimNode::answer(const plan::DeliveryTarget& target) const {
  if (!up() || world_.now() < mute_until_) return std::nullopt;
  for (const auto& [uid, pod] : pods_) {
    if (pod.ip != target.address || pod.port != target.port) continue;
    // Another pod at this address: counted as unreachable.
    return uid == target.uid ? std::optional(std::max<std::int64_t>(pod.mounted.generation, 0)) : std::nullopt;
  }
  return std::nullopt;
}

const SimNode::Mounted* SimNode::mounted(const std::string& uid) const {
  const auto found = pods_.find(uid);
  return found == pods_.end() ? nullptr : &found->second.mounted;
}

bool SimNode::started(const std::string& uid) const {
  const auto found = pods_.find(uid);
  return found != pods_.end() && found->second.running;
}

}  // namespace pd::test
