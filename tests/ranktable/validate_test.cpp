// Each rule, by the table that breaks it.
#include "ranktable/validate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "base/json.h"
#include "ranktable/address_key.h"
#include "ranktable/profile.h"
#include "tests/ranktable/samples.h"

namespace pd::ranktable {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::string_view kProfile = "AscendCloud";

Json golden() { return Json::parse(sample("2p2d-global_ranktable_merge")); }
Json golden_local() { return Json::parse(sample("local_ranktable_10.0.0.18_45")); }
Json golden_host() { return Json::parse(sample("local_ranktable_10.0.0.18_host")); }

struct Broken {
  std::string name;
  int rule;
  std::string pointer;
  std::function<void(Json&)> change;
};

Json& at(Json& table, const std::string& pointer) { return table[Json::json_pointer(pointer)]; }

std::string prefill_0(const std::string& rest) { return "/server_group_list/1/server_list/0" + rest; }

std::function<void(Json&)> set(const std::string& pointer, Json value) {
  return [=](Json& table) { at(table, pointer) = value; };
}
std::function<void(Json&)> remove(const std::string& holder, const std::string& key) {
  return [=](Json& table) { at(table, holder).erase(key); };
}
Broken broken(const std::string& name, int rule, const std::string& pointer, Json value) {
  return {name, rule, pointer, set(pointer, std::move(value))};
}

class GlobalRule : public ::testing::TestWithParam<Broken> {};

TEST_P(GlobalRule, IsReportedWithItsNumberAndPlace) {
  Json table = golden();
  GetParam().change(table);
  const std::vector<Finding> findings = validate_global(table.dump(), kProfile);
  ASSERT_THAT(findings, SizeIs(1)) << (findings.size() > 1 ? to_string(findings[1]) : "");
  EXPECT_EQ(findings[0].rule, GetParam().rule) << to_string(findings[0]);
  EXPECT_EQ(findings[0].pointer, GetParam().pointer) << to_string(findings[0]);
  EXPECT_GT(findings[0].message.size(), 20u);
}

INSTANTIATE_TEST_SUITE_P(
    AscendCloud, GlobalRule,
    ::testing::Values(
        broken("integer_count", 1, "/server_group_list/1/server_count", 2),
        broken("integer_rank", 1, prefill_0("/device/0/rank_id"), 0),
        broken("null_ip", 1, prefill_0("/device/0/device_ip"), nullptr),
        broken("leading_zero", 1, prefill_0("/device/0/device_id"), "04"),
        broken("blank_before_id", 1, prefill_0("/device/0/device_id"), " 4"),
        broken("negative_id", 1, prefill_0("/device/0/device_id"), "-4"),
        broken("empty_id", 1, prefill_0("/device/0/device_id"), ""),
        broken("endless_id", 1, prefill_0("/device/0/device_id"), std::string(40, '1')),
        broken("list_for_id", 1, prefill_0("/device/0/device_id"), Json::array({"4"})),
        broken("port_word", 1, prefill_0("/device/0/device_port"), "http"), broken("foreign_number", 1, "/made_by", 7),
        broken("device_text", 1, prefill_0("/device/0"), "4"),
        Broken{"no_rank", 1, prefill_0("/device/0"), remove(prefill_0("/device/0"), "rank_id")},
        Broken{"no_id", 1, prefill_0("/device/0"), remove(prefill_0("/device/0"), "device_id")},
        Broken{"no_server_ip", 1, prefill_0(""), remove(prefill_0(""), "server_ip")},
        Broken{"no_status", 1, "", remove("", "status")},
        Broken{"no_count", 1, "/server_group_list/0", remove("/server_group_list/0", "server_count")},
        broken("wrong_count", 2, "/server_group_list/1/server_count", "3"),
        Broken{"no_server_list", 2, "/server_group_list/1", remove("/server_group_list/1", "server_list")},
        broken("version", 3, "/version", "1.2"), broken("group_id", 3, "/server_group_list/2/group_id", "3"),
        Broken{"two_groups", 3, "/server_group_list", [](Json& table) { table["server_group_list"].erase(2); }},
        Broken{"four_groups", 3, "/server_group_list",
               [](Json& table) {
                 table["server_group_list"].push_back(table["server_group_list"][2]);
                 table["server_group_list"][3]["group_id"] = "3";
               }},
        broken("no_groups", 3, "/server_group_list", "none"),
        Broken{"two_schedulers", 3, "/server_group_list/0/server_list",
               [](Json& table) {
                 Json& group = table["server_group_list"][0];
                 group["server_list"].push_back(group["server_list"][0]);
                 group["server_count"] = "2";
               }},
        broken("scheduler_devices", 3, "/server_group_list/0/server_list/0/device", Json::array()),
        Broken{"no_instance", 4, "/server_group_list/2/server_list",
               [](Json& table) {
                 table["server_group_list"][2]["server_list"] = Json::array();
                 table["server_group_list"][2]["server_count"] = "0";
               }},
        broken("no_devices", 4, prefill_0(""), Json{{"server_id", "a"}, {"server_ip", "10.0.0.18"}}),
        broken("rank_gap", 5, prefill_0("/device/1/rank_id"), "2"),
        broken("rank_from_one", 5, prefill_0("/device/0/rank_id"), "1"),
        broken("id_16", 6, prefill_0("/device/0/device_id"), "16"),
        broken("id_in_instance_twice", 6, prefill_0("/device/1/device_id"), "4"),
        broken("id_of_decode", 6, "/server_group_list/2/server_list/0/device/0/device_id", "4"),
        broken("ip_empty", 7, prefill_0("/device/0/device_ip"), ""),
        broken("ip_minus_one", 7, prefill_0("/device/0/device_ip"), "-1"),
        broken("ip_loopback", 7, prefill_0("/device/0/device_ip"), "127.0.0.1"),
        broken("ip_name", 7, prefill_0("/device/0/device_ip"), "npu-4"),
        broken("ip_with_nul", 7, prefill_0("/device/0/device_ip"), std::string("29.81.18.104\0x", 14)),
        broken("ip_mapped", 7, prefill_0("/device/0/device_ip"), "::ffff:29.81.18.104"),
        broken("ip_twice", 7, "/server_group_list/2/server_list/1/device/1/device_ip", "29.81.18.104"),
        broken("ip_family", 7, "/server_group_list/2/server_list/1/device/1/device_ip", "fd00::1"),
        Broken{"sizes", 8, "/server_group_list/1/server_list/1/device",
               [](Json& table) { table["server_group_list"][1]["server_list"][1]["device"].erase(1); }},
        broken("server_ip_word", 10, prefill_0("/server_ip"), "localhost"),
        broken("server_ip_unspecified", 10, "/server_group_list/0/server_list/0/server_ip", "0.0.0.0"),
        broken("server_id_long", 12, prefill_0("/server_id"), std::string(65, 'a')),
        broken("server_id_empty", 12, prefill_0("/server_id"), ""),
        broken("server_id_line_break", 12, prefill_0("/server_id"), "a\nb"),
        broken("status", 16, "/status", "initializing"), broken("status_case", 16, "/status", "Completed")),
    [](const auto& test) { return test.param.name; });

TEST(ValidateGlobal, AcceptsTheSamplesAndUnknownMembersOfText) {
  EXPECT_THAT(validate_global(sample("1p1d-global_ranktable_10.0.0.18"), kProfile), IsEmpty());
  Json table = golden();
  table["made_by"] = "somebody";
  at(table, prefill_0("/device/0/device_port")) = "16667";
  at(table, prefill_0("/server_id")) = "server-0";
  EXPECT_THAT(validate_global(table.dump(), kProfile), IsEmpty());
}

TEST(ValidateGlobal, GroupsOutOfOrderBreakRule11) {
  Json table = golden();
  std::swap(table["server_group_list"][1], table["server_group_list"][2]);
  const std::vector<Finding> findings = validate_global(table.dump(), kProfile);
  ASSERT_FALSE(findings.empty());
  EXPECT_EQ(findings[0].rule, 11);
  EXPECT_EQ(findings[0].pointer, "/server_group_list/2/group_id");
}

TEST(ValidateGlobal, SpellingsOfOneIPv6AddressCountAsOne) {
  Json table = Json::parse(sample("1p1d-global_ranktable_10.0.0.18"));
  const std::vector<std::string> ips = {"fd00::1", "fd00::2", "fd00::3", "FD00:0::1"};
  for (std::size_t i = 0; i < 4; ++i) {
    table["server_group_list"][1 + i / 2]["server_list"][0]["device"][i % 2]["device_ip"] = ips[i];
  }
  const std::vector<Finding> findings = validate_global(table.dump(), kProfile);
  ASSERT_THAT(findings, SizeIs(1));
  EXPECT_EQ(findings[0].rule, 7);
  EXPECT_THAT(findings[0].message, HasSubstr("occurs twice"));
}

TEST(ValidateGlobal, PrefillAndDecodeMayDifferInSize) {
  Json table = Json::parse(sample("1p1d-global_ranktable_10.0.0.18"));
  table["server_group_list"][2]["server_list"][0]["device"].erase(1);
  EXPECT_THAT(validate_global(table.dump(), kProfile), IsEmpty());
}

TEST(ValidateGlobal, TheInitializingDocumentIsOnlyNotCompleted) {
  const std::vector<Finding> findings = validate_global(initializing_document(), kProfile);
  ASSERT_THAT(findings, SizeIs(1));
  EXPECT_EQ(to_string(findings[0]),
            "rule 16 (status) at /status: status is \"initializing\" and should be \"completed\"");
}

TEST(ValidateGlobal, RefusesWhatIsNoTable) {
  for (const char* text : {"", "null", "[]", "7", "{", "{\"a\":1,\"a\":2}", "\xff", "\"text\""}) {
    const std::vector<Finding> findings = validate_global(text, kProfile);
    ASSERT_THAT(findings, SizeIs(1)) << text;
    EXPECT_EQ(findings[0].rule, 0) << text;
  }
}

TEST(ValidateGlobal, RefusesWhatIsTooLargeOrTooDeep) {
  EXPECT_EQ(validate_global(std::string(1 << 20, ' '), kProfile).at(0).rule, 15);
  EXPECT_EQ(validate_global(std::string(100000, '['), kProfile).at(0).rule, 0);
  Json table = golden();
  table["made_by"] = std::string(5000, 'x');
  EXPECT_EQ(validate_global(table.dump(), kProfile).at(0).rule, 0);
}

TEST(ValidateGlobal, AHostileTableMakesABoundedNumberOfFindings) {
  Json table = golden();
  table["made_by"] = Json::array();
  for (int i = 0; i < 50000; ++i) table["made_by"].push_back(i);
  EXPECT_THAT(validate_global(table.dump(), kProfile), SizeIs(100));
}

TEST(ValidateGlobal, AFindingIsOnePrintableLine) {
  Json table = golden();
  table["made\nby/~"] = 7;
  const std::vector<Finding> findings = validate_global(table.dump(), kProfile);
  ASSERT_THAT(findings, SizeIs(1));
  EXPECT_EQ(to_string(findings[0]), "rule 1 (strings) at /made\\nby~1~0: the value 7 should be a string");
}

TEST(ValidateGlobal, NamesTheProfilesThereAre) {
  const std::vector<Finding> findings = validate_global(golden().dump(), "Ascend");
  ASSERT_THAT(findings, SizeIs(1));
  EXPECT_EQ(findings[0].message,
            "the profile \"Ascend\" is not known; it should be one of: AscendCloud, PerInstance, OmniK8s, "
            "MindIE, VllmAscendLegacy, Hccl10, Hccl12, GroupList");
}

TEST(ValidateLocal, JudgesAnInstancesTable) {
  EXPECT_THAT(validate_local(golden_local().dump(), kProfile), IsEmpty());
  for (const auto& [pointer, value, rule] :
       std::vector<std::tuple<std::string, Json, int>>{{"/group_id", "1", 3},
                                                       {"/server_count", "2", 2},
                                                       {"/server_list/0/device/1/rank_id", "0", 5},
                                                       {"/server_list/0/device/1/device_id", "4", 6},
                                                       {"/server_list/0/device/1/device_ip", "29.81.18.104", 7},
                                                       {"/server_list/0/device", Json::array(), 4},
                                                       {"/status", "initializing", 16}}) {
    Json table = golden_local();
    at(table, pointer) = value;
    const std::vector<Finding> findings = validate_local(table.dump(), kProfile);
    ASSERT_THAT(findings, SizeIs(1)) << pointer;
    EXPECT_EQ(findings[0].rule, rule) << to_string(findings[0]);
  }
}

TEST(ValidateLocal, ListsExactlyItsOwnInstance) {
  Json table = golden_local();
  table["server_list"].push_back(table["server_list"][0]);
  table["server_count"] = "2";
  EXPECT_EQ(validate_local(table.dump(), kProfile).at(0).rule, 3);
  EXPECT_FALSE(validate_local(golden_host().dump(), kProfile).empty());
}

TEST(ValidateHost, JudgesTheSchedulersTable) {
  EXPECT_THAT(validate_host(golden_host().dump(), kProfile), IsEmpty());
  EXPECT_EQ(validate_host(golden_local().dump(), kProfile).at(0).rule, 3);
}

TEST(ValidateMirror, AcceptsTheEntriesOfTheGlobalTable) {
  const std::string global = sample("1p1d-global_ranktable_10.0.0.18");
  for (const char* name : {"_45", "_67", "_host"}) {
    EXPECT_THAT(validate_mirror(global, sample(std::string("local_ranktable_10.0.0.18") + name), kProfile), IsEmpty());
  }
}

TEST(ValidateMirror, RefusesAnotherOrderOrContent) {
  const std::string global = sample("1p1d-global_ranktable_10.0.0.18");
  Json swapped = golden_local();
  std::swap(swapped["server_list"][0]["device"][0], swapped["server_list"][0]["device"][1]);
  Json other = golden_local();
  at(other, "/server_list/0/device/0/device_ip") = "29.81.18.114";
  for (const Json& local : {swapped, other, Json::object(), Json{{"server_list", Json::array()}}}) {
    const std::vector<Finding> findings = validate_mirror(global, local.dump(), kProfile);
    ASSERT_THAT(findings, SizeIs(1)) << local;
    EXPECT_EQ(findings[0].rule, 9);
    EXPECT_EQ(findings[0].pointer, "/server_list");
  }
  EXPECT_FALSE(validate_mirror("{}", golden_local().dump(), kProfile).empty());
  EXPECT_FALSE(validate_mirror("", "", kProfile).empty());
}

TEST(ReadStatus, ReadsOrSaysWhyNot) {
  EXPECT_EQ(*read_status(golden().dump()), "completed");
  EXPECT_EQ(*read_status(initializing_document()), "initializing");
  for (const char* text : {"", "[]", "{}", R"({"status":1})"}) EXPECT_FALSE(read_status(text)) << text;
}

TEST(ReadServerIps, ListsThoseOfGlobalAndLocalTables) {
  EXPECT_THAT(*read_server_ips(golden().dump()),
              ElementsAre("10.0.0.18", "10.0.0.18", "10.0.0.19", "10.0.0.18", "10.0.0.19"));
  EXPECT_THAT(*read_server_ips(golden_host().dump()), ElementsAre("10.0.0.18"));
  for (const char* text : {"", "[]", "{}", R"({"server_list":[{}]})", R"({"server_list":[7]})", R"({"server_list":7})",
                           R"({"server_group_list":{}})", R"({"server_group_list":[7]})"}) {
    EXPECT_FALSE(read_server_ips(text)) << text;
  }
}

TEST(SameAddress, ComparesAddressesNotTheirSpelling) {
  EXPECT_TRUE(same_address("fd00::1", "FD00:0:0::1"));
  EXPECT_TRUE(same_address("10.0.0.1", "::ffff:10.0.0.1"));
  EXPECT_FALSE(same_address("10.0.0.1", "10.0.0.2"));
  EXPECT_FALSE(same_address("", ""));
  EXPECT_FALSE(same_address("localhost", "localhost"));
}

}  // namespace
}  // namespace pd::ranktable
