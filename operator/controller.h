// What is done for a PDDeployment: observe, plan, apply.
// Thread: the io_context's.
#pragma once

#include <boost/asio/io_context.hpp>

#include "operator/apply.h"
#include "operator/delivery.h"
#include "operator/dry_runs.h"
#include "operator/metrics.h"
#include "operator/options.h"
#include "operator/stores.h"
#include "runtime/controller.h"

namespace pd::op {

class Controller {
 public:
  using Planner = std::function<plan::Plan(const plan::Snapshot&, WallTime)>;

  // All references must outlive the controller. Another planner than the real one is for tests.
  // `options`: of these, `workers` and `namespaces` are read.
  // `ask`: how a pod is asked which tables it sees.
  Controller(boost::asio::io_context& context, Stores& stores, Applier& applier, const Clock& clock, runtime::Rng& rng,
             const Options& options, plan::Settings settings, Delivery::Ask ask, Planner planner = plan::plan);

  // See runtime::Controller.
  boost::asio::awaitable<void> run_watches(StopToken stop) { return loop_.run_watches(std::move(stop)); }
  boost::asio::awaitable<Status> run(StopToken stop);
  Status check() const { return loop_.check(); }
  bool synced() const { return loop_.synced(); }
  void measure(runtime::MetricsRegistry& registry);

 private:
  struct Memory {
    ForeignObjects foreign_objects;
    Instant foreign_seen{};
    bool failed = false;            // the last attempt: a change of the status alone is then no reason to try earlier
    std::string refused;            // the API server's words when it refused an object: told once
    std::optional<Instant> placed;  // when a pod or its node last changed, if no plan knows it yet
    std::map<std::string, std::string> rejected;  // pods whose NPUs the last plan refused, and the reason
    std::optional<Instant> status_due;            // of a status that was put off
  };

  using Outcome = runtime::Controller::Outcome;

  boost::asio::awaitable<Outcome> reconcile(std::string key, runtime::OwnWrites& writes, StopToken stop);
  boost::asio::awaitable<Outcome> execute(std::string key, kube::ObjectMeta deployment, plan::Plan planned,
                                          runtime::OwnWrites& writes, StopToken stop);
  boost::asio::awaitable<void> look_again_at_foreign(kube::ObjectMeta deployment, Memory& memory, StopToken stop);
  void on_change(const std::string& key, Stores::Change change);
  void add_foreign(plan::Snapshot& snapshot, Memory& memory) const;
  void learn(const std::string& key, Memory& memory, runtime::OwnWrites& writes, Written written);
  void count(Memory& memory, const plan::Plan& planned, const Written& written, std::optional<Instant> placed);
  Duration status_pause(Memory& memory, const plan::Plan& planned) const;
  Duration next_look(const plan::Plan& planned);

  boost::asio::io_context& context_;
  Stores& stores_;
  Applier& applier_;
  const Clock& clock_;
  runtime::Rng& rng_;
  plan::Settings settings_;
  Planner planner_;
  std::map<std::string, Memory> memory_;
  runtime::Controller loop_;
  Delivery delivery_;
  DryRuns dry_runs_;
  TableMetrics metrics_;
};

}  // namespace pd::op
