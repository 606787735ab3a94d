// What one layout reads and another writes: nothing is lost in silence, nothing is written twice. Each was found by
// fuzzing (tests/fuzz).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "ranktable/validate.h"
#include "tests/ranktable/samples.h"

namespace pd::ranktable {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

Json sample_json(const std::string& name) { return Json::parse(sample_file(name)); }

const Profile& profile_of(std::string_view name) { return *find_profile(name); }

Result<Membership> read_global(const Json& table, std::string_view profile) {
  const Result<Document> document = parse_document(table.dump());
  return document ? profile_of(profile).read_global(document->root()) : document.error();
}

Result<Instance> read_local(const Json& table, std::string_view profile) {
  const Result<Document> document = parse_document(table.dump());
  return document ? profile_of(profile).read_local(document->root()) : document.error();
}

TEST(Read, RefusesControlCharactersInAnAddress) {
  const char* const hostile = "10.0.0.18\x1b[2J";
  for (const char* place :
       {"/server_group_list/1/server_list/0/server_ip", "/server_group_list/1/server_list/0/server_id",
        "/server_group_list/1/server_list/0/device/0/device_ip"}) {
    Json table = sample_json("ascendcloud-1p1d-global_ranktable_10.0.0.18");
    table[Json::json_pointer(place)] = hostile;
    const Result<Membership> read = read_global(table, "AscendCloud");
    ASSERT_FALSE(read) << place;
    EXPECT_THAT(read.error().message, HasSubstr(place));
    EXPECT_EQ(read.error().message.find('\x1b'), std::string::npos);
  }
  Json legacy = sample_json("vllm-ascend-a2-ranktable");
  legacy["prefill_device_list"][0]["server_id"] = hostile;
  EXPECT_FALSE(read_global(legacy, "VllmAscendLegacy"));
  Json rings = sample_json("mindcluster-rings-config-hccl");
  rings["server_list"][0]["container_ip"] = hostile;
  EXPECT_FALSE(read_local(rings, "MindIE"));
  Json group_list = sample_json("cce-v0-jobstart_hccl");
  group_list["group_list"][0]["instance_list"][0]["server_id"] = hostile;
  EXPECT_FALSE(read_local(group_list, "GroupList"));
}

TEST(Render, WritesNoMemberTwice) {
  Json table = sample_json("ascendcloud-1p1d-global_ranktable_10.0.0.18");
  Json& device = table["server_group_list"][1]["server_list"][0]["device"][0];
  for (const char* key : {"cluster_id", "server_id", "super_pod_id", "device_logical_id"}) device[key] = "7";
  const Result<Membership> read = read_global(table, "AscendCloud");
  ASSERT_TRUE(read) << read.error().message;
  for (const std::string_view name : {"VllmAscendLegacy", "AscendCloud", "PerInstance"}) {
    const Result<Documents> documents = profile_of(name).render(*read);
    ASSERT_TRUE(documents) << documents.error().message;
    EXPECT_TRUE(parse_document(documents->global)) << documents->global;
  }
}

TEST(Render, RefusesWhatItWouldLose) {
  Membership membership = one_prefill_one_decode();
  membership.prefill[0].servers[0].devices.clear();
  const Result<Documents> legacy = profile_of("VllmAscendLegacy").render(membership);
  ASSERT_FALSE(legacy);
  EXPECT_THAT(legacy.error().message, HasSubstr("prefill-0 has none on 10.0.0.18"));
  membership.prefill[0].servers.clear();
  const Result<Documents> motor = profile_of("MindIE").render(membership);
  ASSERT_FALSE(motor);
  EXPECT_THAT(motor.error().message, HasSubstr("prefill-0 has no server"));
}

TEST(VllmAscendLegacy, WantsOneSuperPodForAServer) {
  Json table = sample_json("vllm-ascend-a3-ranktable");
  ASSERT_EQ(table["prefill_device_list"][0]["server_id"], table["prefill_device_list"][1]["server_id"]);
  table["prefill_device_list"][1]["super_pod_id"] = "9";
  const std::vector<Finding> findings = validate_global(table.dump(), "VllmAscendLegacy");
  ASSERT_THAT(findings, SizeIs(1));
  EXPECT_EQ(findings[0].rule, kSuperPods);
  EXPECT_EQ(findings[0].pointer, "/prefill_device_list/1/super_pod_id");
  EXPECT_FALSE(read_global(table, "VllmAscendLegacy"));
}

}  // namespace
}  // namespace pd::ranktable
