#include "operator/metrics.h"

#include "plan/devices.h"

namespace pd::op {
namespace {

using Registry = runtime::MetricsRegistry;

std::string result_of(const Status& written) {
  if (written) return "success";
  const bool overtaken = written.error().code == Code::kConflict || written.error().code == Code::kAlreadyExists;
  return overtaken ? "conflict" : "error";
}

// One value of each deployment that has it.
template <typename Value>
Registry::Series of_each(const Stores& stores, Value value) {
  Registry::Series series;
  for (const auto& deployment : stores.deployments()) {
    const std::optional<double> number = value(deployment->status.ranktable);
    if (!number) continue;
    series.push_back({{{"namespace", deployment->meta.ns}, {"name", deployment->meta.name}}, *number});
  }
  return series;
}

}  // namespace

TableMetrics::TableMetrics(Registry& registry, const Stores& stores, const Clock& clock) {
  registry.gauges("pd_operator_ranktable_generation", "The generation of a deployment's table.", [&stores] {
    return of_each(stores, [](const kube::RanktableStatus& table) -> std::optional<double> {
      return static_cast<double>(table.generation);
    });
  });
  registry.gauges("pd_operator_ranktable_age_seconds", "How long ago a deployment's table was published.",
                  [&stores, &clock] {
                    return of_each(stores, [&clock](const kube::RanktableStatus& table) -> std::optional<double> {
                      if (!table.published_at) return std::nullopt;
                      return std::chrono::duration<double>(clock.wall_now() - *table.published_at).count();
                    });
                  });
  for (const char* result : {"success", "conflict", "error"}) {
    published_[result] = registry.counter("pd_operator_publishes_total", "Writes of tables.", {{"result", result}});
  }
  for (const plan::PlacementProblem problem : plan::kPlacementProblems) {
    if (!plan::is_refusal(problem)) continue;
    const std::string reason(plan::reason_of(problem));
    rejected_[reason] =
        registry.counter("pd_operator_rejected_devices_total",
                         "Pods whose NPUs were refused, each time for another reason.", {{"reason", reason}});
  }
  suppressed_ = registry.counter("pd_operator_suppressed_writes_total",
                                 "Plans that left a table as it is, since nothing in it would change.");
  latency_ = registry.histogram("pd_operator_publish_latency_seconds",
                                "From the last change of a pod or its node being seen to the table being written.",
                                {0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10});
}

void TableMetrics::published(const Status& written) const {
  const auto counter = published_.find(result_of(written));
  if (counter != published_.end()) counter->second.add();
}

void TableMetrics::rejected(const std::string& reason) const {
  const auto counter = rejected_.find(reason);
  if (counter != rejected_.end()) counter->second.add();
}

}  // namespace pd::op
