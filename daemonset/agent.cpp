#include "daemonset/agent.h"

#include "base/log.h"
#include "runtime/spawn.h"

namespace pd::agent {
namespace {

using std::chrono::seconds;

// Between a file's change and its reading: hccn.conf is edited in place; the checkpoint is replaced whole, and written
// once for each container.
constexpr Duration kSettleInventory = std::chrono::milliseconds(50);
constexpr Duration kSettleAllocations = std::chrono::milliseconds(5);
constexpr Duration kFirstReadings = seconds(2);  // how long the first patch waits for what is slower

std::string devices_of(const Wanted& wanted) {
  return wanted.inventory ? std::to_string(wanted.inventory->devices.size()) : "unknown";
}

std::string pods_of(const Wanted& wanted) {
  return wanted.allocations ? std::to_string(wanted.allocations->pods.size()) : "unknown";
}

// PodResources is ahead of the checkpoint for a moment when a pod is admitted: that is no problem yet.
probe::Problems seen_twice(const probe::Problems& before, const probe::Problems& now) {
  probe::Problems both;
  for (const auto& problem : now) {
    if (before.contains(problem.first)) both.insert(problem);
  }
  return both;
}

}  // namespace

Agent::Agent(asio::io_context& io, Options options, Sources sources, NodeApi& node, const Clock& clock,
             runtime::Rng& rng, PublishMetrics metrics)
    : io_(io),
      time_(runtime::TimeService::of(io)),
      options_(options),
      sources_(std::move(sources)),
      clock_(clock),
      publisher_(node, clock),
      rng_(rng),
      metrics_(metrics) {
  publisher_.on_refresh([this](const Annotations& annotations) {
    if (!sources_.learn(annotations)) return;
    ++learned_;
    inventory_changed();
  });
}

asio::awaitable<void> Agent::run() {
  running_ = 3;
  runtime::spawn(io_, finish(inventory_loop()));
  runtime::spawn(io_, finish(allocations_loop()));
  runtime::spawn(io_, finish(publish_loop()));
  while (running_ > 0) co_await finished_.wait_until(runtime::TimeService::kNever);
}

asio::awaitable<void> Agent::finish(asio::awaitable<void> loop) {
  co_await std::move(loop);
  --running_;
  finished_.notify();
}

void Agent::stop() {
  stopping_ = true;
  inventory_wakeup_.notify();
  allocations_wakeup_.notify();
  publish_wakeup_.notify();
}

void Agent::take_inventory(Result<InventoryReading> reading, probe::Problems& problems) {
  if (reading) {
    failed_inventories_ = 0;
    npu::Inventory& found = reading->inventory;
    const bool same = wanted_.inventory && wanted_.inventory->same_content(found);
    found.probed = same ? wanted_.inventory->probed : format_rfc3339(clock_.wall_now());
    wanted_.inventory = std::move(found);
    metrics_.devices(*wanted_.inventory);
    problems.merge(reading->problems);
    return;
  }
  problems["inventory"] = reading.error().message;
  ++failed_inventories_;
  wanted_.remove_inventory = failed_inventories_ >= kFailuresToRemove;
  if (wanted_.remove_inventory && !wanted_.inventory) metrics_.devices({});
}

// Until the round is due, or something has changed and been left alone for a moment, but not for ten of them.
asio::awaitable<void> Agent::next_round(runtime::Wakeup& wakeup, Instant due, Duration settle) {
  co_await wakeup.wait_until(due);
  const Instant limit = std::min(due, now() + 10 * settle);
  Instant settled = now() + settle;
  while (!stopping_ && now() < std::min(settled, limit)) {
    co_await wakeup.wait_until(std::min(settled, limit));
    if (now() < settled) settled = now() + settle;  // it was called
  }
}

asio::awaitable<void> Agent::first_readings() {
  const Instant limit = now() + kFirstReadings;
  while (!stopping_ && !(inventory_tried_ && allocations_tried_) && now() < limit) {
    co_await publish_wakeup_.wait_until(limit);
  }
}

// What the Node says is known to the sources before they are asked.
asio::awaitable<void> Agent::first_look(runtime::Wakeup& wakeup) {
  const Instant limit = now() + kFirstReadings;
  while (!stopping_ && !node_tried_ && now() < limit) co_await wakeup.wait_until(limit);
}

asio::awaitable<void> Agent::inventory_loop() {
  runtime::Backoff backoff({.base = seconds(5), .cap = options_.probe_interval}, rng_);
  co_await first_look(inventory_wakeup_);
  while (!stopping_) {
    probe::Problems problems;
    const int learned = learned_;
    Result<InventoryReading> reading = co_await sources_.inventory();
    if (stopping_) co_return;
    inventory_tried_ = true;
    learned_when_read_ = learned;
    take_inventory(std::move(reading), problems);
    log_.update("inventory", problems);
    publish_wakeup_.notify();
    if (problems.empty()) backoff.reset();
    const Duration pause = problems.empty() ? options_.probe_interval : backoff.next();
    const Instant next = now() + std::min(pause, options_.probe_interval);
    co_await next_round(inventory_wakeup_, next, kSettleInventory);
  }
}

asio::awaitable<void> Agent::allocations_loop() {
  runtime::Backoff backoff({.base = seconds(1), .cap = options_.allocations_interval}, rng_);
  probe::Problems before;
  co_await first_look(allocations_wakeup_);
  while (!stopping_) {
    probe::Problems problems;
    Duration pause = options_.allocations_interval;
    Result<AllocationsReading> reading = co_await sources_.allocations();
    if (stopping_) co_return;
    allocations_tried_ = true;
    if (reading) {
      wanted_.allocations = std::move(reading->allocations);
      problems.merge(reading->problems);
      pause = std::min(pause, reading->look_again.value_or(pause));
    } else {
      problems["allocations"] = reading.error().message;
    }
    log_.update("allocations", seen_twice(before, problems));
    publish_wakeup_.notify();
    if (problems.empty()) backoff.reset();
    if (!problems.empty()) pause = std::min(pause, backoff.next());
    before = std::move(problems);
    co_await next_round(allocations_wakeup_, now() + pause, kSettleAllocations);
  }
}

// A failure is told by the first attempt to publish, which then looks again.
asio::awaitable<void> Agent::first_look_at_node() {
  const Status read = co_await publisher_.refresh();
  node_tried_ = true;
  inventory_wakeup_.notify();
  allocations_wakeup_.notify();
  if (read) refreshed();
}

void Agent::refreshed() {
  std::uniform_real_distribution<double> share(0.9, 1.0);
  next_refresh_ = now() + std::chrono::duration_cast<Duration>(options_.refresh_interval * share(rng_));
}

asio::awaitable<Status> Agent::publish_once() {
  if (now() >= next_refresh_) {
    const Status read = co_await publisher_.refresh();
    if (!read) co_return read;
    refreshed();
  }
  Wanted wanted = wanted_;
  // What was read without what the Node has told since must not go over what stands there.
  if (learned_when_read_ != learned_) wanted.inventory.reset();
  const Result<bool> wrote = co_await publisher_.publish(wanted);
  if (!wrote) co_return wrote.error();
  published_ = published_ || (wanted.inventory && wanted.allocations);
  if (*wrote) metrics_.wrote();
  if (*wrote) log::info("Published", {{"devices", devices_of(wanted)}, {"pods", pods_of(wanted)}});
  co_return Ok{};
}

asio::awaitable<void> Agent::publish_loop() {
  runtime::Backoff backoff({.base = seconds(1), .cap = seconds(15)}, rng_);  // jitter doubles it at most
  co_await first_look_at_node();
  co_await first_readings();
  while (!stopping_) {
    const Status published = co_await publish_once();
    if (stopping_) co_return;
    probe::Problems problems;
    Instant until = next_refresh_;
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
