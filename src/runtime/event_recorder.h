// Tells people what a controller did, as events.k8s.io/v1 Events of the objects concerned, without burdening the API
// server: what happens again within minutes is one event with a count. Nothing depends on events; what can't be written
// is counted, logged and left.
//
//   EventRecorder events(client, clock, rng, {"pd-operator.io/pd-operator", host_name});
//   spawn(io, events.run(stop));
//   kube::Event event;
//   event.regarding = kube::reference(pod.meta, "v1", "Pod");
//   event.action = "Check";  event.reason = "LinkDown";  event.note = "Device 3 of node-1 has no link.";
//   events.record(std::move(event));   // never waits
//
// The first occurrence is written at once, the second as its series; later ones are counted here and told every half
// hour, and at last when there was none for six minutes: then the series is over, and the next one a new event. An
// event's name follows from what it says and when it began, so that a request that is sent twice is refused as
// existing. Owner: the program; the client, the clock and the random numbers must outlive run(). Thread: the
// io_context's.
#pragma once

#include <deque>
#include <memory>
#include <string>

#include "kube/client.h"
#include "runtime/api_metrics.h"
#include "runtime/recent.h"
#include "runtime/signal.h"
#include "runtime/timing.h"

namespace pd::runtime {

class EventRecorder {
 public:
  struct Reporter {
    std::string controller;  // "pd-operator.io/pd-operator"
    std::string instance;    // the pod, or the host
  };

  struct Limits {
    Duration series_end = std::chrono::minutes(6);
    Duration refresh = std::chrono::minutes(30);
    std::size_t series = 4096;  // that are remembered
    std::size_t queue = 1000;   // that wait to be written
    std::size_t objects = 4096;
    int burst = 25;  // new events about one object, before they are suppressed
    Duration refill = std::chrono::seconds(300);
    int tries = 12;
    Backoff::Policy retry = {std::chrono::seconds(1), std::chrono::seconds(30), 0.5};
    Duration request_time = std::chrono::seconds(15);
    Duration flush_time = std::chrono::seconds(3);  // for all that is left when stopped
  };

  EventRecorder(kube::Client& client, const Clock& clock, Rng& rng, Reporter reporter, EventMetrics metrics,
                Limits limits);
  EventRecorder(kube::Client& client, const Clock& clock, Rng& rng, Reporter reporter, EventMetrics metrics = {})
      : EventRecorder(client, clock, rng, std::move(reporter), metrics, Limits()) {}

  // What counts of the event: type, action, reason, note, regarding, related. A long note is cut.
  void record(kube::Event event);

  // Writes what was recorded, in order, until stopped; then what is left, as far as the time for that allows.
  asio::awaitable<void> run(StopToken stop);

 private:
  struct Series;
  using SeriesPointer = std::shared_ptr<Series>;
  struct Bucket {
    double tokens = 0;
    Instant at{};
  };

  void complete(kube::Event& event) const;
  void repeat(Series& series, Instant now);
  bool allowed(const kube::ObjectReference& object, Instant now);
  void enqueue(const SeriesPointer& series);
  void end_series(Instant now);
  asio::awaitable<void> wait(StopToken stop);
  asio::awaitable<void> deliver(SeriesPointer series, StopToken stop);
  asio::awaitable<Status> write(SeriesPointer series, kube::CallOptions options);
  asio::awaitable<void> flush();
  void give_up(const SeriesPointer& series, const Error& error);

  kube::Client& client_;
  const Clock& clock_;
  Rng& rng_;
  Reporter reporter_;
  EventMetrics metrics_;
  Limits limits_;
  Recent<SeriesPointer> series_;  // by a digest of what the event says
  Recent<Bucket> buckets_;        // by object
  std::deque<SeriesPointer> queue_;
  Signal changed_;
  bool dropping_ = false;
  bool over_ = false;  // nobody writes any more
};

}  // namespace pd::runtime
