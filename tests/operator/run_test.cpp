#include "operator/run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/post.hpp>
#include <csignal>

#include "runtime/probe_server.h"
#include "tests/operator/cluster_script.h"

namespace pd::op {
namespace {

using test::ClusterScript;
using ::testing::HasSubstr;

class RunTest : public ::testing::Test {
 protected:
  RunTest() { script_.serve(transport_); }
  Status run(const std::string& metrics_address) {
    Options options;
    options.metrics_address = metrics_address;
    options.election.enabled = false;
    return op::run(context_, {transport_, transport_, "https://10.96.0.1:443"}, options);
  }

  boost::asio::io_context context_;
  test::ScriptedTransport transport_;
  ClusterScript script_;
};

TEST_F(RunTest, EndsInOrderOnASignal) {
  std::function<void()> stop_when_watching = [&] {
    const bool watches = transport_.count("WATCH " + ClusterScript::kServices) > 0;
    if (watches) std::raise(SIGTERM);
    if (!watches) boost::asio::post(context_, stop_when_watching);
  };
  boost::asio::post(context_, stop_when_watching);
  const Status ran = run("127.0.0.1:0");
  EXPECT_TRUE(ran) << ran.error().message;
  EXPECT_TRUE(context_.stopped());
}

TEST_F(RunTest, SaysThatItsPortIsBusy) {
  runtime::ProbePages pages;
  const Result<runtime::ProbeServer> other = runtime::ProbeServer::listen(context_, "127.0.0.1:0", pages);
  ASSERT_TRUE(other);
  const std::string address = "127.0.0.1:" + std::to_string(other->port());
  const Status ran = run(address);
  ASSERT_FALSE(ran);
  EXPECT_THAT(ran.error().message, HasSubstr(address));
  EXPECT_TRUE(transport_.requests().empty());
}

TEST_F(RunTest, SaysThatItsAddressIsNone) {
  const Status ran = run("8080");
  ASSERT_FALSE(ran);
  EXPECT_THAT(ran.error().message, HasSubstr("\"8080\""));
}

}  // namespace
}  // namespace pd::op
