#include "daemonset/agent.h"

#include <boost/asio/co_spawn.hpp>
#include <exception>

#include "base/log.h"

namespace pd::agent {
namespace {

using std::chrono::seconds;

constexpr Duration kSettle = std::chrono::milliseconds(50);  // between a file's change and its reading
constexpr Duration kFirstReadings = seconds(2);              // how long the first patch waits for what is slower

Instant now() { return std::chrono::steady_clock::now(); }

// An exception that no one expected ends the program instead of one loop of it.
void rethrow(std::exception_ptr failed) {
  if (failed) std::rethrow_exception(failed);
}

std::string devices_of(const Wanted& wanted) {
  return wanted.inventory ? std::to_string(wanted.inventory->devices.size()) : "unknown";
}

std::string pods_of(const Wanted& wanted) {
  return wanted.allocations ? std::to_string(wanted.allocations->pods.size()) : "unknown";
}

}  // namespace

Agent::Agent(asio::io_context& io, Options options, InventoryProbe& inventory, AllocationsProbe& allocations,
             NodeAnnotation& node_annotation, NodeApi& node, const Clock& clock, PublishMetrics metrics)
    : io_(io),
      options_(std::move(options)),
      inventory_(inventory),
      allocations_(allocations),
      publisher_(node, clock),
      metrics_(metrics),
      inventory_wakeup_(io),
      allocations_wakeup_(io),
      publish_wakeup_(io),
      finished_(io),
      conf_watch_(io, options_.hccn_conf, [this] { inventory_wakeup_.notify(); }),
      checkpoint_watch_(io, options_.checkpoint, [this] { allocations_wakeup_.notify(); }) {
  publisher_.on_refresh([this, &node_annotation](const Annotations& annotations) {
    if (node_annotation.learn(annotations)) inventory_wakeup_.notify();
  });
}

asio::awaitable<void> Agent::run() {
  running_ = 3;
  asio::co_spawn(io_, finish(inventory_loop()), rethrow);
  asio::co_spawn(io_, finish(allocations_loop()), rethrow);
  asio::co_spawn(io_, finish(publish_loop()), rethrow);
  while (running_ > 0) co_await finished_.wait();
}

asio::awaitable<void> Agent::finish(asio::awaitable<void> loop) {
  co_await std::move(loop);
  --running_;
  finished_.notify();
}

void Agent::stop() {
  stopping_ = true;
  conf_watch_.stop();
  checkpoint_watch_.stop();
  inventory_wakeup_.notify();
  allocations_wakeup_.notify();
  publish_wakeup_.notify();
}

void Agent::take_inventory(Result<InventoryReading> reading, probe::Problems& problems) {
  if (reading) {
    failed_inventories_ = 0;
    wanted_.inventory = std::move(reading->inventory);
    metrics_.devices(*wanted_.inventory);
    problems.merge(reading->problems);
    return;
  }
  problems["inventory"] = reading.error().message;
  ++failed_inventories_;
  wanted_.remove_inventory = failed_inventories_ >= kFailuresToRemove;
  if (wanted_.remove_inventory && !wanted_.inventory) metrics_.devices({});
}

// Until the round is due, or a file has changed and been left alone for a moment.
asio::awaitable<void> Agent::next_round(probe::Wakeup& wakeup, Instant due) {
  co_await wakeup.wait_until(due);
  const Instant settled = std::min(due, now() + kSettle);
  while (!stopping_ && now() < settled) co_await wakeup.wait_until(settled);
}

asio::awaitable<void> Agent::first_readings() {
  const Instant limit = now() + kFirstReadings;
  while (!stopping_ && !(inventory_tried_ && allocations_tried_) && now() < limit) {
    co_await publish_wakeup_.wait_until(limit);
  }
}

asio::awaitable<void> Agent::inventory_loop() {
  probe::Backoff backoff(seconds(5), options_.probe_interval);
  const Instant limit = now() + kFirstReadings;
  while (!stopping_ && !node_tried_ && now() < limit) co_await inventory_wakeup_.wait_until(limit);
  while (!stopping_) {
    probe::Problems problems;
    const Status armed = conf_watch_.arm();
    if (!armed) problems["hccn.conf"] = armed.error().message;
    Result<InventoryReading> reading = co_await inventory_.read();
    if (stopping_) co_return;
    inventory_tried_ = true;
    take_inventory(std::move(reading), problems);
    log_.update("inventory", problems);
    publish_wakeup_.notify();
    if (problems.empty()) backoff.reset();
    const Instant next = now() + (problems.empty() ? options_.probe_interval : backoff.next());
    co_await next_round(inventory_wakeup_, next);
  }
}

asio::awaitable<void> Agent::allocations_loop() {
  probe::Backoff backoff(seconds(1), options_.allocations_interval);
  while (!stopping_) {
    probe::Problems problems;
    const Status armed = checkpoint_watch_.arm();
    if (!armed) problems["checkpoint"] = armed.error().message;
    Result<AllocationsReading> reading = co_await allocations_.read();
    if (stopping_) co_return;
    allocations_tried_ = true;
    if (reading) {
      wanted_.allocations = std::move(reading->allocations);
      problems.merge(reading->problems);
    } else {
      problems["allocations"] = reading.error().message;
    }
    log_.update("allocations", problems);
    publish_wakeup_.notify();
    if (problems.empty()) backoff.reset();
    const Instant next = now() + (problems.empty() ? options_.allocations_interval : backoff.next());
    co_await next_round(allocations_wakeup_, next);
  }
}

// Answers whether it was read. A failure is told by the first attempt to publish, which then looks again.
asio::awaitable<bool> Agent::first_look_at_node() {
  const Status read = co_await publisher_.refresh();
  node_tried_ = true;
  inventory_wakeup_.notify();
  co_return read.ok();
}

asio::awaitable<Status> Agent::publish_once(Instant& next_refresh) {
  if (now() >= next_refresh) {
    const Status refreshed = co_await publisher_.refresh();
    if (!refreshed) co_return refreshed;
    next_refresh = now() + options_.refresh_interval;
  }
  const Wanted wanted = wanted_;
  const Result<bool> wrote = co_await publisher_.publish(wanted);
  if (!wrote) co_return wrote.error();
  published_ = true;
  if (*wrote) metrics_.wrote();
  if (*wrote) log::info("Published", {{"devices", devices_of(wanted)}, {"pods", pods_of(wanted)}});
  co_return Ok{};
}

asio::awaitable<void> Agent::publish_loop() {
  probe::Backoff backoff(seconds(1), seconds(30));
  Instant next_refresh{};
  const bool looked = co_await first_look_at_node();
  if (looked) next_refresh = now() + options_.refresh_interval;
  co_await first_readings();
  while (!stopping_) {
    const Status published = co_await publish_once(next_refresh);
    if (stopping_) co_return;
    probe::Problems problems;
    Instant until = next_refresh;
    if (published) {
      backoff.reset();
    } else {
      metrics_.failed();
      problems["Node"] = published.error().message;
      until = now() + std::max<Duration>(backoff.next(), published.error().retry_after.value_or(seconds(0)));
    }
    log_.update("publish", problems);
    // After a failure nothing shortens the wait; what is new goes into the next attempt.
    do {
      co_await publish_wakeup_.wait_until(until);
    } while (!published && !stopping_ && now() < until);
  }
}

}  // namespace pd::agent
