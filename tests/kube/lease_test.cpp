#include "kube/lease.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kube/resource.h"

namespace pd::kube {
namespace {

const Json kLease = Json::parse(R"({
  "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
  "metadata": {"name": "pd-operator", "namespace": "pd-system", "uid": "lease-uid", "resourceVersion": "77",
               "labels": {"a": "b"}},
  "spec": {"holderIdentity": "pod-1_x", "leaseDurationSeconds": 15, "acquireTime": "2026-11-24T06:34:56.123456Z",
           "renewTime": "2026-11-24T06:35:06.654321Z", "leaseTransitions": 3}})");

Lease read(const Json& object) {
  const Result<Json> parsed = parse_projected(object.dump(), Resource<Lease>::projection());
  Result<Lease> lease = Resource<Lease>::decode(*parsed);
  if (!lease) throw std::runtime_error(lease.error().message);
  return std::move(*lease);
}

TEST(LeaseCodec, ReadsWhoHoldsIt) {
  const Lease lease = read(kLease);
  EXPECT_EQ(lease.meta.key(), "pd-system/pd-operator");
  EXPECT_EQ(lease.meta.resource_version, "77");
  EXPECT_EQ(lease.holder, "pod-1_x");
  EXPECT_EQ(lease.duration_seconds, 15);
  EXPECT_EQ(lease.acquired, "2026-11-24T06:34:56.123456Z");
  EXPECT_EQ(lease.renewed, "2026-11-24T06:35:06.654321Z");
  EXPECT_EQ(lease.transitions, 3);
}

// A PUT without what was read would overwrite what somebody else wrote since.
TEST(LeaseCodec, WritesWhatItReads) { EXPECT_EQ(encode_lease(read(kLease)), kLease); }

TEST(LeaseCodec, AReleasedLeaseHasNoHolder) {
  Lease lease = read(kLease);
  lease.holder.clear();
  EXPECT_FALSE(encode_lease(lease)["spec"].contains("holderIdentity"));
  EXPECT_EQ(read(encode_lease(lease)).holder, "");
}

TEST(LeaseCodec, ANewLeaseNamesNoVersion) {
  Lease lease;
  lease.meta.name = "a";
  lease.meta.ns = "b";
  EXPECT_EQ(encode_lease(lease), Json::parse(R"({"apiVersion":"coordination.k8s.io/v1","kind":"Lease",
                                   "metadata":{"name":"a","namespace":"b"},"spec":{"leaseTransitions":0}})"));
}

TEST(LeaseCodec, PutsUpWithMembersOfAnotherKind) {
  Json object = kLease;
  object["spec"] = {{"holderIdentity", 5}, {"leaseDurationSeconds", "x"}, {"leaseTransitions", 1LL << 40}};
  const Lease lease = read(object);
  EXPECT_EQ(lease.holder, "");
  EXPECT_EQ(lease.duration_seconds, 0);
  EXPECT_EQ(lease.transitions, 0);
  object["spec"] = nullptr;
  EXPECT_EQ(read(object).renewed, "");
  object["metadata"].erase("resourceVersion");
  EXPECT_FALSE(decode_lease(object));
}

TEST(MicroTime, HasSixDigits) {
  const WallTime time = *parse_rfc3339("2026-11-24T06:34:56Z");
  EXPECT_EQ(format_micro_time(time), "2026-11-24T06:34:56.000000Z");
  EXPECT_EQ(format_micro_time(time, std::chrono::microseconds(42)), "2026-11-24T06:34:56.000042Z");
}

}  // namespace
}  // namespace pd::kube
