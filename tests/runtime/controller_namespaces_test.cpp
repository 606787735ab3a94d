// A controller of several namespaces, one of which can't be listed: it was deleted, as a rule, and the permissions in
// it with it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/controller.h"
#include "tests/support/pass_time.h"
#include "tests/support/run_to_end.h"
#include "tests/support/scripted_transport.h"

namespace pd::runtime {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class ControllerOfNamespaces : public ::testing::Test {
 protected:
  ControllerOfNamespaces() {
    controller_.watch<kube::ConfigMap>(maps_, [](const kube::ConfigMap& map) { return map.meta.key(); });
    controller_.watch(pods_);
  }
  void serve(const std::string& ns, const std::string& plural) {
    const std::string path = "/api/v1/namespaces/" + ns + "/" + plural;
    const Json object = {{"metadata", {{"name", "a"}, {"namespace", ns}, {"resourceVersion", "1"}}}};
    const Json list = {{"metadata", {{"resourceVersion", "100"}}}, {"items", {object}}};
    transport_.reply("GET " + path, test::json_reply(200, list));
    transport_.reply_stream("WATCH " + path);
  }
  void start() {
    test::start(context_, run(), ended_);
    test::settle(context_);
    spawn(context_, controller_.run_watches(stop_watching_.token()));
    test::settle(context_);
  }
  asio::awaitable<bool> run() {
    outcome_ = co_await controller_.run(stop_working_.token());
    co_return true;
  }
  void pass(Duration duration) { test::pass(context_, time_, duration); }
  void TearDown() override {
    stop_working_.stop();
    stop_watching_.stop();
    test::run_out(context_);
    EXPECT_TRUE(ended_);
  }

  asio::io_context context_;
  VirtualTime& time_ = VirtualTime::install(context_);
  test::ScriptedTransport transport_;
  kube::Client client_{transport_};
  Rng rng_{1};
  StopSource stop_watching_;
  StopSource stop_working_;
  Reflector<kube::ConfigMap> maps_{client_, {.namespaces = {"one", "two"}}, rng_};
  Reflector<kube::Pod> pods_{client_, {.namespaces = {"one", "two"}}, rng_};
  std::vector<std::string> reconciled_;
  Controller controller_{context_,
                         rng_,
                         {.name = "test", .namespaces = {"one", "two"}},
                         [this](std::string key, OwnWrites&, StopToken) -> asio::awaitable<Controller::Outcome> {
                           reconciled_.push_back(key);
                           co_return Controller::Outcome{};
                         }};
  std::optional<bool> ended_;
  Status outcome_ = Ok{};
};

TEST_F(ControllerOfNamespaces, OneThatCantBeListedKeepsNoOtherFromWork) {
  serve("one", "configmaps");
  serve("one", "pods");
  start();
  EXPECT_TRUE(controller_.synced());
  EXPECT_THAT(reconciled_, ElementsAre("one/a"));
  pass(minutes(10));
  EXPECT_FALSE(ended_);
}

// What is there would be taken for deleted, and made again.
TEST_F(ControllerOfNamespaces, NothingIsDoneWhereOneKindIsUnknown) {
  serve("one", "configmaps");
  serve("one", "pods");
  serve("two", "configmaps");
  transport_.reply("GET /api/v1/namespaces/two/pods", test::status_reply(403, "Forbidden"));
  start();
  EXPECT_THAT(reconciled_, ElementsAre("one/a"));
  serve("two", "pods");
  pass(minutes(1));
  EXPECT_THAT(reconciled_, ::testing::Contains("two/a"));
}

TEST_F(ControllerOfNamespaces, EndsWhereNoneCanBeListedInTime) {
  serve("one", "configmaps");
  serve("two", "pods");
  start();
  EXPECT_FALSE(controller_.synced());
  pass(minutes(2) + seconds(1));
  ASSERT_TRUE(ended_);
  ASSERT_FALSE(outcome_);
  EXPECT_EQ(outcome_.error().code, Code::kTimeout);
  EXPECT_THAT(outcome_.error().message, ::testing::HasSubstr("within 120 s: ConfigMap Pod"));
  EXPECT_THAT(reconciled_, IsEmpty());
}

}  // namespace
}  // namespace pd::runtime
