// Client::list: pages of one consistent read.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kube/client.h"
#include "tests/support/run_to_end.h"
#include "tests/support/scripted_transport.h"

namespace pd::kube {
namespace {

using test::json_reply;
using test::run_to_end;
using test::status_reply;
using ::testing::HasSubstr;

Json object(const std::string& name) { return {{"metadata", {{"name", name}, {"resourceVersion", "1"}}}}; }

Json page(const std::vector<std::string>& names, const std::string& next) {
  Json items = Json::array();
  for (const std::string& name : names) items.push_back(object(name));
  Json list = {{"metadata", {{"resourceVersion", "77"}}}, {"items", items}};
  if (!next.empty()) list["metadata"]["continue"] = next;
  return list;
}

class ClientList : public ::testing::Test {
 protected:
  template <typename T>
  Result<Listed<T>> list(ListOptions options = {}) {
    return run_to_end(context_, client_.list<T>(std::move(options)));
  }
  const std::string& query(std::size_t index) const { return transport_.requests().at(index).query; }

  asio::io_context context_;
  test::ScriptedTransport transport_;
  Client client_{transport_};
};

TEST_F(ClientList, TakesPageAfterPage) {
  const std::string route = "GET /api/v1/namespaces/llm/pods";
  transport_.reply(route, json_reply(200, page({"a", "b"}, "t=1&x")));
  transport_.reply(route, json_reply(200, page({"c"}, "")));
  const Result<Listed<Pod>> pods = list<Pod>({.ns = "llm", .label_selector = "a=b"});
  ASSERT_TRUE(pods) << pods.error().message;
  ASSERT_EQ(pods->items.size(), 3U);
  EXPECT_EQ(pods->items[2].meta.name, "c");
  EXPECT_EQ(pods->resource_version, "77");
  // No resourceVersion: no older than the call.
  EXPECT_EQ(query(0), "limit=32&labelSelector=a%3Db");
  EXPECT_EQ(query(1), "limit=32&labelSelector=a%3Db&continue=t%3D1%26x");
  EXPECT_EQ(transport_.requests()[0].request.answer_limit, kListLimit);
}

TEST_F(ClientList, AsksForMetadataWhereThatIsEnough) {
  transport_.reply("GET /api/v1/nodes", json_reply(200, page({"n"}, "")));
  const Result<Listed<Node>> nodes = list<Node>();
  ASSERT_TRUE(nodes) << nodes.error().message;
  EXPECT_EQ(nodes->items.size(), 1U);
  EXPECT_EQ(transport_.requests()[0].request.accept, kAcceptMetadataList);
  EXPECT_EQ(query(0), "limit=200");
}

TEST_F(ClientList, AnObjectThatCannotBeReadHidesNoOther) {
  Json list_of_two = page({"a", "b"}, "");
  list_of_two["items"][0]["metadata"].erase("name");
  transport_.reply("GET /api/v1/pods", json_reply(200, list_of_two));
  const Result<Listed<Pod>> pods = list<Pod>();
  ASSERT_TRUE(pods) << pods.error().message;
  ASSERT_EQ(pods->items.size(), 1U);
  EXPECT_EQ(pods->items[0].meta.name, "b");
  ASSERT_EQ(pods->unreadable.size(), 1U);
  EXPECT_THAT(pods->unreadable[0].message, HasSubstr("/metadata/name"));
}

TEST_F(ClientList, AnObjectOfTooManyValuesHidesNoOther) {
  Json list_of_two = page({"a", "b"}, "");
  list_of_two["items"][0]["spec"]["prefill"]["template"]["x"] = std::vector<Json>(60'000, Json::object());
  transport_.reply("GET /apis/pd-operator.io/v1alpha1/pddeployments", json_reply(200, list_of_two));
  const Result<Listed<PDDeployment>> deployments = list<PDDeployment>();
  ASSERT_TRUE(deployments) << deployments.error().message;
  ASSERT_EQ(deployments->items.size(), 1U);
  EXPECT_EQ(deployments->items[0].meta.name, "b");
  ASSERT_EQ(deployments->unreadable.size(), 1U);
  EXPECT_THAT(deployments->unreadable[0].message, HasSubstr("more than 50000 values"));
}

const Error kOverTheLimit{Code::kUnavailable, "the answer is larger than is accepted", std::string(kTooLarge)};

// A tenant's pods can be 9 MiB of JSON each.
TEST_F(ClientList, APageThatIsTooLargeIsAskedForInSmallerOnes) {
  const std::string route = "GET /api/v1/pods";
  for (int i = 0; i < 2; ++i) transport_.reply(route, kOverTheLimit);
  transport_.reply(route, json_reply(200, page({"a", "b"}, "t1")));
  transport_.reply(route, kOverTheLimit);
  transport_.reply(route, json_reply(200, page({"c"}, "t2")));
  transport_.reply(route, json_reply(200, page({"d"}, "t3")));
  transport_.reply(route, json_reply(200, page({"e"}, "t4")));
  transport_.reply(route, json_reply(200, page({"f"}, "")));
  const Result<Listed<Pod>> pods = list<Pod>();
  ASSERT_TRUE(pods) << pods.error().message;
  std::vector<std::string> names;
  for (const Pod& pod : pods->items) names.push_back(pod.meta.name);
  EXPECT_THAT(names, ::testing::ElementsAre("a", "b", "c", "d", "e", "f"));
  std::vector<std::string> queries;
  for (const auto& seen : transport_.requests()) queries.push_back(seen.query);
  EXPECT_THAT(queries,
              ::testing::ElementsAre("limit=32", "limit=16", "limit=8", "limit=16&continue=t1", "limit=8&continue=t1",
                                     "limit=16&continue=t2", "limit=32&continue=t3", "limit=32&continue=t4"));
}

TEST_F(ClientList, AnObjectThatIsTooLargeIsAnError) {
  for (int i = 0; i < 20; ++i) transport_.reply("GET /api/v1/pods", kOverTheLimit);
  const Result<Listed<Pod>> pods = list<Pod>();
  ASSERT_FALSE(pods);
  EXPECT_EQ(pods.error().code, Code::kUnavailable);
  EXPECT_EQ(pods.error().reason, kTooLarge);
  EXPECT_EQ(transport_.requests().size(), 6U);
  EXPECT_EQ(query(5), "limit=1");
}

TEST_F(ClientList, IsAllOrNothing) {
  transport_.reply("GET /api/v1/pods", json_reply(200, page({"a"}, "next")));
  transport_.reply("GET /api/v1/pods", status_reply(410, "Expired"));
  const Result<Listed<Pod>> expired = list<Pod>();
  ASSERT_FALSE(expired);
  EXPECT_EQ(expired.error().code, Code::kGone);

  for (const char* body : {"", "<html>", "{}", R"({"metadata":{},"items":[]})"}) {
    transport_.reply("GET /api/v1/pods", HttpResponse{200, body, std::nullopt});
    const Result<Listed<Pod>> broken = list<Pod>();
    ASSERT_FALSE(broken) << body;
    EXPECT_EQ(broken.error().code, Code::kUnavailable) << body;
  }
}

TEST_F(ClientList, Ends) {
  transport_.reply("GET /api/v1/pods", json_reply(200, page({"a", "b"}, "next")));
  transport_.reply("GET /api/v1/pods", json_reply(200, page({"c", "d"}, "next")));
  const Result<Listed<Pod>> many = list<Pod>({.most = 3});
  ASSERT_FALSE(many);
  EXPECT_THAT(many.error().message, HasSubstr("does not end after 4 objects"));

  transport_.reply("GET /api/v1/pods", json_reply(200, page({}, "again")));
  EXPECT_FALSE(list<Pod>());
}

// Answers with page after page, and keeps how long each might have taken.
class PatientServer final : public Transport {
 public:
  asio::awaitable<Result<HttpResponse>> send(HttpRequest, Duration timeout, StopToken) override {
    timeouts.push_back(timeout);
    co_return json_reply(200, page({"a"}, timeouts.size() < 3 ? "next" : ""));
  }
  asio::awaitable<Result<StreamResponse>> open(HttpRequest, Duration, StopToken) override {
    co_return Error{Code::kInternal, "a list is no watch"};
  }
  std::vector<Duration> timeouts;
};

// The time is each page's: a list of any length comes to its end, and no clock is asked.
TEST_F(ClientList, EachPageHasItsTime) {
  constexpr auto kTimeout = std::chrono::seconds(20);
  PatientServer server;
  Client client(server);
  ListOptions options{.call = {.timeout = kTimeout}};
  EXPECT_TRUE(run_to_end(context_, client.list<Pod>(std::move(options))));
  EXPECT_THAT(server.timeouts, ::testing::ElementsAre(kTimeout, kTimeout, kTimeout));
}

TEST_F(ClientList, APageThatDoesNotComeIsATimeout) {
  transport_.reply("GET /api/v1/pods", json_reply(200, page({"a"}, "next")));
  const Result<Listed<Pod>> late = list<Pod>({.call = {.timeout = std::chrono::milliseconds(20)}});
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, Code::kTimeout);
  EXPECT_EQ(transport_.requests().size(), 2U);
}

TEST_F(ClientList, CanBeStopped) {
  StopSource stop;
  stop.stop();
  const Result<Listed<Pod>> stopped = list<Pod>({.call = {.stop = stop.token()}});
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().code, Code::kCancelled);
}

}  // namespace
}  // namespace pd::kube
