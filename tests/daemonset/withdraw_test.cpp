#include "daemonset/withdraw.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/run_to_end.h"
#include "tests/support/scripted_transport.h"

namespace pd::agent {
namespace {

using test::json_reply;

const char* const kList = "GET /api/v1/nodes";

Json node(const std::string& name, const Json& annotations) {
  return {{"metadata", {{"name", name}, {"uid", name}, {"resourceVersion", "1"}, {"annotations", annotations}}}};
}

class Withdrawing : public ::testing::Test {
 protected:
  Result<Withdrawn> run(Duration limit = std::chrono::minutes(1)) {
    std::optional<Result<Withdrawn>> done;
    test::start(context_, withdraw(client_, limit, {}), done);
    test::settle(context_);
    return std::move(done.value());
  }
  void list(const std::vector<Json>& nodes) {
    transport_.reply(kList, json_reply(200, {{"metadata", {{"resourceVersion", "9"}}}, {"items", nodes}}));
  }

  asio::io_context context_;
  test::ScriptedTransport transport_;
  kube::Client client_{transport_};
};

TEST_F(Withdrawing, RemovesOursAndNothingElse) {
  list({node("a", {{"pd-operator.io/npu-inventory", "x"}, {"huawei.com/other", "y"}}), node("b", Json::object()),
        node("c", {{"pd-operator.io/npu-inventory", "x"}, {"pd-operator.io/npu-allocations", "y"}})});
  for (const char* name : {"a", "c"})
    transport_.reply(std::string("PATCH /api/v1/nodes/") + name, json_reply(200, node(name, Json::object())));
  const Result<Withdrawn> done = run();
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(done->nodes, 2);
  EXPECT_EQ(done->failed, 0);
  EXPECT_EQ(transport_.last("PATCH /api/v1/nodes/a").request.body,
            R"({"metadata":{"annotations":{"pd-operator.io/npu-inventory":null}}})");
  EXPECT_EQ(transport_.count("PATCH /api/v1/nodes/b"), 0);
}

TEST_F(Withdrawing, OneNodeKeepsNoOtherFromIt) {
  const Json ours = {{"pd-operator.io/npu-inventory", "x"}};
  list({node("a", ours), node("b", ours), node("c", ours)});
  transport_.reply("PATCH /api/v1/nodes/a", test::status_reply(403, "Forbidden"));
  transport_.reply("PATCH /api/v1/nodes/b", test::status_reply(404, "NotFound"));
  transport_.reply("PATCH /api/v1/nodes/c", json_reply(200, node("c", Json::object())));
  const Result<Withdrawn> done = run();
  ASSERT_TRUE(done);
  EXPECT_EQ(done->nodes, 1);
  EXPECT_EQ(done->failed, 1) << "one that is gone needs nothing";
}

TEST_F(Withdrawing, EndsWhenItsTimeIsOver) {
  const Json ours = {{"pd-operator.io/npu-inventory", "x"}};
  list({node("a", ours), node("b", ours)});
  const Result<Withdrawn> done = run(std::chrono::seconds(-1));
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Code::kTimeout);
  EXPECT_EQ(transport_.count("PATCH /api/v1/nodes/a"), 0);
}

TEST_F(Withdrawing, SaysThatItCannotEvenLook) {
  transport_.reply(kList, test::status_reply(403, "Forbidden"));
  const Result<Withdrawn> done = run();
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Code::kForbidden);
}

}  // namespace
}  // namespace pd::agent
