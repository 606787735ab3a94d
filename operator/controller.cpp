#include "operator/controller.h"

#include "base/log.h"

namespace pd::op {
namespace {

constexpr auto kForeignMemory = std::chrono::seconds(30);  // then the API server is asked who holds the name
// At the latest, each deployment is looked at again after five to ten minutes: what no event tells of is found then.
constexpr auto kLookAgain = std::chrono::minutes(5);
// A pod that starts slowly comes far in several steps, of which each would be a write.
constexpr Duration kStatusPause = std::chrono::seconds(1);
constexpr Duration kReadyPause = std::chrono::milliseconds(100);
// With ten deployments on a node, the plans for nine of them would otherwise stand before the tenth one's table.
constexpr auto kNeighbourPause = std::chrono::seconds(1);

bool only_tells(const plan::Plan& planned) {
  return planned.haste != plan::Haste::kNow && !planned.actions.empty() &&
         std::all_of(planned.actions.begin(), planned.actions.end(), [](const plan::Action& action) {
           return std::holds_alternative<plan::WriteStatus>(action) || std::holds_alternative<plan::EmitEvent>(action);
         });
}

}  // namespace

Controller::Controller(boost::asio::io_context& context, Stores& stores, Applier& applier, const Clock& clock,
                       runtime::Rng& rng, const Options& options, plan::Settings settings, Delivery::Ask ask,
                       Planner planner)
    : context_(context),
      stores_(stores),
      applier_(applier),
      clock_(clock),
      rng_(rng),
      settings_(std::move(settings)),
      planner_(std::move(planner)),
      loop_(context, rng, {.name = "pddeployment", .workers = options.workers, .namespaces = options.namespaces},
            [this](std::string key, runtime::OwnWrites& writes, StopToken stop) {
              return reconcile(std::move(key), writes, std::move(stop));
            }),
      delivery_(context, rng, std::move(ask), [this](const std::string& key) { loop_.add(key); }),
      dry_runs_(
          context, rng,
          [this](std::string ns, Json pod, StopToken stop) {
            return applier_.try_pod(std::move(ns), std::move(pod), std::move(stop));
          },
          [this](const std::string& key) { loop_.add(key); }) {
  stores_.watch_with(loop_);
  loop_.begin_with([this] {
    for (const auto& deployment : stores_.deployments()) loop_.add(deployment->meta.key());
  });
  stores_.on_change([this](const std::string& key, Stores::Change change) { on_change(key, change); });
}

void Controller::measure(runtime::MetricsRegistry& registry) {
  loop_.measure(registry, clock_);
  delivery_.measure(registry);
  metrics_ = TableMetrics(registry, stores_, clock_);
}

boost::asio::awaitable<Status> Controller::run(StopToken stop) {
  const auto registration = stop.on_stop([this] {
    delivery_.stop();
    dry_runs_.stop();
  });
  const Status outcome = co_await loop_.run(std::move(stop));
  delivery_.stop();
  dry_runs_.stop();
  co_await delivery_.ended();
  co_await dry_runs_.ended();
  co_return outcome;
}

boost::asio::awaitable<Controller::Outcome> Controller::reconcile(std::string key, runtime::OwnWrites& writes,
                                                                  StopToken stop) {
  std::optional<plan::Snapshot> snapshot = stores_.observe(key, settings_);
  if (!snapshot) {
    memory_.erase(key);
    delivery_.forget(key);
    dry_runs_.forget(key);
    loop_.queue().forget(key);
    co_return Outcome{};
  }
  Memory& memory = memory_[key];
  memory.failed = false;  // what changes from here on counts
  if (!memory.foreign_objects.empty() && clock_.now() - memory.foreign_seen >= kForeignMemory) {
    co_await look_again_at_foreign(snapshot->deployment.meta, memory, stop);
    snapshot = stores_.observe(key, settings_);
    if (!snapshot) co_return Outcome{true, Duration::zero(), true};
  }
  add_foreign(*snapshot, memory);
  snapshot->deliveries = delivery_.seen(key);
  snapshot->dry_runs = dry_runs_.answers(key);
  plan::Plan planned = planner_(*snapshot, clock_.wall_now());
  // What holds a name of ours unwatched goes without an event.
  if (!memory.foreign_objects.empty()) {
    planned.requeue_after = std::min<Duration>(planned.requeue_after.value_or(kForeignMemory), kForeignMemory);
  }
  kube::ObjectMeta deployment = snapshot->deployment.meta;
  Outcome outcome = co_await execute(std::move(key), std::move(deployment), std::move(planned), writes, stop);
  co_return outcome;
}

// A failure does not put off what is due: the queue keeps the earlier of both times.
boost::asio::awaitable<Controller::Outcome> Controller::execute(std::string key, kube::ObjectMeta deployment,
                                                                plan::Plan planned, runtime::OwnWrites& writes,
                                                                StopToken stop) {
  // memory_ may be changed by other keys meanwhile, but not this entry: a key is in work only once.
  Memory& memory = memory_[key];
  dry_runs_.follow(key, deployment.ns, std::exchange(planned.dry_runs, {}));
  if (const Duration pause = status_pause(memory, planned); pause > Duration::zero()) {
    delivery_.follow(key, planned.deliveries);
    co_return Outcome{true, pause, true};
  }
  const std::optional<Instant> placed = std::exchange(memory.placed, std::nullopt);
  Written written;
  Status done = Error{Code::kInternal, "nothing was done"};
  try {
    done = co_await applier_.apply(deployment, planned, written, stop);
  } catch (...) {
    learn(key, memory, writes, std::move(written));  // it did happen
    throw;
  }
  delivery_.follow(key, planned.deliveries);  // also where something else failed: the table may be there
  count(memory, planned, written, placed);
  const std::string refused = written.refused;
  const bool refused_new = written.refused_new;
  learn(key, memory, writes, std::move(written));
  memory.failed = !done && done.error().code != Code::kConflict;  // after a conflict, the change is what it waits for
  if (done) {
    memory.refused.clear();
    co_return Outcome{true, next_look(planned)};
  }
  if (!refused.empty() && refused != memory.refused) {
    memory.refused = refused;
    applier_.tell(deployment, refused_new ? plan::EmitEvent{true, "FailedCreate", "Create", refused, std::nullopt}
                                          : plan::EmitEvent{true, "FailedWrite", "Write", refused, std::nullopt});
  }
  if (done.error().code == Code::kConflict || done.error().code == Code::kAlreadyExists) {
    log::info("Planning again", {{"deployment", key}, {"because", done.error().message}});
  } else if (done.error().code != Code::kCancelled) {
    log::warn("Reconciling failed, trying again", {{"deployment", key}, {"error", done.error().message}});
  }
  if (planned.requeue_after) loop_.queue().add_after(key, *planned.requeue_after);
  Outcome outcome{false, std::nullopt};
  if (done.error().retry_after) outcome.again = *done.error().retry_after;
  co_return outcome;
}

void Controller::on_change(const std::string& key, Stores::Change change) {
  const auto known = memory_.find(key);
  if (change == Stores::Change::kPlacement && known != memory_.end()) {
    known->second.placed = runtime::TimeService::of(context_).now();
  }
  if (change == Stores::Change::kStatus && known != memory_.end() && known->second.failed) return;
  if (change == Stores::Change::kNeighbour) return loop_.add_after(key, kNeighbourPause);
  loop_.add(key);
}

// How long a status is put off that says nothing but how far a pod has come: while it was written, the table that the
// pod's next step makes possible would wait. It is put off once, not with each step; what turns Ready only briefly.
Duration Controller::status_pause(Memory& memory, const plan::Plan& planned) const {
  const Instant now = runtime::TimeService::of(context_).now();
  if (!only_tells(planned) || (memory.status_due && *memory.status_due <= now)) {
    memory.status_due.reset();
    return Duration::zero();
  }
  const Instant due = now + (planned.haste == plan::Haste::kSoon ? kReadyPause : kStatusPause);
  memory.status_due = std::min(memory.status_due.value_or(due), due);
  return *memory.status_due - now;
}

Duration Controller::next_look(const plan::Plan& planned) {
  const std::chrono::duration<double> look = kLookAgain * std::uniform_real_distribution<double>(1, 2)(rng_);
  return std::min(std::chrono::duration_cast<Duration>(look), planned.requeue_after.value_or(Duration::max()));
}

boost::asio::awaitable<void> Controller::look_again_at_foreign(kube::ObjectMeta deployment, Memory& memory,
                                                               StopToken stop) {
  ForeignObjects still;
  for (auto& [held, meta] : memory.foreign_objects) {
    Result<std::optional<kube::ObjectMeta>> found =
        co_await applier_.find_foreign(deployment, held.first, held.second, stop);
    if (!found) {
      still[held] = meta;  // nobody knows: as it was
    } else if (*found) {
      still[held] = **found;
    }
  }
  memory.foreign_objects = std::move(still);
  memory.foreign_seen = clock_.now();
}

void Controller::learn(const std::string& key, Memory& memory, runtime::OwnWrites& writes, Written written) {
  for (const auto& [kind, meta] : written.newest) writes.remember(stores_.reflector(kind), meta);
  for (auto& [held, meta] : written.foreign_objects) {
    memory.foreign_objects[held] = std::move(meta);
    memory.foreign_seen = clock_.now();
  }
  for (auto& [role, answer] : written.roles) dry_runs_.learn(key, role, std::move(answer));
}

void Controller::count(Memory& memory, const plan::Plan& planned, const Written& written,
                       std::optional<Instant> placed) {
  for (const auto& [pod, reason] : planned.rejected) {
    const auto known = memory.rejected.find(pod);
    if (known == memory.rejected.end() || known->second != reason) metrics_.rejected(reason);
  }
  memory.rejected = planned.rejected;
  if (!written.table) {
    metrics_.suppressed();
    return;
  }
  metrics_.published(*written.table);
  // Where no pod had changed it was the spec, or a grace that ended.
  if (*written.table && placed) metrics_.took(runtime::TimeService::of(context_).now() - *placed);
  if (!*written.table && placed && !memory.placed) memory.placed = placed;
}

// Objects that hold a name of ours without our label are not watched; a refused create has told of them. What the
// stores know, they know better.
void Controller::add_foreign(plan::Snapshot& snapshot, Memory& memory) const {
  const auto knows = [](const auto& objects, const std::string& name) {
    return std::any_of(objects.begin(), objects.end(), [&](const auto& object) { return object.meta.name == name; });
  };
  for (const auto& [held, meta] : memory.foreign_objects) {
    const auto& [kind, name] = held;
    if (kind == "ConfigMap") {
      if (!snapshot.config_map) snapshot.config_map = kube::ConfigMap{meta, {}};
    } else if (kind == "Service") {
      if (!knows(snapshot.services, name)) snapshot.services.push_back({meta, {}});
    } else if (kind == "PodDisruptionBudget") {
      if (!knows(snapshot.budgets, name)) snapshot.budgets.push_back({meta, {}, {}});
    } else if (!knows(snapshot.pods, name)) {
      snapshot.taken_pod_names.push_back(name);
    }
  }
}

}  // namespace pd::op
