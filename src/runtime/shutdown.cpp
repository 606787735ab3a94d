#include "runtime/shutdown.h"

#include <csignal>

#include "base/log.h"
#include "runtime/spawn.h"

namespace pd::runtime {

void Shutdown::on_signals() {
  signals_.add(SIGTERM);
  signals_.add(SIGINT);
  next_signal();
}

void Shutdown::next_signal() {
  signals_.async_wait([this](const boost::system::error_code& error, int signal) {
    if (error) return;
    next_signal();
    begin("signal " + std::to_string(signal));
  });
}

void Shutdown::begin(const std::string& why) {
  if (begun_) {
    give_up(why + " while stopping");
    return;
  }
  begun_ = true;
  log::info("Stopping", {{"because", why}});
  TimeService& time = TimeService::of(context_);
  limit_ = time.call_at(time.now() + options_.limit, [this] { give_up("it took too long"); });
  spawn(context_, take_steps());
}

void Shutdown::fail(const Error& why) {
  if (outcome_) outcome_ = why;
  log::error("Can't go on", {{"error", why.message}});
  if (!begun_) begin("a failure");
}

asio::awaitable<void> Shutdown::take_steps() {
  for (const auto& [name, step] : steps_) {
    current_ = name;
    co_await step();
  }
  limit_.cancel();
  // The signals' default action is back: should something keep the context running, the next one ends the process.
  signals_.clear();
  signals_.cancel();
  log::info("Stopped");
}

void Shutdown::give_up(const std::string& why) {
  log::error("Not everything was stopped", {{"because", why}, {"step", current_}});
  options_.exit(1);
}

}  // namespace pd::runtime
