#include "daemonset/owners.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pd::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::vector<std::string> kResources = {"huawei.com/Ascend910", "huawei.com/ascend-1980"};
const std::string kNpu = kResources[0];

ContainerDevices listed(const std::string& pod, const std::string& container, const std::vector<std::string>& devices,
                        const std::string& resource = kNpu) {
  return {"llm", pod, container, resource, devices, false};
}

ContainerDevices last(ContainerDevices container) {
  container.last = true;
  return container;
}

CheckpointEntry entry(const std::string& uid, const std::string& container, const std::vector<std::string>& devices,
                      const std::string& resource = kNpu) {
  return {uid, container, resource, devices};
}

npu::PodDevices owner(const std::string& pod, const std::string& uid, const std::vector<int>& devices) {
  return {"llm", pod, uid, devices};
}

TEST(JoinOwners, GivesAPodItsUid) {
  const OwnersReading reading = join_owners({listed("p", "main", {"Ascend910-5", "Ascend910-4"})},
                                            {entry("u-1", "main", {"Ascend910-4", "Ascend910-5"})}, kResources);
  EXPECT_THAT(reading.pods, ElementsAre(owner("p", "u-1", {4, 5})));
  EXPECT_THAT(reading.problems, IsEmpty());
}

TEST(JoinOwners, AddsUpContainersInNumericOrder) {
  const OwnersReading reading =
      join_owners({listed("p", "a", {"Ascend910-10", "Ascend910-2"}), listed("p", "b", {"Ascend910-9"})},
                  {entry("u-1", "a", {"Ascend910-10", "Ascend910-2"}), entry("u-1", "b", {"Ascend910-9"})}, kResources);
  EXPECT_THAT(reading.pods, ElementsAre(owner("p", "u-1", {2, 9, 10})));
}

TEST(JoinOwners, TellsTwoPodsOfOneNameApart) {
  const OwnersReading reading =
      join_owners({listed("p", "main", {"Ascend910-0"}), listed("p", "main", {"Ascend910-1"})},
                  {entry("u-old", "main", {"Ascend910-0"}), entry("u-new", "main", {"Ascend910-1"})}, kResources);
  EXPECT_THAT(reading.pods, ElementsAre(owner("p", "u-new", {1}), owner("p", "u-old", {0})));
}

TEST(JoinOwners, DoesNotPublishWhatDoesNotJoin) {
  const OwnersReading reading =
      join_owners({listed("p", "main", {"Ascend910-0"}), listed("q", "main", {"Ascend910-1"})},
                  {entry("u-1", "main", {"Ascend910-0", "Ascend910-7"}), entry("u-2", "other", {"Ascend910-0"}),
                   entry("u-3", "main", {"Ascend910-1"})},
                  kResources);
  EXPECT_THAT(reading.pods, ElementsAre(owner("q", "u-3", {1})));
  EXPECT_THAT(reading.problems.at("pod llm/p"), HasSubstr("checkpoint does not know"));
}

TEST(JoinOwners, DoesNotPublishHalfAPod) {
  const OwnersReading reading = join_owners({listed("p", "a", {"Ascend910-0"}), listed("p", "b", {"Ascend910-1"})},
                                            {entry("u-1", "a", {"Ascend910-0"})}, kResources);
  EXPECT_THAT(reading.pods, IsEmpty());
}

TEST(JoinOwners, IgnoresAFinishedPodThatAnOldKubeletStillLists) {
  // Its devices are gone from kubelet's books, so it is listed with none.
  const OwnersReading reading = join_owners({listed("done", "main", {}), listed("p", "main", {"Ascend910-0"})},
                                            {entry("u-2", "main", {"Ascend910-0"})}, kResources);
  EXPECT_THAT(reading.pods, ElementsAre(owner("p", "u-2", {0})));
  EXPECT_THAT(reading.problems, IsEmpty());
}

// As kubelets before 1.34 do.
class JoinFinished : public ::testing::Test {
 protected:
  OwnersReading join(const PodNames& names) const {
    return join_owners({listed("done", "main", {"Ascend910-0"}), listed("p", "main", {"Ascend910-0"})},
                       {entry("u-2", "main", {"Ascend910-0"})}, kResources, names);
  }
};

TEST_F(JoinFinished, FindsTheSuccessorByTheFoldersOfLogs) {
  const OwnersReading reading = join({{"u-1", {"llm", "done"}}, {"u-2", {"llm", "p"}}});
  EXPECT_THAT(reading.pods, ElementsAre(owner("p", "u-2", {0})));
  EXPECT_THAT(reading.problems, IsEmpty());
}

TEST_F(JoinFinished, DoesNotChooseBeforeTheFolderIsThere) {
  for (const PodNames& names : {PodNames{{"u-1", {"llm", "done"}}}, PodNames{{"u-2", {"llm", "q"}}}, PodNames{}}) {
    const OwnersReading reading = join(names);
    EXPECT_THAT(reading.pods, IsEmpty());
    EXPECT_EQ(reading.problems.size(), 2U);
  }
}

// A pod ended, another got its devices, and the checkpoint is not written yet.
TEST(JoinOwners, GivesNoPodTheUidOfAnother) {
  const std::vector<ContainerDevices> list = {listed("p", "main", {"Ascend910-0"})};
  const std::vector<CheckpointEntry> entries = {entry("u-1", "main", {"Ascend910-0"})};
  const OwnersReading reading = join_owners(list, entries, kResources, {{"u-1", {"llm", "ended"}}});
  EXPECT_THAT(reading.pods, IsEmpty());
  EXPECT_THAT(reading.problems.at("pod llm/p"), HasSubstr("still has what it holds for the pod llm/ended"));
  EXPECT_THAT(join_owners(list, entries, kResources, {{"u-1", {"llm", "p"}}}).pods,
              ElementsAre(owner("p", "u-1", {0})));
}

TEST(EntriesByLogs, GivesAPodTheUidOfItsFolder) {
  const std::vector<ContainerDevices> list = {listed("p", "a", {"Ascend910-0"}), listed("p", "b", {"Ascend910-1"}),
                                              listed("q", "a", {"Ascend910-2"})};
  const std::vector<CheckpointEntry> entries =
      entries_by_logs(list, {{"u-1", {"llm", "p"}}, {"u-2", {"llm", "r"}}, {"u-3", {"other", "q"}}});
  EXPECT_THAT(join_owners(list, entries, kResources).pods, ElementsAre(owner("p", "u-1", {0, 1})));
}

TEST(EntriesByLogs, DoesNotChooseBetweenTwoFoldersOrTwoPodsOfOneName) {
  EXPECT_THAT(entries_by_logs({listed("p", "main", {"Ascend910-0"})}, {{"u-1", {"llm", "p"}}, {"u-2", {"llm", "p"}}}),
              IsEmpty());
  EXPECT_THAT(entries_by_logs({listed("p", "main", {"Ascend910-0"}), listed("p", "main", {"Ascend910-1"})},
                              {{"u-1", {"llm", "p"}}}),
              IsEmpty());
}

TEST(JoinOwners, DoesNotChooseBetweenTwoUids) {
  const OwnersReading reading =
      join_owners({listed("p", "main", {"Ascend910-0"})},
                  {entry("u-1", "main", {"Ascend910-0"}), entry("u-2", "main", {"Ascend910-0"})}, kResources);
  EXPECT_THAT(reading.pods, IsEmpty());
  EXPECT_THAT(reading.problems.at("pod llm/p"), HasSubstr("two pods"));
}

TEST(JoinOwners, RefusesADeviceOfTwoPods) {
  const OwnersReading reading =
      join_owners({listed("p", "main", {"Ascend910-0", "Ascend910-1"}), listed("q", "main", {"Ascend910-1"}),
                   listed("r", "main", {"Ascend910-2"})},
                  {entry("u-1", "main", {"Ascend910-0", "Ascend910-1"}), entry("u-2", "main", {"Ascend910-1"}),
                   entry("u-3", "main", {"Ascend910-2"})},
                  kResources);
  EXPECT_THAT(reading.pods, ElementsAre(owner("r", "u-3", {2})));
}

TEST(JoinOwners, RefusesAUidOfTwoNames) {
  const OwnersReading reading =
      join_owners({listed("p", "main", {"Ascend910-0"}), listed("q", "main", {"Ascend910-1"})},
                  {entry("u-1", "main", {"Ascend910-0"}), entry("u-1", "main", {"Ascend910-1"})}, kResources);
  EXPECT_THAT(reading.pods, IsEmpty());
}

TEST(JoinOwners, RefusesVirtualNpus) {
  const OwnersReading reading = join_owners({listed("p", "main", {"Ascend910-2c-100-1"}),
                                             listed("q", "main", {"Ascend910-2c-101-1"}, "huawei.com/Ascend910-2c")},
                                            {entry("u-1", "main", {"Ascend910-2c-100-1"}),
                                             entry("u-2", "main", {"Ascend910-2c-101-1"}, "huawei.com/Ascend910-2c")},
                                            kResources);
  EXPECT_THAT(reading.pods, IsEmpty());
  EXPECT_THAT(reading.problems.at("pod llm/p"), HasSubstr("whole NPU"));
  EXPECT_THAT(reading.problems.at("pod llm/q"), HasSubstr("virtual NPUs"));
}

TEST(JoinOwners, TellsWhichPodsMayGetMore) {
  const OwnersReading reading = join_owners(
      {listed("p", "a", {"Ascend910-0"}), last(listed("p", "b", {}, "")), listed("q", "gate", {}, ""),
       last(listed("q", "main", {"Ascend910-1"})), listed("r", "a", {"Ascend910-2"}),
       last(listed("r", "b", {"nic-0"}, "example.com/nic"))},
      {entry("u-1", "a", {"Ascend910-0"}), entry("u-2", "main", {"Ascend910-1"}), entry("u-3", "a", {"Ascend910-2"})},
      kResources);
  EXPECT_EQ(reading.pods.size(), 3U);
  EXPECT_THAT(reading.growing, ElementsAre("u-1", "u-3"));
  EXPECT_FALSE(reading.nothing_listed);
  EXPECT_TRUE(join_owners({}, {}, kResources).nothing_listed);
  EXPECT_TRUE(join_owners({listed("static", "main", {}, "")}, {}, kResources).nothing_listed)
      << "kubelet knows that one without the API server";
}

TEST(DevicesByUid, AddsUpContainersAndLeavesOutWhatIsNoWholeNpu) {
  EXPECT_EQ(devices_by_uid({entry("u-1", "a", {"Ascend910-10", "Ascend910-2"}), entry("u-1", "b", {"Ascend910-3"}),
                            entry("u-2", "a", {"nic-0"}, "example.com/nic"), entry("u-3", "a", {"Ascend910-2c-100-1"})},
                           kResources),
            (DevicesByUid{{"u-1", {2, 3, 10}}}));
}

TEST(JoinOwners, IgnoresOtherResources) {
  const OwnersReading reading =
      join_owners({listed("p", "main", {"nic-0"}, "example.com/nic"), listed("p", "main", {"davinci7"}, kResources[1])},
                  {entry("u-1", "main", {"davinci7"}, kResources[1])}, kResources);
  EXPECT_THAT(reading.pods, ElementsAre(owner("p", "u-1", {7})));
  EXPECT_THAT(reading.problems, IsEmpty());
}

}  // namespace
}  // namespace pd::agent
