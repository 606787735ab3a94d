#include "cli/yaml.h"
#include "tests/cli/fixture.h"

namespace pd::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::string kPodSpec = R"(spec:
  containers:
  - name: engine
    image: vllm:1
    resources: {limits: {huawei.com/Ascend910: "8"}}
)";

std::string indented(const std::string& text, int by) {
  std::istringstream lines(text);
  std::string shifted;
  for (std::string line; std::getline(lines, line);)
    shifted += std::string(static_cast<std::size_t>(by), ' ') + line + "\n";
  return shifted;
}

std::string workload(const std::string& version, const std::string& kind, const std::string& spec) {
  return "apiVersion: " + version + "\nkind: " + kind + "\nmetadata: {name: w}\n" + spec;
}

std::string deployment() {
  return workload("apps/v1", "Deployment", "spec:\n  replicas: 2\n  template:\n" + indented(kPodSpec, 4));
}

Ran inject(const std::string& manifest, std::vector<std::string> more = {}) {
  std::vector<std::string> words = {"inject", "-f",           "-",     "--role", "prefill", "--deployment",
                                    "qwen",   "--gate-image", "gate:1"};
  words.insert(words.end(), more.begin(), more.end());
  return pdctl(words, manifest);
}

Json injected(const std::string& manifest, std::vector<std::string> more = {}) {
  const Ran ran = inject(manifest, std::move(more));
  EXPECT_EQ(ran.status, 0) << ran.err;
  const Result<std::vector<Json>> documents = parse_yaml(ran.out);
  EXPECT_TRUE(documents) << documents.error().message;
  return documents->front();
}

Json env_of(const Json& container, const std::string& name) {
  for (const Json& variable : container["env"]) {
    if (variable["name"] == name) return variable;
  }
  return {};
}

void expect_equipped(const Json& pod, const std::string& role = "prefill") {
  EXPECT_EQ(pod["metadata"]["labels"]["pd-operator.io/deployment"], "qwen");
  EXPECT_EQ(pod["metadata"]["labels"]["pd-operator.io/role"], role);
  const Json& spec = pod["spec"];
  ASSERT_EQ(spec["initContainers"].size(), 2U);
  EXPECT_EQ(spec["initContainers"][0]["name"], "pd-gate-watch");
  EXPECT_EQ(spec["initContainers"][1]["name"], "pd-gate-wait");
  EXPECT_EQ(env_of(spec["containers"][0], "ROLE")["value"], role);
  EXPECT_EQ(env_of(spec["containers"][0], "RANK_TABLE_FILE_PATH")["value"],
            "/etc/pd-operator/ranktable/local_ranktable_$(POD_NAME).json");
}

TEST(Inject, GivesADeploymentsPodsWhatTheyNeed) {
  const Json made = injected(deployment());
  const Json& pod = made["spec"]["template"];
  expect_equipped(pod);
  const Json& spec = pod["spec"];
  EXPECT_EQ(spec["volumes"][0]["projected"]["sources"],
            Json::parse(R"([{"configMap": {"name": "qwen-ranktable", "optional": true}},
                            {"downwardAPI": {"items": [{"path": "expected_generation", "fieldRef": {"fieldPath":
                             "metadata.annotations['pd-operator.io/ranktable-generation']"}}]}}])"));
  const Json& wait = spec["initContainers"][1];
  EXPECT_EQ(wait["image"], "gate:1");
  EXPECT_THAT(wait["args"].dump(), HasSubstr(R"("--local","local_ranktable_$(POD_NAME).json")"));
  EXPECT_EQ(env_of(wait, "POD_NAME")["valueFrom"]["fieldRef"]["fieldPath"], "metadata.name");
  // Kubernetes expands a variable in those that come after it.
  EXPECT_EQ(spec["containers"][0]["env"][0]["name"], "POD_NAME");
  EXPECT_EQ(made["spec"]["replicas"], 2);
  EXPECT_FALSE(made["spec"].contains("strategy"));
}

TEST(Inject, FindsTheTemplatesOfEachKind) {
  const Json set = injected(workload(
      "apps/v1", "StatefulSet", "spec:\n  podManagementPolicy: OrderedReady\n  template:\n" + indented(kPodSpec, 4)));
  expect_equipped(set["spec"]["template"]);
  EXPECT_EQ(set["spec"]["podManagementPolicy"], "Parallel");

  const Json group =
      injected(workload("leaderworkerset.x-k8s.io/v1", "LeaderWorkerSet",
                        "spec:\n  startupPolicy: LeaderReady\n  leaderWorkerTemplate:\n    leaderTemplate:\n" +
                            indented(kPodSpec, 6) + "    workerTemplate:\n" + indented(kPodSpec, 6)));
  expect_equipped(group["spec"]["leaderWorkerTemplate"]["leaderTemplate"]);
  expect_equipped(group["spec"]["leaderWorkerTemplate"]["workerTemplate"]);
  EXPECT_EQ(group["spec"]["startupPolicy"], "LeaderCreated");

  const Json job = injected(workload("batch.volcano.sh/v1alpha1", "Job",
                                     "spec:\n  tasks:\n  - name: a\n    template:\n" + indented(kPodSpec, 6)));
  expect_equipped(job["spec"]["tasks"][0]["template"]);
  expect_equipped(injected(workload("v1", "Pod", kPodSpec)));
}

TEST(Inject, TakesOnePartOfAModelServing) {
  std::string spec = "spec:\n  template:\n    roles:\n";
  for (const char* role : {"prefill", "decode"}) {
    spec += "    - name: " + std::string(role) + "\n";
    for (const char* member : {"entryTemplate", "workerTemplate"}) {
      spec += "      " + std::string(member) + ":\n" + indented(kPodSpec, 8);
    }
  }
  const std::string manifest = workload("workload.serving.volcano.sh/v1alpha1", "ModelServing", spec);
  const Ran once = inject(manifest, {"--part", "prefill"});
  const Ran twice = pdctl({"inject", "-f", "-", "--role", "decode", "--part", "decode", "--deployment", "qwen",
                           "--gate-image", "gate:1", "-o", "json"},
                          once.out);
  ASSERT_EQ(twice.status, 0) << twice.err;
  const Json roles = twice.json()["spec"]["template"]["roles"];
  for (const char* member : {"entryTemplate", "workerTemplate"}) {
    expect_equipped(roles[0][member], "prefill");
    expect_equipped(roles[1][member], "decode");
  }
  EXPECT_THAT(inject(manifest, {"--part", "router"}).err, HasSubstr("with a part named router"));
}

TEST(Inject, LeavesOutWhatOnlyALivingPodHas) {
  const std::string annotated = "metadata:\n  annotations:\n    huawei.com/Ascend910: Ascend910-0\n" +
                                std::string("    pd-operator.io/ranktable-generation: \"7\"\n");
  const auto made = [&](const std::string& more) {
    return injected(workload("apps/v1", "Deployment",
                             "spec:\n  template:\n" + indented(annotated + more + kPodSpec, 4)))["spec"]["template"];
  };
  EXPECT_EQ(made("    mine: stays\n")["metadata"]["annotations"], Json({{"mine", "stays"}}));
  EXPECT_FALSE(made("")["metadata"].contains("annotations"));
}

TEST(Inject, TwiceIsOnce) {
  const std::string own =
      "  initContainers: [{name: fetch, image: a, volumeMounts: [{name: models, mountPath: /m}]}]\n"
      "  volumes: [{name: models, emptyDir: {}}]\n";
  for (const std::string& manifest : {deployment(), workload("v1", "Pod", kPodSpec + own)}) {
    const Ran once = inject(manifest);
    const Ran twice = inject(once.out);
    EXPECT_EQ(twice.out, once.out);
    EXPECT_THAT(twice.err, IsEmpty());
    // Another image takes the place of the first one.
    EXPECT_EQ(inject(once.out, {"--gate-image", "gate:2"}).out, inject(manifest, {"--gate-image", "gate:2"}).out);
  }
}

TEST(Inject, LeavesWhatIsNoWorkloadAsItIs) {
  const std::string service = workload("v1", "Service", "spec: {ports: [{port: 80}]}\n");
  const Ran ran = inject(service + "---\n" + deployment() + "---\n" + service);
  const Result<std::vector<Json>> documents = parse_yaml(ran.out);
  ASSERT_TRUE(documents);
  ASSERT_EQ(documents->size(), 3U);
  EXPECT_EQ((*documents)[0], parse_yaml(service)->front());
  EXPECT_EQ((*documents)[2], (*documents)[0]);
  EXPECT_EQ(inject(service + "---\n" + deployment(), {"-o", "json"}).json()["kind"], "List");
  const Ran nothing = inject(service);
  EXPECT_EQ(nothing.status, 1);
  EXPECT_THAT(nothing.out, IsEmpty());
  EXPECT_THAT(nothing.err, HasSubstr("nothing to inject into in -: it takes Deployment, StatefulSet"));
}

TEST(Inject, TellsOfVariablesThatStay) {
  const std::string with_role = deployment() + indented("env: [{name: ROLE, value: P}, {name: OTHER, value: x}]\n", 8);
  const Ran ran = inject(with_role);
  EXPECT_EQ(ran.status, 0);
  EXPECT_EQ(ran.err,
            "pdctl inject: container \"engine\" sets ROLE itself, and keeps that; take it out of the manifest to "
            "have it set\n");
  EXPECT_EQ(env_of(injected(with_role)["spec"]["template"]["spec"]["containers"][0], "ROLE")["value"], "P");
}

TEST(Inject, KnowsItsOwnVariablesAsTheApiServerHasThem) {
  std::string stored = inject(deployment()).out;
  const std::string field = "fieldRef:\n";
  for (std::size_t at = stored.find(field); at != std::string::npos; at = stored.find(field, at + field.size())) {
    const std::size_t line = at + field.size();
    const std::size_t indent = stored.find_first_not_of(' ', line) - line;
    stored.insert(line, std::string(indent, ' ') + "apiVersion: v1\n");
  }
  EXPECT_THAT(inject(stored).err, IsEmpty());
}

TEST(Inject, RefusesWhatWouldNotWork) {
  EXPECT_THAT(inject(workload("apps/v1", "Deployment", "spec: {template: {spec: {containers: []}}}\n")).err,
              HasSubstr("Deployment w: /spec/template: /spec/containers should list a container"));
  const Ran mounted =
      inject(deployment() + indented("volumeMounts: [{name: a, mountPath: /etc/pd-operator/ranktable}]\n", 8));
  EXPECT_THAT(mounted.err, HasSubstr("a container mounts something at /etc/pd-operator/ranktable already"));
  EXPECT_THAT(mounted.out, IsEmpty());
  EXPECT_EQ(inject(deployment() + indented("volumeMounts: [{name: a, mountPath: /etc/pd-operator/ranktable}]\n", 8),
                   {"--mount-path", "/tables"})
                .status,
            0);
  EXPECT_THAT(inject(deployment(), {"--profile", "OmniK8s"}).err, HasSubstr("give --pdd"));
  const Ran no_image = pdctl({"inject", "-f", "-", "--role", "decode", "--deployment", "a"}, deployment());
  EXPECT_EQ(no_image.status, 1);
  EXPECT_THAT(no_image.err, HasSubstr("give --gate-image"));
  EXPECT_EQ(pdctl({"inject", "-f", "-", "--role", "decode"}, deployment()).status, 2);
  EXPECT_EQ(inject(deployment(), {"--mount-path", "tables"}).status, 2);
  EXPECT_EQ(inject(deployment(), {"--gate-port", "80"}).status, 2);
}

TEST(Inject, WithoutTheGate) {
  const Ran ran = pdctl({"inject", "-f", "-", "--role", "decode", "--deployment", "a", "--no-gate"}, deployment());
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_FALSE(parse_yaml(ran.out)->front()["spec"]["template"]["spec"].contains("initContainers"));
}

TEST(Inject, GivesNoPortThatIsNone) {
  std::string host = deployment();
  host.replace(host.find("containers:"), 0, "hostNetwork: true\n      ");
  EXPECT_EQ(inject(host, {"--gate-port", "65534"}).status, 0);
  EXPECT_THAT(inject(host, {"--gate-port", "65535"}).err, HasSubstr("lower gate.port by 1"));
}

class InjectWithManifest : public ::testing::Test {
 protected:
  static std::string pdd(const std::string& profile, const std::string& prefill) {
    return "apiVersion: pd-operator.io/v1alpha1\nkind: PDDeployment\nmetadata: {name: qwen, namespace: llm}\nspec:\n"
           "  ranktable: {profile: " +
           profile +
           ", mountPath: /tables}\n  gate: {image: gate:9, port: 9000}\n"
           "  scheduler: {adopt: {}}\n  prefill: {instances: 2, npusPerPod: 8, " +
           prefill + "}\n  decode: {instances: 3, npusPerPod: 8, adopt: {}}\n";
  }
  Ran inject_for(const std::string& manifest, const std::string& pdd) {
    return pdctl({"inject", "-f", "-", "--role", "prefill", "--pdd", folder_.write("pdd.yaml", pdd)}, manifest);
  }
  test::TemporaryFolder folder_;
};

TEST_F(InjectWithManifest, ASchedulerHasOnePlaceInEachProfile) {
  const Ran ran = pdctl(
      {"inject", "-f", "-", "--role", "scheduler", "--pdd", folder_.write("pdd.yaml", pdd("AscendCloud", "adopt: {}"))},
      deployment());
  ASSERT_EQ(ran.status, 0) << ran.err;
  EXPECT_EQ(parse_yaml(ran.out)->front()["spec"]["strategy"]["rollingUpdate"]["maxSurge"], 0);
}

TEST_F(InjectWithManifest, TakesEverythingFromIt) {
  const Ran ran = inject_for(deployment(), pdd("OmniK8s", "adopt: {}, reload: {http: {port: 8000}}"));
  ASSERT_EQ(ran.status, 0) << ran.err;
  const Json made = parse_yaml(ran.out)->front();
  EXPECT_EQ(made["spec"]["strategy"],
            Json::parse(R"({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}})"));
  const Json& spec = made["spec"]["template"]["spec"];
  EXPECT_EQ(spec["initContainers"][0]["image"], "gate:9");
  EXPECT_THAT(spec["initContainers"][0]["args"].dump(),
              AllOf(HasSubstr(R"("--port","9000")"), HasSubstr("http://127.0.0.1:8000/reload"), HasSubstr("OmniK8s")));
  EXPECT_EQ(env_of(spec["containers"][0], "DECODE_POD_NUM")["value"], "3");
  EXPECT_EQ(env_of(spec["containers"][0], "RANK_TABLE_FILE_PATH")["value"], "/tables/local_ranktable_$(POD_NAME).json");
  EXPECT_TRUE(env_of(spec["containers"][0], "SERVER_GROUP_ID").is_null());
}

TEST_F(InjectWithManifest, ComparesThem) {
  EXPECT_THAT(inject_for(deployment(), pdd("AscendCloud", "template: {spec: {containers: []}}")).err,
              HasSubstr("/spec/prefill has a template"));
  std::string four = deployment();
  four.replace(four.find("\"8\""), 3, "\"4\"");
  EXPECT_THAT(inject_for(four, pdd("AscendCloud", "adopt: {}")).err,
              HasSubstr("its containers ask for 4 NPUs and npusPerPod is 8: make them equal"));
  std::string elsewhere = deployment();
  elsewhere.replace(elsewhere.find("{name: w}"), 9, "{name: w, namespace: other}");
  EXPECT_THAT(inject_for(elsewhere, pdd("AscendCloud", "adopt: {}")).err, HasSubstr("in another namespace"));
  EXPECT_EQ(pdctl({"inject", "-f", "-", "--pdd", "-", "--role", "prefill"}, "").status, 2);
}

}  // namespace
}  // namespace pd::cli
