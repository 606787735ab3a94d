// The agent's loop, or rather three on one thread, none of which waits for another:
//
//   inventory    every 60 s and when hccn.conf changes: sources -> devices
//   allocations  every 10 s and when kubelet's checkpoint changes: PodResources + checkpoint -> pods and their devices
//   publish      when either has something new, and every 60 s: read the own Node; one merge patch, if it says
//   something else. What others have written to the Node is a source, so the first reading of it comes before all.
//
// A file that changed is read when it has been left alone for a moment: kubelet writes its checkpoint container by
// container. The first patch waits for both readings, but not long. While something is wrong the first two look again
// sooner (1 s or 5 s, growing, jittered); a write that failed is repeated with back-off. What is wrong is logged once,
// and once more when it is over.
//
// What is published when something cannot be read (invariants S3, S9):
//   * A device whose address cannot be read, after being asked for twice, is listed without one. No older address is
//   kept for it.
//   * Not even the devices can be told: the inventory stays as this run has written it. One that an earlier run left,
//   which this
//     run could never confirm, is removed after kFailuresToRemove rounds.
//   * Who holds what cannot be read: the allocations stay, whoever wrote them. They name pods by UID, and kubelet never
//   moves the
//     devices of a living pod, so they remain true of all pods they list; a pod they do not list is waited for.
//   * The resource's name is not known while kubelet or the device plugin restarts: the one that was published stays.
//
// Owner: main. Thread: the io_context's one thread.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>

#include "daemonset/agent_metrics.h"
#include "daemonset/allocations_probe.h"
#include "daemonset/file_watch.h"
#include "daemonset/inventory_probe.h"
#include "daemonset/problem_log.h"
#include "daemonset/publish.h"
#include "daemonset/sources/node_annotation.h"
#include "probe/backoff.h"
#include "probe/wakeup.h"

namespace pd::agent {

class Agent {
 public:
  struct Options {
    std::string hccn_conf;   // watched
    std::string checkpoint;  // watched
    Duration probe_interval = std::chrono::seconds(60);
    Duration allocations_interval = std::chrono::seconds(10);
    Duration refresh_interval = std::chrono::seconds(60);
  };
  static constexpr int kFailuresToRemove = 3;

  // The source learns what the Node says each time when that is read; the rest is asked by the probes.
  Agent(asio::io_context& io, Options options, InventoryProbe& inventory, AllocationsProbe& allocations,
        NodeAnnotation& node_annotation, NodeApi& node, const Clock& clock, PublishMetrics metrics = {});

  // Until stop().
  asio::awaitable<void> run();
  void stop();
  // Whether the Node has said what is wanted, at least once.
  bool published() const { return published_; }

 private:
  asio::awaitable<void> inventory_loop();
  asio::awaitable<void> allocations_loop();
  asio::awaitable<void> publish_loop();
  asio::awaitable<void> next_round(probe::Wakeup& wakeup, Instant due);
  asio::awaitable<void> first_readings();
  asio::awaitable<bool> first_look_at_node();
  asio::awaitable<Status> publish_once(Instant& next_refresh);
  asio::awaitable<void> finish(asio::awaitable<void> loop);
  void take_inventory(Result<InventoryReading> reading, probe::Problems& problems);

  asio::io_context& io_;
  Options options_;
  InventoryProbe& inventory_;
  AllocationsProbe& allocations_;
  Publisher publisher_;
  ProblemLog log_;
  PublishMetrics metrics_;
  Wanted wanted_;
  probe::Wakeup inventory_wakeup_;
  probe::Wakeup allocations_wakeup_;
  probe::Wakeup publish_wakeup_;
  probe::Wakeup finished_;
  FileWatch conf_watch_;
  FileWatch checkpoint_watch_;
  int failed_inventories_ = 0;  // in a row
  bool node_tried_ = false;     // read, or failed to be: the sources may be asked
  bool inventory_tried_ = false;
  bool allocations_tried_ = false;
  int running_ = 0;
  bool published_ = false;
  bool stopping_ = false;
};

}  // namespace pd::agent
