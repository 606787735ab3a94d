// What a program counts, for Prometheus to read. A registry is an object of the program's; what it hands out are small
// handles that may be copied and are cheap to use. A handle that was made without a registry does nothing, so that what
// is measured need not know whether anybody looks.
//
//   MetricsRegistry registry;
//   const Counter published = registry.counter("pd_operator_publishes_total", "Tables written.", {{"result",
//   "success"}}); published.add();
//   ... registry.text()
//
// A metric is exported from the moment it is asked for, as 0: ask at start for all labels that are known.
// The same name and labels are the same metric. prometheus-cpp is behind it, known to metrics.cpp alone.
// Owner: the program; the registry outlives its handles' use. Thread: the io_context's.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"

namespace prometheus {
class Counter;
class Gauge;
class Histogram;
}  // namespace prometheus

namespace pd::runtime {

// Only ever grows.
class Counter {
 public:
  Counter() = default;
  void add(double amount = 1) const;

 private:
  friend class MetricsRegistry;
  explicit Counter(prometheus::Counter& counter) : counter_(&counter) {}
  prometheus::Counter* counter_ = nullptr;
};

class Gauge {
 public:
  Gauge() = default;
  void set(double value) const;
  void add(double amount) const;

 private:
  friend class MetricsRegistry;
  explicit Gauge(prometheus::Gauge& gauge) : gauge_(&gauge) {}
  prometheus::Gauge* gauge_ = nullptr;
};

class Histogram {
 public:
  Histogram() = default;
  void observe(Duration duration) const;  // in seconds

 private:
  friend class MetricsRegistry;
  explicit Histogram(prometheus::Histogram& histogram) : histogram_(&histogram) {}
  prometheus::Histogram* histogram_ = nullptr;
};

class MetricsRegistry {
 public:
  using Labels = std::map<std::string, std::string>;

  MetricsRegistry();
  ~MetricsRegistry();
  MetricsRegistry(const MetricsRegistry&) = delete;
  MetricsRegistry& operator=(const MetricsRegistry&) = delete;

  Counter counter(const std::string& name, const std::string& help, const Labels& labels = {});
  Gauge gauge(const std::string& name, const std::string& help, const Labels& labels = {});
  // `buckets`: upper bounds, growing, in seconds.
  Histogram histogram(const std::string& name, const std::string& help, const std::vector<double>& buckets,
                      const Labels& labels = {});

  // Series that come and go: read for each text().
  using Series = std::vector<std::pair<Labels, double>>;
  void gauges(const std::string& name, const std::string& help, std::function<Series()> read);

  // Called before each text(): sets what is only known when it is asked for. What it captures must live as long as the
  // registry.
  void before_text(std::function<void()> callback) { callbacks_.push_back(std::move(callback)); }

  // All metrics in Prometheus' text format 0.0.4.
  std::string text() const;

 private:
  struct Collected;
  std::unique_ptr<Collected> collected_;
  std::vector<std::function<void()>> callbacks_;
  struct Gauges {
    std::string name;
    std::string help;
    std::function<Series()> read;
  };
  std::vector<Gauges> gauges_;
};

}  // namespace pd::runtime
