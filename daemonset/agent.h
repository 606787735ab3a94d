// The agent's loop, or rather three on one thread, none of which waits for another:
//
//   inventory    every 10 s and when told that something changed: sources -> devices
//   allocations  every 10 s and when told that something changed: kubelet -> pods and their devices
//   publish      when either has something new, and every minute: read the own Node; one merge patch, if it says
//                something else
//
// What others have written to the Node is a source, so the first reading of it comes before all. What changed is read
// when it has been left alone for a moment. The first patch waits for both readings, but not long. While something is
// wrong the first two look again sooner (1 s or 5 s, growing, jittered); a write that failed is repeated with back-off.
// What is wrong is logged once (of the allocations: when it was seen twice), and once more when it is over.
//
// What is published when something cannot be read (invariants S3, S9):
//   * A device whose address cannot be read, after being asked for twice, is listed without one. Only where hccn_tool
//     told nothing at all (it is busy, or hangs) an address stands that it told two minutes ago at most.
//   * Not even the devices can be told: the inventory stays as this run has written it, for it was true, and kubelet's
//     absence is the usual reason. One that an earlier run left, which this run could never confirm, is removed after
//     kFailuresToRemove rounds.
//   * Who holds what cannot be read: the allocations stay, whoever wrote them. They name pods by UID, and kubelet never
//     moves the devices of a living pod, so they remain true of all pods they list; a pod they do not list is waited
//     for.
//   * The resource's name is not known while kubelet or the device plugin restarts: the one that was published stays.
//
// Owner: main. Thread: the io_context's one thread; time is that of the io_context (runtime::TimeService).
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>

#include "daemonset/agent_metrics.h"
#include "daemonset/allocations_probe.h"
#include "daemonset/inventory_probe.h"
#include "daemonset/problem_log.h"
#include "daemonset/publish.h"
#include "runtime/wakeup.h"

namespace pd::agent {

class Agent {
 public:
  struct Options {
    Duration probe_interval = std::chrono::seconds(10);
    Duration allocations_interval = std::chrono::seconds(10);
    Duration refresh_interval = std::chrono::seconds(60);  // and up to a tenth less, so that agents do not ask in step
  };
  // What is asked about the node; NodeReader on a real one.
  struct Sources {
    std::function<asio::awaitable<Result<InventoryReading>>()> inventory;
    std::function<asio::awaitable<Result<AllocationsReading>>()> allocations;
    std::function<bool(const Annotations&)> learn;  // the Node's; answers whether the inventory should be read again
  };
  static constexpr int kFailuresToRemove = 3;

  Agent(asio::io_context& io, Options options, Sources sources, NodeApi& node, const Clock& clock, runtime::Rng& rng,
        PublishMetrics metrics = {});

  // Until stop().
  asio::awaitable<void> run();
  void stop();
  // There may be something new to read.
  void inventory_changed() { inventory_wakeup_.notify(); }
  void allocations_changed() { allocations_wakeup_.notify(); }
  // Whether the Node has said what both readings have found, at least once.
  bool published() const { return published_; }

 private:
  asio::awaitable<void> inventory_loop();
  asio::awaitable<void> allocations_loop();
  asio::awaitable<void> publish_loop();
  asio::awaitable<void> next_round(runtime::Wakeup& wakeup, Instant due, Duration settle);
  asio::awaitable<void> first_look(runtime::Wakeup& wakeup);
  asio::awaitable<void> first_readings();
  asio::awaitable<void> first_look_at_node();
  asio::awaitable<Status> publish_once();
  asio::awaitable<void> finish(asio::awaitable<void> loop);
  void take_inventory(Result<InventoryReading> reading, probe::Problems& problems);
  void refreshed();
  Instant now() const { return time_.now(); }

  asio::io_context& io_;
  runtime::TimeService& time_;
  Options options_;
  Sources sources_;
  const Clock& clock_;
  Publisher publisher_;
  runtime::Rng& rng_;
  ProblemLog log_;
  PublishMetrics metrics_;
  Wanted wanted_;
  runtime::Wakeup inventory_wakeup_;
  runtime::Wakeup allocations_wakeup_;
  runtime::Wakeup publish_wakeup_;
  runtime::Wakeup finished_;
  Instant next_refresh_{};
  int failed_inventories_ = 0;  // in a row
  int learned_ = 0;             // how often the Node has told what the inventory's sources did not know
  int learned_when_read_ = 0;   // by the inventory that is wanted
  bool node_tried_ = false;     // read, or failed to be: the sources may be asked
  bool inventory_tried_ = false;
  bool allocations_tried_ = false;
  int running_ = 0;
  bool published_ = false;
  bool stopping_ = false;
};

}  // namespace pd::agent
