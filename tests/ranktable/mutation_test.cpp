// Tables changed at random: whatever the bytes, an answer, and no changed table passes for the one that was published.
#include <gtest/gtest.h>

#include <random>

#include "base/json.h"
#include "ranktable/validate.h"
#include "tests/ranktable/samples.h"
#include "tests/support/mutation.h"

namespace pd::ranktable {
namespace {

constexpr std::string_view kProfile = "AscendCloud";
constexpr int kRounds = 20000;

std::string compact(const std::string& name) { return dump_json(OrderedJson::parse(sample(name))); }

struct Golden {
  std::string global = compact("1p1d-global_ranktable_10.0.0.18");
  std::vector<std::string> locals = {compact("local_ranktable_10.0.0.18_45"), compact("local_ranktable_10.0.0.18_67"),
                                     compact("local_ranktable_10.0.0.18_host")};
};

// Everything that `original` says, `changed` says too; members that nobody knows may have come in.
bool says_the_same(const Json& changed, const Json& original) {
  if (!original.is_structured()) return changed == original;
  if (changed.type() != original.type()) return false;
  if (original.is_array() && changed.size() != original.size()) return false;
  for (const auto& [key, member] : original.items()) {
    if (original.is_object() && !changed.contains(key)) return false;
    const Json& other = original.is_object() ? changed[key] : changed[std::stoul(key)];
    if (!says_the_same(other, member)) return false;
  }
  return true;
}

bool accepted_global(const Golden& golden, const std::string& global) {
  if (!validate_global(global, kProfile).empty()) return false;
  for (const std::string& local : golden.locals) {
    if (!validate_mirror(global, local, kProfile).empty()) return false;
  }
  return true;
}

bool accepted_local(const Golden& golden, const std::string& local, bool host) {
  const std::vector<Finding> findings = host ? validate_host(local, kProfile) : validate_local(local, kProfile);
  return findings.empty() && validate_mirror(golden.global, local, kProfile).empty();
}

// All that takes text from outside; the sanitizers watch.
void read_all(const std::string& text) {
  for (const Finding& finding : validate_global(text, kProfile)) EXPECT_FALSE(to_string(finding).empty());
  static_cast<void>(validate_local(text, kProfile));
  static_cast<void>(validate_host(text, kProfile));
  static_cast<void>(validate_mirror(text, text, kProfile));
  static_cast<void>(read_status(text));
  static_cast<void>(read_server_ips(text));
}

class Mutator {
 public:
  explicit Mutator(unsigned seed) : random_(seed) {}

  std::size_t pick(std::size_t count) { return std::uniform_int_distribution<std::size_t>(0, count - 1)(random_); }

  std::string bytes(std::string text) { return test::mutate(std::move(text), random_); }

  // Another value in one scalar's place, or none.
  Json scalar(const Json& table) {
    Json flat = table.flatten();
    auto member = flat.begin();
    std::advance(member, static_cast<std::ptrdiff_t>(pick(flat.size())));
    Json changed = table;
    Json& value = changed[Json::json_pointer(member.key())];
    std::string text = value.get<std::string>();
    switch (pick(7)) {
      case 0:
        value = static_cast<int>(pick(20));
        break;
      case 1:
        value = nullptr;
        break;
      case 2:
        value = std::to_string(pick(20));
        break;
      case 3:
        value = Json::array({text});
        break;
      case 4:
        value = "";
        break;
      case 5:
        text[pick(text.size())] = static_cast<char>('0' + pick(10));
        value = text;
        break;
      case 6:
        value = bytes(text);
        break;
    }
    return changed;
  }

 private:
  std::mt19937 random_;
};

TEST(Mutation, NoBytesCrashAndNoneArePublished) {
  const Golden golden;
  Mutator mutator(42);
  const Json original = Json::parse(golden.global);
  for (int i = 0; i < kRounds && !::testing::Test::HasFailure(); ++i) {
    const std::string text = mutator.bytes(golden.global);
    read_all(text);
    if (!accepted_global(golden, text)) continue;
    EXPECT_TRUE(says_the_same(Json::parse(text), original)) << text;
  }
}

TEST(Mutation, NoBytesOfALocalTableArePublished) {
  const Golden golden;
  Mutator mutator(43);
  for (int i = 0; i < kRounds && !::testing::Test::HasFailure(); ++i) {
    const std::size_t which = mutator.pick(3);
    const std::string text = mutator.bytes(golden.locals[which]);
    read_all(text);
    if (!accepted_local(golden, text, which == 2)) continue;
    EXPECT_TRUE(says_the_same(Json::parse(text), Json::parse(golden.locals[which]))) << text;
  }
}

TEST(Mutation, AChangedValueIsRefusedOrTheSame) {
  const Golden golden;
  Mutator mutator(44);
  const Json original = Json::parse(golden.global);
  int refused = 0;
  for (int i = 0; i < kRounds && !::testing::Test::HasFailure(); ++i) {
    const Json changed = mutator.scalar(original);
    if (accepted_global(golden, dump_json(changed))) {
      EXPECT_EQ(changed, original);
    } else {
      ++refused;
    }
  }
  EXPECT_GT(refused, kRounds * 9 / 10);
}

}  // namespace
}  // namespace pd::ranktable
