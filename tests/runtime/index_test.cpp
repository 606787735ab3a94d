#include "runtime/index.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pd::runtime {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

kube::Pod pod(const std::string& name, const std::string& node) {
  kube::Pod made;
  made.meta.name = name;
  made.node = node;
  return made;
}

class IndexTest : public ::testing::Test {
 protected:
  std::vector<std::string> on(const std::string& node) const {
    std::vector<std::string> names;
    for (const auto& found : by_node_.find(node)) names.push_back(found->meta.key());
    return names;
  }

  Store<kube::Pod> store_;
  Index<kube::Pod> by_node_{store_, [](const kube::Pod& pod) { return pod.node; }};
};

TEST_F(IndexTest, FindsObjectsByTheirGroup) {
  store_.put(pod("a", "one"));
  store_.put(pod("b", "two"));
  store_.put(pod("c", "one"));
  store_.put(pod("d", ""));
  EXPECT_THAT(on("one"), ElementsAre("a", "c"));
  EXPECT_THAT(on("two"), ElementsAre("b"));
  EXPECT_THAT(on(""), IsEmpty());
  EXPECT_THAT(on("three"), IsEmpty());
}

TEST_F(IndexTest, FollowsAnObjectThatMoves) {
  store_.put(pod("a", "one"));
  store_.put(pod("a", "two"));
  EXPECT_THAT(on("one"), IsEmpty());
  EXPECT_THAT(on("two"), ElementsAre("a"));
  EXPECT_EQ(*by_node_.find("two").begin(), store_.find("a"));
}

TEST_F(IndexTest, ForgetsWhatIsGoneAndKeepsNoEmptyGroup) {
  store_.put(pod("a", "one"));
  store_.erase("a");
  EXPECT_TRUE(by_node_.all().empty());
}

TEST_F(IndexTest, HoldsTheNewestOfAnObject) {
  store_.put(pod("a", "one"));
  kube::Pod changed = pod("a", "one");
  changed.phase = "Running";
  store_.put(changed);
  ASSERT_EQ(by_node_.find("one").size(), 1U);
  EXPECT_EQ((*by_node_.find("one").begin())->phase, "Running");
}

TEST(OwnerUid, IsThatOfTheController) {
  kube::Pod made = pod("a", "");
  EXPECT_EQ(owner_uid(made), "");
  made.meta.owner = {"B", "b", "2"};
  EXPECT_EQ(owner_uid(made), "2");
}

}  // namespace
}  // namespace pd::runtime
