// Every layout: the samples are accepted, read and written again as they are; so is what is rendered of any membership.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ranktable/validate.h"
#include "tests/ranktable/random_membership.h"
#include "tests/ranktable/samples.h"

namespace pd::ranktable {
namespace {

using ::testing::IsEmpty;

struct Sample {
  std::string file;
  std::string profile;
  Part part;
  std::string recognised;  // without being told
};

const std::vector<Sample> kSamples = {
    {"ascendcloud-1p1d-global_ranktable_10.0.0.18", "AscendCloud", Part::kGlobal, "AscendCloud"},
    {"ascendcloud-2p2d-global_ranktable_merge", "AscendCloud", Part::kGlobal, "AscendCloud"},
    {"ascendcloud-local_ranktable_10.0.0.18_45", "AscendCloud", Part::kLocal, "AscendCloud"},
    {"ascendcloud-local_ranktable_10.0.0.18_67", "AscendCloud", Part::kLocal, "AscendCloud"},
    {"ascendcloud-local_ranktable_10.0.0.18_host", "AscendCloud", Part::kHost, "AscendCloud"},
    {"omni-mergeall-global_ranktable_merge", "PerInstance", Part::kGlobal, "PerInstance"},
    {"omni-local_ranktable_merge", "PerInstance", Part::kLocal, "PerInstance"},
    {"omni-k8s-global_rank_table", "OmniK8s", Part::kGlobal, "OmniK8s"},
    {"mindie-single-node-global_ranktable", "MindIE", Part::kGlobal, "MindIE"},
    {"mindie-multi-node-global_ranktable", "MindIE", Part::kGlobal, "MindIE"},
    {"mindcluster-rings-config-hccl", "MindIE", Part::kLocal, "Hccl10"},
    {"vllm-ascend-a2-ranktable", "VllmAscendLegacy", Part::kGlobal, "VllmAscendLegacy"},
    {"vllm-ascend-a3-ranktable", "VllmAscendLegacy", Part::kGlobal, "VllmAscendLegacy"},
    {"hccl-1.0", "Hccl10", Part::kLocal, "Hccl10"},
    {"hccl-1.2-superpod", "Hccl12", Part::kLocal, "Hccl12"},
    {"cce-v0-jobstart_hccl", "GroupList", Part::kLocal, "GroupList"},
};

// The sample as we write it: without indentation, and with counts as strings (the public script's merge-local and
// merge-all write integers, which their only reader takes as well as strings).
std::string canonical(const std::string& text) {
  OrderedJson table = OrderedJson::parse(text);
  const auto as_text = [](OrderedJson& object) {
    if (object.contains("server_count") && object["server_count"].is_number()) {
      object["server_count"] = std::to_string(object["server_count"].get<int>());
    }
  };
  as_text(table);
  if (table.contains("server_group_list")) {
    for (OrderedJson& group : table["server_group_list"]) as_text(group);
  }
  return dump_json(table);
}

Documents rendered(const Profile& profile, const Membership& membership) {
  Result<Documents> documents = profile.render(membership);
  if (!documents) throw std::runtime_error(documents.error().message);
  return *documents;
}

Document parsed(const std::string& text) {
  Result<Document> document = parse_document(text);
  if (!document) throw std::runtime_error(document.error().message);
  return *std::move(document);
}

std::string read_and_rendered(const Document& document, const Profile& profile, Part part) {
  if (part == Part::kGlobal) {
    const Result<Membership> membership = profile.read_global(document.root());
    if (!membership) throw std::runtime_error(membership.error().message);
    return rendered(profile, *membership).global;
  }
  const Result<Instance> instance = profile.read_local(document.root());
  if (!instance) throw std::runtime_error(instance.error().message);
  const Server host{.id = "10.0.0.1", .ip = "10.0.0.1"};
  Membership membership{.schedulers = {host}};
  if (part == Part::kHost) {
    membership.schedulers = instance->servers;
    return rendered(profile, membership).host;
  }
  membership.prefill.push_back(*instance);
  return rendered(profile, membership).locals.begin()->second;
}

class Samples : public ::testing::TestWithParam<Sample> {};

TEST_P(Samples, AreAcceptedAndReadAndWrittenTheSameAgain) {
  const Profile& profile = *find_profile(GetParam().profile);
  const Document document = parsed(sample_file(GetParam().file));
  EXPECT_EQ(part_of(document.root(), profile), GetParam().part);
  for (const Finding& finding : validate(document, profile, GetParam().part, profile.rules)) {
    ADD_FAILURE() << to_string(finding);
  }
  EXPECT_EQ(read_and_rendered(document, profile, GetParam().part), canonical(sample_file(GetParam().file)));
}

TEST_P(Samples, AreRecognised) {
  const Document document = parsed(sample_file(GetParam().file));
  const Recognised found = recognise(document.root());
  ASSERT_NE(found.profile, nullptr);
  EXPECT_EQ(found.profile->name, GetParam().recognised);
  EXPECT_EQ(found.part, GetParam().part);
}

INSTANTIATE_TEST_SUITE_P(All, Samples, ::testing::ValuesIn(kSamples), [](const auto& test) {
  std::string name = test.param.file;
  std::replace_if(
      name.begin(), name.end(), [](char c) { return std::isalnum(static_cast<unsigned char>(c)) == 0; }, '_');
  return name;
});

TEST(Recognise, LeavesOutWhatIsNoTable) {
  for (const char* text : {"{}", "[]", R"({"version":"1.0","status":"initializing"})", "7"}) {
    EXPECT_EQ(recognise(parsed(text).root()).profile, nullptr) << text;
  }
}

class Layouts : public ::testing::TestWithParam<std::string_view> {
 protected:
  const Profile& profile() const { return *find_profile(GetParam()); }
  RandomMembership memberships(unsigned seed) const {
    const bool one_server = GetParam() == "AscendCloud" || GetParam() == "VllmAscendLegacy";
    return {
        seed,
        {.spans_hosts = !one_server, .super_pods = GetParam() == "Hccl12", .pod_addresses = GetParam() == "MindIE"}};
  }
};

TEST_P(Layouts, WhateverIsRenderedIsValid) {
  RandomMembership random = memberships(1);
  for (int i = 0; i < 200 && !HasFailure(); ++i) {
    for (const Finding& finding : validate_documents(rendered(profile(), random.next()), profile(), profile().rules)) {
      ADD_FAILURE() << to_string(finding);
    }
  }
}

TEST_P(Layouts, WhatIsRenderedReadsBackToTheSameText) {
  RandomMembership random = memberships(2);
  for (int i = 0; i < 200 && !HasFailure(); ++i) {
    const Documents documents = rendered(profile(), random.next());
    if (profile().read_global != nullptr) {
      EXPECT_EQ(read_and_rendered(parsed(documents.global), profile(), Part::kGlobal), documents.global);
    }
    if (profile().read_local == nullptr) continue;
    for (const auto& [name, local] : documents.locals) {
      EXPECT_EQ(read_and_rendered(parsed(local), profile(), Part::kLocal), local) << name;
    }
  }
}

TEST_P(Layouts, AnyOrderOfTheInputGivesTheSameTables) {
  RandomMembership random = memberships(3);
  for (int i = 0; i < 200 && !HasFailure(); ++i) {
    Membership membership = random.next();
    const Documents documents = rendered(profile(), membership);
    random.shuffle(membership);
    sort_numerically(membership);
    EXPECT_EQ(rendered(profile(), membership), documents);
  }
}

INSTANTIATE_TEST_SUITE_P(All, Layouts, ::testing::ValuesIn(profile_names()),
                         [](const auto& test) { return std::string(test.param); });

TEST(AscendCloud, CantExpressAnInstanceOfTwoServers) {
  Membership membership = one_prefill_one_decode();
  membership.prefill[0].servers.push_back({"10.0.0.19", "10.0.0.19", {{0, "29.81.19.100"}}});
  const Result<Documents> documents = find_profile("AscendCloud")->render(membership);
  ASSERT_FALSE(documents);
  EXPECT_EQ(documents.error().message,
            "AscendCloud has one server for each instance, and prefill-0 has 2: use PerInstance or OmniK8s");
}

TEST(PerInstance, WritesAPrefillInstancesLaterServersInTheOrderOfTheirAddressesAsText) {
  Membership membership = one_prefill_one_decode();
  std::vector<Server>& servers = membership.prefill[0].servers;
  for (const char* ip : {"10.0.0.9", "10.0.0.10"})
    servers.push_back({ip, ip, {{0, std::string("29.81.1.") + (ip + 7)}}});
  const Json table = Json::parse(rendered(*find_profile("PerInstance"), membership).global);
  const Json& list = table["server_group_list"][0]["server_list"];
  EXPECT_EQ(list[0]["server_ip"], "10.0.0.18");
  EXPECT_EQ(list[1]["server_ip"], "10.0.0.10");
  EXPECT_EQ(list[2]["server_ip"], "10.0.0.9");
  EXPECT_EQ(list[2]["device"][0]["rank_id"], "3");
}

TEST(Hccl12, NeedsTheIdsOfSuperPods) {
  const Result<Documents> documents = find_profile("Hccl12")->render(one_prefill_one_decode());
  ASSERT_FALSE(documents);
  EXPECT_THAT(documents.error().message, ::testing::HasSubstr("use Hccl10"));
}

TEST(AssignRoles, GivesTheFirstOnesToPrefill) {
  const Document document = parsed(sample_file("omni-mergeall-global_ranktable_merge"));
  Membership membership = *find_profile("PerInstance")->read_global(document.root());
  EXPECT_FALSE(assign_roles(membership, 4));
  ASSERT_TRUE(assign_roles(membership, 2));
  ASSERT_EQ(membership.prefill.size(), 2U);
  ASSERT_EQ(membership.decode.size(), 1U);
  EXPECT_EQ(membership.prefill[1].name, "prefill-1");
  EXPECT_EQ(membership.decode[0].name, "decode-0");
  EXPECT_FALSE(assign_roles(membership, 0));
}

TEST(UnknownMembersOfADevice, SurviveInEveryLayoutThatHasThem) {
  Json table = Json::parse(sample("1p1d-global_ranktable_10.0.0.18"));
  table["server_group_list"][1]["server_list"][0]["device"][0]["device_port"] = "16700";
  const Document document = parsed(table.dump());
  Membership membership = *find_profile("AscendCloud")->read_global(document.root());
  for (const std::string_view name : profile_names()) {
    if (name == "Hccl12") continue;
    const Documents documents = rendered(*find_profile(name), membership);
    const std::string text = documents.global.empty() ? documents.locals.at("prefill-0") : documents.global;
    EXPECT_THAT(text, ::testing::HasSubstr("\"device_port\":\"16700\"")) << name;
  }
}

TEST(SortNumerically, CountsDigitsAsNumbers) {
  Membership membership;
  for (const char* name : {"prefill-10", "prefill-2", "prefill-02", "prefill-1"})
    membership.prefill.push_back({name, {}});
  sort_numerically(membership);
  std::vector<std::string> names;
  for (const Instance& instance : membership.prefill) names.push_back(instance.name);
  EXPECT_THAT(names, ::testing::ElementsAre("prefill-1", "prefill-02", "prefill-2", "prefill-10"));
}

}  // namespace
}  // namespace pd::ranktable
