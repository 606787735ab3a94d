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

kube::HttpResponse listed(Json items) {
  return json_reply(200, {{"metadata", {{"resourceVersion", "9"}}}, {"items", std::move(items)}});
}

kube::HttpResponse pods(const std::vector<std::string>& names) {
  Json items = Json::array();
  for (const std::string& name : names) items.push_back({{"metadata", {{"name", name}}}});
  return listed(std::move(items));
}

Json ending(const std::string& name, const std::string& deleted) {
  return {{"metadata", {{"name", name}, {"deletionTimestamp", deleted}}}};
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

TEST_F(PodsGone, AsksByTheirLabels) {
  transport_.reply(kList, pods({}));
  EXPECT_TRUE(run());
  EXPECT_EQ(transport_.last(kList).query, "limit=200&labelSelector=a%3Db%2Cc");
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

TEST_F(PodsGone, DoesNotWaitForOneOfADeadNode) {
  transport_.reply(kList, listed(Json::array({ending("dead", "2020-01-01T00:00:00Z")})));
  EXPECT_TRUE(run());
  EXPECT_EQ(transport_.count(kList), 1);
}

TEST_F(PodsGone, WaitsForOneThatIsEnding) {
  transport_.reply(
      kList, listed(Json::array({ending("late", "2999-01-01T00:00:00Z"), ending("dead", "2020-01-01T00:00:00Z")})));
  const Status done = run(std::chrono::milliseconds(1));
  ASSERT_FALSE(done);
  EXPECT_THAT(done.error().message, HasSubstr("pod pd-system/late is still there"));
}

TEST_F(PodsGone, WaitsForOneWhoseTimeCannotBeRead) {
  transport_.reply(kList, listed(Json::array({ending("odd", "soon")})));
  EXPECT_FALSE(run(std::chrono::milliseconds(1)));
}

TEST_F(PodsGone, DoesNotWaitForARoleThatIsMissing) {
  transport_.reply(kList, test::status_reply(403, "Forbidden", "pods is forbidden"));
  const Status done = run();
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Code::kForbidden);
}

}  // namespace
}  // namespace pd::agent
