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

Documents rendered(const Membership& membership) {
  Result<Documents> documents = profile().render(membership);
  if (!documents) throw std::runtime_error(documents.error().message);
  return *documents;
}

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
  EXPECT_THAT(profile_names(), ElementsAre("AscendCloud", "PerInstance", "OmniK8s", "MindIE", "VllmAscendLegacy",
                                           "Hccl10", "Hccl12", "GroupList"));
  EXPECT_EQ(profile().name, "AscendCloud");
  EXPECT_EQ(find_profile("ascendcloud"), nullptr);
  EXPECT_EQ(find_profile(""), nullptr);
}

TEST(Profiles, TheInitializingDocumentIsTheHandshake) {
  EXPECT_EQ(initializing_document(), R"({"version":"1.0","status":"initializing"})");
}

TEST(AscendCloudRender, WritesTheGeneratorsGlobalTable) {
  EXPECT_EQ(rendered(one_prefill_one_decode()).global, compact(sample("1p1d-global_ranktable_10.0.0.18")));
}

TEST(AscendCloudRender, WritesTheGeneratorsMergedTable) {
  EXPECT_EQ(rendered(two_prefill_two_decode()).global, compact(sample("2p2d-global_ranktable_merge")));
}

TEST(AscendCloudRender, WritesTheGeneratorsLocalTables) {
  const Documents documents = rendered(one_prefill_one_decode());
  ASSERT_EQ(documents.locals.size(), 2u);
  EXPECT_EQ(documents.locals.at("prefill-0"), compact(sample("local_ranktable_10.0.0.18_45")));
  EXPECT_EQ(documents.locals.at("decode-0"), compact(sample("local_ranktable_10.0.0.18_67")));
  EXPECT_EQ(documents.host, compact(sample("local_ranktable_10.0.0.18_host")));
}

TEST(AscendCloudRender, KeepsTheGivenOrderAndCountsRanksPerInstance) {
  Membership membership = one_prefill_one_decode();
  membership.prefill[0].servers[0].devices = {{12, "29.81.18.112"}, {3, "29.81.18.103"}};
  const Json global = Json::parse(rendered(membership).global);
  const Json& devices = global["server_group_list"][1]["server_list"][0]["device"];
  EXPECT_EQ(devices[0], Json::parse(R"({"device_id":"12","device_ip":"29.81.18.112","rank_id":"0"})"));
  EXPECT_EQ(devices[1], Json::parse(R"({"device_id":"3","device_ip":"29.81.18.103","rank_id":"1"})"));
}

TEST(AscendCloudRender, ARoleWithoutInstancesIsAPartOfADeploymentAndRefusedAsAWhole) {
  Membership membership = one_prefill_one_decode();
  membership.decode.clear();
  const std::vector<Finding> findings = validate_global(rendered(membership).global, "AscendCloud");
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(
      to_string(findings[0]),
      "rule 3 (layout) at /server_group_list: there are 2 groups; there should be exactly three: \"0\" scheduler, "
      "\"1\" prefill, \"2\" decode");
}

TEST(AscendCloudRender, BytesThatAreNotTextDoNotThrow) {
  Membership membership = one_prefill_one_decode();
  membership.schedulers[0].ip = "\xff\xfe";
  EXPECT_FALSE(validate_global(rendered(membership).global, "AscendCloud").empty());
}

// Any membership that keeps the rules, over hosts with up to 16 NPUs and either address family.
class RandomMembership {
 public:
  explicit RandomMembership(unsigned seed) : random_(seed) {}

  Membership next() {
    hosts_ = pick(1, 6);
    ipv6_ = pick(0, 1) == 1;
    used_.assign(static_cast<std::size_t>(hosts_), 0);
    Membership membership{.schedulers = {server_of(host_ip(pick(0, hosts_ - 1)), {})}, .prefill = {}, .decode = {}};
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
    const Documents documents = rendered(membership);
    expect_valid(documents);
    EXPECT_EQ(documents.locals.size(), membership.prefill.size() + membership.decode.size());
    EXPECT_EQ(documents.global, dump_json(OrderedJson::parse(documents.global)));
  }
}

}  // namespace
}  // namespace pd::ranktable
