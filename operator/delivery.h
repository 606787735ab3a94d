// Follows which pods have seen the published tables. Each pod that a plan expects to see a generation is asked, soon
// and then with growing pauses, until it confirms or is no longer expected to. What they answer goes into the next
// snapshot; a new plan is asked for when all pods of a deployment have confirmed, and when one turns out not to be
// reachable.
//
//   Delivery delivery(context, rng, ask_generation, [&](const std::string& key) { queue.add(key); });
//   delivery.follow(key, plan.deliveries);
//   snapshot.deliveries = delivery.seen(key);
//
// Owner: the operator. Thread: the io_context's.
#pragma once

#include <boost/asio/io_context.hpp>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "plan/plan.h"
#include "runtime/metrics.h"
#include "runtime/signal.h"
#include "runtime/timing.h"

namespace pd::op {

class Delivery {
 public:
  using Ask = std::function<boost::asio::awaitable<Result<std::int64_t>>(plan::DeliveryTarget)>;
  using Changed = std::function<void(const std::string& key)>;

  static constexpr Duration kUnreachableAfter = std::chrono::seconds(5);  // from the first failure with none but such
  static constexpr int kAtATime = 64;
  static constexpr int kOfOneAtATime = 16;  // a large one must not hold up the others

  Delivery(boost::asio::io_context& context, runtime::Rng& rng, Ask ask, Changed changed);

  // All pods of the deployment that are expected to see a generation; those that were asked for it go on.
  void follow(const std::string& key, const std::vector<plan::DeliveryTarget>& targets);
  void forget(const std::string& key) { follow(key, {}); }
  // By pod UID.
  std::map<std::string, plan::DeliveryState> seen(const std::string& key) const;

  // Nobody is asked any more; ended() when the last has been let go.
  void stop() { stop_.stop(); }
  boost::asio::awaitable<void> ended();
  void measure(runtime::MetricsRegistry& registry);

 private:
  // What a flow asks a pod again and again.
  struct Question {
    plan::DeliveryTarget target;
    Instant since;
    std::optional<Instant> failing;  // since when no answer was right
    std::string problem = {};        // why the pod can't be asked; empty as long as it is not given up
    bool over = false;               // it is answered, or nobody wants to know any more
  };
  struct Pod {
    std::int64_t generation = 0;     // the last that it told of
    std::shared_ptr<Question> asks;  // null: it has seen what it should
  };
  using Pods = kube::SmallMap<Pod>;  // by UID

  std::shared_ptr<Question> ask(const std::string& key, const plan::DeliveryTarget& target);
  boost::asio::awaitable<void> ask_until_seen(std::string key, std::shared_ptr<Question> question);
  boost::asio::awaitable<void> ask_once(std::string key, std::shared_ptr<Question> question);
  // Until it is this one's turn, which it has to pass on.
  boost::asio::awaitable<void> turn(std::string key);
  void pass_on(const std::string& key);
  void begin(const std::string& key);
  bool has_turn(const std::string& key) const;
  void take(const std::string& key, Question& question, const Result<std::int64_t>& answer);

  boost::asio::io_context& context_;
  runtime::TimeService& time_;
  runtime::Rng& rng_;
  Ask ask_;
  Changed changed_;
  std::map<std::string, Pods> followed_;  // by deployment
  StopSource stop_;
  int asking_ = 0;                                                               // how many pods are being asked
  std::map<std::string, int> asking_of_;                                         // those of a deployment
  std::map<std::string, std::deque<std::shared_ptr<runtime::Signal>>> waiting_;  // of each, who waits for a turn
  int flows_ = 0;
  runtime::Signal flow_ended_;
  runtime::Histogram latency_;
};

}  // namespace pd::op
