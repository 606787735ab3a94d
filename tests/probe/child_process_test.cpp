#include "probe/child_process.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <functional>

#include "tests/probe/fixture.h"

namespace pd::probe {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;

class Child : public ::testing::Test {
 protected:
  Result<ProcessResult> sh(const std::string& script, Duration timeout = seconds(20), std::size_t limit = 1000) {
    ProcessCall call{"/bin/sh", {"-c", script}, timeout, limit};
    return run(io_, runner_.run(call));
  }

  TempDir dir_;
  asio::io_context io_;
  ProcessRunner runner_{io_};
};

TEST_F(Child, GivesStatusAndBothStreams) {
  const Result<ProcessResult> result = sh("echo out; echo err >&2; exit 13");
  ASSERT_TRUE(result);
  EXPECT_EQ(result->exit_code, 13);
  EXPECT_EQ(result->output, "out\nerr\n");
}

TEST_F(Child, LosesNoOutputOfManyQuickOnes) {
  for (int i = 0; i < 100; ++i) {
    const Result<ProcessResult> result = sh("echo " + std::to_string(i));
    ASSERT_TRUE(result);
    ASSERT_EQ(result->output, std::to_string(i) + "\n");
  }
}

TEST_F(Child, HasItsOwnLibraryPath) {
  setenv("LD_LIBRARY_PATH", "/ours", 1);
  ProcessCall call{"/bin/sh", {"-c", "env | grep -c LD_LIBRARY_PATH; echo $LD_LIBRARY_PATH"}};
  const Result<ProcessResult> inherited = run(io_, runner_.run(call));
  call.library_path = "/its:/own";
  const Result<ProcessResult> given = run(io_, runner_.run(call));
  unsetenv("LD_LIBRARY_PATH");
  ASSERT_TRUE(inherited && given);
  EXPECT_EQ(inherited->output, "1\n/ours\n");
  EXPECT_EQ(given->output, "1\n/its:/own\n");
}

TEST_F(Child, HasNoInput) {
  const Result<ProcessResult> result = sh("cat; echo end");
  ASSERT_TRUE(result);
  EXPECT_EQ(result->output, "end\n");
}

// As libraries open their sockets: without the flag that keeps them from children.
TEST_F(Child, HasNoneOfOurOpenFiles) {
  const int open_here = fcntl(STDERR_FILENO, F_DUPFD, 100);
  ASSERT_GE(open_here, 100);
  const Result<ProcessResult> result = sh("ls /proc/self/fd");
  close(open_here);
  ASSERT_TRUE(result);
  EXPECT_THAT(result->output, ::testing::Not(HasSubstr(std::to_string(open_here))));
}

TEST_F(Child, TellsOfASignal) {
  const Result<ProcessResult> result = sh("kill -9 $$");
  ASSERT_TRUE(result);
  EXPECT_EQ(result->exit_code, 128 + SIGKILL);
}

TEST_F(Child, IsKilledWithItsChildrenWhenTimeIsUp) {
  const Result<ProcessResult> result =
      sh("sleep 1000 & echo $! >" + dir_.path("pid") + "; trap '' TERM; wait", milliseconds(300));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Code::kTimeout);
  pid_t grandchild = 0;
  std::ifstream(dir_.path("pid")) >> grandchild;
  ASSERT_GT(grandchild, 0);
  const auto pidfd = static_cast<int>(syscall(SYS_pidfd_open, grandchild, 0));
  if (pidfd < 0) return;  // gone already
  pollfd ended{pidfd, POLLIN, 0};
  EXPECT_EQ(poll(&ended, 1, 20000), 1) << "the grandchild lives on";
  close(pidfd);
}

TEST_F(Child, IsNotWaitedForWhileAGrandchildHoldsThePipe) {
  const Result<ProcessResult> result = sh("echo done; sleep 1000 & exit 0");
  ASSERT_TRUE(result);
  EXPECT_EQ(result->output, "done\n");
}

TEST_F(Child, MayNotWriteMoreThanTheLimit) {
  const Result<ProcessResult> endless = sh("while :; do echo 0123456789; done");
  ASSERT_FALSE(endless);
  EXPECT_EQ(endless.error().code, Code::kInvalid);
  const Result<ProcessResult> just_over = sh("printf %01001d 0");
  ASSERT_FALSE(just_over);
  EXPECT_THAT(just_over.error().message, HasSubstr("more than 1000 bytes"));
  const Result<ProcessResult> just_below = sh("printf %01000d 0");
  ASSERT_TRUE(just_below);
  EXPECT_EQ(just_below->output.size(), 1000U);
}

TEST_F(Child, IsRefusedWhereThereIsNoSuchProgram) {
  ProcessCall call{"/no/such/program", {}, seconds(1), 10};
  const Result<ProcessResult> result = run(io_, runner_.run(call));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Code::kNotFound);
}

TEST_F(Child, IsEndedByStop) {
  asio::post(io_, [this] { runner_.stop(); });
  const Result<ProcessResult> result = sh("sleep 1000");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Code::kCancelled);
  EXPECT_EQ(sh("true").error().code, Code::kCancelled);
  io_.restart();
  io_.run_for(std::chrono::seconds(30));
  EXPECT_TRUE(io_.stopped()) << "something keeps it running";
}

// Whatever number of steps it has come through by then: it is waited for once more only while there is a child.
TEST_F(Child, ASignalThatIsOnItsWayDoesNotOutlastAStop) {
  for (int steps = 0; steps < 10; ++steps) {
    asio::io_context io;
    ProcessRunner runner(io);
    std::function<void(int)> stop_after = [&](int left) {
      if (left == 0) return runner.stop();
      asio::post(io, [&stop_after, left] { stop_after(left - 1); });
    };
    ASSERT_EQ(raise(SIGCHLD), 0);
    stop_after(steps);
    io.run_for(seconds(5));
    EXPECT_TRUE(io.stopped()) << "stopped after " << steps << " steps";
  }
}

TEST_F(Child, NobodyToWaitForAfterAStop) {
  runner_.stop();
  io_.run_for(std::chrono::seconds(30));
  EXPECT_TRUE(io_.stopped());
}

}  // namespace
}  // namespace pd::probe
