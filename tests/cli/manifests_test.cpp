#include "cli/manifests.h"

#include "cli/pdd_manifest.h"
#include "cli/yaml.h"
#include "tests/cli/fixture.h"

namespace pd::cli {
namespace {

using ::testing::HasSubstr;

Result<std::vector<Json>> read(const std::string& text) {
  std::istringstream in(text);
  return read_manifests("-", in);
}

std::string kinds(const std::string& text) {
  const Result<std::vector<Json>> objects = read(text);
  if (!objects) return objects.error().message;
  std::string names;
  for (const Json& object : *objects) names += name_of(object) + ";";
  return names;
}

TEST(Manifests, ReadsWhatKubectlReadsAndPrints) {
  EXPECT_EQ(kinds("kind: Pod\nmetadata: {name: a}\n---\nkind: Node\nmetadata: {name: b}\n"), "Pod a;Node b;");
  EXPECT_EQ(
      kinds("kind: List\nitems:\n- {kind: Pod, metadata: {name: a, namespace: llm}}\n- {kind: List, items: []}\n"),
      "Pod llm/a;");
  EXPECT_EQ(kinds(R"({"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"a"}}]})"), "Pod a;");
}

TEST(Manifests, SaysWhatItCannotUse) {
  EXPECT_THAT(kinds("a: b"), HasSubstr("standard input: it holds something that is no object with a kind"));
  EXPECT_THAT(kinds("{kind: Pod, metadata: x}"), HasSubstr("Pod: /metadata should be an object"));
  EXPECT_THAT(kinds("kind: [1"), HasSubstr("standard input: line 1"));
  EXPECT_THAT(kinds("{\"kind\": \"Pod\",, }"), HasSubstr("standard input: line 1"));
  std::istringstream in;
  EXPECT_THAT(read_manifests("/no/such.yaml", in).error().message, HasSubstr("/no/such.yaml"));
}

const std::string kDeployment =
    "apiVersion: pd-operator.io/v1alpha1\nkind: PDDeployment\nmetadata: {name: qwen}\n"
    "spec: {scheduler: {adopt: {}}, prefill: {instances: 2, npusPerPod: 8, adopt: {}}, decode: {instances: 1, "
    "npusPerPod: 8, adopt: {}}}\n";

std::string problem_of(const std::string& text) {
  const Result<kube::PDDeployment> deployment = only_pddeployment(*read(text));
  return deployment ? "" : deployment.error().message;
}

std::string with(std::string text, const std::string& before, const std::string& after) {
  return text.replace(text.find(before), before.size(), after);
}

TEST(PddManifest, IsOneAndWithinTheBounds) {
  EXPECT_EQ(problem_of(kDeployment), "");
  EXPECT_THAT(problem_of(""), HasSubstr("no PDDeployment"));
  EXPECT_THAT(problem_of(kDeployment + "---\n" + kDeployment), HasSubstr("several PDDeployments"));
  EXPECT_THAT(problem_of(with(kDeployment, "instances: 2, ", "")), HasSubstr("/spec/prefill/instances is missing"));
  EXPECT_THAT(problem_of(with(kDeployment, "instances: 2", "instances: two")), HasSubstr("not \"two\""));
  EXPECT_THAT(problem_of(with(kDeployment, "scheduler: {adopt: {}}", "scheduler: {}")),
              HasSubstr("/spec/scheduler needs either a template or adopt"));
}

Json members_of(const kube::RanktableSpec& spec) {
  return {spec.profile,   spec.publish_policy,  spec.lost_grace_seconds, spec.server_address,
          spec.server_id, spec.require_link_up, spec.mount_path};
}

Json members_of(const kube::GateSpec& gate) {
  return {gate.enabled, gate.sidecar,           gate.timeout_seconds, gate.port,
          gate.image,   gate.image_pull_policy, gate.resources};
}

Json members_of(const kube::RoleSpec& role) {
  return {role.instances,
          role.pods_per_instance,
          role.npus_per_pod,
          role.pod_template,
          role.adopt,
          role.adopt_instance_label,
          role.adopt_pod_index_label,
          role.on_peer_change,
          role.reload ? Json{role.reload->port, role.reload->path} : Json(),
          role.max_unavailable,
          role.restart_scope,
          role.backoff_seconds,
          role.max_backoff_seconds,
          role.pod_replacement_policy,
          role.pdb_min_available.value_or(-1)};
}

// The schema, as the API server applies it.
class Schema : public ::testing::Test {
 protected:
  Json schema() const {
    const Result<std::vector<Json>> crd = parse_yaml(content_of("charts/pd-operator/files/pddeployments.yaml"));
    return crd->front()["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
  }
  static void fill_in(const Json& schema, Json& value) {
    if (!value.is_object() || !schema.contains("properties")) return;
    for (const auto& [name, member] : schema["properties"].items()) {
      if (member.contains("default") && !value.contains(name)) value[name] = member["default"];
      if (value.contains(name)) fill_in(member, value[name]);
    }
  }
};

TEST_F(Schema, DefaultsAreThoseThatAreFilledInOffline) {
  for (const char* more : {"", ", reload: {http: {port: 8000}}", ", restart: {maxBackoffSeconds: 60}"}) {
    const std::string text = with(kDeployment, "instances: 2", std::string("instances: 2") + more);
    Json filled = read(text)->front();
    fill_in(schema(), filled);
    ASSERT_TRUE(filled["spec"].contains("ranktable"));
    ASSERT_EQ(filled["spec"]["prefill"]["podReplacementPolicy"], "TerminatingOrFailed");
    const kube::PDDeployment online = *only_pddeployment({filled});
    const kube::PDDeployment offline = *only_pddeployment(*read(text));
    EXPECT_EQ(members_of(offline.ranktable), members_of(online.ranktable));
    EXPECT_EQ(members_of(offline.gate), members_of(online.gate));
    EXPECT_EQ(offline.resource_names, online.resource_names);
    EXPECT_EQ(members_of(offline.scheduler), members_of(online.scheduler));
    EXPECT_EQ(members_of(offline.prefill), members_of(online.prefill));
    EXPECT_EQ(members_of(offline.decode), members_of(online.decode));
    EXPECT_EQ(offline.paused, online.paused);
  }
}

TEST_F(Schema, BoundsAreThoseThatAreCheckedOffline) {
  const Json role = schema()["properties"]["spec"]["properties"]["prefill"]["properties"];
  for (const char* field : {"instances", "podsPerInstance", "npusPerPod"}) {
    const int least = role[field]["minimum"];
    const int most = role[field]["maximum"];
    for (const int number : {least - 1, least, most, most + 1}) {
      Json object = read(kDeployment)->front();
      object["spec"]["prefill"][field] = number;
      EXPECT_EQ(only_pddeployment({object}).ok(), number >= least && number <= most) << field << " " << number;
    }
  }
}

}  // namespace
}  // namespace pd::cli
