#include "cli/cluster/status.h"

#include <boost/asio/post.hpp>
#include <csignal>

#include "tests/cli/fixture.h"
#include "tests/cli/seen_deployment.h"
#include "tests/support/scripted_transport.h"

namespace pd::cli {
namespace {

using test::json_reply;
using test::status_reply;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

const std::string kDeployments = "/apis/pd-operator.io/v1alpha1/namespaces/llm/pddeployments";
const std::string kPods = "/api/v1/namespaces/llm/pods";
const std::string kMaps = "/api/v1/namespaces/llm/configmaps";

Json list_of(const std::vector<Json>& items) { return {{"metadata", {{"resourceVersion", "100"}}}, {"items", items}}; }

class StatusTest : public ::testing::Test {
 protected:
  void script_one_look() {
    transport_.reply("GET " + kDeployments + "/qwen", json_reply(200, test::seen_deployment_object()));
    transport_.reply("GET " + kPods, json_reply(200, list_of(test::seen_pod_objects())));
    transport_.reply("GET " + kMaps + "/qwen-ranktable", json_reply(200, test::seen_config_map_object()));
  }
  void script_watches() {
    transport_.reply("GET " + kDeployments, json_reply(200, list_of({test::seen_deployment_object()})));
    transport_.reply("GET " + kPods, json_reply(200, list_of(test::seen_pod_objects())));
    transport_.reply("GET " + kMaps, json_reply(200, list_of({test::seen_config_map_object()})));
    deployments_ = transport_.reply_stream("WATCH " + kDeployments);
    pods_ = transport_.reply_stream("WATCH " + kPods);
    transport_.reply_stream("WATCH " + kMaps);
  }
  Ran look(const StatusRequest& request, Format format = Format::kTable) {
    std::istringstream in;
    std::ostringstream err;
    context_.restart();  // may have looked before
    const Answer answer = status_of(context_, transport_, request, format, {in, out_, err});
    Ran ran;
    ran.status = answer.status;
    print(answer, format, "pdctl status", out_, err);
    ran.out = out_.str();
    ran.err = err.str();
    return ran;
  }
  // Does it as soon as the output has that. Where it never comes, the command is ended.
  void when_shown(const std::string& text, std::function<void()> then) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    look_for(text, std::move(then), until);
  }
  void look_for(const std::string& text, std::function<void()> then, std::chrono::steady_clock::time_point until) {
    boost::asio::post(context_, [this, text, then = std::move(then), until] {
      if (out_.str().find(text) != std::string::npos) return then();
      if (std::chrono::steady_clock::now() < until) return look_for(text, then, until);
      ADD_FAILURE() << text << " is not shown, but " << out_.str();
      std::raise(SIGTERM);
    });
  }

  boost::asio::io_context context_;
  test::ScriptedTransport transport_;
  std::ostringstream out_;
  std::shared_ptr<test::ScriptedStream> deployments_;
  std::shared_ptr<test::ScriptedStream> pods_;
};

TEST_F(StatusTest, LooksOnce) {
  script_one_look();
  const Ran ran = look({.name = "qwen", .ns = "llm"});
  EXPECT_EQ(ran.status, 0);
  EXPECT_THAT(ran.out, AllOf(HasSubstr("llm/qwen: AscendCloud, Completed"), HasSubstr("Decode-0 is lost.")));
  EXPECT_THAT(transport_.last("GET " + kPods).query, HasSubstr("labelSelector=pd-operator.io%2Fdeployment%3Dqwen"));
}

TEST_F(StatusTest, NeedsNoConfigMap) {
  transport_.reply("GET " + kDeployments + "/qwen", json_reply(200, test::seen_deployment_object()));
  transport_.reply("GET " + kPods, json_reply(200, list_of({})));
  transport_.reply("GET " + kMaps + "/qwen-ranktable", status_reply(404, "NotFound"));
  EXPECT_EQ(look({.name = "qwen", .ns = "llm"}, Format::kJson).json()["pods"], Json::array());
}

TEST_F(StatusTest, ListsANamespace) {
  transport_.reply("GET " + kDeployments, json_reply(200, list_of({test::seen_deployment_object()})));
  EXPECT_THAT(look({.ns = "llm"}).out, HasSubstr("qwen  Completed  7 "));
}

TEST_F(StatusTest, SaysThatThereIsNone) {
  transport_.reply("GET " + kDeployments, json_reply(200, list_of({})));
  EXPECT_EQ(look({.ns = "llm"}).out, "There is no PDDeployment in the namespace llm.\n");
  transport_.reply("GET " + kDeployments + "/gwen", status_reply(404, "NotFound", "pddeployments \"gwen\" not found"));
  const Ran none = look({.name = "gwen", .ns = "llm"});
  EXPECT_EQ(none.status, 1);
  EXPECT_EQ(none.err, "pdctl status: there is no PDDeployment gwen in the namespace llm: see pdctl status -n llm\n");
}

TEST_F(StatusTest, SaysWhyItCannotLook) {
  transport_.reply("GET " + kDeployments, status_reply(403, "Forbidden", "user jo cannot list pddeployments"));
  const Ran forbidden = look({.ns = "llm"});
  EXPECT_EQ(forbidden.status, 1);
  EXPECT_THAT(forbidden.err, HasSubstr("user jo cannot list pddeployments"));
  transport_.reply("GET " + kDeployments,
                   status_reply(404, "NotFound", "the server could not find the requested resource"));
  EXPECT_THAT(look({.ns = "llm"}).err, HasSubstr("install pd-operator with its CRD"));
}

TEST_F(StatusTest, WatchesALineForEachChange) {
  script_one_look();
  script_watches();
  when_shown("table: Completed, generation 7", [this] {
    Json changed = test::running(test::seen_pod_object("decode", "2"), "10.0.0.19");
    changed["metadata"]["resourceVersion"] = "101";
    pods_->push(Json{{"type", "MODIFIED"}, {"object", changed}}.dump());
    when_shown("pod qwen-decode-0-0-2: decode-0; Running, Ready; on node-1; 10.0.0.19; generation 7",
               [] { std::raise(SIGTERM); });
  });
  const Ran ran = look({.name = "qwen", .ns = "llm", .watch = true});
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_THAT(ran.out, Not(HasSubstr("\x1b")));
  EXPECT_EQ(std::count(ran.out.begin(), ran.out.end(), '\n'), 9) << ran.out;
}

TEST_F(StatusTest, RedrawsATerminalAndTellsWhatIsGone) {
  script_one_look();
  script_watches();
  when_shown("CONDITION", [this] {
    Json gone = test::seen_deployment_object();
    gone["metadata"]["resourceVersion"] = "101";
    deployments_->push(Json{{"type", "DELETED"}, {"object", gone}}.dump());
    when_shown("llm/qwen: gone", [] { std::raise(SIGTERM); });
  });
  const Ran ran = look({.name = "qwen", .ns = "llm", .watch = true, .redraw = true});
  EXPECT_THAT(ran.out, ::testing::StartsWith("\x1b[H\x1b[2J"
                                             "llm/qwen: AscendCloud"));
}

TEST_F(StatusTest, WatchesAsDocuments) {
  script_one_look();
  script_watches();
  when_shown("\"conditions\"", [] { std::raise(SIGTERM); });
  const Ran ran = look({.name = "qwen", .ns = "llm", .watch = true}, Format::kJson);
  EXPECT_EQ(ran.json()["ranktable"]["generation"], 7);
}

TEST_F(StatusTest, EndsWhenNobodyTakesWhatItPrints) {
  script_one_look();
  script_watches();
  out_.setstate(std::ios::badbit);
  EXPECT_EQ(look({.name = "qwen", .ns = "llm", .watch = true}).status, 1);
}

TEST(Status, SaysThatThereIsNoKubeconfig) {
  const Ran ran = pdctl({"status", "--kubeconfig", "/no/such"});
  EXPECT_EQ(ran.status, 1);
  EXPECT_THAT(ran.err, HasSubstr("/no/such"));
  EXPECT_THAT(ran.out, IsEmpty());
}

}  // namespace
}  // namespace pd::cli
