#include "base/excerpt.h"

#include <gtest/gtest.h>

namespace pd {
namespace {

TEST(Excerpt, ShowsAFewPrintableBytes) {
  EXPECT_EQ(excerpt("a\x01\n\xff z"), "a??? z");
  EXPECT_EQ(excerpt(std::string(101, 'x')), std::string(100, 'x') + "...");
}

TEST(Cut, LeavesNoPartOfACharacter) {
  EXPECT_EQ(cut("short", 5), "short");
  EXPECT_EQ(cut("longer", 4), "long");
  EXPECT_EQ(cut("x节点", 4), "x节");
  EXPECT_EQ(cut("x节点", 3), "x");
  EXPECT_EQ(cut("x节点", 0), "");
}

}  // namespace
}  // namespace pd
