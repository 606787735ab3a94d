// A node of a simulated run: its NPUs, who holds them, and its kubelet. The kubelet sees pods that are bound to it some
// time later, gives them devices by their UID, an address and their tables, lets them start when their gate would, and
// keeps what it has mounted until it is told to look again or a minute has passed. The node can die, for a while or for
// good, and its kubelet can be restarted.
//
//   SimNode node(world, "node-0", "10.0.0.1", 8);
//   node.pod_changed("llm/qwen-prefill-0-0-1");    // when it was written
//   node.answer({uid, address, port, generation});  // what the sidecar of one of its pods would say
//
// Thread: one. The world must outlive it; what it has planned is an event of the world.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "npu/inventory.h"
#include "plan/plan.h"
#include "tests/simulation/world.h"

namespace pd::test {

class SimNode {
 public:
  // Of one pod's devices: never changed, and never forgotten.
  struct Held {
    std::string ns;
    std::string name;
    std::vector<int> devices;
  };

  SimNode(World& world, std::string name, std::string ip, int devices);

  const std::string& name() const { return name_; }
  const std::string& ip() const { return ip_; }
  bool up() const { return world_.now() >= dead_until_; }
  bool kubelet_runs() const { return up() && world_.now() >= kubelet_back_; }

  // ---- What there is to be read on the node.
  const npu::Inventory& inventory() const { return inventory_; }
  npu::Allocations allocations() const;
  // By UID: what kubelet has ever given.
  const std::map<std::string, Held>& ever_held() const { return ever_held_; }
  bool ever_had(int device, const std::string& address) const { return addresses_.contains({device, address}); }
  // Called when somebody holds other devices than before.
  void on_devices(std::function<void()> changed) { devices_changed_ = std::move(changed); }

  // ---- What happens.
  void pod_changed(const std::string& key);
  void map_changed(const std::string& key);
  void edit_inventory(const std::function<void(npu::Inventory&)>& edit);
  void die(Duration time);  // without a word; it comes back as it was
  void wipe();              // as a new machine
  void restart_kubelet(Duration time);
  void lag(Duration time) { lags_until_ = world_.now() + time; }  // its view of ConfigMaps
  void mute(Duration time) { mute_until_ = world_.now() + time; }
  void crash(const std::string& uid);  // a container of that pod
  void evict(const std::string& uid);

  // What the sidecar at that address sees; nothing where nobody answers.
  std::optional<std::int64_t> answer(const plan::DeliveryTarget& target) const;
  // What a pod has mounted, and whether its gate let it pass.
  struct Mounted {
    std::int64_t generation = -1;
    std::int64_t expected = -1;
    std::string local;
  };
  const Mounted* mounted(const std::string& uid) const;
  bool started(const std::string& uid) const;

 private:
  struct Pod {
    std::string key;
    std::string map;        // whose ConfigMap it mounts, as "namespace/name"
    std::string local_key;  // the key of its own table
    int port = 0;           // of its sidecar
    std::string ip;         // empty: not started yet
    bool ending = false;
    bool running = false;  // its main container
    int restarts = 0;
    Mounted mounted;
  };

  void note_addresses();
  void look_at(const std::string& key);
  void look_at_all();
  void forget_vanished(const std::string& key, const std::string& uid);
  void admit(const std::string& key, const Json& object);
  void start(const std::string& uid);
  void mount(const std::string& uid);
  void refresh_later(const std::string& uid);
  bool gate_passes(const Pod& pod) const;
  void run_main(const std::string& uid);
  void end(const std::string& uid, std::int64_t grace);
  void finish(const std::string& uid);
  void release(const std::string& uid);
  void remove(const std::string& key, const std::string& uid);
  void report(const Pod& pod, const std::string& uid, const char* phase, bool ready, const char* reason = "");
  int draw(int least, int most);
  Duration millis(int least, int most) { return std::chrono::milliseconds(draw(least, most)); }
  // Unless the node, its kubelet or the pod is gone by then.
  void later(Duration delay, const std::string& uid, void (SimNode::*step)(const std::string& uid));

  World& world_;
  std::string name_;
  std::string ip_;
  npu::Inventory inventory_;
  std::map<std::string, std::vector<int>> held_;  // by UID
  std::map<std::string, Held> ever_held_;
  std::set<std::pair<int, std::string>> addresses_;  // that a device has, or has had
  std::map<std::string, Pod> pods_;                  // by UID: those that it runs
  std::map<std::string, ObjectPtr> maps_;            // as it sees them
  std::function<void()> devices_changed_ = [] {};
  Instant dead_until_{};
  Instant kubelet_back_{};
  Instant lags_until_{};
  Instant mute_until_{};
  int life_ = 0;  // what an earlier life had planned does not happen
  static constexpr int kAddresses = 250;
  int next_address_ = 1;
};

// Of pods as the API server has them.
int npus_of(const Json& pod);  // that it asks for
bool is_over(const Json& pod);
std::string pod_path(const std::string& key);  // "namespace/name"

}  // namespace pd::test
