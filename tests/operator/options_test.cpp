#include "operator/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pd::op {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;

std::variant<Options, int> parse(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "pd-operator");
  std::vector<char*> pointers;
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  return parse_options(static_cast<int>(pointers.size()), pointers.data(), "test");
}

ElectionOptions election(std::vector<std::string> arguments) {
  return std::get<Options>(parse(std::move(arguments))).election;
}

TEST(OperatorOptions, OneOfSeveralIsElectedUnlessToldOtherwise) {
  EXPECT_TRUE(election({}).enabled);
  EXPECT_TRUE(election({"--leader-elect"}).enabled);
  EXPECT_TRUE(election({"--leader-elect=true"}).enabled);
  EXPECT_FALSE(election({"--leader-elect=false"}).enabled);
}

TEST(OperatorOptions, TheElectionHasTheUsualTimes) {
  const ElectionOptions usual = election({});
  EXPECT_EQ(usual.timing.lease, seconds(15));
  EXPECT_EQ(usual.timing.renew_deadline, seconds(10));
  EXPECT_EQ(usual.timing.retry, seconds(2));
  EXPECT_EQ(usual.lease_name, "pd-operator");
  EXPECT_EQ(usual.lease_ns, "");
}

TEST(OperatorOptions, TimesHaveUnits) {
  const ElectionOptions quick = election({"--leader-elect-lease-duration", "3s", "--leader-elect-renew-deadline=2s",
                                          "--leader-elect-retry-period", "500ms", "--leader-elect-resource-name", "a",
                                          "--leader-elect-resource-namespace", "b"});
  EXPECT_EQ(quick.timing.lease, seconds(3));
  EXPECT_EQ(quick.timing.renew_deadline, seconds(2));
  EXPECT_EQ(quick.timing.retry, milliseconds(500));
  EXPECT_EQ(quick.lease_name, "a");
  EXPECT_EQ(quick.lease_ns, "b");
  EXPECT_EQ(election({"--leader-elect-lease-duration", "2m"}).timing.lease, seconds(120));
}

TEST(OperatorOptions, RefusesTimesThatCannotWork) {
  testing::internal::CaptureStderr();
  EXPECT_EQ(std::get<int>(parse({"--leader-elect-lease-duration", "10s"})), 2);
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("must be longer than the renew deadline (10s)"));
  EXPECT_EQ(std::get<int>(parse({"--leader-elect-lease-duration", "15"})), 2);
  EXPECT_EQ(std::get<int>(parse({"--leader-elect-lease-duration", "soon"})), 2);
}

TEST(OperatorOptions, WatchesTheNamespacesThatAreNamed) {
  EXPECT_THAT(std::get<Options>(parse({})).namespaces, ::testing::IsEmpty());
  EXPECT_THAT(std::get<Options>(parse({"--namespace", "b,a,b"})).namespaces, ::testing::ElementsAre("a", "b"));
  testing::internal::CaptureStderr();
  EXPECT_EQ(std::get<int>(parse({"--namespace", "llm,A_B"})), 2);
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("\"A_B\" is no name of a namespace"));
}

TEST(OperatorOptions, TheLevelOfTheLogIsOneOfFour) {
  EXPECT_EQ(std::get<Options>(parse({})).log_level, log::Level::kInfo);
  EXPECT_EQ(std::get<Options>(parse({"--log-level=warn"})).log_level, log::Level::kWarning);
  testing::internal::CaptureStderr();
  EXPECT_EQ(std::get<int>(parse({"--log-level", "loud"})), 2);
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("loud not in {debug,info,warn,error}"));
}

TEST(OperatorOptions, ChecksWithTheSameOptions) {
  EXPECT_EQ(std::get<Options>(parse({})).task, Task::kRun);
  const Options check = std::get<Options>(parse({"check", "--namespace", "llm", "--leader-elect=false"}));
  EXPECT_EQ(check.task, Task::kCheck);
  EXPECT_THAT(check.namespaces, ::testing::ElementsAre("llm"));
  EXPECT_FALSE(check.election.enabled);
}

}  // namespace
}  // namespace pd::op
