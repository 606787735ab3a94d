#include "runtime/controller.h"

#include <algorithm>

#include "base/log.h"

namespace pd::runtime {
namespace {

constexpr auto kLookAgain = std::chrono::seconds(1);  // while the stores lag; their event comes sooner

}  // namespace

Controller::Controller(asio::io_context& context, Rng& rng, Options options, Reconcile reconcile)
    : context_(context),
      options_(std::move(options)),
      reconcile_(std::move(reconcile)),
      queue_(context, rng, options_.retry) {
  if (options_.namespaces.empty()) options_.namespaces.emplace_back();
}

void Controller::watch(ReflectorBase& reflector) {
  reflectors_.push_back(&reflector);
  reflector.on_listed([this] { listed(); });
}

bool Controller::synced() const {
  return std::any_of(options_.namespaces.begin(), options_.namespaces.end(), [this](const std::string& ns) {
    return std::all_of(reflectors_.begin(), reflectors_.end(),
                       [&ns](const ReflectorBase* each) { return each->synced(ns); });
  });
}

// The kinds that have not been listed since run() was called, in some namespace.
std::vector<std::string> Controller::stale() const {
  std::vector<std::string> kinds;
  for (const ReflectorBase* each : reflectors_) {
    const bool fresh = std::all_of(options_.namespaces.begin(), options_.namespaces.end(),
                                   [each](const std::string& ns) { return each->fresh(ns); });
    if (!fresh) kinds.emplace_back(each->kind());
  }
  return kinds;
}

// A namespace is filled when all its kinds are: the objects of one that can't be listed would be taken for deleted. It
// stays so when one can't be listed any more: that store lags, as any cache may, and what is written is fenced.
void Controller::listed() {
  const std::size_t before = filled_.size();
  for (const std::string& ns : options_.namespaces) {
    const bool fresh = std::all_of(reflectors_.begin(), reflectors_.end(),
                                   [&ns](const ReflectorBase* each) { return each->fresh(ns); });
    if (fresh) filled_.insert(ns);
  }
  changed_.notify_all();
  if (filled_.size() == before || !running_) return;
  for (const auto& add_all : begin_with_) add_all();
}

bool Controller::knows_all_about(const std::string& key) const {
  return filled_.contains("") || filled_.contains(std::string_view(key).substr(0, key.find('/')));
}

asio::awaitable<void> Controller::run_watches(StopToken stop) {
  for (ReflectorBase* reflector : reflectors_) {
    ++watches_;
    spawn(context_, run_watch(*reflector, stop));
  }
  while (watches_ > 0) co_await changed_.wait();
}

asio::awaitable<void> Controller::run_watch(ReflectorBase& reflector, StopToken stop) {
  co_await reflector.run(stop);
  --watches_;
  changed_.notify_all();
}

asio::awaitable<Status> Controller::run(StopToken stop) {
  const auto registration = stop.on_stop([this] { changed_.notify_all(); });
  const Status filled = co_await wait_for_fresh_stores(stop);
  if (!filled || stop.stopped()) co_return filled;
  log::info("Caches are filled", {{"controller", options_.name}});
  running_ = true;
  for (const auto& add_all : begin_with_) add_all();
  for (int i = 0; i < options_.workers; ++i) {
    ++working_;
    spawn(context_, work(stop));
  }
  while (working_ > 0) co_await changed_.wait();
  running_ = false;
  co_return Ok{};
}

asio::awaitable<Status> Controller::wait_for_fresh_stores(StopToken stop) {
  TimeService& time = TimeService::of(context_);
  bool late = false;
  const TimeService::Call timer = time.call_at(time.now() + options_.sync_timeout, [this, &late] {
    late = true;
    changed_.notify_all();
  });
  filled_.clear();
  for (const std::string& ns : options_.namespaces) {
    for (ReflectorBase* reflector : reflectors_) reflector->relist(ns);
  }
  while (filled_.empty() && !late && !stop.stopped()) co_await changed_.wait();
  if (!filled_.empty() || stop.stopped()) co_return Ok{};
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(options_.sync_timeout).count();
  std::string message = "not listed within " + std::to_string(seconds) + " s:";
  for (const std::string& kind : stale()) message += " " + kind;
  co_return Error{Code::kTimeout, message + "; what went wrong is in the log before this"};
}

Status Controller::check() const {
  const Instant now = TimeService::of(context_).now();
  for (const auto& [key, since] : begun_) {
    if (now - since <= options_.stuck_after) continue;
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now - since).count();
    return Error{Code::kInternal, key + " has been reconciled for " + std::to_string(seconds) + " s"};
  }
  return Ok{};
}

asio::awaitable<void> Controller::work(StopToken stop) {
  while (true) {
    const std::optional<std::string> key = co_await queue_.take(stop);
    if (!key) break;
    const Outcome outcome = co_await attempt(*key, stop);
    queue_.done(*key, outcome);
  }
  --working_;
  changed_.notify_all();
}

asio::awaitable<Controller::Outcome> Controller::attempt(const std::string& key, StopToken stop) {
  if (!knows_all_about(key)) co_return Outcome{};  // it is asked for again when all is known
  const TimeService& time = TimeService::of(context_);
  OwnWrites& writes = writes_[key];  // other keys come and go meanwhile, but this one is in work only here
  Outcome outcome{true, kLookAgain, true};
  if (writes.seen(time.now())) outcome = co_await reconcile(key, writes, stop);
  // What was written may be gone again before a watch shows it: then no event ever comes.
  if (!writes.empty()) queue_.add_after(key, kLookAgain);
  if (writes.empty()) writes_.erase(key);
  co_return outcome;
}

asio::awaitable<Controller::Outcome> Controller::reconcile(const std::string& key, OwnWrites& writes, StopToken stop) {
  const TimeService& time = TimeService::of(context_);
  const Instant started = time.now();
  metrics_.started();
  begun_[key] = started;
  Outcome outcome{false, std::nullopt};
  ReconcileResult result = ReconcileResult::kPanic;
  try {
    outcome = co_await reconcile_(key, writes, stop);
    result = !outcome.success ? ReconcileResult::kError
             : outcome.again  ? ReconcileResult::kRequeueAfter
                              : ReconcileResult::kSuccess;
  } catch (const std::exception& error) {
    log::error("Reconciling threw", {{"controller", options_.name}, {"key", key}, {"error", error.what()}});
  }
  begun_.erase(key);
  metrics_.finished(result, time.now() - started);
  co_return outcome;
}

void Controller::measure(MetricsRegistry& registry, const Clock& clock) {
  queue_.measure(QueueMetrics(registry, clock, options_.name));
  metrics_ = ReconcileMetrics(registry, options_.name, options_.workers);
  for (ReflectorBase* reflector : reflectors_) {
    const WatchMetrics metrics(registry, std::string(reflector->kind()));
    reflector->on_restart([metrics](std::string_view reason) { metrics.restarted(reason); });
    registry.before_text([metrics, reflector] { metrics.objects(reflector->size()); });
  }
}

}  // namespace pd::runtime
