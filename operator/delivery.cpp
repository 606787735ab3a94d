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
  for (const plan::DeliveryTarget& target : targets) {
    const auto known = pods.find(target.uid);
    std::shared_ptr<Pod> pod = known == pods.end() ? nullptr : known->second;
    if (pod == nullptr || pod->target != target) {
      auto anew = std::make_shared<Pod>(Pod{target, {}, time_.now()});
      if (pod != nullptr) anew->state.generation = pod->state.generation;
      pod = std::move(anew);
    }
    next.emplace(target.uid, std::move(pod));
  }
  for (const auto& [uid, pod] : pods) {
    const auto kept = next.find(uid);
    pod->dropped = kept == next.end() || kept->second != pod;
  }
  pods = std::move(next);
  for (const auto& [uid, pod] : pods) {
    if (pod->asked || pod->state.generation >= pod->target.generation || stop_.stopped()) continue;
    pod->asked = true;
    ++flows_;
    runtime::spawn(context_, ask_until_seen(key, pod));
  }
  if (pods.empty()) followed_.erase(key);
}

std::map<std::string, plan::DeliveryState> Delivery::seen(const std::string& key) const {
  std::map<std::string, plan::DeliveryState> states;
  const auto found = followed_.find(key);
  if (found == followed_.end()) return states;
  for (const auto& [uid, pod] : found->second) states.emplace(uid, pod->state);
  return states;
}

boost::asio::awaitable<void> Delivery::ask_until_seen(std::string key, std::shared_ptr<Pod> pod) {
  runtime::Backoff backoff(kPauses, rng_);
  while (!pod->dropped && pod->state.generation < pod->target.generation) {
    const bool waited = co_await runtime::sleep_for(backoff.next(), stop_.token());
    if (!waited) break;
    if (!pod->dropped) co_await ask_once(key, pod);
  }
  pod->asked = false;
  --flows_;
  freed_.notify_all();
}

boost::asio::awaitable<void> Delivery::ask_once(std::string key, std::shared_ptr<Pod> pod) {
  while (asking_ >= kAtATime) co_await freed_.wait();
  if (pod->dropped || stop_.stopped()) co_return;  // its turn came too late
  ++asking_;
  const Result<std::int64_t> answer = co_await ask_(pod->target);
  --asking_;
  freed_.notify_all();
  if (!pod->dropped && !stop_.stopped()) take(key, *pod, answer);
}

void Delivery::take(const std::string& key, Pod& pod, const Result<std::int64_t>& answer) {
  const plan::DeliveryState before = pod.state;
  if (answer) {
    pod.state.generation = *answer;
    pod.state.problem.clear();
  } else if (time_.now() >= pod.since + kUnreachableAfter) {
    pod.state.problem = answer.error().message;
  }
  const bool seen = pod.state.generation >= pod.target.generation;
  if (seen) latency_.observe(time_.now() - pod.since);
  const bool turned = before.problem.empty() != pod.state.problem.empty();
  if ((seen && all_seen(key)) || turned) changed_(key);
}

bool Delivery::all_seen(const std::string& key) const {
  const Pods& pods = followed_.at(key);
  return std::all_of(pods.begin(), pods.end(),
                     [](const auto& one) { return one.second->state.generation >= one.second->target.generation; });
}

void Delivery::stop() {
  stop_.stop();
  freed_.notify_all();
}

boost::asio::awaitable<void> Delivery::ended() {
  while (flows_ > 0) co_await freed_.wait();
}

}  // namespace pd::op
