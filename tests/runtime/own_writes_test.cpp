#include "runtime/own_writes.h"

#include <gtest/gtest.h>

namespace pd::runtime {
namespace {

using std::chrono::seconds;

// Watches that have come as far as a test says.
class Progress final : public ReflectorBase {
 public:
  asio::awaitable<void> run(StopToken) override { co_return; }
  bool synced(std::string_view) const override { return true; }
  void relist(std::string_view) override { ++lists; }
  bool fresh(std::string_view) const override { return is_fresh; }
  void on_listed(std::function<void()>) override {}
  const std::string& version(std::string_view ns) const override { return versions.at(std::string(ns)); }
  void on_restart(std::function<void(std::string_view)>) override {}
  std::string_view kind() const override { return "Pod"; }
  std::size_t size() const override { return 0; }

  std::map<std::string, std::string> versions{{"one", "9"}, {"two", "9"}};
  bool is_fresh = true;
  int lists = 0;
};

kube::ObjectMeta written(const std::string& ns, const std::string& version) {
  kube::ObjectMeta meta;
  meta.ns = ns;
  meta.name = "a";
  meta.resource_version = version;
  return meta;
}

class OwnWritesTest : public ::testing::Test {
 protected:
  Instant now_{std::chrono::hours(1)};
  Progress pods_;
  Progress maps_;
  OwnWrites writes_;
};

TEST_F(OwnWritesTest, NothingWrittenIsSeen) {
  EXPECT_TRUE(writes_.seen(now_));
  EXPECT_TRUE(writes_.empty());
}

TEST_F(OwnWritesTest, IsSeenWhenTheWatchHasComeThatFar) {
  writes_.remember(pods_, written("one", "10"));
  EXPECT_FALSE(writes_.seen(now_));
  pods_.versions["one"] = "10";
  EXPECT_TRUE(writes_.seen(now_));
  EXPECT_TRUE(writes_.empty());
}

TEST_F(OwnWritesTest, WaitsForTheNewestOfSeveral) {
  writes_.remember(pods_, written("one", "12"));
  writes_.remember(pods_, written("one", "11"));
  pods_.versions["one"] = "11";
  EXPECT_FALSE(writes_.seen(now_));
  pods_.versions["one"] = "100";
  EXPECT_TRUE(writes_.seen(now_));
}

TEST_F(OwnWritesTest, EachKindAndNamespaceCounts) {
  writes_.remember(pods_, written("one", "10"));
  writes_.remember(pods_, written("two", "11"));
  writes_.remember(maps_, written("one", "12"));
  pods_.versions = {{"one", "20"}, {"two", "20"}};
  EXPECT_FALSE(writes_.seen(now_));
  maps_.versions["one"] = "20";
  EXPECT_TRUE(writes_.seen(now_));
}

TEST_F(OwnWritesTest, AWatchThatLagsListsAnew) {
  writes_.remember(pods_, written("one", "10"));
  EXPECT_FALSE(writes_.seen(now_));
  EXPECT_FALSE(writes_.seen(now_ + seconds(29)));
  EXPECT_EQ(pods_.lists, 0);
  EXPECT_FALSE(writes_.seen(now_ + seconds(30)));
  EXPECT_EQ(pods_.lists, 1);
  pods_.is_fresh = false;
  EXPECT_FALSE(writes_.seen(now_ + seconds(300))) << "however long that takes";
  pods_.is_fresh = true;
  pods_.versions["one"] = "11";
  EXPECT_TRUE(writes_.seen(now_ + seconds(301)));
  EXPECT_EQ(pods_.lists, 1);
}

TEST_F(OwnWritesTest, WhatAListAfterItDoesNotShowIsLost) {
  writes_.remember(pods_, written("one", "10"));
  EXPECT_FALSE(writes_.seen(now_));
  EXPECT_FALSE(writes_.seen(now_ + seconds(30)));
  EXPECT_TRUE(writes_.seen(now_ + seconds(31))) << "listed, and it is not there";
  EXPECT_TRUE(writes_.empty());
  writes_.remember(pods_, written("one", "11"));
  EXPECT_FALSE(writes_.seen(now_ + seconds(60)));
  EXPECT_FALSE(writes_.seen(now_ + seconds(89))) << "the limit counts anew";
  EXPECT_EQ(pods_.lists, 1);
}

// Several keys wait for the same watch: one list serves them all, but one that is under way already serves none.
TEST_F(OwnWritesTest, AListThatIsUnderWayIsWaitedForFirst) {
  writes_.remember(pods_, written("one", "10"));
  EXPECT_FALSE(writes_.seen(now_));
  pods_.is_fresh = false;
  EXPECT_FALSE(writes_.seen(now_ + seconds(40)));
  EXPECT_EQ(pods_.lists, 0);
  pods_.is_fresh = true;
  EXPECT_FALSE(writes_.seen(now_ + seconds(50)));
  EXPECT_EQ(pods_.lists, 1);
}

TEST_F(OwnWritesTest, AnAnswerWithoutAVersionIsNoWrite) {
  writes_.remember(pods_, {});
  EXPECT_TRUE(writes_.empty());
}

}  // namespace
}  // namespace pd::runtime
