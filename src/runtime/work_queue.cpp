#include "runtime/work_queue.h"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace pd::runtime {

WorkQueue::WorkQueue(asio::io_context& context, Rng& rng, Backoff::Policy backoff)
    : rng_(rng), policy_(backoff), timer_(context), signal_(context, Instant::max()) {}

void WorkQueue::add(const std::string& key) {
  waiting_.erase(key);
  if (!dirty_.insert(key).second) return;
  if (working_.contains(key)) return;
  ready_.push_back(key);
  signal_.cancel();
}

void WorkQueue::add_after(const std::string& key, Duration delay) {
  if (dirty_.contains(key) && !working_.contains(key)) return;
  const Instant due = std::chrono::steady_clock::now() + delay;
  const auto [entry, added] = waiting_.emplace(key, due);
  if (!added) entry->second = std::min(entry->second, due);
  arm();
}

asio::awaitable<std::optional<std::string>> WorkQueue::take(StopToken stop) {
  const auto registration = stop.on_stop([this] { signal_.cancel(); });
  while (ready_.empty() && !stop.stopped()) {
    boost::system::error_code ignored;
    co_await signal_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
  if (stop.stopped()) {
    stopped_ = true;
    timer_.cancel();
    co_return std::nullopt;
  }
  std::string key = std::move(ready_.front());
  ready_.pop_front();
  dirty_.erase(key);
  working_.insert(key);
  co_return key;
}

void WorkQueue::done(const std::string& key, Outcome outcome) {
  working_.erase(key);
  if (dirty_.contains(key)) {
    ready_.push_back(key);
    signal_.cancel();
  }
  if (outcome.deferred) {
    if (outcome.again) add_after(key, *outcome.again);
    return;
  }
  if (outcome.success) {
    backoffs_.erase(key);
    if (outcome.again) add_after(key, *outcome.again);
    return;
  }
  const auto [entry, added] = backoffs_.try_emplace(key, policy_, rng_);
  const Duration wait = entry->second.next();
  add_after(key, outcome.again ? std::max(wait, *outcome.again) : wait);
}

void WorkQueue::forget(const std::string& key) {
  backoffs_.erase(key);
  waiting_.erase(key);
}

void WorkQueue::arm() {
  if (waiting_.empty() || stopped_) return;
  Instant earliest = Instant::max();
  for (const auto& [key, due] : waiting_) earliest = std::min(earliest, due);
  timer_.expires_at(earliest);
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) on_timer();
  });
}

void WorkQueue::on_timer() {
  const Instant now = std::chrono::steady_clock::now();
  std::vector<std::string> due;
  for (const auto& [key, when] : waiting_) {
    if (when <= now) due.push_back(key);
  }
  for (const std::string& key : due) add(key);
  arm();
}

}  // namespace pd::runtime
