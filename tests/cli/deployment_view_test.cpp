#include "cli/deployment_view.h"

#include "tests/cli/fixture.h"
#include "tests/cli/seen_deployment.h"

namespace pd::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(DeploymentView, ShowsTableRolesPodsAndConditions) {
  const Answer answer = describe(test::seen_deployment());
  EXPECT_THAT(
      answer.lines,
      ElementsAre("llm/qwen: AscendCloud, Completed, generation 7, 4 NPUs, in qwen-ranktable", "",
                  "ROLE       READY  UPDATED",  //
                  "scheduler  1/1    1",        //
                  "prefill    1/1    1",        //
                  "decode     0/1    1", "",
                  "INSTANCE   POD                   STATE           NODE    ADDRESS    NPUS  GENERATION",
                  "scheduler  qwen-scheduler-0-0-1  Running, Ready  node-0  10.0.0.1   -     7",
                  "prefill-0  qwen-prefill-0-0-1    Running, Ready  node-0  10.0.0.18  4,5   7",
                  "decode-0   qwen-decode-0-0-2     Pending         node-1  -          -     -", "",
                  "CONDITION  STATUS  REASON        MESSAGE", "Ready      False   InstanceLost  Decode-0 is lost."));
  EXPECT_EQ(answer.value["pods"][1],
            OrderedJson::parse(R"({"instance": "prefill-0", "name": "qwen-prefill-0-0-1", "state": "Running, Ready",
                                   "node": "node-0", "address": "10.0.0.18", "npus": [4, 5], "generation": 7})"));
  EXPECT_EQ(answer.value["roles"]["decode"]["summary"], "0/1");
}

TEST(DeploymentView, KnowsAnAdoptedPodByItsName) {
  Observed observed = test::seen_deployment();
  kube::Pod& pod = observed.pods[1];
  pod.meta.labels.erase("pd-operator.io/instance");
  auto& data = observed.config_map->data;
  const std::string table = data.at("local_ranktable_prefill-0.json");
  data["local_ranktable_" + pod.meta.name + ".json"] = table;
  data["instance_" + pod.meta.name + ".env"] = "PD_INSTANCE=prefill-3\nSERVER_ID=10.0.0.18\n";
  const OrderedJson told = describe(observed).value["pods"][1];
  EXPECT_EQ(told["instance"], "prefill-3");
  EXPECT_EQ(told["npus"], OrderedJson({4, 5}));
}

TEST(DeploymentView, TellsWhatChanges) {
  const Observed before = test::seen_deployment();
  EXPECT_THAT(changes(facts_of(before), facts_of(before)), IsEmpty());
  Observed after = before;
  after.deployment.status.ranktable.generation = 8;
  after.pods[2].phase = "Running";
  after.pods.erase(after.pods.begin() + 1);
  EXPECT_THAT(changes(facts_of(before), facts_of(after)),
              ElementsAre("table: Completed, generation 8, 4 NPUs",
                          "pod qwen-decode-0-0-2: decode-0; Running; on node-1", "pod qwen-prefill-0-0-1: gone"));
  EXPECT_THAT(changes({}, facts_of(before)), ::testing::SizeIs(8));
}

TEST(DeploymentView, ListsALineEach) {
  const Observed seen = test::seen_deployment();
  EXPECT_THAT(list({seen.deployment}).lines,
              ElementsAre("NAME  TABLE      GEN  PREFILL  DECODE  READY  MESSAGE",
                          "qwen  Completed  7    1/1      0/1     False  Decode-0 is lost."));
  EXPECT_THAT(facts_of(std::vector{seen.deployment})[0].second, HasSubstr("Ready False: Decode-0 is lost."));
}

// Any bytes may stand in a ConfigMap.
TEST(DeploymentView, PutsUpWithABrokenTable) {
  Observed observed = test::seen_deployment();
  for (const char* text : {"", "{", "[]", R"({"server_list": 5})", "\xff"}) {
    observed.config_map->data["local_ranktable_prefill-0.json"] = text;
    EXPECT_EQ(describe(observed).value["pods"][1]["npus"], OrderedJson::array()) << text;
  }
}

}  // namespace
}  // namespace pd::cli
