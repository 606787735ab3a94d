#include "base/file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/support/temporary_folder.h"

namespace pd {
namespace {

using ::testing::HasSubstr;

TEST(ReadFile, GivesTheWholeContent) {
  const test::TemporaryFolder folder;
  std::string content(200000, 'x');
  content[100000] = '\0';
  const Result<std::string> read = read_file(folder.write("big", content));
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, content);
  EXPECT_EQ(*read_file(folder.write("empty", "")), "");
}

TEST(ReadFile, TakesAFileOfExactlyTheLimit) {
  const test::TemporaryFolder folder;
  const std::string path = folder.write("ten", "0123456789");
  EXPECT_TRUE(read_file(path, 10));
  const Result<std::string> over = read_file(path, 9);
  ASSERT_FALSE(over);
  EXPECT_EQ(over.error().code, Code::kInvalid);
  EXPECT_THAT(over.error().message, HasSubstr(path));
  EXPECT_THAT(over.error().message, HasSubstr("more than 9 bytes"));
}

TEST(ReadFile, SaysWhatIsWrongWithThePath) {
  const test::TemporaryFolder folder;
  const Result<std::string> missing = read_file(folder.path() + "/missing");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, Code::kNotFound);
  EXPECT_THAT(missing.error().message, HasSubstr("/missing"));
  const Result<std::string> below_a_file = read_file(folder.write("file", "") + "/below");
  ASSERT_FALSE(below_a_file);
  EXPECT_EQ(below_a_file.error().code, Code::kNotFound);
  const Result<std::string> directory = read_file(folder.path());
  ASSERT_FALSE(directory);
  EXPECT_EQ(directory.error().code, Code::kInvalid);
}

TEST(ReadFile, DoesNotWaitForAPipe) {
  const test::TemporaryFolder folder;
  const std::string path = folder.path() + "/pipe";
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  const Result<std::string> pipe = read_file(path);
  ASSERT_FALSE(pipe);
  EXPECT_EQ(pipe.error().code, Code::kInvalid);
}

}  // namespace
}  // namespace pd
