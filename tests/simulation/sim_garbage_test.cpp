#include "tests/simulation/fixture.h"
#include "tests/simulation/sim_deletion.h"

namespace pd::test {
namespace {

struct GarbageTest : SimApiServerTest {
  Json owned(const std::string& name, const Answer& owner) {
    Json object = config_map(name);
    object["metadata"]["ownerReferences"] = {
        {{"apiVersion", "v1"}, {"kind", "ConfigMap"}, {"name", owner.body["metadata"]["name"]}, {"uid", owner.uid()}}};
    return object;
  }
  int rounds() {
    int count = 0;
    while (collect_garbage(etcd, clock.wall_now()) > 0) ++count;
    return count;
  }
  bool exists(const std::string& name) { return ask("GET", kMaps + "/" + name).status == 200; }
};

TEST_F(GarbageTest, DependentsGoWhenAllTheirOwnersAreGone) {
  const Answer first = ask("POST", kMaps, config_map("first"));
  const Answer second = ask("POST", kMaps, config_map("second"));
  Json both = owned("both", first);
  both["metadata"]["ownerReferences"].push_back(owned("", second)["metadata"]["ownerReferences"][0]);
  ask("POST", kMaps, both);
  ask("POST", kMaps, owned("one", first));
  EXPECT_EQ(rounds(), 0);
  ask("DELETE", kMaps + "/first");
  EXPECT_EQ(rounds(), 1);
  EXPECT_FALSE(exists("one"));
  EXPECT_TRUE(exists("both"));
  ask("DELETE", kMaps + "/second");
  EXPECT_EQ(rounds(), 1);
  EXPECT_FALSE(exists("both"));
}

TEST_F(GarbageTest, AnOwnerIsItsUidNotItsName) {
  const Answer owner = ask("POST", kMaps, config_map("owner"));
  ask("POST", kMaps, owned("dependent", owner));
  ask("DELETE", kMaps + "/owner");
  ask("POST", kMaps, config_map("owner"));
  EXPECT_EQ(rounds(), 1);
  EXPECT_TRUE(exists("owner"));
  EXPECT_FALSE(exists("dependent"));
}

TEST_F(GarbageTest, ForegroundDeletionWaitsForTheDependents) {
  const Answer owner = ask("POST", kMaps, config_map("owner"));
  ask("POST", kMaps, owned("dependent", owner));
  const Answer deleted = ask("DELETE", kMaps + "/owner?propagationPolicy=Foreground");
  EXPECT_EQ(deleted.status, 200);
  EXPECT_THAT(deleted.body["metadata"]["finalizers"], testing::ElementsAre("foregroundDeletion"));
  EXPECT_EQ(collect_garbage(etcd, clock.wall_now()), 1);
  EXPECT_FALSE(exists("dependent"));
  EXPECT_TRUE(exists("owner"));
  EXPECT_EQ(rounds(), 1);
  EXPECT_FALSE(exists("owner"));
}

TEST_F(GarbageTest, OrphansStayWithoutTheirOwner) {
  const Answer owner = ask("POST", kMaps, config_map("owner"));
  ask("POST", kMaps, owned("dependent", owner));
  ask("DELETE", kMaps + "/owner?propagationPolicy=Orphan");
  EXPECT_EQ(rounds(), 2);
  EXPECT_FALSE(exists("owner"));
  EXPECT_FALSE(ask("GET", kMaps + "/dependent").body["metadata"].contains("ownerReferences"));
}

TEST_F(GarbageTest, PodsOfAGoneOwnerEndGracefully) {
  const Answer owner = ask("POST", kMaps, config_map("owner"));
  Json object = pod("p");
  object["metadata"]["ownerReferences"] = owned("", owner)["metadata"]["ownerReferences"];
  ask("POST", kPods, object);
  ask("POST", kPods + "/p/binding", {{"target", {{"name", "n1"}}}});
  ask("DELETE", kMaps + "/owner");
  EXPECT_EQ(rounds(), 1);
  EXPECT_EQ(ask("GET", kPods + "/p").body["metadata"]["deletionGracePeriodSeconds"], 30);
  ask("DELETE", kPods + "/p?gracePeriodSeconds=0");
  EXPECT_EQ(ask("GET", kPods + "/p").status, 404);
}

TEST_F(GarbageTest, ATerminatingNamespaceIsEmptiedAndGoes) {
  ask("POST", "/api/v1/namespaces", {{"metadata", {{"name", "llm"}}}});
  ask("POST", "/api/v1/namespaces/llm/configmaps", config_map("a"));
  EXPECT_EQ(ask("DELETE", "/api/v1/namespaces/llm").body["status"]["phase"], "Terminating");
  EXPECT_EQ(ask("POST", "/api/v1/namespaces/llm/configmaps", config_map("b")).status, 403);
  EXPECT_EQ(rounds(), 2);
  EXPECT_EQ(ask("GET", "/api/v1/namespaces/llm").status, 404);
  EXPECT_EQ(ask("GET", "/api/v1/namespaces/llm/configmaps/a").status, 404);
}

}  // namespace
}  // namespace pd::test
