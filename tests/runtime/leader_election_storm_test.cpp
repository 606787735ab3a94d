#include <gtest/gtest.h>

#include <array>

#include "runtime/leader_election.h"
#include "tests/runtime/leader_election_fixture.h"

namespace pd::runtime {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using test::Candidate;
using Fate = test::LeaseServer::Fate;

// All of it: processes that come and go without a word, on a network that loses, delays, repeats and refuses. At no
// moment do two of them hold that they may write, and when the network is well again, one of them does.
class ElectionStorm {
 public:
  ElectionStorm(asio::io_context& context, VirtualTime& time, test::LeaseServer& server, std::uint64_t seed)
      : context_(context), time_(time), server_(server), seed_(seed), rng_(seed) {}

  void run() {
    server_.remove();
    server_.fate = [this](const kube::HttpRequest&) { return bad_fate(); };
    for (int step = 0; step < 20; ++step) {
      fill_slots();
      pass(seconds(10));
      if (number(1, 5) == 1) slots_[static_cast<std::size_t>(number(0, 2))]->stop.stop();
    }
    server_.fate = [](const kube::HttpRequest&) { return Fate{}; };
    fill_slots();
    pass(seconds(45));
    EXPECT_EQ(writers(), 1) << "seed " << seed_;
    for (const auto& each : all_) each->stop.stop();
    pass(minutes(2));
  }

  int terms() const { return terms_; }

 private:
  int number(int least, int most) { return std::uniform_int_distribution<>(least, most)(rng_); }

  Fate bad_fate() {
    const int slowest = number(1, 6) == 1 ? 20000 : 300;
    Fate fate{milliseconds(number(0, slowest)), milliseconds(number(0, slowest))};
    fate.arrives = number(1, 10) != 1;
    fate.answers = number(1, 10) != 1;
    fate.twice = number(1, 10) == 1;
    fate.refusal = number(1, 10) == 1 ? 503 : 0;
    return fate;
  }

  void fill_slots() {
    for (Candidate*& slot : slots_) {
      if (slot != nullptr && !slot->ended) continue;
      const std::size_t count = all_.size();
      all_.push_back(std::make_unique<Candidate>(context_, server_, "candidate-" + std::to_string(count),
                                                 ElectionTiming{}, seed_ * 1000 + count));
      slot = all_.back().get();
      slot->clock.advance(seconds(number(-90000, 90000)));
    }
  }

  // One that has stopped counts, too: what it started may still be ending.
  int writers() const {
    int found = 0;
    for (const auto& each : all_) found += each->elector.may_write() ? 1 : 0;
    return found;
  }

  void pass(Duration duration) {
    test::pass(context_, time_, duration, [this] {
      const int now = writers();
      if (now > writers_) ++terms_;
      writers_ = now;
      ASSERT_LE(now, 1) << "seed " << seed_;
    });
  }

  asio::io_context& context_;
  VirtualTime& time_;
  test::LeaseServer& server_;
  std::uint64_t seed_;
  Rng rng_;
  std::vector<std::unique_ptr<Candidate>> all_;
  std::array<Candidate*, 3> slots_{};
  int writers_ = 0;
  int terms_ = 0;
};

TEST_F(LeaderElectionTest, NeverDoTwoBelieveThatTheyMayWrite) {
  int terms = 0;
  for (std::uint64_t seed = 1; seed <= 60 && !HasFailure(); ++seed) {
    ElectionStorm storm(context_, time_, server_, seed);
    storm.run();
    terms += storm.terms();
  }
  EXPECT_GT(terms, 200);  // else the storm was none
}

}  // namespace
}  // namespace pd::runtime
