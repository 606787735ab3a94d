#include "operator/delivery.h"

#include <algorithm>

#include "runtime/spawn.h"

namespace pd::op {
namespace {

// Kubelet brings the files in about a tenth of a second; later it is a matter of seconds, then of a broken pod.
constexpr runtime::Backoff::Policy kPauses{
    .base = std::chrono::milliseconds(50), .cap = std::chrono::seconds(15), .jitter = 1.0};

}  // namespace

Delivery::Delivery(boost::asio::io_context& context, runtime::Rng& rng, Ask ask, Changed changed)
    : context_(context),
      time_(runtime::TimeService::of(context)),
      rng_(rng),
      ask_(std::move(ask)),
      changed_(std::move(changed)) {}

void Delivery::measure(runtime::MetricsRegistry& registry) {
  latency_ =
      registry.histogram("pd_operator_delivery_latency_seconds",
                         "From the plan that wrote or touched to a pod's sidecar confirming that it sees the tables.",
                         {0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120});
}

void Delivery::follow(const std::string& key, const std::vector<plan::DeliveryTarget>& targets) {
  Pods& pods = followed_[key];
  Pods next;
  next.reserve(targets.size());
  for (const plan::DeliveryTarget& target : targets) {
    Pod& pod = next[target.uid];
    if (const auto known = pods.find(target.uid); known != pods.end()) pod = std::exchange(known->second, {});
    if (pod.asks && pod.asks->target == target) continue;
    if (pod.asks) pod.asks->over = true;
    pod.asks = pod.generation < target.generation && !stop_.stopped() ? ask(key, target) : nullptr;
  }
  for (const auto& [uid, pod] : pods) {
    if (pod.asks) pod.asks->over = true;
  }
  pods = std::move(next);
  if (pods.empty()) followed_.erase(key);
}

std::map<std::string, plan::DeliveryState> Delivery::seen(const std::string& key) const {
  std::map<std::string, plan::DeliveryState> states;
  const auto found = followed_.find(key);
  if (found == followed_.end()) return states;
  for (const auto& [uid, pod] : found->second) {
    states.emplace_hint(states.end(), uid, plan::DeliveryState{pod.generation, pod.asks ? pod.asks->problem : ""});
  }
  return states;
}

std::shared_ptr<Delivery::Question> Delivery::ask(const std::string& key, const plan::DeliveryTarget& target) {
  auto question = std::make_shared<Question>(Question{target, time_.now(), std::nullopt});
  ++flows_;
  runtime::spawn(context_, ask_until_seen(key, question));
  return question;
}

boost::asio::awaitable<void> Delivery::ask_until_seen(std::string key, std::shared_ptr<Question> question) {
  runtime::Backoff backoff(kPauses, rng_);
  while (!question->over) {
    const bool waited = co_await runtime::sleep_for(backoff.next(), stop_.token());
    if (!waited) break;
    if (!question->over) co_await ask_once(key, question);
  }
  --flows_;
  flow_ended_.notify_all();
}

boost::asio::awaitable<void> Delivery::ask_once(std::string key, std::shared_ptr<Question> question) {
  co_await turn(key);
  if (!question->over && !stop_.stopped()) {  // else its turn came too late
    const Result<std::int64_t> answer = co_await ask_(question->target);
    if (!question->over && !stop_.stopped()) take(key, *question, answer);
  }
  pass_on(key);
}

boost::asio::awaitable<void> Delivery::turn(std::string key) {
  if (has_turn(key)) {
    begin(key);
    co_return;
  }
  const auto called = std::make_shared<runtime::Signal>();
  waiting_[key].push_back(called);
  co_await called->wait();
}

// To one that can use it: were all to look whether it is theirs, each answer would wake thousands. The deployments take
// turns too.
void Delivery::pass_on(const std::string& key) {
  --asking_;
  if (--asking_of_[key] == 0) asking_of_.erase(key);
  const auto can_ask = [this](const auto& waiting) { return has_turn(waiting.first); };
  auto next = std::find_if(waiting_.upper_bound(key), waiting_.end(), can_ask);
  if (next == waiting_.end()) next = std::find_if(waiting_.begin(), waiting_.end(), can_ask);
  if (next == waiting_.end()) return;
  begin(next->first);
  next->second.front()->notify_all();
  next->second.pop_front();
  if (next->second.empty()) waiting_.erase(next);
}

void Delivery::begin(const std::string& key) {
  ++asking_;
  ++asking_of_[key];
}

bool Delivery::has_turn(const std::string& key) const {
  const auto own = asking_of_.find(key);
  return asking_ < kAtATime && (own == asking_of_.end() || own->second < kOfOneAtATime);
}

void Delivery::take(const std::string& key, Question& question, const Result<std::int64_t>& answer) {
  Pods& pods = followed_.at(key);
  Pod& pod = pods.at(question.target.uid);
  const bool was_reachable = question.problem.empty();
  if (answer) {
    pod.generation = *answer;
    question.failing.reset();
    question.problem.clear();
  } else {
    if (!question.failing) question.failing = time_.now();
    if (time_.now() >= *question.failing + kUnreachableAfter) question.problem = answer.error().message;
  }
  bool all_seen = false;
  if (pod.generation >= question.target.generation) {
    latency_.observe(time_.now() - question.since);
    question.over = true;
    pod.asks.reset();  // the flow still has it
    all_seen = std::none_of(pods.begin(), pods.end(), [](const auto& one) { return one.second.asks != nullptr; });
  }
  if (all_seen || was_reachable != question.problem.empty()) changed_(key);
}

boost::asio::awaitable<void> Delivery::ended() {
  while (flows_ > 0) co_await flow_ended_.wait();
}

}  // namespace pd::op
