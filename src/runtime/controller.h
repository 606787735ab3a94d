// The reconcile loop: what changes names keys, and each key is reconciled until that succeeds. One key is in work once
// at a time, and only when the watches have shown what was last written for it.
//
//   Controller controller(context, rng, {.name = "copier"},
//                         [this](std::string key, OwnWrites& writes, StopToken stop) {
//                           return reconcile(std::move(key), writes, std::move(stop));
//                         });
//   controller.watch(config_maps, [](const kube::ConfigMap& map) { return map.meta.key(); });
//   watching.start(controller.run_watches(stop_watching));
//   working.start(controller.run(stop_working), failed);   // e.g. as soon as this process leads
//
// Thread: the io_context's.
#pragma once

#include <set>
#include <string>

#include "runtime/api_metrics.h"
#include "runtime/own_writes.h"
#include "runtime/work_queue.h"

namespace pd::runtime {

class Controller {
 public:
  using Outcome = WorkQueue::Outcome;
  // Reads the stores, never the event that woke it: it may be called for no reason, and once for several. An exception
  // counts as a failure. The stop is for waits: a reconcile that has begun may end what it does.
  using Reconcile = std::function<asio::awaitable<Outcome>(std::string key, OwnWrites& writes, StopToken stop)>;

  struct Options {
    std::string name;
    int workers = 1;  // keys that are reconciled at a time
    // Those that are watched, if not all. Keys then begin with a namespace and a slash, and one that can't be listed
    // (it was deleted, and the permissions in it) keeps none from work but its own.
    std::vector<std::string> namespaces = {};
    Backoff::Policy retry = {std::chrono::milliseconds(5), std::chrono::minutes(5), 0.5};
    Duration sync_timeout = std::chrono::minutes(2);  // for run() to have fresh stores
    Duration stuck_after = std::chrono::minutes(30);  // a reconcile that takes longer is not alive
  };

  Controller(asio::io_context& context, Rng& rng, Options options, Reconcile reconcile);

  // Lets a reflector run with run_watches(), of one controller. It must outlive the controller, and not run any more
  // when that is gone.
  void watch(ReflectorBase& reflector);
  // Moreover, each object asks for the key that it concerns (an empty one: none): all that there are when run() begins,
  // and each that changes: for that of what it was and that of what it is.
  template <typename T>
  void watch(Reflector<T>& reflector, std::function<std::string(const T&)> key_of) {
    watch(reflector);
    begin_with([this, &reflector, key_of] {
      for (const auto& object : reflector.store().all()) add(key_of(*object));
    });
    reflector.store().on_change([this, key_of = std::move(key_of)](const auto& before, const auto& after) {
      const std::string now = after ? key_of(*after) : "";
      const std::string then = before ? key_of(*before) : "";
      add(now);
      if (then != now) add(then);
    });
  }
  // Called when run() has fresh stores: it adds the keys to begin with.
  void begin_with(std::function<void()> add_all) { begin_with_.push_back(std::move(add_all)); }
  // Asks for a key, because of an event. Before run() that is not remembered: it begins with all there are.
  void add(const std::string& key) {
    if (running_ && !key.empty()) queue_.add_event(key);
  }
  // The same, where the event may wait.
  void add_after(const std::string& key, Duration delay) {
    if (running_ && !key.empty()) queue_.add_after(key, delay);
  }

  // Fills the stores and keeps them true until stopped. A process that does not lead does this too, so that it can take
  // over at once.
  asio::awaitable<void> run_watches(StopToken stop);
  bool synced() const;  // in a namespace at least
  // Reconciles until stopped; ends when the last reconcile has ended. It begins with stores that have been listed since
  // it was called: a cache that lags behind what the former leader wrote would undo it. Where no namespace can be
  // listed in time (kTimeout), a program ends: another replica may see more, and whoever looks sees that something is
  // wrong.
  asio::awaitable<Status> run(StopToken stop);
  // For a liveness check: no reconcile hangs.
  Status check() const;

  WorkQueue& queue() { return queue_; }
  // Counts in that registry from now on; call it when everything is watched. The clock outlives the registry.
  void measure(MetricsRegistry& registry, const Clock& clock);

 private:
  std::vector<std::string> stale() const;
  void listed();
  bool knows_all_about(const std::string& key) const;
  asio::awaitable<Status> wait_for_fresh_stores(StopToken stop);
  asio::awaitable<void> run_watch(ReflectorBase& reflector, StopToken stop);
  asio::awaitable<void> work(StopToken stop);
  asio::awaitable<Outcome> attempt(const std::string& key, StopToken stop);
  asio::awaitable<Outcome> reconcile(const std::string& key, OwnWrites& writes, StopToken stop);

  asio::io_context& context_;
  Options options_;
  Reconcile reconcile_;
  WorkQueue queue_;
  std::vector<ReflectorBase*> reflectors_;
  std::map<std::string, OwnWrites> writes_;  // by key, where the watches have not shown all
  std::map<std::string, Instant> begun_;     // what is reconciled, and since when
  std::vector<std::function<void()>> begin_with_;
  std::set<std::string, std::less<>> filled_;  // namespaces whose stores were fresh since run() was called
  bool running_ = false;
  std::size_t watches_ = 0;  // that run
  int working_ = 0;
  Signal changed_;
  ReconcileMetrics metrics_;
};

}  // namespace pd::runtime
