// What is rendered is what the public generator writes, and always valid.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "base/json.h"
#include "ranktable/profile.h"
#include "ranktable/validate.h"
#include "tests/ranktable/samples.h"

namespace pd::ranktable {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const Profile& profile() { return *find_profile("AscendCloud"); }

// The sample without its indentation: values and key order as they are.
std::string compact(const std::string& text) { return dump_json(OrderedJson::parse(text)); }

void expect_valid(const Documents& documents) {
  for (const Finding& finding : validate_global(documents.global, "AscendCloud")) ADD_FAILURE() << to_string(finding);
  for (const Finding& finding : validate_host(documents.host, "AscendCloud")) ADD_FAILURE() << to_string(finding);
  EXPECT_THAT(validate_mirror(documents.global, documents.host, "AscendCloud"), IsEmpty());
  for (const auto& [name, local] : documents.locals) {
    EXPECT_THAT(validate_local(local, "AscendCloud"), IsEmpty()) << name;
    EXPECT_THAT(validate_mirror(documents.global, local, "AscendCloud"), IsEmpty()) << name;
  }
}

TEST(Profiles, AreFoundByName) {
  EXPECT_THAT(profile_names(), ElementsAre("AscendCloud"));
  EXPECT_EQ(profile().name, "AscendCloud");
  EXPECT_EQ(find_profile("ascendcloud"), nullptr);
  EXPECT_EQ(find_profile(""), nullptr);
}

TEST(Profiles, TheInitializingDocumentIsTheHandshake) {
  EXPECT_EQ(initializing_document(), R"({"version":"1.0","status":"initializing"})");
}

TEST(AscendCloudRender, WritesTheGeneratorsGlobalTable) {
  EXPECT_EQ(profile().render(one_prefill_one_decode()).global, compact(sample("1p1d-global_ranktable_10.0.0.18")));
}

TEST(AscendCloudRender, WritesTheGeneratorsMergedTable) {
  EXPECT_EQ(profile().render(two_prefill_two_decode()).global, compact(sample("2p2d-global_ranktable_merge")));
}

TEST(AscendCloudRender, WritesTheGeneratorsLocalTables) {
  const Documents documents = profile().render(one_prefill_one_decode());
  ASSERT_EQ(documents.locals.size(), 2u);
  EXPECT_EQ(documents.locals.at("prefill-0"), compact(sample("local_ranktable_10.0.0.18_45")));
  EXPECT_EQ(documents.locals.at("decode-0"), compact(sample("local_ranktable_10.0.0.18_67")));
  EXPECT_EQ(documents.host, compact(sample("local_ranktable_10.0.0.18_host")));
}

TEST(AscendCloudRender, KeepsTheGivenOrderAndCountsRanksPerInstance) {
  Membership membership = one_prefill_one_decode();
  membership.prefill[0].servers[0].devices = {{12, "29.81.18.112"}, {3, "29.81.18.103"}};
  const Json global = Json::parse(profile().render(membership).global);
  const Json& devices = global["server_group_list"][1]["server_list"][0]["device"];
  EXPECT_EQ(devices[0], Json::parse(R"({"device_id":"12","device_ip":"29.81.18.112","rank_id":"0"})"));
  EXPECT_EQ(devices[1], Json::parse(R"({"device_id":"3","device_ip":"29.81.18.103","rank_id":"1"})"));
}

TEST(AscendCloudRender, ARoleWithoutInstancesIsWrittenAndRefused) {
  Membership membership = one_prefill_one_decode();
  membership.decode.clear();
  const std::string global = profile().render(membership).global;
  const std::vector<Finding> findings = validate_global(global, "AscendCloud");
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(to_string(findings[0]),
            "rule 4 at /server_group_list/2/server_list: the decode group should list at least one instance");
}

TEST(AscendCloudRender, BytesThatAreNotTextDoNotThrow) {
  Membership membership = one_prefill_one_decode();
  membership.scheduler.ip = "\xff\xfe";
  EXPECT_FALSE(validate_global(profile().render(membership).global, "AscendCloud").empty());
}

// Any membership that keeps the rules, over hosts with up to 16 NPUs and either address family.
class RandomMembership {
 public:
  explicit RandomMembership(unsigned seed) : random_(seed) {}

  Membership next() {
    hosts_ = pick(1, 6);
    ipv6_ = pick(0, 1) == 1;
    used_.assign(static_cast<std::size_t>(hosts_), 0);
    Membership membership{.scheduler = server_of(host_ip(pick(0, hosts_ - 1)), {}), .prefill = {}, .decode = {}};
    fill(membership.prefill, "prefill-", pick(1, 8));
    fill(membership.decode, "decode-", pick(1, 8));
    return membership;
  }

 private:
  int pick(int low, int high) { return std::uniform_int_distribution(low, high)(random_); }
  std::string host_ip(int host) const { return (ipv6_ ? "fd00::" : "10.0.0.") + std::to_string(host + 1); }
  std::string device_ip(int host, int id) const {
    return (ipv6_ ? "fd01::" + std::to_string(host + 1) + ":" : "29.81." + std::to_string(host + 1) + ".") +
           std::to_string(id + 1);
  }
  // At least one instance: the first host always has room for half of it per role.
  void fill(std::vector<Instance>& role, const std::string& prefix, int size) {
    const int wanted = pick(1, 6);
    for (int host = 0; host < hosts_ && static_cast<int>(role.size()) < wanted; ++host) {
      int& used = used_[static_cast<std::size_t>(host)];
      if (used + size > 16) continue;
      Server server = server_of(host_ip(host), {});
      for (int i = 0; i < size; ++i, ++used) server.devices.push_back({used, device_ip(host, used)});
      std::shuffle(server.devices.begin(), server.devices.end(), random_);
      role.push_back({prefix + std::to_string(role.size()), {server}});
    }
  }

  std::mt19937 random_;
  int hosts_ = 1;
  bool ipv6_ = false;
  std::vector<int> used_;
};

TEST(AscendCloudRender, EveryValidMembershipGivesValidTablesThatMirrorEachOther) {
  RandomMembership memberships(20261124);
  for (int i = 0; i < 500 && !HasFailure(); ++i) {
    const Membership membership = memberships.next();
    const Documents documents = profile().render(membership);
    expect_valid(documents);
    EXPECT_EQ(documents.locals.size(), membership.prefill.size() + membership.decode.size());
    EXPECT_EQ(documents.global, dump_json(OrderedJson::parse(documents.global)));
  }
}

}  // namespace
}  // namespace pd::ranktable
