#include "ranktable/diff.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "tests/ranktable/random_membership.h"
#include "tests/ranktable/samples.h"

namespace pd::ranktable {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> sentences(const Membership& before, const Membership& after) {
  std::vector<std::string> texts;
  for (const Change& change : diff(before, after))
    texts.push_back(std::string(to_string(change.kind)) + ": " + change.text);
  return texts;
}

Membership before() { return two_prefill_two_decode(); }

TEST(Diff, OfTheSameIsEmpty) {
  EXPECT_THAT(diff(before(), before()), IsEmpty());
  RandomMembership random(4, {.spans_hosts = true});
  for (int i = 0; i < 50; ++i) {
    const Membership membership = random.next();
    EXPECT_THAT(diff(membership, membership), IsEmpty());
  }
}

TEST(Diff, TellsOfANewInstance) {
  Membership after = before();
  after.decode.push_back({"decode-2", {server_of("10.0.0.20", {{0, "29.81.20.100"}, {1, "29.81.20.101"}})}});
  EXPECT_THAT(sentences(before(), after), ElementsAre("added: decode-2 is new on 10.0.0.20 (devices 0,1)"));
  EXPECT_THAT(sentences(after, before()), ElementsAre("gone: decode-2 is gone from 10.0.0.20 (devices 0,1)"));
}

TEST(Diff, TellsWhereAnInstanceMoved) {
  Membership after = before();
  after.prefill[1].servers = {server_of("10.0.0.20", {{4, "29.81.20.104"}, {5, "29.81.20.105"}})};
  EXPECT_THAT(sentences(before(), after),
              ElementsAre("moved: prefill-1 moved from 10.0.0.19 (devices 0,1) to 10.0.0.20 (devices 4,5)"));
}

TEST(Diff, TellsWhatOfAnInstanceChanged) {
  Membership after = before();
  after.prefill[1].servers[0].devices = {{4, "29.81.19.104"}, {5, "29.81.19.105"}};
  after.decode[0].servers[0].ip = after.decode[0].servers[0].id = "10.0.0.28";
  after.decode[1].servers[0].devices[0].ip = "29.81.19.202";
  EXPECT_THAT(
      sentences(before(), after),
      ElementsAre("moved: prefill-1 has other devices: 10.0.0.19 (devices 0,1) before, 10.0.0.19 (devices 4,5) now",
                  "moved: decode-0 has another address: 10.0.0.18 before, 10.0.0.28 now, with the same devices",
                  "moved: decode-1 has other NPU addresses on 10.0.0.19 (devices 2,3)"));
}

TEST(Diff, TellsOfOtherOrders) {
  Membership after = before();
  std::swap(after.decode[0], after.decode[1]);
  EXPECT_THAT(sentences(before(), after),
              ElementsAre("reordered: the decode instances stand in another order; by their names before: decode-1, "
                          "decode-0"));
  after = before();
  std::swap(after.prefill[0].servers[0].devices[0], after.prefill[0].servers[0].devices[1]);
  EXPECT_THAT(sentences(before(), after),
              ElementsAre("reordered: prefill-0 lists its devices in another order: 4,5 before, 5,4 now"));
}

// Read from a table, where the place stands for the name: the one that is gone is told, not the ones behind it.
TEST(Diff, FindsAnInstanceAgainByItsDevices) {
  Membership after = before();
  after.prefill.erase(after.prefill.begin());
  after.prefill[0].name = "prefill-0";
  EXPECT_THAT(sentences(before(), after), ElementsAre("gone: prefill-0 is gone from 10.0.0.18 (devices 4,5)"));
}

// prefill-1 goes where prefill-0 was: by the names that the operator knows, both moved and none is gone.
TEST(Diff, GoesByNamesWhereTheyAreReal) {
  const auto on = [](const std::string& name, const std::string& ip, int id) {
    return Instance{name, {server_of(ip, {{id, "29.81." + ip.substr(7) + "." + std::to_string(100 + id)}})}};
  };
  const Membership was{.prefill = {on("prefill-0", "10.0.0.10", 0), on("prefill-1", "10.0.0.12", 0)}};
  const Membership is{.prefill = {on("prefill-0", "10.0.0.11", 0), on("prefill-1", "10.0.0.10", 4)}};
  const std::vector<Change> changes = diff(was, is, Names::kReal);
  ASSERT_EQ(changes.size(), 2U);
  EXPECT_EQ(changes[0].text, "prefill-0 moved from 10.0.0.10 (devices 0) to 10.0.0.11 (devices 0)");
  EXPECT_EQ(changes[1].text, "prefill-1 moved from 10.0.0.12 (devices 0) to 10.0.0.10 (devices 4)");
}

TEST(Diff, OfManyInstancesThatAllMovedIsQuick) {
  Membership was;
  Membership is;
  for (int i = 0; i < 20000; ++i) {
    const std::string name = "prefill-" + std::to_string(i);
    was.prefill.push_back({name, {server_of("a" + std::to_string(i), {{0, "b" + std::to_string(i)}})}});
    is.prefill.push_back({name, {server_of("c" + std::to_string(i), {{0, "d" + std::to_string(i)}})}});
  }
  const auto started = std::chrono::steady_clock::now();
  EXPECT_EQ(diff(was, is).size(), was.prefill.size());
  EXPECT_LT(std::chrono::steady_clock::now() - started, std::chrono::seconds(10));  // a quadratic one takes minutes
}

TEST(Diff, TellsOfTheScheduler) {
  Membership after = before();
  after.schedulers = {server_of("10.0.0.30", {})};
  EXPECT_THAT(sentences(before(), after), ElementsAre("moved: the scheduler moved from 10.0.0.18 to 10.0.0.30"));
  after.schedulers.clear();
  EXPECT_THAT(sentences(before(), after), ElementsAre("gone: the scheduler is gone from 10.0.0.18"));
  EXPECT_THAT(sentences(after, before()), ElementsAre("added: the scheduler is new on 10.0.0.18"));
}

// No change of content goes untold.
TEST(Diff, OfAnyOtherMembershipIsNotEmpty) {
  RandomMembership random(5, {.spans_hosts = true});
  for (int i = 0; i < 200; ++i) {
    const Membership one = random.next();
    Membership other = one;
    Server& server = other.prefill.back().servers.back();
    switch (i % 5) {
      case 0:
        server.devices.back().ip = "29.99.0.1";
        break;
      case 1:
        server.devices.back().more = {{"device_port", "16700"}};
        break;
      case 2:
        server.id = "another";
        break;
      case 3:
        server.devices.pop_back();
        break;
      case 4:
        other.decode.pop_back();
        break;
    }
    EXPECT_EQ(diff(one, other).size(), 1U) << i % 5;
  }
}

}  // namespace
}  // namespace pd::ranktable
