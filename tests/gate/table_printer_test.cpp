// The demo's workload: it is only worth something when what it prints is what is mounted.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/gate/mounted_directory.h"
#include "tests/support/child.h"

namespace pd::gate {
namespace {

using test::Child;
using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;

std::vector<std::string> environment(const MountedDirectory& directory) {
  return {"GLOBAL_RANK_TABLE_FILE_PATH=" + directory.path() + "/global_ranktable.json",
          "RANK_TABLE_FILE_PATH=" + directory.path() + "/local_ranktable.json"};
}

TEST(TablePrinter, PrintsBothTablesAtStartAndOnAChange) {
  MountedDirectory directory;
  directory.publish(initializing_files("0", ""));
  Child printer("table-printer", {}, environment(directory));
  EXPECT_THAT(printer.out_line(),
              AllOf(HasSubstr("Z generation=0 global="), EndsWith(R"({"version":"1.0","status":"initializing"})")));
  EXPECT_THAT(printer.out_line(), HasSubstr("Z generation=0 local="));
  directory.publish(prefill_files("7", "7"));
  EXPECT_THAT(printer.out_line(), EndsWith("Z generation=7 global=" + tables().global));
  EXPECT_THAT(printer.out_line(), EndsWith("Z generation=7 local=" + tables().locals.at("prefill-0")));
  printer.terminate();
  EXPECT_EQ(printer.exit_code(), 0);
}

TEST(TablePrinter, PrintsOnceWhateverThereIs) {
  MountedDirectory directory;
  directory.publish({{"global_ranktable.json", "no\njson"}});
  Child printer("table-printer", {"--once"}, environment(directory));
  EXPECT_EQ(printer.exit_code(), 0);
  EXPECT_THAT(printer.out_line(), HasSubstr("generation=none global=\"no\\njson\""));
  EXPECT_THAT(printer.out_line(), HasSubstr("local=(cannot read"));
}

TEST(TablePrinter, ShowsAFileAndEndsTheLine) {
  MountedDirectory directory;
  for (const char* generation : {"7", "7\n"}) {
    directory.publish(prefill_files(generation, "7"));
    Child printer("table-printer", {"--cat", directory.path() + "/generation"});
    EXPECT_EQ(printer.exit_code(), 0);
    EXPECT_EQ(printer.rest_of_out(), "7\n");
  }
  Child missing("table-printer", {"--cat", directory.path() + "/none"});
  EXPECT_EQ(missing.exit_code(), 1);
}

TEST(TablePrinter, TellsWhenAGenerationArrives) {
  MountedDirectory directory;
  directory.publish(prefill_files("6", "6"));
  Child printer("table-printer", {"--wait-for-generation", "7", "--timeout", "60s"}, environment(directory));
  directory.publish(prefill_files("7", "7"));
  EXPECT_THAT(printer.out_line(), MatchesRegex("[0-9]+ 7"));
  EXPECT_EQ(printer.exit_code(), 0);
  Child late("table-printer", {"--wait-for-generation", "8", "--timeout", "20ms"}, environment(directory));
  EXPECT_EQ(late.exit_code(), 1);
  EXPECT_THAT(late.rest_of_err(), HasSubstr("generation 8 did not arrive in time; there is 7"));
}

}  // namespace
}  // namespace pd::gate
