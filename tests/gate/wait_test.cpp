// The wait itself: each change is answered at once, and the end says what was missing.
#include "gate/wait.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <thread>

#include "tests/gate/mounted_directory.h"

namespace pd::gate {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

WaitOptions options_for(const std::string& directory, Duration timeout) {
  return {.subject = {.directory = directory, .address = kPodAddress, .profile = "AscendCloud"}, .timeout = timeout};
}

TEST(Wait, ReturnsAtOnceWhenAllIsThere) {
  MountedDirectory directory;
  directory.publish(prefill_files("7", "7"));
  const auto generation =
      wait_for_tables(options_for(directory.path(), 0s), [](const std::string& line) { ADD_FAILURE() << line; });
  ASSERT_TRUE(generation);
  EXPECT_EQ(*generation, 7);
}

// Each line of progress is answered with the next step of a start: no thread, no sleep.
TEST(Wait, FollowsAStartStepByStep) {
  MountedDirectory directory;
  std::vector<std::string> lines;
  const std::vector<Files> steps = {initializing_files("0", ""), initializing_files("3", "3"), prefill_files("7", ""),
                                    prefill_files("7", "8"), prefill_files("8", "8")};
  const auto generation = wait_for_tables(options_for(directory.path(), 60s), [&](const std::string& line) {
    directory.publish(steps.at(lines.size()));
    lines.push_back(line);
  });
  ASSERT_TRUE(generation) << generation.error().message;
  EXPECT_EQ(*generation, 8);
  EXPECT_THAT(lines, ElementsAre(HasSubstr("global_ranktable.json is not in"), HasSubstr("(generation 0) is still"),
                                 HasSubstr("(generation 3) is still"), HasSubstr("expected_generation is empty"),
                                 HasSubstr("has generation 7 and this pod is listed from 8")));
}

TEST(Wait, TellsTheSameThingOnce) {
  MountedDirectory directory;
  std::vector<std::string> lines;
  directory.publish(prefill_files("7", ""));
  const auto generation = wait_for_tables(options_for(directory.path(), 60s), [&](const std::string& line) {
    lines.push_back(line);
    directory.publish(prefill_files("8", ""));
    directory.publish(prefill_files("9", "9"));
  });
  ASSERT_TRUE(generation);
  EXPECT_EQ(lines.size(), 1u);
}

TEST(Wait, TimesOutWithWhatWasMissing) {
  MountedDirectory directory;
  directory.publish(prefill_files("7", "8"));
  const auto generation = wait_for_tables(options_for(directory.path(), 50ms), [](const std::string&) {});
  ASSERT_FALSE(generation);
  EXPECT_EQ(generation.error().code, Code::kTimeout);
  EXPECT_THAT(generation.error().message, HasSubstr("no table after 50ms: the mounted table has generation 7"));
  EXPECT_EQ(generation.error().message.find('\n'), std::string::npos);
}

TEST(Wait, SeesADirectoryThatComesLater) {
  MountedDirectory directory;
  const std::string later = directory.beside("later");
  const auto generation = wait_for_tables(options_for(later, 60s), [&](const std::string&) {
    std::filesystem::create_directory(later);
    for (const auto& [name, content] : prefill_files("7", "7")) std::ofstream(later + "/" + name) << content;
  });
  EXPECT_TRUE(generation);
}

TEST(Wait, SeesADirectoryThatIsReplaced) {
  MountedDirectory directory;
  MountedDirectory other;
  directory.publish(prefill_files("7", ""));
  other.publish(prefill_files("8", "8"));
  const auto generation = wait_for_tables(options_for(directory.path(), 60s), [&](const std::string&) {
    std::filesystem::rename(directory.path(), directory.beside("old"));
    std::filesystem::copy(other.path(), directory.path(),
                          std::filesystem::copy_options::recursive | std::filesystem::copy_options::copy_symlinks);
  });
  ASSERT_TRUE(generation) << generation.error().message;
  EXPECT_EQ(*generation, 8);
}

TEST(Wait, SeesSwapsOfAnotherThread) {
  MountedDirectory directory;
  directory.publish(prefill_files("1", ""));
  std::thread writer;
  const auto generation = wait_for_tables(options_for(directory.path(), 60s), [&](const std::string&) {
    if (writer.joinable()) return;
    writer = std::thread([&] {
      for (int i = 2; i <= 50; ++i) directory.publish(prefill_files(std::to_string(i), i < 50 ? "" : "50"));
    });
  });
  writer.join();
  ASSERT_TRUE(generation) << generation.error().message;
  EXPECT_EQ(*generation, 50);
}

TEST(Wait, AHostileTableIsWaitedOutNotTaken) {
  MountedDirectory directory;
  Files files = prefill_files("7", "7");
  files["global_ranktable.json"] = "{\"status\":\"completed\",\"server_group_list\":" + std::string(5000, '[');
  directory.publish(files);
  const auto generation = wait_for_tables(options_for(directory.path(), 20ms), [](const std::string&) {});
  ASSERT_FALSE(generation);
  EXPECT_THAT(generation.error().message, HasSubstr("nested deeper than 12 levels"));
}

}  // namespace
}  // namespace pd::gate
