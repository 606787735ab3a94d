#include "base/digest.h"

#include <gtest/gtest.h>

namespace pd {
namespace {

// The vectors of FIPS 180-2.
TEST(Sha256, IsTheStandards) {
  EXPECT_EQ(sha256(""), "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256("abc"), "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Sha256, SeesEveryByte) { EXPECT_NE(sha256(std::string_view("a\0b", 3)), sha256(std::string_view("a\0c", 3))); }

}  // namespace
}  // namespace pd
