#include "daemonset/sources/pod_logs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/daemonset/fixture.h"

namespace pd::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

const std::string kUid = "8e8d3b7c-0000-4000-8000-000000000001";

TEST(ParsePodLogFolder, ReadsNamespaceNameAndUid) {
  const auto found = parse_pod_log_folder("llm_qwen-prefill-0.a_" + kUid);
  ASSERT_TRUE(found);
  EXPECT_EQ(*found, std::pair(kUid, PodName("llm", "qwen-prefill-0.a")));
}

TEST(ParsePodLogFolder, RefusesOtherNames) {
  for (const std::string& name :
       {std::string(), std::string("_"), std::string("__"), std::string("llm_p"), std::string("llm_p_"), "llm__" + kUid,
        "_p_" + kUid, "LLM_p_" + kUid, "llm_p_q_" + kUid, "llm_p_" + kUid + "/x", std::string("lost+found")}) {
    EXPECT_FALSE(parse_pod_log_folder(name)) << name;
  }
}

TEST(ReadPodLogs, ReadsAFolder) {
  const TempDir dir;
  std::filesystem::create_directories(dir.path("pods/llm_p_" + kUid));
  std::filesystem::create_directories(dir.path("pods/lost+found"));
  const Result<PodNames> names = read_pod_logs(dir.path("pods"));
  ASSERT_TRUE(names);
  EXPECT_THAT(*names, ElementsAre(Pair(kUid, PodName("llm", "p"))));
}

TEST(ReadPodLogs, SaysWhatIsMissing) {
  const TempDir dir;
  const Result<PodNames> names = read_pod_logs(dir.path("pods"));
  ASSERT_FALSE(names);
  EXPECT_EQ(names.error().code, Code::kNotFound);
  EXPECT_THAT(names.error().message, HasSubstr(dir.path("pods")));
}

}  // namespace
}  // namespace pd::agent
