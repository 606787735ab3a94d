#include "cli/yaml.h"
#include "tests/cli/fixture.h"
#include "tests/plan/fake_cluster.h"

namespace pd::cli {
namespace {

using plan::a_deployment;
using plan::FakeCluster;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

std::string data_of(const std::string& example, const std::string& name) {
  return PD_TEST_DATA "/render/" + example + "/" + name;
}

class Example : public ::testing::TestWithParam<const char*> {
 protected:
  Ran render(const std::vector<std::string>& more = {}) const {
    const std::string example = GetParam();
    std::vector<std::string> words = {"render",
                                      "-f",
                                      "examples/" + example + ".yaml",
                                      "--nodes",
                                      data_of(example, "nodes.yaml"),
                                      "--pods",
                                      data_of(example, "pods.yaml")};
    words.insert(words.end(), more.begin(), more.end());
    return pdctl(words);
  }
  test::TemporaryFolder folder_;
};

TEST_P(Example, IsRenderedAsBefore) {
  const std::string save_dir = folder_.path() + "/save_dir";
  const Ran ran = render({"--save-dir", save_dir});
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_EQ(ran.out, content_of(data_of(GetParam(), "expected.txt")));
  const std::vector<std::string> files = names_in(data_of(GetParam(), "save_dir"));
  EXPECT_EQ(names_in(save_dir), files);
  for (const std::string& file : files) {
    EXPECT_EQ(content_of(save_dir + "/" + file), content_of(data_of(GetParam(), "save_dir/" + file))) << file;
  }
}

TEST_P(Example, IsValid) {
  const std::string save_dir = folder_.path() + "/save_dir";
  ASSERT_EQ(render({"--save-dir", save_dir}).status, 0);
  std::vector<std::string> words = {"validate", "--profile", "AscendCloud"};
  for (const std::string& name : names_in(save_dir)) {
    if (name.ends_with(".json")) words.push_back(save_dir + "/" + name);
  }
  const Ran ran = pdctl(words);
  EXPECT_EQ(ran.status, 0) << ran.out;
}

TEST_P(Example, ReplacesNothingUnlessForced) {
  ASSERT_EQ(render({"--save-dir", folder_.path()}).status, 0);
  const Ran again = render({"--save-dir", folder_.path()});
  EXPECT_EQ(again.status, 1);
  EXPECT_THAT(again.err, HasSubstr("is there: choose another --save-dir"));
  EXPECT_EQ(render({"--save-dir", folder_.path(), "--force"}).status, 0);
}

INSTANTIATE_TEST_SUITE_P(Of, Example, ::testing::Values("1p1d-tp2", "qwen-2p1d-tp8"), [](const auto& tested) {
  return std::string(tested.param).substr(0, 2) == "1p" ? "Demo" : "Qwen";
});

TEST(Render, SaysWhatIsMissing) {
  const test::TemporaryFolder folder;
  const std::string save_dir = folder.path() + "/none";
  const Ran ran = pdctl(
      {"render", "-f", "examples/1p1d-tp2.yaml", "--save-dir", save_dir, "--nodes", data_of("1p1d-tp2", "nodes.yaml")});
  EXPECT_EQ(ran.status, 1);
  EXPECT_THAT(ran.out, AllOf(HasSubstr("Initializing"), HasSubstr("The first table waits for"),
                             HasSubstr("would create pod demo-prefill-0-0-1")));
  EXPECT_THAT(names_in(save_dir), IsEmpty());
  // With no node known, nobody can say which resource the NPUs are.
  EXPECT_THAT(pdctl({"render", "-f", "examples/1p1d-tp2.yaml"}).out,
              AllOf(HasSubstr("ResourceUnknown"), Not(HasSubstr("would create pod demo-prefill"))));
}

TEST(Render, SaysWhichFileCannotBeUsed) {
  EXPECT_THAT(pdctl({"render", "-f", data_of("1p1d-tp2", "pods.yaml")}).err, HasSubstr("there is no PDDeployment"));
  EXPECT_THAT(pdctl({"render", "-f", "-"}, "a: [").err, HasSubstr("standard input: line"));
  EXPECT_EQ(pdctl({"render"}).status, 2);
}

// The manifests of all that a cluster of the planner's tests holds.
class Dump {
 public:
  explicit Dump(const FakeCluster& cluster) : cluster_(cluster) {}

  std::string deployment() const {
    Json object = cluster_.deployment_;
    for (const char* member : {"uid", "resourceVersion", "generation"}) object["metadata"].erase(member);
    object.erase("status");
    return format_yaml(OrderedJson(object));
  }
  std::string nodes() const {
    Json items = Json::array();
    for (const auto& [name, node] : cluster_.nodes_) {
      items.push_back({{"kind", "Node"},
                       {"metadata",
                        {{"name", name},
                         {"annotations",
                          {{"pd-operator.io/npu-inventory", node.inventory_text},
                           {"pd-operator.io/npu-allocations", node.allocations_text()}}}}}});
    }
    return list(items);
  }
  std::string pods() const {
    Json items = Json::array();
    for (const auto& [name, pod] : cluster_.pods_) {
      Json object = cluster_.created_.at(name);
      object["metadata"]["uid"] = pod.meta.uid;
      object["metadata"]["annotations"] = Json::object();
      object["spec"]["nodeName"] = pod.node;
      object["status"] = {{"phase", pod.phase}, {"podIP", pod.pod_ip}, {"hostIP", pod.host_ip}};
      items.push_back(std::move(object));
    }
    return list(items);
  }

 private:
  static std::string list(const Json& items) {
    return Json{{"apiVersion", "v1"}, {"kind", "List"}, {"items", items}}.dump();
  }
  const FakeCluster& cluster_;
};

TEST(Render, IsWhatThePlannerPublishes) {
  const test::TemporaryFolder folder;
  int case_number = 0;
  for (const char* profile : {"AscendCloud", "PerInstance", "OmniK8s"}) {
    for (const char* policy : {"Complete", "Available"}) {
      for (int instances = 1; instances < 4; ++instances) {
        FakeCluster cluster(a_deployment()
                                .prefill(instances)
                                .decode(4 - instances)
                                .set("/spec/ranktable/profile", profile)
                                .set("/spec/ranktable/publishPolicy", policy));
        ASSERT_TRUE(cluster.settle());
        const Dump dump(cluster);
        const std::string number = std::to_string(++case_number);
        const Ran ran =
            pdctl({"render", "-o", "json", "-f", folder.write("pdd" + number, dump.deployment()), "--nodes",
                   folder.write("nodes" + number, dump.nodes()), "--pods", folder.write("pods" + number, dump.pods())});
        ASSERT_EQ(ran.status, 0) << ran.out << ran.err;
        Json data = ran.json()["data"];
        data["generation"] = cluster.generation();  // how many tables there were before is the cluster's own history
        const auto& wanted = cluster.config_map_->data;
        EXPECT_EQ(data, Json(std::map<std::string, std::string>(wanted.begin(), wanted.end()))) << profile;
      }
    }
  }
}

}  // namespace
}  // namespace pd::cli
