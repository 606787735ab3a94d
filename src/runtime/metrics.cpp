#include "runtime/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/metric_family.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

namespace pd::runtime {

struct MetricsRegistry::Collected {
  prometheus::Registry registry;
};

void Counter::add(double amount) const {
  if (counter_ != nullptr) counter_->Increment(amount);
}

void Gauge::set(double value) const {
  if (gauge_ != nullptr) gauge_->Set(value);
}

void Gauge::add(double amount) const {
  if (gauge_ != nullptr) gauge_->Increment(amount);
}

void Histogram::observe(Duration duration) const {
  if (histogram_ != nullptr) histogram_->Observe(std::chrono::duration<double>(duration).count());
}

MetricsRegistry::MetricsRegistry() : collected_(std::make_unique<Collected>()) {}
MetricsRegistry::~MetricsRegistry() = default;

Counter MetricsRegistry::counter(const std::string& name, const std::string& help, const Labels& labels) {
  return Counter(prometheus::BuildCounter().Name(name).Help(help).Register(collected_->registry).Add(labels));
}

Gauge MetricsRegistry::gauge(const std::string& name, const std::string& help, const Labels& labels) {
  return Gauge(prometheus::BuildGauge().Name(name).Help(help).Register(collected_->registry).Add(labels));
}

Histogram MetricsRegistry::histogram(const std::string& name, const std::string& help,
                                     const std::vector<double>& buckets, const Labels& labels) {
  auto& family = prometheus::BuildHistogram().Name(name).Help(help).Register(collected_->registry);
  return Histogram(family.Add(labels, buckets));
}

void MetricsRegistry::gauges(const std::string& name, const std::string& help, std::function<Series()> read) {
  gauges_.push_back({name, help, std::move(read)});
}

std::string MetricsRegistry::text() const {
  for (const std::function<void()>& callback : callbacks_) callback();
  std::vector<prometheus::MetricFamily> families = collected_->registry.Collect();
  for (const Gauges& each : gauges_) {
    prometheus::MetricFamily family{each.name, each.help, prometheus::MetricType::Gauge, {}};
    for (const auto& [labels, value] : each.read()) {
      prometheus::ClientMetric metric;
      for (const auto& [label, text] : labels) metric.label.push_back({label, text});
      metric.gauge.value = value;
      family.metric.push_back(std::move(metric));
    }
    families.push_back(std::move(family));
  }
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace pd::runtime
