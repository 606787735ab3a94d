// Merging as the public script does it, and refusing what it takes in silence.
#include "ranktable/merge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <list>

#include "tests/ranktable/samples.h"

namespace pd::ranktable {
namespace {

using ::testing::HasSubstr;

// Tables by name, kept while they are merged.
class MergeTest : public ::testing::Test {
 protected:
  Source source(const std::string& name, const std::string& text) {
    Result<Document> document = parse_document(text);
    if (!document) throw std::runtime_error(document.error().message);
    documents_.push_back(*std::move(document));
    return {name, &documents_.back()};
  }
  static Documents rendered(const std::string& profile, const Membership& membership) {
    Result<Documents> documents = find_profile(profile)->render(membership);
    if (!documents) throw std::runtime_error(documents.error().message);
    return *documents;
  }
  // What two hosts generate: the first with the scheduler, one prefill and one decode instance each.
  Source first() { return source("a.json", sample("1p1d-global_ranktable_10.0.0.18")); }
  static Membership second_host() {
    Membership membership = two_prefill_two_decode();
    membership.schedulers.clear();
    membership.prefill.erase(membership.prefill.begin());
    membership.decode.erase(membership.decode.begin());
    return membership;
  }
  Source second() { return source("b.json", rendered("AscendCloud", second_host()).global); }
  Source local(const std::string& name, const Server& server) {
    Membership membership;
    membership.prefill.push_back({"prefill-0", {server}});
    return source(name, rendered("AscendCloud", membership).locals.at("prefill-0"));
  }
  std::string refusal(const std::vector<Source>& sources, const MergeOptions& options = {}) {
    const Result<Membership> merged = merge_global(sources, options);
    return merged ? "merged" : merged.error().message;
  }

  std::list<Document> documents_;
};

TEST_F(MergeTest, GivesTheSamplesTable) {
  const Result<Membership> merged = merge_global({first(), second()}, {});
  ASSERT_TRUE(merged) << merged.error().message;
  EXPECT_EQ(rendered("AscendCloud", *merged).global,
            dump_json(OrderedJson::parse(sample("2p2d-global_ranktable_merge"))));
}

TEST_F(MergeTest, KeepsTheOrderOfTheFiles) {
  const Result<Membership> merged = merge_global({second(), first()}, {});
  ASSERT_TRUE(merged) << merged.error().message;
  EXPECT_EQ(merged->prefill[0].servers[0].ip, "10.0.0.19");
  EXPECT_EQ(merged->prefill[0].name, "prefill-0");
  EXPECT_EQ(merged->schedulers[0].ip, "10.0.0.18");
}

TEST_F(MergeTest, RefusesTheSameTableTwice) {
  EXPECT_EQ(refusal({first(), source("copy.json", sample("1p1d-global_ranktable_10.0.0.18"))}),
            "copy.json: this is the same table as a.json; give each table once");
}

TEST_F(MergeTest, RefusesASecondScheduler) {
  Membership other = second_host();
  other.schedulers = {server_of("10.0.0.19", {})};
  EXPECT_EQ(refusal({first(), source("b.json", rendered("AscendCloud", other).global)}),
            "b.json: there is a second scheduler, 10.0.0.19, beside 10.0.0.18 in a.json; only one host may be given "
            "--api-server");
}

TEST_F(MergeTest, RefusesADeviceThatIsUsedTwice) {
  Membership other = second_host();
  other.decode[0].servers[0] = server_of("10.0.0.18", {{6, "29.81.18.166"}, {3, "29.81.18.103"}});
  EXPECT_EQ(refusal({first(), source("b.json", rendered("AscendCloud", other).global)}),
            "b.json: device 6 of 10.0.0.18 is also in a.json; a device serves one instance only");
  other = second_host();
  other.decode[0].servers[0].devices[0].ip = "29.81.18.104";
  EXPECT_THAT(refusal({first(), source("b.json", rendered("AscendCloud", other).global)}),
              HasSubstr("the NPU address 29.81.18.104 is also in a.json"));
  other = second_host();
  other.decode[0].servers[0] = other.prefill[0].servers[0];
  EXPECT_THAT(refusal({first(), source("b.json", rendered("AscendCloud", other).global)}),
              HasSubstr("b.json: rule 6 (device-ids) at "));
}

TEST_F(MergeTest, RefusesAMissingGroupUnlessAskedTo) {
  EXPECT_THAT(refusal({second()}), HasSubstr("none of the tables has a scheduler"));
  EXPECT_EQ(refusal({second()}, {.allow_missing_groups = true}), "merged");
  Membership other = second_host();
  other.schedulers = {server_of("10.0.0.19", {})};
  other.decode.clear();
  EXPECT_THAT(refusal({source("b.json", rendered("AscendCloud", other).global)}), HasSubstr("a decode instance"));
}

TEST_F(MergeTest, RefusesUnequalSizesInARoleUnlessAskedTo) {
  Membership other = second_host();
  other.decode[0].servers[0].devices.pop_back();
  const Source b = source("b.json", rendered("AscendCloud", other).global);
  EXPECT_EQ(refusal({first(), b}),
            "decode-1 has 1 devices and decode-0 has 2; all instances of a role should have the same number (else "
            "--allow-unequal-sizes)");
  EXPECT_EQ(refusal({first(), b}, {.allow_unequal_sizes = true}), "merged");
}

TEST_F(MergeTest, RefusesWhatIsNotCompletedOrNoGlobalTable) {
  EXPECT_THAT(refusal({first(), source("b.json", initializing_document())}),
              HasSubstr("b.json: the table's status is"));
  EXPECT_THAT(refusal({first(), source("b.json", sample("local_ranktable_10.0.0.18_45"))}),
              HasSubstr("b.json: this is no global table"));
  EXPECT_THAT(refusal({first(), source("b.json", sample_file("mindie-single-node-global_ranktable"))}),
              HasSubstr("b.json: this is a table of the layout MindIE"));
}

TEST_F(MergeTest, NamesThePlaceOfWhatCantBeRead) {
  Json table = Json::parse(rendered("AscendCloud", second_host()).global);
  table["server_group_list"][0]["server_list"][0]["device"][1]["rank_id"] = "0";
  EXPECT_THAT(refusal({first(), source("b.json", table.dump())}),
              HasSubstr("b.json: rule 5 (ranks) at /server_group_list/0/server_list/0/device/1/rank_id: "));
}

TEST_F(MergeTest, RefusesATableThatIsWrongByItself) {
  Json table = Json::parse(rendered("AscendCloud", second_host()).global);
  table["server_group_list"][0]["server_count"] = "5";  // as of a list that was cut
  EXPECT_THAT(refusal({first(), source("b.json", table.dump())}), HasSubstr("b.json: rule 2 (counts) at "));
}

TEST_F(MergeTest, RefusesADeviceInAnotherSpellingOfItsAddress) {
  const auto table = [&](const std::string& name, const std::string& server, const std::string& ip) {
    Membership membership;
    membership.prefill = {{"prefill-0", {server_of(server, {{0, ip}})}}};
    return source(name, rendered("AscendCloud", membership).global);
  };
  const MergeOptions options{.allow_missing_groups = true};
  EXPECT_THAT(refusal({table("a", "fd00::1", "fd01::1"), table("b", "fd00::2", "fd01:0::1")}, options),
              HasSubstr("the NPU address fd01:0::1 is also in a"));
  EXPECT_THAT(refusal({table("a", "fd00::1", "fd01::1"), table("b", "fd00:0::1", "fd01::2")}, options),
              HasSubstr("device 0 of fd00:0::1 is also in a"));
}

TEST_F(MergeTest, SaysWhereATableIsTheMergeOfAnother) {
  EXPECT_THAT(refusal({first(), source("m.json", sample("2p2d-global_ranktable_merge"))}),
              HasSubstr("m.json: it lists the same scheduler, 10.0.0.18, as a.json"));
}

TEST_F(MergeTest, KeepsTheIdsOfSuperPods) {
  Membership other = second_host();
  other.prefill[0].servers[0].devices[0].super_device_id = 65537;
  const Result<Membership> merged =
      merge_global({first(), source("b.json", rendered("AscendCloud", other).global)}, {});
  ASSERT_TRUE(merged) << merged.error().message;
  EXPECT_EQ(merged->prefill[1].servers[0].devices[0].super_device_id, 65537U);
}

TEST_F(MergeTest, LocalTablesOfOneInstanceRunOn) {
  const Source a = local("a.json", server_of("10.0.0.20", {{0, "29.81.20.100"}, {1, "29.81.20.101"}}));
  const Source b = local("b.json", server_of("10.0.0.21", {{0, "29.81.21.100"}, {1, "29.81.21.101"}}));
  const Result<Instance> merged = merge_local({a, b});
  ASSERT_TRUE(merged) << merged.error().message;
  Membership membership;
  membership.prefill = {*merged};
  const Json table = Json::parse(rendered("PerInstance", membership).locals.begin()->second);
  EXPECT_EQ(table["server_list"][1]["device"][1]["rank_id"], "3");
  EXPECT_EQ(table["server_count"], "2");
  // What was merged brings all its servers when it is merged again.
  const Source both = source("both.json", table.dump());
  const Result<Instance> again =
      merge_local({both, local("c.json", server_of("10.0.0.22", {{0, "29.81.22.100"}, {1, "29.81.22.101"}}))});
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->servers.size(), 3U);
  EXPECT_THAT(merge_local({a, a}).error().message, HasSubstr("the same table as"));
  EXPECT_THAT(merge_local({a, both}).error().message, HasSubstr("device 0 of 10.0.0.20 is also in a.json"));
  EXPECT_THAT(merge_local({a, source("h.json", sample("local_ranktable_10.0.0.18_host"))}).error().message,
              HasSubstr("the scheduler's table"));
}

TEST_F(MergeTest, AllGivesOneGroupForEachInstance) {
  const Source p0 = local("p0.json", server_of("10.0.0.18", {{4, "29.81.18.104"}, {5, "29.81.18.105"}}));
  const Source p1 = local("p1.json", server_of("10.0.0.19", {{0, "29.81.19.100"}, {1, "29.81.19.101"}}));
  const Source d0 = source("d0.json", sample_file("omni-local_ranktable_merge"));
  const Result<Membership> merged = merge_all({p0, p1}, {d0}, {});
  ASSERT_TRUE(merged) << merged.error().message;
  OrderedJson expected = OrderedJson::parse(sample_file("omni-mergeall-global_ranktable_merge"));
  for (OrderedJson& group : expected["server_group_list"]) {
    group["server_count"] = std::to_string(group["server_count"].get<int>());
  }
  EXPECT_EQ(rendered("PerInstance", *merged).global, dump_json(expected));
  EXPECT_THAT(merge_all({p0}, {source("again.json", sample("local_ranktable_10.0.0.18_45"))}, {}).error().message,
              HasSubstr("again.json: this is the same table as p0.json"));
  EXPECT_THAT(merge_all({p0}, {}, {}).error().message, HasSubstr("at least one prefill and one decode instance"));
}

}  // namespace
}  // namespace pd::ranktable
