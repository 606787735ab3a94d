#include "runtime/work_queue.h"

#include <algorithm>

namespace pd::runtime {

namespace {

constexpr int kBurst = 10;
constexpr auto kPace = std::chrono::milliseconds(100);

}  // namespace

WorkQueue::WorkQueue(asio::io_context& context, Rng& rng, Backoff::Policy backoff)
    : time_(TimeService::of(context)), rng_(rng), policy_(backoff) {}

void WorkQueue::add(const std::string& key) {
  waiting_.erase(key);
  if (!dirty_.emplace(key, time_.now()).second) return;
  if (!working_.contains(key)) ready_.push_back(key);
  metrics_.added(ready_.size());
  changed_.notify_all();
}

void WorkQueue::add_event(const std::string& key) {
  const auto turn = turns_.find(key);
  const Instant due = turn == turns_.end() ? time_.now() : turn->second - (kBurst - 1) * kPace;
  if (due <= time_.now()) {
    add(key);
  } else {
    add_after(key, due - time_.now());
  }
}

void WorkQueue::add_after(const std::string& key, Duration delay) {
  if (stopped_ || (dirty_.contains(key) && !working_.contains(key))) return;
  const Instant due = time_.now() + delay;
  if (const auto known = waiting_.find(key); known != waiting_.end() && known->second.due <= due) return;
  waiting_[key] = {due, time_.call_at(due, [this, key = key] { add(key); })};
}

asio::awaitable<std::optional<std::string>> WorkQueue::take(StopToken stop) {
  const auto registration = stop.on_stop([this] { changed_.notify_all(); });
  while (ready_.empty() && !stop.stopped()) co_await changed_.wait();
  if (stop.stopped()) {
    stopped_ = true;
    waiting_.clear();
    co_return std::nullopt;
  }
  std::string key = std::move(ready_.front());
  ready_.pop_front();
  const auto dirty = dirty_.extract(key);
  std::erase_if(turns_, [this](const auto& turn) { return turn.second <= time_.now(); });
  turns_.try_emplace(key, time_.now()).first->second += kPace;
  working_[key] = metrics_.taken(ready_.size(), time_.now() - dirty.mapped());
  co_return key;
}

void WorkQueue::done(const std::string& key, Outcome outcome) {
  if (const auto worked = working_.extract(key)) metrics_.finished(worked.mapped());
  if (dirty_.contains(key)) {
    ready_.push_back(key);
    changed_.notify_all();
  }
  if (outcome.deferred) {
    if (outcome.again) add_after(key, *outcome.again);
    return;
  }
  if (outcome.success) {
    failures_.erase(key);
    if (outcome.again) add_after(key, *outcome.again);
    return;
  }
  metrics_.retried();
  Failures& failures = failures_.try_emplace(key, Failures{Backoff(policy_, rng_)}).first->second;
  if (time_.now() >= failures.due) failures.due = time_.now() + failures.backoff.next();
  add_after(key, std::max(failures.due - time_.now(), outcome.again.value_or(Duration::zero())));
}

void WorkQueue::forget(const std::string& key) {
  failures_.erase(key);
  waiting_.erase(key);
}

}  // namespace pd::runtime
