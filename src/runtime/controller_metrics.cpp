#include "runtime/controller_metrics.h"

#include <set>

namespace pd::runtime {
namespace {

using Labels = MetricsRegistry::Labels;

const std::vector<double>& queue_buckets() {
  static const std::vector<double> bounds{1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1, 10, 100, 1000};
  return bounds;
}

const std::vector<double>& reconcile_buckets() {
  static const std::vector<double> bounds{
      0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9, 1,  1.25, 1.5,
      1.75,  2,    2.5,   3,    3.5, 4,    4.5, 5,    6,   7,    8,   9,    10,  15,  20,  25,  30,  40, 50,   60};
  return bounds;
}

constexpr std::array<const char*, 4> kResults{"success", "requeue", "requeue_after", "error"};

std::size_t label_of(ReconcileResult result) {
  switch (result) {
    case ReconcileResult::kSuccess:
      return 0;
    case ReconcileResult::kRequeue:
      return 1;
    case ReconcileResult::kRequeueAfter:
      return 2;
    case ReconcileResult::kError:
    case ReconcileResult::kTerminalError:
    case ReconcileResult::kPanic:
      break;
  }
  return 3;
}

double seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

}  // namespace

// When what is in work was taken.
struct QueueMetrics::InWork {
  const Clock& clock;
  std::multiset<Instant> taken;

  double longest() const { return taken.empty() ? 0 : seconds(clock.now() - *taken.begin()); }
  double together() const {
    double sum = 0;
    for (const Instant since : taken) sum += seconds(clock.now() - since);
    return sum;
  }
};

QueueMetrics::QueueMetrics(MetricsRegistry& registry, const Clock& clock, const std::string& name)
    : in_work_(std::make_shared<InWork>(InWork{clock, {}})) {
  const Labels labels{{"name", name}, {"controller", name}};
  depth_ = registry.gauge("workqueue_depth", "Keys that wait for work.", labels);
  adds_ = registry.counter("workqueue_adds_total", "Keys that were added.", labels);
  waits_ =
      registry.histogram("workqueue_queue_duration_seconds", "How long keys wait for work.", queue_buckets(), labels);
  works_ =
      registry.histogram("workqueue_work_duration_seconds", "How long work on a key takes.", queue_buckets(), labels);
  retries_ = registry.counter("workqueue_retries_total", "Keys that were put back after a failure.", labels);
  const Gauge unfinished = registry.gauge("workqueue_unfinished_work_seconds",
                                          "How long all that is in work has been so, added up.", labels);
  const Gauge longest = registry.gauge("workqueue_longest_running_processor_seconds",
                                       "How long the oldest of what is in work has been so.", labels);
  registry.before_text([in_work = in_work_, unfinished, longest] {
    unfinished.set(in_work->together());
    longest.set(in_work->longest());
  });
}

void QueueMetrics::added(std::size_t depth) const {
  adds_.add();
  depth_.set(static_cast<double>(depth));
}

Instant QueueMetrics::taken(std::size_t depth, Duration waited) const {
  depth_.set(static_cast<double>(depth));
  waits_.observe(waited);
  return in_work_ ? *in_work_->taken.insert(in_work_->clock.now()) : Instant{};
}

void QueueMetrics::finished(Instant taken) const {
  if (!in_work_) return;
  works_.observe(in_work_->clock.now() - taken);
  if (const auto found = in_work_->taken.find(taken); found != in_work_->taken.end()) in_work_->taken.erase(found);
}

void QueueMetrics::retried() const { retries_.add(); }

ReconcileMetrics::ReconcileMetrics(MetricsRegistry& registry, const std::string& controller, int workers) {
  const Labels labels{{"controller", controller}};
  for (std::size_t i = 0; i < kResults.size(); ++i) {
    totals_[i] = registry.counter("controller_runtime_reconcile_total", "Reconciles by their result.",
                                  {{"controller", controller}, {"result", kResults[i]}});
  }
  errors_ = registry.counter("controller_runtime_reconcile_errors_total", "Reconciles that failed.", labels);
  terminal_errors_ = registry.counter("controller_runtime_terminal_reconcile_errors_total",
                                      "Reconciles that failed and are not tried again.", labels);
  panics_ =
      registry.counter("controller_runtime_reconcile_panics_total", "Reconciles that an exception ended.", labels);
  time_ = registry.histogram("controller_runtime_reconcile_time_seconds", "How long reconciles take.",
                             reconcile_buckets(), labels);
  registry.gauge("controller_runtime_max_concurrent_reconciles", "How many reconciles may run at a time.", labels)
      .set(workers);
  active_ = registry.gauge("controller_runtime_active_workers", "How many reconciles run now.", labels);
}

void ReconcileMetrics::started() const { active_.add(1); }

void ReconcileMetrics::finished(ReconcileResult result, Duration worked) const {
  active_.add(-1);
  time_.observe(worked);
  const std::size_t label = label_of(result);
  totals_[label].add();
  if (kResults[label] == kResults.back()) errors_.add();
  if (result == ReconcileResult::kTerminalError) terminal_errors_.add();
  if (result == ReconcileResult::kPanic) panics_.add();
}

ElectionMetrics::ElectionMetrics(MetricsRegistry& registry, const std::string& lease)
    : leads_(registry.gauge("leader_election_master_status", "1 while this process is the leader of that lease.",
                            {{"name", lease}})) {}

void ElectionMetrics::leading(bool leads) const { leads_.set(leads ? 1 : 0); }

}  // namespace pd::runtime
