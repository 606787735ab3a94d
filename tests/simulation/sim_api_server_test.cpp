// What only the simulated API server has: revisions from a counter, views that lag, a history that ends where it is
// told. What it has in common with the real one is in tests/conformance.
#include "tests/simulation/fixture.h"

namespace pd::test {
namespace {

TEST_F(SimApiServerTest, EachWriteIsOneRevision) {
  const std::uint64_t start = etcd.revision();
  const Answer made = ask("POST", kMaps, config_map("a"));
  EXPECT_EQ(made.status, 201);
  EXPECT_EQ(made.version(), std::to_string(start + 1));
  EXPECT_EQ(merge(kMaps + "/a", {{"data", {{"a", "2"}}}}).version(), std::to_string(start + 2));
  EXPECT_EQ(ask("GET", kMaps + "/a").body["data"]["a"], "2");
  EXPECT_EQ(ask("DELETE", kMaps + "/a").status, 200);
  EXPECT_EQ(etcd.revision(), start + 3);
  EXPECT_EQ(ask("GET", kMaps + "/a").status, 404);
}

TEST_F(SimApiServerTest, IsTheSameInEachRun) {
  std::string before;
  for (int run = 0; run < 2; ++run) {
    SimStore store;
    SimApiServer again(store, clock);
    again.handle({"POST", kMaps, "application/json", "application/json", R"({"metadata":{"generateName":"g-"}})"});
    const std::string text = again.handle({"GET", kMaps}).body;
    EXPECT_THAT(text, testing::HasSubstr("g-"));
    EXPECT_EQ(text, run == 0 ? text : before);
    before = text;
  }
}

TEST_F(SimApiServerTest, ViewThatHoldsServesOldStateOnlyToThoseWhoAllowIt) {
  ask("POST", kMaps, config_map("old"));
  SimApiServer lagging(etcd, clock);
  lagging.view().hold();
  const std::uint64_t held = etcd.revision();
  ask("POST", kMaps, config_map("new"));
  const auto names = [&](const std::string& query) {
    std::vector<std::string> found;
    const Answer answer = answer_of(lagging.handle({"GET", kMaps + query}));
    for (const Json& item : answer.body.at("items")) {
      found.push_back(item["metadata"]["name"]);
    }
    return found;
  };
  EXPECT_THAT(names("?resourceVersion=0"), testing::ElementsAre("old"));
  EXPECT_THAT(names("?resourceVersion=" + std::to_string(held)), testing::ElementsAre("old"));
  EXPECT_THAT(names(""), testing::ElementsAre("new", "old"));
  EXPECT_EQ(lagging.handle({"GET", kMaps + "/new?resourceVersion=0"}).status, 404);
  EXPECT_EQ(lagging.handle({"GET", kMaps + "/new"}).status, 200);
  EXPECT_EQ(lagging.handle({"GET", kMaps + "?resourceVersion=" + std::to_string(held + 1)}).status, 504);
  lagging.view().advance(held + 1);
  EXPECT_THAT(names("?resourceVersion=0"), testing::ElementsAre("new", "old"));
}

TEST_F(SimApiServerTest, WatchTellsWhatTheViewHasSeen) {
  const auto events = watch("/api/v1/configmaps?watch=true&resourceVersion=" + std::to_string(etcd.revision()));
  server.view().hold(kind_of("configmaps"));
  const std::string first = ask("POST", kMaps, config_map("a")).version();
  const std::string second = ask("POST", kMaps, config_map("b")).version();
  EXPECT_EQ(next_event(*events), "");
  server.view().advance(kind_of("configmaps"), std::stoull(first));
  EXPECT_EQ(next_event(*events), "ADDED a@" + first);
  EXPECT_EQ(next_event(*events), "");
  server.view().follow();
  EXPECT_EQ(next_event(*events), "ADDED b@" + second);
}

TEST_F(SimApiServerTest, StreamingListIsCompleteOnlyWhenTheViewIsAsNewAsTheStoreWas) {
  ask("POST", kMaps, config_map("a"));
  server.view().hold();
  const std::string version = ask("POST", kMaps, config_map("b")).version();
  const auto events = watch(kMaps +
                            "?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"
                            "&allowWatchBookmarks=true");
  EXPECT_THAT(next_event(*events), testing::StartsWith("ADDED a@"));
  events->request_bookmark();
  EXPECT_EQ(next_event(*events), "");
  server.view().follow();
  EXPECT_EQ(next_event(*events), "ADDED b@" + version);
  EXPECT_EQ(next_event(*events), "BOOKMARK @" + version);
  EXPECT_EQ(next_event(*events), "BOOKMARK @" + version);  // the one that was requested
  EXPECT_EQ(next_event(*events), "");
}

TEST_F(SimApiServerTest, ForgottenHistoryAndRestartedServerRefuseOldWatches) {
  const std::string before = std::to_string(etcd.revision());
  ask("POST", kMaps, config_map("a"));
  const std::string target = "/api/v1/configmaps?watch=true&resourceVersion=" + before;
  EXPECT_THAT(next_event(*watch(target)), testing::StartsWith("ADDED a@"));
  server.view().restart();
  const auto refused = watch(target);
  EXPECT_FALSE(refused->ended());
  EXPECT_EQ(next_event(*refused), "ERROR Expired");
  EXPECT_TRUE(refused->ended());
  const auto newest = watch("/api/v1/configmaps?watch=true&resourceVersion=" + std::to_string(etcd.revision()));
  EXPECT_EQ(next_event(*newest), "");
}

TEST_F(SimApiServerTest, CompactedStoreKeepsTheNewestAndRefusesOldReads) {
  const std::string first = ask("POST", kMaps, config_map("a")).version();
  const std::string second = merge(kMaps + "/a", {{"data", {{"a", "2"}}}}).version();
  ask("POST", kMaps, config_map("gone"));
  ask("DELETE", kMaps + "/gone");
  const auto at = [&](const std::string& version) {
    return ask("GET", kMaps + "?resourceVersionMatch=Exact&resourceVersion=" + version);
  };
  EXPECT_EQ(at(first).body["items"][0]["data"]["a"], "1");
  etcd.compact(etcd.revision());
  EXPECT_EQ(at(first).status, 410);
  EXPECT_EQ(at(second).status, 410);
  EXPECT_EQ(at(std::to_string(etcd.revision())).body["items"].size(), 1U);
  EXPECT_EQ(ask("GET", kMaps + "/a").body["data"]["a"], "2");
}

TEST_F(SimApiServerTest, TwoServersShareOneStore) {
  SimApiServer other(etcd, clock);
  ask("POST", kMaps, config_map("a"));
  const Answer twice =
      answer_of(other.handle({"POST", kMaps, "application/json", "application/json", config_map("a").dump()}));
  EXPECT_EQ(twice.reason(), "AlreadyExists");
}

TEST_F(SimApiServerTest, ObjectsThatTrustedPartsPutAreWatchedToo) {
  ask("POST", kPods, pod("p"));
  const auto events =
      watch(kPods + "?watch=true&fieldSelector=spec.nodeName%3Dn1&resourceVersion=" + std::to_string(etcd.revision()));
  Json bound = etcd.find(kind_of("pods"), "default/p")->json();
  bound["spec"]["nodeName"] = "n1";
  const ObjectPtr put = etcd.put(kind_of("pods"), "default/p", bound);
  EXPECT_EQ(next_event(*events), "ADDED p@" + std::to_string(put->revision()));
}

}  // namespace
}  // namespace pd::test
