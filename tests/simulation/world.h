// A simulated run: API servers on one store, processes that talk to them, one virtual time for all, and a seed from
// which everything follows. Nothing in it waits for the machine, and nothing happens at the same time: each step is one
// event of the world, or the flows of one process up to where they wait.
//
//   World world(seed, {.servers = 2});
//   world.add_process([](SimProcess& process) { return std::make_unique<MyProgram>(process); });
//   world.apply(faults);
//   world.after(seconds(5), [&] { world.as_user("DELETE", path); });
//   world.run_until(world.start() + minutes(5), [&] { check(); });
//
// Thread: one.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/simulation/fault.h"
#include "tests/simulation/sim_api_server.h"

namespace pd::test {

class SimNetwork;
class SimProcess;

// What a process runs. It is destroyed without notice when the process crashes, after its io_context.
class SimProgram {
 public:
  virtual ~SimProgram() = default;
  // SIGTERM: it ends in order and then calls process.exit().
  virtual void terminate() = 0;
};

// A write that was done.
struct Commit {
  int process;  // -1: a user
  const kube::HttpRequest& request;
  const kube::HttpResponse& response;
  std::uint64_t revision;  // of the store, after it
};

class World {
 public:
  struct Options {
    int servers = 1;
  };
  using ProgramFactory = std::function<std::unique_ptr<SimProgram>(SimProcess&)>;

  World(std::uint64_t seed, Options options);
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  runtime::Rng& rng() { return rng_; }
  Instant now() const { return now_; }
  Instant start() const { return Instant(std::chrono::hours(1)); }
  const Clock& clock() const { return *clock_; }

  SimStore& etcd() { return etcd_; }
  const SimStore& etcd() const { return etcd_; }
  SimApiServer& server(int index) { return *servers_.at(static_cast<std::size_t>(index)); }
  int server_count() const { return static_cast<int>(servers_.size()); }
  SimNetwork& network() { return *network_; }

  // Starts it at once.
  SimProcess& add_process(ProgramFactory factory);
  SimProcess& process(int index) { return *processes_.at(static_cast<std::size_t>(index)); }
  int process_count() const { return static_cast<int>(processes_.size()); }

  void at(Instant when, std::function<void()> event);
  void after(Duration delay, std::function<void()> event) { at(now_ + delay, std::move(event)); }
  // A request that no fault touches: what a user, a kubelet or a controller of Kubernetes does.
  kube::HttpResponse as_user(const std::string& method, const std::string& path, const Json& body = Json());
  void apply(const std::vector<Fault>& faults);

  // Called after each write that was done.
  void on_commit(std::function<void(const Commit&)> callback) { on_commit_ = std::move(callback); }
  void committed(const Commit& commit) const {
    if (on_commit_) on_commit_(commit);
  }

  // Runs until that time; `after_step` may stop it earlier by answering false.
  void run_until(Instant end, const std::function<bool()>& after_step);
  std::uint64_t steps() const { return steps_; }

 private:
  bool run_processes();
  bool advance(Instant end);
  void apply(const Fault& fault);
  void apply_to_server(const Fault& fault);
  void apply_to_process(const Fault& fault);

  runtime::Rng rng_;
  Instant now_;
  std::unique_ptr<Clock> clock_;
  SimStore etcd_;
  std::vector<std::unique_ptr<SimApiServer>> servers_;
  std::unique_ptr<SimNetwork> network_;
  std::vector<std::unique_ptr<SimProcess>> processes_;
  std::map<std::pair<Instant, std::uint64_t>, std::function<void()>> events_;
  std::uint64_t next_event_ = 0;
  std::uint64_t steps_ = 0;
  std::function<void(const Commit&)> on_commit_;
};

}  // namespace pd::test
