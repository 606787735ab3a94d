#include "runtime/store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kube/objects.h"

namespace pd::runtime {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

kube::Node node(const std::string& name, const std::string& version, const std::string& uid = "u") {
  kube::Node made;
  made.meta.name = name;
  made.meta.uid = uid;
  made.meta.resource_version = version;
  return made;
}

class StoreTest : public ::testing::Test {
 protected:
  using Objects = Store<kube::Node>::Objects;
  using Pointer = Store<kube::Node>::Pointer;
  StoreTest() {
    store_.on_change([this](const Pointer& before, const Pointer& after) {
      const auto text = [](const Pointer& p) { return p ? p->meta.name + "@" + p->meta.resource_version : "none"; };
      changes_.push_back(text(before) + " -> " + text(after));
    });
  }
  Store<kube::Node> store_;
  std::vector<std::string> changes_;
};

TEST_F(StoreTest, TellsOfEachChange) {
  store_.put(node("a", "1"));
  store_.put(node("a", "2"));
  store_.erase("a");
  store_.erase("a");
  EXPECT_THAT(changes_, ElementsAre("none -> a@1", "a@1 -> a@2", "a@2 -> none"));
  EXPECT_EQ(store_.find("a"), nullptr);
}

TEST_F(StoreTest, ReplaceTellsOfWhatVanished) {
  store_.put(node("a", "1"));
  store_.put(node("b", "2"));
  changes_.clear();
  Objects all;
  all.insert(std::make_shared<kube::Node>(node("b", "3")));
  all.insert(std::make_shared<kube::Node>(node("c", "4")));
  store_.replace(all);
  EXPECT_THAT(changes_, UnorderedElementsAre("a@1 -> none", "b@2 -> b@3", "none -> c@4"));
  EXPECT_EQ(store_.all().size(), 2U);
}

TEST_F(StoreTest, ReplaceIsSilentAboutWhatIsTheSame) {
  store_.put(node("a", "1"));
  const Pointer before = store_.find("a");
  changes_.clear();
  Objects all;
  all.insert(std::make_shared<kube::Node>(node("a", "1")));
  store_.replace(all);
  EXPECT_THAT(changes_, IsEmpty());
  EXPECT_EQ(store_.find("a"), before);
}

// No copies: a store of everything is the largest thing that a program has.
TEST_F(StoreTest, ReplaceKeepsTheObjectsThatItIsGiven) {
  store_.put(node("a", "1"));
  Objects all;
  all.insert(std::make_shared<kube::Node>(node("a", "2")));
  all.insert(std::make_shared<kube::Node>(node("b", "3")));
  const Objects given = all;
  store_.replace(all);
  EXPECT_EQ(store_.all(), given);
}

TEST_F(StoreTest, ReplaceSeesARecreatedObject) {
  store_.put(node("a", "1", "first"));
  changes_.clear();
  Objects all;
  all.insert(std::make_shared<kube::Node>(node("a", "1", "second")));
  store_.replace(all);
  EXPECT_EQ(changes_.size(), 1U);
  EXPECT_EQ(store_.find("a")->meta.uid, "second");
}

TEST_F(StoreTest, ReplaceLeavesOtherNamespacesAlone) {
  kube::Node one = node("a", "1");
  one.meta.ns = "one";
  kube::Node two = node("a", "2");
  two.meta.ns = "two";
  store_.put(one);
  store_.put(two);
  store_.replace({}, "one");
  EXPECT_EQ(store_.find("one/a"), nullptr);
  EXPECT_NE(store_.find("two/a"), nullptr);
}

TEST_F(StoreTest, ReplaceByNothingEmptiesIt) {
  store_.put(node("a", "1"));
  store_.replace({});
  EXPECT_TRUE(store_.all().empty());
}

TEST_F(StoreTest, ASnapshotStaysAsItWas) {
  store_.put(node("a", "1"));
  const Pointer held = store_.find("a");
  store_.put(node("a", "2"));
  store_.erase("a");
  EXPECT_EQ(held->meta.resource_version, "1");
}

// A listener that looks at the store finds it as it says.
TEST(StoreListener, SeesTheStoreAfterTheChange) {
  Store<kube::Node> store;
  std::vector<bool> found;
  store.on_change([&](const auto&, const auto&) { found.push_back(store.find("a") != nullptr); });
  store.put(node("a", "1"));
  store.erase("a");
  EXPECT_THAT(found, ElementsAre(true, false));
}

TEST(VersionLess, ComparesNumbersOfAnyLength) {
  EXPECT_TRUE(version_less("9", "10"));
  EXPECT_TRUE(version_less("10", "11"));
  EXPECT_TRUE(version_less("", "1"));
  EXPECT_TRUE(version_less("99999999999999999999", "100000000000000000000"));
  EXPECT_FALSE(version_less("10", "9"));
  EXPECT_FALSE(version_less("10", "10"));
}

}  // namespace
}  // namespace pd::runtime
