// Programs that are asked about the machine: each in a process group of its own, with a time limit and a limit of what
// is read of it. Whatever the program does, the caller gets an answer: what overstays is killed by process id, and what
// cannot be killed (a process that hangs in a driver) is left behind, counted, and reaped when it ends at last.
//
//   ProcessCall call{.program = "/bin/tool", .arguments = {"-g"}, .timeout = 10s};
//   Result<ProcessResult> result = co_await runner.run(call);
//
// Owner: the program that asks. Thread: the io_context's one thread. Only one runner per io_context: it handles
// SIGCHLD.
#pragma once

#include <utility>  // before awaitable.hpp: Boost 1.74 with g++ 12

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace pd::probe {

namespace asio = boost::asio;

struct ProcessCall {
  std::string program;
  std::vector<std::string> arguments;
  Duration timeout = std::chrono::seconds(10);
  std::size_t output_limit = std::size_t{64} << 10;
  std::string library_path = {};  // its LD_LIBRARY_PATH; empty: ours
};

struct ProcessResult {
  int exit_code = 0;   // 128 + the signal's number for one that a signal ended
  std::string output;  // stdout and stderr, as they came
};

class ProcessRunner {
 public:
  explicit ProcessRunner(asio::io_context& io);
  ~ProcessRunner();
  ProcessRunner(const ProcessRunner&) = delete;
  ProcessRunner& operator=(const ProcessRunner&) = delete;

  // Errors: kNotFound and kForbidden (no such program, not allowed), kTimeout, kInvalid (too much output), kCancelled
  // (stop()), kUnavailable (an earlier child of the same call, or too many of others, could not be killed), kInternal.
  asio::awaitable<Result<ProcessResult>> run(ProcessCall call);

  // Kills what runs; every run() returns kCancelled from now on. With the end of the last nothing of this keeps the
  // io_context running.
  void stop();

 private:
  class Child;
  void await_sigchld();
  void reap();
  bool over() const { return stopped_ && running_ == 0; }
  void release_when_over();

  asio::io_context& io_;
  asio::signal_set sigchld_;
  std::map<int, std::shared_ptr<Child>> children_;  // by pid, until reaped
  int running_ = 0;                                 // calls of run()
  bool stopped_ = false;
};

}  // namespace pd::probe
