// What is measured of the talk with the API server: requests, watches, events. Made without a registry they measure
// nothing. Owner: whoever is measured, by value. Thread: the io_context's.
//
//   RequestMetrics requests(registry, "https://10.96.0.1:443");
//   requests.answered("GET", 200);
//   WatchMetrics watches(registry, "Pod");
//   watches.restarted("gone");  watches.objects(store.all().size());
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "runtime/metrics.h"

namespace pd::runtime {

// client-go's rest_client_requests_total{code,method,host}.
class RequestMetrics {
 public:
  RequestMetrics() = default;
  // The registry must outlive it. `server`: the API server's URL, of which host and port are the label.
  RequestMetrics(MetricsRegistry& registry, const std::string& server);

  void answered(const std::string& method, int status) const;
  void failed(const std::string& method) const;  // no answer was had

 private:
  struct Seen;
  void count(const std::string& method, const std::string& code) const;
  std::shared_ptr<Seen> seen_;
};

class WatchMetrics {
 public:
  WatchMetrics() = default;
  WatchMetrics(MetricsRegistry& registry, const std::string& kind);

  // `reason`: one of those that Watcher::on_restart() tells.
  void restarted(std::string_view reason) const;
  void objects(std::size_t count) const;  // that the store holds now

 private:
  std::map<std::string_view, Counter> restarts_;  // by reason
  Gauge objects_;
};

// What became of what was given to an event recorder.
class EventMetrics {
 public:
  EventMetrics() = default;
  explicit EventMetrics(MetricsRegistry& registry);

  void written() const { written_.add(); }        // one write that the API server took: a new event, or its series
  void counted() const { counted_.add(); }        // a repetition, so far counted in memory alone
  void suppressed() const { suppressed_.add(); }  // too many about one object
  void dropped() const { dropped_.add(); }        // too many waited to be written
  void failed() const { failed_.add(); }          // refused, or not taken after all tries

 private:
  Counter written_;
  Counter counted_;
  Counter suppressed_;
  Counter dropped_;
  Counter failed_;
};

}  // namespace pd::runtime
