#include "tests/cli/fixture.h"

namespace pd::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const std::string kSmall = sample_path("1p1d-global_ranktable_10.0.0.18.json");
const std::string kLarge = sample_path("2p2d-global_ranktable_merge.json");

TEST(Diff, OfTheSameIsEmpty) {
  const Ran ran = pdctl({"diff", kSmall, kSmall});
  EXPECT_EQ(ran.status, 0);
  EXPECT_THAT(ran.out + ran.err, IsEmpty());
  EXPECT_EQ(pdctl({"diff", kSmall, kSmall, "-o", "json"}).json(), Json({{"same", true}, {"changes", Json::array()}}));
}

TEST(Diff, SaysInALineEachWhatChanged) {
  const Ran ran = pdctl({"diff", kSmall, kLarge});
  EXPECT_EQ(ran.status, 1);
  EXPECT_EQ(std::count(ran.out.begin(), ran.out.end(), '\n'), 2);
  EXPECT_THAT(ran.out, AllOf(HasSubstr("prefill-1 is new on 10.0.0.19 (devices 0,1)"), HasSubstr("decode-1 is new")));
  const Json told = pdctl({"diff", kSmall, kLarge, "-o", "json"}).json();
  EXPECT_EQ(told["same"], false);
  ASSERT_THAT(told["changes"], SizeIs(2));
  EXPECT_EQ(told["changes"][0]["kind"], "added");
}

TEST(Diff, ComparesTablesOfDifferentLayouts) {
  const test::TemporaryFolder folder;
  const std::string other_half =
      folder.write("empty.json", R"({"version":"1.0","status":"completed","server_group_list":[]})");
  ASSERT_EQ(pdctl({"merge", "--allow-missing-groups", "--profile", "PerInstance", "--save-dir", folder.path(),
                   "--global-ranktable-list", kSmall, other_half})
                .status,
            0);
  const std::string per_instance = folder.path() + "/global_ranktable_merge.json";
  const Ran ran = pdctl({"diff", kSmall, per_instance});
  EXPECT_EQ(ran.status, 1);  // the scheduler, which PerInstance does not have, and nothing else
  EXPECT_THAT(ran.out, HasSubstr("the scheduler is gone"));
  EXPECT_EQ(std::count(ran.out.begin(), ran.out.end(), '\n'), 1);
  EXPECT_EQ(pdctl({"diff", per_instance, per_instance}).status, 0);
}

TEST(Diff, SaysWhatItCannotCompare) {
  const Ran missing = pdctl({"diff", kSmall, "/no/such/table.json"});
  EXPECT_EQ(missing.status, 2);
  EXPECT_THAT(missing.err, HasSubstr("/no/such/table.json"));
  const Ran local = pdctl({"diff", kSmall, sample_path("local_ranktable_10.0.0.18_45.json")});
  EXPECT_EQ(local.status, 2);
  EXPECT_THAT(local.err, HasSubstr("diff compares global ones"));
  EXPECT_EQ(pdctl({"diff", kSmall, "-"}, "{}").status, 2);
  EXPECT_EQ(pdctl({"diff", kSmall}).status, 2);
}

TEST(Diff, ReadsStandardInput) { EXPECT_EQ(pdctl({"diff", "-", kSmall}, content_of(kSmall)).status, 0); }

}  // namespace
}  // namespace pd::cli
