#include "kube/resource.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "tests/kube/samples.h"

namespace pd::kube {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

WallTime at(const char* text) { return *parse_rfc3339(text); }

template <typename T>
Result<T> decode(const std::string& text) {
  const Result<Json> object = parse_projected(text, Resource<T>::projection());
  if (!object) return object.error();
  return Resource<T>::decode(*object);
}

TEST(Paths, AreThoseOfTheApi) {
  EXPECT_EQ(list_path(Resource<Pod>::kPath, "llm"), "/api/v1/namespaces/llm/pods");
  EXPECT_EQ(list_path(Resource<Node>::kPath, ""), "/api/v1/nodes");
  EXPECT_EQ(object_path(Resource<PDDeployment>::kPath, "llm", "qwen"),
            "/apis/pd-operator.io/v1alpha1/namespaces/llm/pddeployments/qwen");
  EXPECT_EQ(query_escape("a in (b,c)/%\xff~-._"), "a%20in%20%28b%2Cc%29%2F%25%FF~-._");
}

TEST(DecodePod, ReadsWhatTheOperatorUses) {
  const Result<Pod> pod = decode<Pod>(test::kPod);
  ASSERT_TRUE(pod) << pod.error().message;
  EXPECT_EQ(pod->meta.key(), "llm/qwen-prefill-0-0-1");
  EXPECT_EQ(pod->meta.uid, "pod-uid");
  EXPECT_EQ(pod->meta.resource_version, "42");
  EXPECT_EQ(pod->meta.label("pd-operator.io/role"), "prefill");
  EXPECT_EQ(pod->meta.annotation("huawei.com/AscendReal"), "Ascend910-4");
  EXPECT_EQ(pod->meta.created, at("2026-11-24T06:34:56Z"));
  EXPECT_EQ(pod->meta.deleted, at("2026-11-24T06:40:00Z"));
  ASSERT_NE(pod->meta.controller(), nullptr);
  EXPECT_EQ(pod->meta.controller()->uid, "owner-uid");
  EXPECT_EQ(pod->node, "node-1");
  EXPECT_TRUE(pod->host_network);
  EXPECT_EQ(pod->phase, "Running");
  EXPECT_EQ(pod->reason, "Evicted");
  EXPECT_EQ(pod->message, "why");
  EXPECT_EQ(pod->pod_ip, "10.0.0.5");
  EXPECT_EQ(pod->host_ip, "192.168.0.1");
  EXPECT_TRUE(pod->ready);
  EXPECT_THAT(pod->npu_requests, ElementsAre(Pair("huawei.com/Ascend910", 6)));
  EXPECT_EQ(pod->restarts, 5);
}

std::string unscheduled(const std::string& message, const std::string& node = "", const std::string& status = "False") {
  Json object = Json::parse(test::kPod);
  object["spec"]["nodeName"] = node;
  object["status"]["conditions"] =
      Json::array({{{"type", "PodScheduled"}, {"status", status}, {"reason", "Unschedulable"}, {"message", message}}});
  return decode<Pod>(object.dump())->unscheduled;
}

TEST(DecodePod, KeepsWhyItHasNoNode) {
  const std::string few = "0/2 nodes are available: 2 Insufficient huawei.com/Ascend910";
  EXPECT_EQ(unscheduled(few + ". preemption: 0/2 nodes are available: 2 No preemption victims found."), few);
  EXPECT_EQ(unscheduled(few + ". no new claims to deallocate, preemption: 0/2 nodes are available: 2 No victims."),
            few);
  EXPECT_EQ(unscheduled(few + "."), few);
  EXPECT_EQ(unscheduled(""), "");
  EXPECT_EQ(unscheduled(few, "node-1"), "") << "it has one";
  EXPECT_EQ(unscheduled(few, "", "True"), "");
  EXPECT_EQ(unscheduled(std::string(4000, 'x')), std::string(300, 'x') + " ...");
}

TEST(DecodePod, KeepsWhyItsSidecarDoesNotRun) {
  Json object = Json::parse(test::kPod);
  object["status"]["initContainerStatuses"] =
      Json::parse(R"([{"name":"other","state":{"waiting":{"reason":"PodInitializing"}}},
                      {"name":"pd-gate-watch","state":{"waiting":{"reason":"ImagePullBackOff","message":"m"}}}])");
  EXPECT_EQ(decode<Pod>(object.dump())->gate_waiting, "ImagePullBackOff");
  object["status"]["initContainerStatuses"][1]["state"] = {{"running", Json::object()}};
  EXPECT_EQ(decode<Pod>(object.dump())->gate_waiting, "");
}

TEST(DecodePod, KeepsNoAnnotationOfOthers) {
  const Result<Pod> pod = decode<Pod>(test::kPod);
  ASSERT_TRUE(pod);
  EXPECT_FALSE(pod->meta.annotations.contains("kubectl.kubernetes.io/last-applied-configuration"));
}

// A tenant's pods must not fill the operator's memory, and what others write must not hide what we have written.
TEST(DecodePod, KeepsLittleOfMuch) {
  Json object = Json::parse(test::kPod);
  Json& meta = object["metadata"];
  meta["annotations"] = {
      {"huawei.com/AscendReal", "Ascend910-4"},     {"huawei.com/a", std::string(10'000, 'x')},
      {"huawei.com/b", std::string(10'000, 'x')},   {"pd-operator.io/z", std::string(200'000, 'x')},
      {"pd-operator.io/ranktable-generation", "7"}, {"pd-operator.io/retouched", std::string(200'000, '7')}};
  for (int i = 0; i < 5000; ++i) meta["labels"]["a" + std::to_string(i)] = std::string(63, 'x');
  meta["labels"]["pd-operator.io/role"] = "prefill";
  for (int i = 0; i < 500; ++i) object["spec"]["containers"][0]["resources"]["limits"]["x/" + std::to_string(i)] = "1";
  const Result<Pod> pod = decode<Pod>(object.dump());
  ASSERT_TRUE(pod) << pod.error().message;
  EXPECT_THAT(pod->meta.annotations,
              ElementsAre(Pair("huawei.com/AscendReal", "Ascend910-4"), Pair("huawei.com/a", std::string(10'000, 'x')),
                          Pair("huawei.com/b", std::string(16'384 - 10'000 - 2 * 12 - 21 - 11, 'x')),
                          Pair("pd-operator.io/ranktable-generation", "7"),
                          Pair("pd-operator.io/retouched", std::string(128, '7'))));
  EXPECT_LT(pod->meta.labels.size(), 300U);
  EXPECT_EQ(pod->meta.label("pd-operator.io/role"), "prefill");
  EXPECT_EQ(pod->npu_requests.size(), 16U);
}

TEST(DecodePod, SurvivesCountsThatNoPodHas) {
  const auto counted = [](const std::string& first, const std::string& second) {
    Json object = Json::parse(test::kPod);
    object["spec"]["containers"] = Json::parse(R"([{"resources":{"limits":{"x/y":)" + first +
                                               R"(}}},{"resources":{"limits":{"x/y":)" + second + "}}}]");
    object["status"]["containerStatuses"] = Json::parse(R"([{"restartCount":)" + std::to_string(1LL << 40) +
                                                        R"(},{"restartCount":2147483647},{"restartCount":2}])");
    const Result<Pod> pod = decode<Pod>(object.dump());
    return pod ? pod->npu_requests.at("x/y") : -1;
  };
  EXPECT_EQ(counted("\"8\"", "\"8\""), 16);
  EXPECT_EQ(counted("\"8\"", "4"), 12);
  EXPECT_EQ(counted("\"1k\"", "\"0\""), 1000);
  for (const char* odd : {"\"-5\"", "\"\"", "\"x\"", "\"8x\"", "null", "-5", "[]", "\"1.5\""})
    EXPECT_EQ(counted("\"8\"", odd), 8) << odd;
  // More than a node can have: the sum stays large and positive instead of overflowing.
  EXPECT_GT(counted("\"2147483647\"", "\"2147483647\""), 100000);
  EXPECT_GT(counted("\"99999999999999999999\"", "9223372036854775807"), 100000);
}

TEST(DecodeNode, ReadsItsAnnotations) {
  const Result<Node> node = decode<Node>(
      R"({"metadata":{"name":"node-1","uid":"u","resourceVersion":"5","labels":{"a":"b"},
          "annotations":{"pd-operator.io/npu-inventory":"{}","baseDeviceInfos":"[]","other":"x","odd":5}}})");
  ASSERT_TRUE(node) << node.error().message;
  EXPECT_EQ(node->meta.key(), "node-1");
  EXPECT_THAT(node->meta.annotations,
              ElementsAre(Pair("baseDeviceInfos", "[]"), Pair("pd-operator.io/npu-inventory", "{}")));
}

TEST(DecodeConfigMap, ReadsItsData) {
  const Result<ConfigMap> map = decode<ConfigMap>(
      R"({"metadata":{"name":"qwen-ranktable","namespace":"llm","resourceVersion":"5",
          "annotations":{"pd-operator.io/generation":"7"}},"data":{"generation":"7","odd":5},"binaryData":{"b":"AA=="}})");
  ASSERT_TRUE(map) << map.error().message;
  EXPECT_THAT(map->data, ElementsAre(Pair("generation", "7")));
  EXPECT_EQ(map->meta.annotation("pd-operator.io/generation"), "7");
}

TEST(DecodeService, ReadsWhatWeSet) {
  const Result<Service> service = decode<Service>(
      R"({"metadata":{"name":"qwen-scheduler","namespace":"llm","resourceVersion":"5"},
          "spec":{"clusterIP":"10.96.0.9","selector":{"a":"b"},"type":"NodePort","publishNotReadyAddresses":true,
                  "ports":[{"name":"http","port":80,"targetPort":8080,"nodePort":30080,"protocol":"TCP"},
                           {"port":81,"targetPort":"admin","protocol":"UDP"},{"port":99999999999},7]}})");
  ASSERT_TRUE(service) << service.error().message;
  EXPECT_FALSE(service->spec.headless);
  EXPECT_TRUE(service->spec.publish_not_ready);
  EXPECT_THAT(service->spec.selector, ElementsAre(Pair("a", "b")));
  ASSERT_EQ(service->spec.ports.size(), 4U);
  EXPECT_EQ(service->spec.ports[0], (ServicePort{"http", "TCP", 80, "8080"}));
  EXPECT_EQ(service->spec.ports[1], (ServicePort{"", "UDP", 81, "admin"}));
  EXPECT_TRUE(decode_service_spec({{"clusterIP", "None"}}).headless);
  EXPECT_EQ(decode_service_spec({{"ports", Json::array({{{"port", 80}}})}}).ports[0].protocol, "TCP");
}

TEST(DecodePodDisruptionBudget, ReadsPodsAndNothingElse) {
  const auto read = [](const std::string& spec) {
    return decode<PodDisruptionBudget>(R"({"metadata":{"name":"b","resourceVersion":"5"},"spec":)" + spec + "}");
  };
  const Result<PodDisruptionBudget> budget = read(R"({"minAvailable":2,"selector":{"matchLabels":{"a":"b"}}})");
  ASSERT_TRUE(budget) << budget.error().message;
  EXPECT_EQ(budget->min_available, 2);
  EXPECT_THAT(budget->selector, ElementsAre(Pair("a", "b")));
  EXPECT_EQ(read(R"({"minAvailable":"50%"})")->min_available, std::nullopt);
  EXPECT_EQ(read(R"({"maxUnavailable":1,"selector":[]})")->min_available, std::nullopt);
}

TEST(DecodeService, ReadsWhoseItIs) {
  const Result<Service> service = decode<Service>(
      R"({"metadata":{"name":"qwen-pods","namespace":"llm","resourceVersion":"5","labels":{"pd-operator.io/deployment":"qwen"},
          "ownerReferences":[{"kind":"X","uid":"1"},{"kind":"PDDeployment","name":"qwen","uid":"2","controller":true}]}})");
  ASSERT_TRUE(service) << service.error().message;
  ASSERT_NE(service->meta.controller(), nullptr);
  EXPECT_EQ(service->meta.controller()->uid, "2");
  EXPECT_EQ(service->meta.label("pd-operator.io/deployment"), "qwen");
}

TEST(DecodeMeta, SaysWhichMemberIsMissing) {
  const Result<Node> nameless = decode<Node>(R"({"metadata":{"resourceVersion":"5"}})");
  ASSERT_FALSE(nameless);
  EXPECT_THAT(nameless.error().message, HasSubstr("/metadata/name"));
  const Result<Pod> versionless = decode<Pod>(R"({"metadata":{"name":"a","namespace":"llm"}})");
  ASSERT_FALSE(versionless);
  EXPECT_THAT(versionless.error().message, HasSubstr("llm/a"));
  EXPECT_THAT(versionless.error().message, HasSubstr("/metadata/resourceVersion"));
}

TEST(DecodeMeta, SaysThatAnObjectHasTooManyValues) {
  const Json event = {{"object", Json::parse(test::kDeployment)}};
  Json many = event;
  many["object"]["spec"]["prefill"]["template"]["x"] = std::vector<Json>(60'000, Json::object());
  const Projection& fields = Resource<PDDeployment>::projection();
  const Result<Json> read = parse_projected(many.dump(), fields, "object");
  ASSERT_TRUE(read) << read.error().message;
  const Result<PDDeployment> decoded = Resource<PDDeployment>::decode((*read)["object"]);
  ASSERT_FALSE(decoded);
  EXPECT_THAT(decoded.error().message, HasSubstr("has more than 50000 values"));
  EXPECT_THAT(decoded.error().message, HasSubstr(decode_identity(event["object"]).key()));
  EXPECT_TRUE(Resource<PDDeployment>::decode((*parse_projected(event.dump(), fields, "object"))["object"]));
}

TEST(DecodeMeta, PutsUpWithMembersOfAnotherKind) {
  for (const char* text : {"null", "5", "[]", "\"x\"", "{}", R"({"metadata":5})", R"({"metadata":{"name":5}})"}) {
    EXPECT_FALSE(decode<Pod>(text)) << text;
    EXPECT_FALSE(decode<PDDeployment>(text)) << text;
  }
  const Result<Pod> pod = decode<Pod>(
      R"({"metadata":{"name":"a","resourceVersion":"1","labels":[],"annotations":5,"ownerReferences":[5,{"uid":6}],
          "creationTimestamp":"yesterday","deletionTimestamp":7},
          "spec":{"nodeName":5,"containers":[5,{"resources":[]},{"resources":{"limits":[1]}}]},
          "status":{"conditions":[5,{"type":6}],"containerStatuses":{"restartCount":1},"podIP":[]}})");
  ASSERT_TRUE(pod) << pod.error().message;
  EXPECT_EQ(pod->node, "");
  EXPECT_EQ(pod->meta.controller(), nullptr);
  EXPECT_EQ(pod->meta.created, std::nullopt);
  EXPECT_TRUE(pod->npu_requests.empty());
}

// S9: whatever bytes a decoder is given, it answers with a value or an error.
template <typename T>
void survive_mutations(const std::string& good, unsigned seed) {
  std::mt19937 random(seed);
  int decoded = 0;
  for (int round = 0; round < 3000; ++round) {
    std::string text = good;
    const std::size_t changes = 1 + random() % 3;
    for (std::size_t i = 0; i < changes; ++i) {
      const std::size_t place = random() % text.size();
      const std::size_t length = std::min<std::size_t>(1 + random() % 12, text.size() - place);
      switch (random() % 4) {
        case 0:
          text[place] = static_cast<char>(random());
          break;
        case 1:
          text.erase(place, length);
          break;
        case 2:
          text.insert(place, text.substr(random() % text.size(), length));
          break;
        default:
          text.insert(place, std::to_string(static_cast<std::int64_t>(random() * 4294967296ULL)));
      }
    }
    if (decode<T>(text)) ++decoded;
  }
  EXPECT_GT(decoded, 100);  // else it is garbage that was tested, and no decoder
}

TEST(Decoders, SurviveAnyDamage) {
  survive_mutations<Pod>(Json::parse(test::kPod).dump(), 1);
  survive_mutations<PDDeployment>(Json::parse(test::kDeployment).dump(), 2);
  survive_mutations<Node>(R"({"metadata":{"name":"n","resourceVersion":"5","annotations":{"pd-operator.io/x":"{}"}}})",
                          3);
  survive_mutations<ConfigMap>(R"({"metadata":{"name":"n","resourceVersion":"5"},"data":{"generation":"7"}})", 4);
}

}  // namespace
}  // namespace pd::kube
