#include "probe/child_process.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <cstring>
#include <optional>
#include <string_view>

#include "probe/wakeup.h"

extern char** environ;

namespace pd::probe {
namespace {

constexpr std::string_view kLibraryPath = "LD_LIBRARY_PATH=";
constexpr std::size_t kMostUnkillable = 32;               // children left behind before no more are started
constexpr Duration kKillGrace = std::chrono::seconds(2);  // how long a killed child is waited for

// "10 s", "250 ms".
std::string spelled(Duration time) {
  const auto whole = std::chrono::duration_cast<std::chrono::milliseconds>(time).count();
  return whole % 1000 == 0 ? std::to_string(whole / 1000) + " s" : std::to_string(whole) + " ms";
}

Error spawn_error(const std::string& program, int number) {
  Code code = Code::kInternal;
  if (number == ENOENT || number == ENOTDIR) code = Code::kNotFound;
  if (number == EACCES || number == EPERM || number == ENOEXEC) code = Code::kForbidden;
  return {code, "cannot run " + program + ": " + std::strerror(number)};
}

// posix_spawn's two argument objects, with the child's ends of the pipe.
class SpawnSetup {
 public:
  explicit SpawnSetup(int output) {
    posix_spawn_file_actions_init(&actions_);
    posix_spawn_file_actions_addopen(&actions_, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions_, output, 1);
    posix_spawn_file_actions_adddup2(&actions_, output, 2);
    posix_spawn_file_actions_addclosefrom_np(&actions_, 3);  // libraries open sockets that a child would inherit
    posix_spawnattr_init(&attributes_);
    posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setpgroup(&attributes_, 0);
    sigset_t signals;
    sigemptyset(&signals);
    posix_spawnattr_setsigmask(&attributes_, &signals);
    sigaddset(&signals, SIGPIPE);
    posix_spawnattr_setsigdefault(&attributes_, &signals);
  }
  ~SpawnSetup() {
    posix_spawn_file_actions_destroy(&actions_);
    posix_spawnattr_destroy(&attributes_);
  }
  SpawnSetup(const SpawnSetup&) = delete;
  SpawnSetup& operator=(const SpawnSetup&) = delete;

  Result<pid_t> spawn(const ProcessCall& call) {
    std::vector<char*> argv{const_cast<char*>(call.program.c_str())};
    for (const std::string& argument : call.arguments) argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    std::string libraries = std::string(kLibraryPath) + call.library_path;
    std::vector<char*> environment;
    for (char** one = environ; *one != nullptr; ++one) {
      if (call.library_path.empty() || !std::string_view(*one).starts_with(kLibraryPath)) environment.push_back(*one);
    }
    if (!call.library_path.empty()) environment.push_back(libraries.data());
    environment.push_back(nullptr);
    pid_t pid = 0;
    const int failed =
        posix_spawn(&pid, call.program.c_str(), &actions_, &attributes_, argv.data(), environment.data());
    if (failed != 0) return spawn_error(call.program, failed);
    return pid;
  }

 private:
  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
};

}  // namespace

// One child. Kept alive by the runner's map until reaped, and by its pending handlers.
class ProcessRunner::Child : public std::enable_shared_from_this<Child> {
 public:
  Child(asio::io_context& io, ProcessCall call, int pid, int output_fd)
      : call_(std::move(call)), pid_(pid), output_(io, output_fd), timer_(io), done_(io) {}

  void start() {
    read_more();
    timer_.expires_after(call_.timeout);
    timer_.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
      if (!error)
        self->kill_for({Code::kTimeout, self->call_.program + " did not answer within " + spelled(self->call_.timeout) +
                                            " and was killed"});
    });
  }

  // Ends it; the reason becomes the answer.
  void kill_for(Error reason) {
    if (exit_code_ || failure_) return;
    failure_ = std::move(reason);
    kill(-pid_, SIGKILL);
    timer_.expires_after(kKillGrace);
    timer_.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
      if (error) return;
      self->failure_->message += ", but is still there: look for processes in state D";
      self->finish();
    });
  }

  void exited(int status) {
    exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    boost::system::error_code ignored;
    output_.cancel(ignored);  // the reader takes what is left
    if (!reading_) finish();
  }

  bool overdue() const { return failure_.has_value(); }
  bool is_of(const ProcessCall& call) const {
    return call_.program == call.program && call_.arguments == call.arguments;
  }

  asio::awaitable<Result<ProcessResult>> outcome() {
    co_await done_.wait();
    if (failure_) co_return *failure_;
    ProcessResult result;
    result.exit_code = *exit_code_;
    result.output = std::move(text_);
    co_return result;
  }

 private:
  void read_more() {
    reading_ = true;
    output_.async_read_some(asio::buffer(chunk_),
                            [self = shared_from_this()](const boost::system::error_code& error, std::size_t got) {
                              self->reading_ = false;
                              if (self->finished_) return;
                              self->take(got);
                              if (self->exit_code_) {
                                self->drain();
                                self->finish();
                              } else if (!error && !self->failure_) {
                                self->read_more();
                              }
                            });
  }

  void take(std::size_t got) {
    text_.append(chunk_.data(), got);
    if (text_.size() <= call_.output_limit) return;
    Error reason = invalid(call_.program + " wrote more than " + std::to_string(call_.output_limit) + " bytes");
    if (exit_code_ && !failure_) failure_ = reason;
    kill_for(std::move(reason));
  }

  // What is still in the pipe of a child that has ended. Its end is not waited for: a grandchild may hold it open.
  void drain() {
    boost::system::error_code error;
    output_.non_blocking(true, error);
    while (!error && !failure_) take(output_.read_some(asio::buffer(chunk_), error));
  }

  void finish() {
    if (finished_) return;
    finished_ = true;
    boost::system::error_code ignored;
    output_.close(ignored);
    timer_.cancel();
    done_.notify();
  }

  ProcessCall call_;
  int pid_;
  asio::posix::stream_descriptor output_;
  asio::steady_timer timer_;
  Wakeup done_;
  std::array<char, 4096> chunk_{};
  std::string text_;
  std::optional<Error> failure_;
  std::optional<int> exit_code_;
  bool reading_ = false;
  bool finished_ = false;
};

ProcessRunner::ProcessRunner(asio::io_context& io) : io_(io), sigchld_(io, SIGCHLD) { await_sigchld(); }

ProcessRunner::~ProcessRunner() { stop(); }

void ProcessRunner::await_sigchld() {
  sigchld_.async_wait([this](const boost::system::error_code& error, int /*signal*/) {
    if (error || over()) return;  // what was on its way when the wait was cancelled comes without an error
    await_sigchld();
    reap();
  });
}

void ProcessRunner::reap() {
  for (auto at = children_.begin(); at != children_.end();) {
    siginfo_t ended{};
    if (waitid(P_PID, static_cast<id_t>(at->first), &ended, WEXITED | WNOHANG | WNOWAIT) == 0 && ended.si_pid == 0) {
      ++at;
      continue;
    }
    kill(-at->first, SIGKILL);  // what it left in its group; before it is reaped, while the number is its own
    int status = 0;
    waitpid(at->first, &status, 0);
    const std::shared_ptr<Child> child = at->second;
    at = children_.erase(at);
    child->exited(status);
  }
}

asio::awaitable<Result<ProcessResult>> ProcessRunner::run(ProcessCall call) {
  if (stopped_) co_return Error{Code::kCancelled, "stopping"};
  std::size_t overdue = 0;
  for (const auto& [pid, child] : children_) {
    if (!child->overdue()) continue;
    ++overdue;
    if (child->is_of(call))
      co_return Error{Code::kUnavailable, "an earlier call cannot be killed; look for processes in state D"};
  }
  if (overdue >= kMostUnkillable) {
    co_return Error{Code::kUnavailable, "not running " + call.program + ": " + std::to_string(overdue) +
                                            " earlier calls cannot be killed; look for processes in state D"};
  }
  std::array<int, 2> pipe_ends{};
  if (pipe2(pipe_ends.data(), O_CLOEXEC) != 0) co_return spawn_error(call.program, errno);
  Result<pid_t> pid = SpawnSetup(pipe_ends[1]).spawn(call);
  close(pipe_ends[1]);
  if (!pid) {
    close(pipe_ends[0]);
    co_return pid.error();
  }
  const auto child = std::make_shared<Child>(io_, std::move(call), *pid, pipe_ends[0]);
  children_.emplace(*pid, child);
  child->start();
  ++running_;
  Result<ProcessResult> outcome = co_await child->outcome();
  --running_;
  release_when_over();
  co_return outcome;
}

void ProcessRunner::stop() {
  stopped_ = true;
  for (const auto& [pid, child] : children_) child->kill_for({Code::kCancelled, "stopping"});
  release_when_over();
}

// One that can't be killed is not waited for.
void ProcessRunner::release_when_over() {
  if (over()) sigchld_.cancel();
}

}  // namespace pd::probe
