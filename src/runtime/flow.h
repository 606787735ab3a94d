// A flow that somebody waits for: started once, joined from elsewhere. (spawn() is for one that nobody waits for.)
//
//   Flow work(context);
//   work.start(controller.run(stop), [&](const Error& why) { shutdown.fail(why); });
//   ... co_await work.ended();
//
// It outlives the flow. Thread: the io_context's.
#pragma once

#include "base/result.h"
#include "runtime/signal.h"
#include "runtime/spawn.h"

namespace pd::runtime {

class Flow {
 public:
  explicit Flow(asio::io_context& context) : context_(context) {}

  void start(asio::awaitable<void> flow) {
    running_ = true;
    spawn(context_, follow(std::move(flow)));
  }
  // One that may fail: then that is told, when it has ended.
  void start(asio::awaitable<Status> flow, std::function<void(const Error& why)> failed) {
    start(tell(std::move(flow), std::move(failed)));
  }
  bool running() const { return running_; }
  // At once when it was never started.
  asio::awaitable<void> ended() {
    while (running_) co_await changed_.wait();
  }

 private:
  static asio::awaitable<void> tell(asio::awaitable<Status> flow, std::function<void(const Error& why)> failed) {
    const Status outcome = co_await std::move(flow);
    if (!outcome) failed(outcome.error());
  }
  asio::awaitable<void> follow(asio::awaitable<void> flow) {
    co_await std::move(flow);
    running_ = false;
    changed_.notify_all();
  }

  asio::io_context& context_;
  bool running_ = false;
  Signal changed_;
};

}  // namespace pd::runtime
