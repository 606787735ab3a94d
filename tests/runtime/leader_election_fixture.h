// Candidates for one Lease, on a server that a test makes slow or forgetful, in virtual time.
#pragma once

#include <gtest/gtest.h>

#include "tests/runtime/lease_server.h"

namespace pd::runtime {

inline kube::Lease held_by(const std::string& holder, int duration = 15) {
  kube::Lease lease;
  lease.holder = holder;
  lease.duration_seconds = duration;
  lease.acquired = lease.renewed = "2026-11-24T06:34:56.000000Z";
  lease.transitions = 4;
  return lease;
}

class LeaderElectionTest : public ::testing::Test {
 protected:
  void pass(Duration duration) { test::pass(context_, time_, duration); }
  // Until it leads; how long that took.
  Duration pass_until_leading(const test::Candidate& candidate, Duration limit = std::chrono::minutes(2)) {
    const Instant start = time_.now();
    while (!candidate.elector.leading() && time_.now() - start < limit) pass(std::chrono::milliseconds(50));
    return time_.now() - start;
  }
  Status release(test::Candidate& candidate) {
    std::optional<Status> released;
    test::start(context_, candidate.elector.release(), released);
    pass(std::chrono::seconds(30));
    return released.value();
  }
  const kube::Lease& lease() const { return server_.lease().value(); }

  asio::io_context context_;
  VirtualTime& time_ = VirtualTime::install(context_);
  test::LeaseServer server_{time_};
};

}  // namespace pd::runtime
