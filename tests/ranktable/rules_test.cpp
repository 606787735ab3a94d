// Each of the 16 rules: a table that breaks it alone is refused by it, and passes when it is switched off.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <functional>

#include "ranktable/validate.h"
#include "tests/ranktable/samples.h"

namespace pd::ranktable {
namespace {

using ::testing::Each;
using ::testing::Field;
using ::testing::IsEmpty;
using ::testing::Not;

Document parsed(const Json& table) {
  Result<Document> document = parse_document(table.dump());
  if (!document) throw std::runtime_error(document.error().message);
  return *std::move(document);
}

struct Broken {
  int rule;
  std::string file;
  std::string profile;
  std::string pointer;
  Json value;
};
void PrintTo(const Broken& broken, std::ostream* out) {  // NOLINT(readability-identifier-naming): GoogleTest's
  *out << broken.file << ": " << broken.pointer << " = " << broken.value;
}

const std::string kGlobal = "ascendcloud-2p2d-global_ranktable_merge";
const std::string kPrefill = "/server_group_list/1/server_list/0";

// Rules on one table; 9 and 15 are about several and have tests of their own below.
const std::vector<Broken> kBroken = {
    {kStrings, kGlobal, "AscendCloud", kPrefill + "/device/0/rank_id", 0},
    {kCounts, kGlobal, "AscendCloud", "/server_group_list/1/server_count", "3"},
    {kCounts, "hccl-1.0", "Hccl10", "/server_count", "1"},
    {kCounts, "vllm-ascend-a2-ranktable", "VllmAscendLegacy", "/server_count", "1"},
    {kCounts, "cce-v0-jobstart_hccl", "GroupList", "/group_list/0/device_count", "3"},
    {kLayout, kGlobal, "AscendCloud", "/server_group_list/2/group_id", "3"},
    {kLayout, "omni-k8s-global_rank_table", "OmniK8s", "/version", "1.2"},
    {kLayout, "cce-v0-jobstart_hccl", "GroupList", "/version", "1.0"},
    {kNotEmpty, kGlobal, "AscendCloud", kPrefill + "/device", Json::array()},
    {kRanks, kGlobal, "AscendCloud", kPrefill + "/device/1/rank_id", "2"},
    {kRanks, "omni-k8s-global_rank_table", "OmniK8s", "/server_group_list/3/server_list/1/device/0/rank_id", "0"},
    {kRanks, "hccl-1.0", "Hccl10", "/server_list/1/device/0/rank_id", "0"},
    {kRanks, "vllm-ascend-a2-ranktable", "VllmAscendLegacy", "/decode_device_list/0/cluster_id", "1"},
    {kDeviceIds, kGlobal, "AscendCloud", kPrefill + "/device/0/device_id", "16"},
    {kDeviceIds, "cce-v0-jobstart_hccl", "GroupList", "/group_list/0/instance_list/0/devices/1/device_id", "0"},
    {kDeviceIps, kGlobal, "AscendCloud", kPrefill + "/device/0/device_ip", "127.0.0.1"},
    {kDeviceIps, "vllm-ascend-a2-ranktable", "VllmAscendLegacy", "/decode_device_list/0/device_ip", "29.81.18.100"},
    {kServerAddresses, kGlobal, "AscendCloud", kPrefill + "/server_ip", "localhost"},
    {kServerIds, kGlobal, "AscendCloud", kPrefill + "/server_id", std::string(65, 'a')},
    {kMindIE, "mindie-single-node-global_ranktable", "MindIE",
     "/server_group_list/2/server_list/0/device/0/device_logical_id", "2049"},
    {kMindIE, "mindie-single-node-global_ranktable", "MindIE", "/server_group_list/2/server_list/0/server_id",
     "host-a"},
    {kSuperPods, "hccl-1.2-superpod", "Hccl12", "/server_list/0/device/1/super_device_id", "0"},
    {kSuperPods, "hccl-1.2-superpod", "Hccl12", "/super_pod_list/0/server_list/1/server_id", "10.0.0.20"},
    {kSuperPods, "vllm-ascend-a3-ranktable", "VllmAscendLegacy", "/decode_device_list/0/super_device_id", "4194304"},
    {kStatus, kGlobal, "AscendCloud", "/status", "initializing"},
    {kStatus, "cce-v0-jobstart_hccl", "GroupList", "/status", "initializing"},
};

std::vector<Finding> judged(const Document& document, const std::string& profile_name, int without = 0) {
  const Profile& profile = *find_profile(profile_name);
  return validate(document, profile, part_of(document.root(), profile), profile.rules.without(without));
}

class Rules : public ::testing::TestWithParam<Broken> {};

TEST_P(Rules, RefuseAndLetPassWhenSwitchedOff) {
  Json table = Json::parse(sample_file(GetParam().file));
  table[Json::json_pointer(GetParam().pointer)] = GetParam().value;
  const Document document = parsed(table);
  const std::vector<Finding> findings = judged(document, GetParam().profile);
  EXPECT_THAT(findings, Not(IsEmpty()));
  EXPECT_THAT(findings, Each(Field(&Finding::rule, GetParam().rule)));
  EXPECT_THAT(judged(document, GetParam().profile, GetParam().rule), IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(All, Rules, ::testing::ValuesIn(kBroken), [](const auto& test) {
  return std::to_string(test.param.rule) + "_" + test.param.profile + "_" + std::to_string(test.index);
});

TEST(Rule8, WantsOneSizeInEachRole) {
  Json table = Json::parse(sample_file(kGlobal));
  table["server_group_list"][1]["server_list"][1]["device"].erase(1);
  const Document document = parsed(table);
  EXPECT_THAT(judged(document, "AscendCloud"), Each(Field(&Finding::rule, kEqualSizes)));
  EXPECT_EQ(judged(document, "AscendCloud").size(), 1U);
  EXPECT_THAT(judged(document, "AscendCloud", kEqualSizes), IsEmpty());
}

TEST(Rule8, LetsTheSizeChangeOnceWhereTheRolesAreNotTold) {
  Json table = Json::parse(sample_file("omni-k8s-global_rank_table"));
  EXPECT_THAT(judged(parsed(table), "OmniK8s"), IsEmpty());
  table["server_group_list"][2]["server_list"][0]["device"].erase(1);
  const Document document = parsed(table);
  EXPECT_EQ(judged(document, "OmniK8s").size(), 1U);
  EXPECT_THAT(judged(document, "OmniK8s", kEqualSizes), IsEmpty());
}

TEST(Rule9, WantsLocalTablesToMirrorTheGlobalOne) {
  const Profile& profile = *find_profile("AscendCloud");
  const Document global = parsed(Json::parse(sample("1p1d-global_ranktable_10.0.0.18")));
  Json table = Json::parse(sample("local_ranktable_10.0.0.18_45"));
  const Document right = parsed(table);
  table["server_list"][0]["device"][1]["device_ip"] = "29.81.18.115";
  const Document wrong = parsed(table);
  const std::vector<MirrorFinding> findings = validate_mirrors(global, {&right, &wrong}, profile, profile.rules);
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].local, 1U);
  EXPECT_EQ(findings[0].finding.rule, kMirror);
  EXPECT_THAT(validate_mirrors(global, {&wrong}, profile, profile.rules.without(kMirror)), IsEmpty());
}

TEST(Rule9, WantsTheWholeGroupOfAnInstanceOfSeveralServers) {
  const Profile& profile = *find_profile("PerInstance");
  const Document global = parsed(Json::parse(sample_file("omni-mergeall-global_ranktable_merge")));
  Json table = Json::parse(sample_file("omni-local_ranktable_merge"));
  const Document whole = parsed(table);
  EXPECT_THAT(validate_mirrors(global, {&whole}, profile, profile.rules), IsEmpty());
  table["server_list"].erase(1);
  const Document head = parsed(table);
  EXPECT_EQ(validate_mirrors(global, {&head}, profile, profile.rules).size(), 1U);
}

TEST(Rule9, ComparesTheAscendOperatorsFormByWhatItSays) {
  const Profile& profile = *find_profile("MindIE");
  Membership membership = one_prefill_one_decode();
  membership.prefill[0].servers[0].ip = "172.16.0.11";
  Documents documents = *profile.render(membership);
  EXPECT_THAT(validate_documents(documents, profile, profile.rules), IsEmpty());
  std::string& local = documents.locals.at("prefill-0");
  local.replace(local.find("29.81.18.104"), 12, "29.81.18.199");
  const std::vector<Finding> findings = validate_documents(documents, profile, profile.rules);
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].rule, kMirror);
  EXPECT_EQ(findings[0].table, "the local table of prefill-0");
}

TEST(Rule10, WantsEachServerOfAnInstanceOnce) {
  Json table = Json::parse(sample_file("omni-k8s-global_rank_table"));
  table["server_group_list"][3]["server_list"][1]["server_ip"] = "172.16.0.13";
  for (Json& device : table["server_group_list"][3]["server_list"][1]["device"])
    device["device_id"] = device["rank_id"];
  const Document document = parsed(table);
  ASSERT_EQ(judged(document, "OmniK8s").size(), 1U);
  EXPECT_EQ(judged(document, "OmniK8s")[0].rule, kServerAddresses);
  EXPECT_THAT(judged(document, "OmniK8s", kServerAddresses), IsEmpty());
}

TEST(Rule14, WantsSuperPodsAndServersToAgree) {
  Json table = Json::parse(sample_file("hccl-1.2-superpod"));
  table["super_pod_list"][0]["server_list"].push_back({{"server_id", "ghost"}});
  EXPECT_THAT(judged(parsed(table), "Hccl12"), Each(Field(&Finding::rule, kSuperPods)));
  EXPECT_THAT(judged(parsed(table), "Hccl12"), Not(IsEmpty()));
  table = Json::parse(sample_file("hccl-1.2-superpod"));
  table["super_pod_list"] = Json::parse(R"([{"super_pod_id":"0","server_list":[{"server_id":"10.0.0.18"}]},
                                            {"super_pod_id":"0","server_list":[{"server_id":"10.0.0.19"}]}])");
  EXPECT_THAT(judged(parsed(table), "Hccl12"), Not(IsEmpty()));
}

TEST(PartOfADeployment, BreaksOnlyTheRuleOnGroups) {
  Json table = Json::parse(sample_file(kGlobal));
  table["server_group_list"].erase(0);
  const Document document = parsed(table);
  ASSERT_EQ(judged(document, "AscendCloud").size(), 1U);
  EXPECT_EQ(judged(document, "AscendCloud")[0].rule, kLayout);
}

// Each finding costs a walk to its place: more than are told must not be made, nor those of rules that are off.
TEST(ManyFindings, AreQuickWhetherToldOrNot) {
  std::string text = R"({"version":"1.0","status":"completed","group_id":"0","server_count":"1","server_list":[{})";
  for (int i = 0; i < 200000; ++i) text += ",{}";
  const Result<Document> document = parse_document(text + "]}");
  ASSERT_TRUE(document);
  const Profile& profile = *find_profile("PerInstance");
  const auto started = std::chrono::steady_clock::now();
  EXPECT_EQ(validate(*document, profile, Part::kLocal, profile.rules).size(), Findings::kMost);
  EXPECT_THAT(validate(*document, profile, Part::kLocal, {kRanks}), IsEmpty());
  EXPECT_LT(std::chrono::steady_clock::now() - started, std::chrono::seconds(10));  // a quadratic one takes minutes
}

TEST(Rule11, WantsGroupsInTheOrderOfTheirIds) {
  Json table = Json::parse(sample_file("omni-k8s-global_rank_table"));
  std::swap(table["server_group_list"][1], table["server_group_list"][2]);
  const Document document = parsed(table);
  const auto has_rule = [](const std::vector<Finding>& findings, int rule) {
    return std::any_of(findings.begin(), findings.end(), [&](const Finding& found) { return found.rule == rule; });
  };
  EXPECT_TRUE(has_rule(judged(document, "OmniK8s"), kGroupOrder));
  EXPECT_FALSE(has_rule(judged(document, "OmniK8s", kGroupOrder), kGroupOrder));
}

TEST(Rule12, WantsEachServerOnceInAnHcclTable) {
  Json table = Json::parse(sample_file("hccl-1.0"));
  table["server_list"][1]["server_id"] = "10.0.0.18";
  for (Json& device : table["server_list"][1]["device"]) device["device_id"] = device["rank_id"];
  const Document document = parsed(table);
  ASSERT_EQ(judged(document, "Hccl10").size(), 1U);
  EXPECT_EQ(judged(document, "Hccl10")[0].rule, kServerIds);
  EXPECT_THAT(judged(document, "Hccl10", kServerIds), IsEmpty());
}

TEST(Rule15, WantsAllTablesToFitInAConfigMap) {
  const RuleSet rules = find_profile("AscendCloud")->rules;
  EXPECT_THAT(validate_size((std::size_t{1} << 20) - 1, rules), IsEmpty());
  ASSERT_EQ(validate_size(std::size_t{1} << 20, rules).size(), 1U);
  EXPECT_EQ(validate_size(std::size_t{1} << 20, rules)[0].rule, kSize);
  EXPECT_THAT(validate_size(std::size_t{1} << 20, rules.without(kSize)), IsEmpty());
}

TEST(RuleTexts, HaveANameAndASentenceEach) {
  for (int rule = 0; rule <= kRules; ++rule) {
    EXPECT_FALSE(text_of(rule).name.empty());
    EXPECT_EQ(text_of(rule).sentence.back(), '.') << rule;
  }
}

// Members whose text is free, or any other value of which may be as right.
bool is_free(const std::string& key) {
  static const std::vector<std::string> free_members = {
      "server_id",    "device_ip",  "device_id",     "server_ip", "super_device_id", "pod_name",
      "super_pod_id", "group_name", "deploy_server", "host_ip",   "container_ip",    "device_logical_id"};
  return std::find(free_members.begin(), free_members.end(), key) != free_members.end();
}

// What no rule lets pass in any member that has one; `pod_name` and such are free text.
std::vector<Json> wrong_values(const std::string& key, const Json& value) {
  std::vector<Json> wrong = {7, nullptr, true, Json::object(), Json::array({value})};
  if (key == "server_count" && value.is_number()) wrong = {nullptr, value.get<int>() + 1};
  if (value.is_string() && !is_free(key)) {
    for (const char* text : {"", " 0", "00", "-1", "x"}) wrong.emplace_back(text);
    const std::string text = value.get<std::string>();
    wrong.emplace_back(text + "1");
  }
  if (key == "device_ip" || key == "server_ip") {
    for (const char* text : {"", "-1", "127.0.0.1", "localhost", "1.2.3", "0.0.0.0"}) wrong.emplace_back(text);
  }
  if (key == "device_id") {
    for (const char* text : {"", "-1", "04", " 4", "16", "x"}) wrong.emplace_back(text);
  }
  return wrong;
}

class SingleFields : public ::testing::TestWithParam<std::pair<std::string, std::string>> {};

TEST_P(SingleFields, CantBeChangedWithoutBeingSeen) {
  const auto& [file, profile] = GetParam();
  const Json original = Json::parse(sample_file(file));
  const Json flat = original.flatten();
  for (const auto& [pointer, value] : flat.items()) {
    const std::string key = pointer.substr(pointer.rfind('/') + 1);
    for (const Json& wrong : wrong_values(key, value)) {
      Json table = original;
      table[Json::json_pointer(pointer)] = wrong;
      EXPECT_THAT(judged(parsed(table), profile), Not(IsEmpty())) << pointer << " = " << wrong;
    }
    const bool is_optional = key == "deploy_server" || key == "host_ip" || key == "container_ip" ||
                             key == "group_name" || (key == "server_count" && profile == "Hccl10") ||
                             (key == "server_count" && profile == "Hccl12");
    if (is_optional) continue;
    Json table = original;
    const Json::json_pointer place(pointer);
    table[place.parent_pointer()].erase(place.back());
    EXPECT_THAT(judged(parsed(table), profile), Not(IsEmpty())) << "without " << pointer;
  }
}

INSTANTIATE_TEST_SUITE_P(All, SingleFields,
                         ::testing::Values(std::pair(kGlobal, "AscendCloud"),
                                           std::pair("omni-mergeall-global_ranktable_merge", "PerInstance"),
                                           std::pair("omni-k8s-global_rank_table", "OmniK8s"),
                                           std::pair("mindie-multi-node-global_ranktable", "MindIE"),
                                           std::pair("vllm-ascend-a3-ranktable", "VllmAscendLegacy"),
                                           std::pair("hccl-1.0", "Hccl10"), std::pair("hccl-1.2-superpod", "Hccl12"),
                                           std::pair("cce-v0-jobstart_hccl", "GroupList")),
                         [](const auto& test) { return test.param.second; });

}  // namespace
}  // namespace pd::ranktable
