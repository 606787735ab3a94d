// Ends a program in order: at SIGTERM or SIGINT, or when told, one step after the other, each waited for. A second
// signal, or the limit for all of it, ends the process at once with exit code 1: what was not done by then is left
// undone.
//
//   Shutdown shutdown(context, {});
//   shutdown.then("workers", [&]() -> asio::awaitable<void> { stop.stop(); co_await workers.ended(); });
//   shutdown.then("lease", [&]() -> asio::awaitable<void> { ... });
//   shutdown.on_signals();
//   context.run();   // ends after the last step, as nothing is left to run
//
// What the steps use outlives it, and it outlives the context's run. Thread: the io_context's.
#pragma once

#include <utility>  // before awaitable.hpp: Boost 1.74 with g++ 12

#include <boost/asio/awaitable.hpp>
#include <boost/asio/signal_set.hpp>
#include <cstdlib>
#include <string>
#include <vector>

#include "base/result.h"
#include "runtime/time_service.h"

namespace pd::runtime {

class Shutdown {
 public:
  using Step = std::function<asio::awaitable<void>()>;

  struct Options {
    Duration limit = std::chrono::seconds(30);  // a pod's grace period must be longer
    std::function<void(int status)> exit = [](int status) { std::_Exit(status); };
  };

  Shutdown(asio::io_context& context, Options options)
      : context_(context), options_(std::move(options)), signals_(context) {}

  // Adds a step; they are taken in the order in which they were added.
  void then(std::string name, Step step) { steps_.emplace_back(std::move(name), std::move(step)); }
  void on_signals();
  // The first time, takes the steps; the second, exits.
  void begin(const std::string& why);
  // Begins it, if nothing has, because something can't go on: the program's outcome, then, for its exit code.
  void fail(const Error& why);
  const Status& outcome() const { return outcome_; }
  bool begun() const { return begun_; }

 private:
  void next_signal();
  void give_up(const std::string& why);
  asio::awaitable<void> take_steps();

  asio::io_context& context_;
  Options options_;
  asio::signal_set signals_;
  std::vector<std::pair<std::string, Step>> steps_;
  std::string current_;  // the step that is being taken
  TimeService::Call limit_;
  bool begun_ = false;
  Status outcome_ = Ok{};
};

}  // namespace pd::runtime
