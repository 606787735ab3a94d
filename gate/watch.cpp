#include "gate/watch.h"

#include <unistd.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <csignal>

#include "base/json.h"
#include "base/log.h"
#include "gate/generation_server.h"
#include "gate/ready.h"

namespace pd::gate {
namespace {

namespace asio = boost::asio;
using State = View::State;

constexpr std::chrono::seconds kPollInterval(1);  // for changes that inotify does not tell
constexpr std::chrono::seconds kFirstPause(1);
constexpr std::chrono::seconds kLongestPause(30);

}  // namespace

TableFollower::TableFollower(asio::io_context& io, WatchOptions options)
    : io_(io), options_(std::move(options)), watch_(options_.subject.directory), timer_(io) {
  // The stream closes its descriptor, and the watch its own.
  const int copy = watch_.descriptor() >= 0 ? dup(watch_.descriptor()) : -1;
  if (copy >= 0) changes_.emplace(io, copy);
  // After a restart of this container the engine still runs with what it knew before.
  const Result<std::int64_t> known = read_state(options_.state_file);
  if (known) known_ = *known;
}

void TableFollower::start() { asio::co_spawn(io_, follow(), asio::detached); }

std::string TableFollower::answer() const {
  return dump_json(OrderedJson{{"uid", options_.uid}, {"generation", delivered_}});
}

asio::awaitable<void> TableFollower::follow() {
  while (true) {
    refresh();
    co_await changed_or_due();
  }
}

asio::awaitable<void> TableFollower::changed_or_due() {
  timer_.expires_after(kPollInterval);
  if (changes_ && !waiting_for_change_) {
    waiting_for_change_ = true;
    changes_->async_wait(asio::posix::stream_descriptor::wait_read, [this](const boost::system::error_code& error) {
      if (error) return;  // stays marked as waiting: from now on only the timer tells
      waiting_for_change_ = false;
      watch_.drain();
      timer_.cancel();
    });
  }
  boost::system::error_code ignored;
  co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
}

void TableFollower::refresh() {
  watch_.arm();
  if (unsaved_) save();
  const std::string current = publication(options_.subject.directory);
  if (!current.empty() && current == seen_) return;
  const View view = look(options_.subject);
  seen_ = view.state == State::kMissing ? std::string() : current;
  take(view);
}

void TableFollower::take(const View& view) {
  const bool usable = view.state == State::kInitializing || view.state == State::kCompleted;
  if (!usable && view.problem != problem_) log::warn("The mounted table can't be used", {{"problem", view.problem}});
  problem_ = view.problem;
  if (!usable) return;
  if (view.generation != delivered_) {
    log::info("A generation has arrived", {{"generation", std::to_string(view.generation)},
                                           {"status", view.state == State::kCompleted ? "completed" : "initializing"}});
  }
  delivered_ = view.generation;
  if (view.state != State::kCompleted) return;
  // No engine starts with what `wait` refuses: on the host's network, the table of the pod before.
  if (!known_ && !missing_to_start(view).empty()) return;
  completed_ = view.generation;
  if (!known_ || !options_.reload) return settle(completed_);  // what is there first is what the engine starts with
  if (completed_ == *known_ || reloading_) return;
  reloading_ = true;
  asio::co_spawn(io_, reload(), asio::detached);
}

asio::awaitable<void> TableFollower::reload() {
  auto pause = kFirstPause;
  while (completed_ != *known_) {
    const std::int64_t generation = completed_;
    const Status done = co_await post_reload(*options_.reload);
    const std::string text = std::to_string(generation);
    if (done || done.error().code == Code::kInvalid) {
      if (done) log::info("The engine has reloaded the table", {{"generation", text}});
      if (!done) log::error("The engine refuses to reload", {{"generation", text}, {"problem", done.error().message}});
      settle(generation);
      pause = kFirstPause;
      continue;
    }
    log::warn("The engine did not reload; trying again", {{"generation", text}, {"problem", done.error().message}});
    asio::steady_timer timer(io_, pause);
    co_await timer.async_wait(asio::use_awaitable);
    pause = std::min(pause * 2, kLongestPause);
  }
  reloading_ = false;
}

void TableFollower::settle(std::int64_t generation) {
  if (known_ == generation && !unsaved_) return;
  known_ = generation;
  save();
}

void TableFollower::save() {
  const Status saved = write_state(options_.state_file, *known_);
  if (!saved && !unsaved_) log::error("The probe will not see this table", {{"problem", saved.error().message}});
  unsaved_ = !saved;
}

int run_watch(const WatchOptions& options) {
  log::init({.program = "pd-gate"});
  asio::io_context io(1);
  asio::signal_set signals(io, SIGTERM, SIGINT);
  signals.async_wait([&io](const boost::system::error_code&, int) { io.stop(); });
  TableFollower follower(io, options);
  GenerationServer server(io, options.port, [&follower] { return follower.answer(); });
  follower.start();
  server.start();
  io.run();
  return 0;
}

}  // namespace pd::gate
