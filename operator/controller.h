// The reconcile loop: takes a key from the queue, observes, plans, applies.
// It plans for a deployment only when the stores have seen what it wrote for it last (read your writes).
// Thread: the io_context's.
#pragma once

#include <boost/asio/io_context.hpp>

#include "operator/apply.h"
#include "operator/stores.h"
#include "runtime/work_queue.h"

namespace pd::op {

class Controller {
 public:
  using Planner = std::function<plan::Plan(const plan::Snapshot&, WallTime)>;

  // All references must outlive the controller. Another planner than the real one is for tests.
  Controller(boost::asio::io_context& context, Stores& stores, Applier& applier, const Clock& clock, runtime::Rng& rng,
             plan::Settings settings, Planner planner = plan::plan);

  // Starts the workers once the stores are synced.
  void start(int workers, StopToken stop);

 private:
  struct Memory {
    std::map<std::string, std::string> written;  // kind -> resourceVersion of our newest write
    std::optional<Instant> stale_since;          // the stores lag behind our writes
    std::map<std::string, kube::ObjectMeta> foreign_objects;
    Instant foreign_seen{};
    bool failed = false;  // the last attempt: a change of the status alone is then no reason to try earlier
    std::string refused;  // the API server's words when it refused to create an object: told once
  };

  boost::asio::awaitable<void> work(StopToken stop);
  boost::asio::awaitable<runtime::WorkQueue::Outcome> reconcile(std::string key, StopToken stop);
  boost::asio::awaitable<runtime::WorkQueue::Outcome> execute(std::string key, kube::ObjectMeta deployment,
                                                              plan::Plan planned, StopToken stop);
  boost::asio::awaitable<void> look_again_at_foreign(kube::ObjectMeta deployment, Memory& memory, StopToken stop);
  boost::asio::awaitable<void> tell_refusal(kube::ObjectMeta deployment, Memory& memory, StopToken stop);
  void on_change(const std::string& key, Stores::Change change);
  bool behind_own_writes(const std::string& key, Memory& memory) const;
  void add_foreign(plan::Snapshot& snapshot, Memory& memory) const;
  void learn(Memory& memory, Written written) const;

  boost::asio::io_context& context_;
  Stores& stores_;
  Applier& applier_;
  const Clock& clock_;
  plan::Settings settings_;
  Planner planner_;
  runtime::WorkQueue queue_;
  std::map<std::string, Memory> memory_;
};

}  // namespace pd::op
