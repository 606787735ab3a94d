// Keys that need work. A key is in the queue at most once and in work at most once; one that is added while it is in
// work runs once more afterwards. Failures come back later and later, with jitter; others are not held up by them. How
// often events made it try meanwhile does not count: after an outage, a key comes back within about as long as that
// was. Of a burst of events, each key takes ten turns at once and then one in each tenth of a second.
//
//   queue.add_event("llm/qwen");
//   std::optional<std::string> key = co_await queue.take(stop);
//   ... queue.done(*key, {.success = false});
//
// Thread: the io_context's.
#pragma once

#include <deque>
#include <map>
#include <string>

#include "runtime/controller_metrics.h"
#include "runtime/signal.h"
#include "runtime/timing.h"

namespace pd::runtime {

class WorkQueue {
 public:
  struct Outcome {
    bool success = true;
    std::optional<Duration> again;  // after a success: when to look again; after a failure: at the earliest
    bool deferred = false;          // nothing was tried: look again then, and what is remembered of failures stays
  };

  WorkQueue(asio::io_context& context, Rng& rng, Backoff::Policy backoff);

  void add(const std::string& key);
  void add_event(const std::string& key);  // in its turn, which is now unless many were taken in the last second
  void add_after(const std::string& key, Duration delay);  // an earlier time that is set already stays
  asio::awaitable<std::optional<std::string>> take(StopToken stop);
  void done(const std::string& key, Outcome outcome);
  // Drops what is remembered of a key that is gone for good.
  void forget(const std::string& key);

  std::size_t depth() const { return ready_.size(); }
  void measure(QueueMetrics metrics) { metrics_ = std::move(metrics); }

 private:
  struct Later {
    Instant due;
    TimeService::Call call;
  };

  struct Failures {
    Backoff backoff;
    Instant due{};  // until then, another failure is none more
  };

  TimeService& time_;
  Rng& rng_;
  Backoff::Policy policy_;
  // Each turn taken adds to it: how far it is ahead of now tells how many. Only those that are ahead are kept.
  std::map<std::string, Instant> turns_;
  std::deque<std::string> ready_;
  std::map<std::string, Instant> dirty_;    // in ready_, or to be put there when done; since when
  std::map<std::string, Instant> working_;  // and since when, as the metrics want it
  bool stopped_ = false;                    // what waits for its time would keep the io_context running
  std::map<std::string, Later> waiting_;
  std::map<std::string, Failures> failures_;
  Signal changed_;
  QueueMetrics metrics_;
};

}  // namespace pd::runtime
