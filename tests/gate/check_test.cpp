// What each state of the mounted directory means.
#include "gate/check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "tests/gate/mounted_directory.h"

namespace pd::gate {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using State = View::State;

class Check : public ::testing::Test {
 protected:
  View see(const std::string& address = kPodAddress) {
    return look({.directory = directory_.path(), .address = address, .profile = "AscendCloud"});
  }
  View see(const Files& files) {
    directory_.publish(files);
    return see();
  }
  MountedDirectory directory_;
};

TEST_F(Check, AWholePublicationIsEnoughToStart) {
  const View view = see(prefill_files("7", "7"));
  EXPECT_EQ(view.state, State::kCompleted) << view.problem;
  EXPECT_EQ(view.generation, 7);
  EXPECT_EQ(view.expected, 7);
  EXPECT_THAT(missing_to_start(view), IsEmpty());
}

TEST_F(Check, ALaterGenerationThanExpectedIsEnough) {
  EXPECT_THAT(missing_to_start(see(prefill_files("12\n", " 7\n"))), IsEmpty());
}

TEST_F(Check, TheSchedulerStartsWithTheHostTable) {
  directory_.publish(scheduler_files("7", "7"));
  EXPECT_THAT(missing_to_start(see(kSchedulerAddress)), IsEmpty());
  EXPECT_THAT(missing_to_start(see(kPodAddress)), HasSubstr("does not list this pod's address \"10.0.0.18\""));
}

// The whole ConfigMap is mounted, with a table for each pod.
TEST_F(Check, AnAdoptedPodFindsItsTableByItsName) {
  Files files = prefill_files("7", "7");
  auto own = files.extract("local_ranktable.json");
  own.key() = "local_ranktable_vllm-0.json";
  files.insert(std::move(own));
  directory_.publish(files);
  Subject subject{.directory = directory_.path(), .address = kPodAddress, .profile = "AscendCloud"};
  EXPECT_THAT(missing_to_start(look(subject)), HasSubstr("local_ranktable.json is not in"));
  subject.local = "local_ranktable_vllm-0.json";
  EXPECT_THAT(missing_to_start(look(subject)), IsEmpty());
  subject.address = kPeerAddress;
  EXPECT_THAT(missing_to_start(look(subject)), HasSubstr("local_ranktable_vllm-0.json does not list this pod's"));
}

TEST_F(Check, NothingIsMountedYet) {
  EXPECT_THAT(missing_to_start(see()), HasSubstr("global_ranktable.json is not in " + directory_.path()));
  const View view = look({.directory = directory_.beside("none"), .address = kPodAddress, .profile = "AscendCloud"});
  EXPECT_EQ(view.state, State::kMissing);
}

TEST_F(Check, EachMissingFileIsNamed) {
  for (const char* name : {"global_ranktable.json", "local_ranktable.json", "generation", "expected_generation"}) {
    Files files = prefill_files("7", "7");
    files.erase(name);
    EXPECT_THAT(missing_to_start(see(files)), HasSubstr(name));
  }
}

TEST_F(Check, AnInitializingTableIsToldFromARefusedOne) {
  const View view = see(initializing_files("3", "3"));
  EXPECT_EQ(view.state, State::kInitializing);
  EXPECT_EQ(view.generation, 3);
  EXPECT_THAT(missing_to_start(view), HasSubstr("(generation 3) is still initializing"));
}

TEST_F(Check, WithoutAnExpectedGenerationThePodIsNotListedYet) {
  const View view = see(prefill_files("7", ""));
  EXPECT_EQ(view.state, State::kCompleted);
  EXPECT_THAT(missing_to_start(view), HasSubstr("expected_generation is empty"));
  EXPECT_THAT(missing_to_start(see(prefill_files("7", "  \n"))), HasSubstr("expected_generation is empty"));
}

TEST_F(Check, GarbageForAGenerationIsNamed) {
  for (const std::string garbage : {"seven", "7 8", "-1", "0x7", "7.0", "99999999999999999999", "\x01\xff", "7;"}) {
    EXPECT_THAT(missing_to_start(see(prefill_files("7", garbage))), HasSubstr("expected_generation holds")) << garbage;
    EXPECT_THAT(missing_to_start(see(prefill_files(garbage, "7"))), HasSubstr("the file generation holds")) << garbage;
  }
  EXPECT_THAT(missing_to_start(see(prefill_files("7", std::string(5000, '1')))), HasSubstr("expected_generation"));
}

TEST_F(Check, AnOlderTableThanExpectedIsNotEnough) {
  EXPECT_THAT(missing_to_start(see(prefill_files("6", "7"))),
              HasSubstr("has generation 6 and this pod is listed from 7"));
}

TEST_F(Check, ARefusedTableIsNamedByItsRule) {
  Files files = prefill_files("7", "7");
  files["global_ranktable.json"].replace(files["global_ranktable.json"].find("29.81.18.105"), 12, "29.81.18.104");
  const View view = see(files);
  EXPECT_EQ(view.state, State::kRefused);
  EXPECT_THAT(missing_to_start(view),
              HasSubstr("global_ranktable.json is refused: rule 7 (device-ips) at /server_group_list/1/"));
}

TEST_F(Check, ALocalTableThatDoesNotMirrorIsRefused) {
  Files files = prefill_files("7", "7");
  files["local_ranktable.json"].replace(files["local_ranktable.json"].find("29.81.18.105"), 12, "29.81.18.106");
  EXPECT_THAT(missing_to_start(see(files)), HasSubstr("local_ranktable.json is refused: rule 9"));
}

TEST_F(Check, HostileFilesAreRefusedInOneLine) {
  const std::string hostile[] = {"",
                                 "\0\xff\n\n",
                                 "{\"a\nb\":1}",
                                 std::string(100000, '['),
                                 std::string(2 << 20, ' '),
                                 "{\"status\":\"initializing\""};
  for (const std::string& text : hostile) {
    for (const char* name : {"global_ranktable.json", "local_ranktable.json"}) {
      Files files = prefill_files("7", "7");
      files[name] = text;
      const std::string missing = missing_to_start(see(files));
      EXPECT_THAT(missing, HasSubstr(name));
      EXPECT_EQ(missing.find('\n'), std::string::npos);
    }
  }
}

TEST_F(Check, APodThatIsNotListedKeepsWaiting) {
  directory_.publish(prefill_files("7", "7"));
  EXPECT_THAT(missing_to_start(see("10.0.0.99")),
              HasSubstr("does not list this pod's address \"10.0.0.99\"; it lists \"10.0.0.18\""));
  EXPECT_FALSE(missing_to_start(see("")).empty());
}

TEST_F(Check, AnAddressIsTheSameHoweverItIsSpelled) {
  EXPECT_THAT(missing_to_start(see(prefill_files("7", "7"))), IsEmpty());
  EXPECT_THAT(missing_to_start(see("::ffff:10.0.0.18")), IsEmpty());
}

TEST_F(Check, PlainDirectoriesWorkToo) {
  for (const auto& [name, content] : prefill_files("7", "7")) std::ofstream(directory_.path() + "/" + name) << content;
  EXPECT_THAT(publication(directory_.path()), IsEmpty());
  EXPECT_THAT(missing_to_start(see()), IsEmpty());
}

// Two deployments' tables swapped as fast as possible: never is one's global table seen with the other's local one.
TEST_F(Check, AViewNeverMixesTwoPublications) {
  directory_.publish(prefill_files("2", "2"));
  std::atomic<bool> stop = false;
  std::thread writer([&] {
    for (int generation = 3; !stop; ++generation) {
      const std::string text = std::to_string(generation);
      directory_.publish(generation % 2 == 0 ? prefill_files(text, text) : scheduler_files(text, text));
    }
  });
  int completed = 0;
  for (int i = 0; i < 2000 && !HasFailure(); ++i) {
    const View view = see();
    // The publication may be removed under the reader: then something is missing, and is there at the next look.
    if (view.state == State::kMissing) continue;
    completed += view.state == State::kCompleted ? 1 : 0;
    EXPECT_EQ(view.state, view.generation % 2 == 0 ? State::kCompleted : State::kRefused) << view.problem;
    EXPECT_EQ(view.expected.value_or(view.generation), view.generation);
  }
  stop = true;
  writer.join();
  EXPECT_GT(completed, 0);
}

TEST(ParseGeneration, TakesDigitsOnly) {
  EXPECT_EQ(parse_generation("0"), 0);
  EXPECT_EQ(parse_generation("\t7 \r\n"), 7);
  EXPECT_EQ(parse_generation("9223372036854775807"), INT64_MAX);
  for (const char* text : {"", " ", "+7", "-7", "7a", "a7", "9223372036854775808", "7\n8"}) {
    EXPECT_EQ(parse_generation(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace pd::gate
