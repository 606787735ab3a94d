#include "cli/whole_files.h"

#include <sys/stat.h>

#include "tests/cli/fixture.h"

namespace pd::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class WholeFiles : public ::testing::Test {
 protected:
  std::string path(const std::string& name) const { return folder_.path() + "/" + name; }
  test::TemporaryFolder folder_;
};

TEST_F(WholeFiles, MakesTheFolderAndTheFiles) {
  ASSERT_TRUE(write_whole(path("a/b"), {{path("a/b/one"), "1"}, {path("a/b/two"), "22"}}));
  EXPECT_THAT(names_in(path("a/b")), ElementsAre("one", "two"));
  EXPECT_EQ(content_of(path("a/b/two")), "22");
}

TEST_F(WholeFiles, ReplacesTheNameNotTheContent) {
  folder_.write("one", "old");
  std::ifstream reader(path("one"));
  ASSERT_TRUE(write_whole(folder_.path(), {{path("one"), "new"}}));
  std::string seen;
  reader >> seen;
  EXPECT_EQ(seen, "old");
  EXPECT_EQ(content_of(path("one")), "new");
}

TEST_F(WholeFiles, ChangesNothingWhenOneOfThemCannotBeWritten) {
  folder_.write("one", "old");
  const Status written = write_whole(folder_.path(), {{path("one"), "new"}, {path("none/two"), "new"}});
  ASSERT_FALSE(written);
  EXPECT_THAT(written.error().message, HasSubstr("cannot write " + path("none/two")));
  EXPECT_THAT(names_in(folder_.path()), ElementsAre("one"));
  EXPECT_EQ(content_of(path("one")), "old");
}

TEST_F(WholeFiles, SaysThatTheFolderCannotBeMade) {
  folder_.write("file", "");
  const Status written = write_whole(path("file/folder"), {{path("file/folder/one"), "1"}});
  ASSERT_FALSE(written);
  EXPECT_THAT(written.error().message, HasSubstr("cannot make the folder " + path("file/folder")));
}

}  // namespace
}  // namespace pd::cli
