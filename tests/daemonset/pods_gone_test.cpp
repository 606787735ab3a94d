#include "daemonset/pods_gone.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/run_to_end.h"
#include "tests/support/scripted_transport.h"

namespace pd::agent {
namespace {

using test::json_reply;
using ::testing::HasSubstr;

const char* const kList = "GET /api/v1/namespaces/pd-system/pods";

kube::HttpResponse pods(const std::vector<std::string>& names) {
  Json items = Json::array();
  for (const std::string& name : names) items.push_back({{"metadata", {{"name", name}}}});
  return json_reply(200, {{"items", std::move(items)}});
}

class PodsGone : public ::testing::Test {
 protected:
  Status run(Duration limit = std::chrono::seconds(20)) {
    return test::run_to_end(context_, wait_until_gone(client_, {"pd-system", "a=b,c"}, limit, {}));
  }

  asio::io_context context_;
  test::ScriptedTransport transport_;
  kube::Client client_{transport_};
};

TEST_F(PodsGone, AsksForOneByItsLabels) {
  transport_.reply(kList, pods({}));
  EXPECT_TRUE(run());
  EXPECT_EQ(transport_.last(kList).query, "limit=1&labelSelector=a%3Db%2Cc");
  EXPECT_EQ(transport_.count(kList), 1);
}

TEST_F(PodsGone, WaitsThroughWhatMayPass) {
  transport_.reply(kList, pods({"agent-1"}));
  transport_.reply(kList, test::status_reply(503, "ServiceUnavailable"));
  transport_.reply(kList, pods({}));
  EXPECT_TRUE(run());
  EXPECT_EQ(transport_.count(kList), 3);
}

TEST_F(PodsGone, NamesTheOneThatStays) {
  transport_.reply(kList, pods({"agent-1"}));
  const Status done = run(std::chrono::milliseconds(1));
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Code::kTimeout);
  EXPECT_THAT(done.error().message, HasSubstr("pod pd-system/agent-1 is still there"));
}

TEST_F(PodsGone, DoesNotWaitForARoleThatIsMissing) {
  transport_.reply(kList, test::status_reply(403, "Forbidden", "pods is forbidden"));
  const Status done = run();
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Code::kForbidden);
}

}  // namespace
}  // namespace pd::agent
