// A Lease, coordination.k8s.io/v1: who leads, and when it last said so. Thread: plain values.
//
//   Lease lease = *co_await client.get<Lease>(path);
//   lease.renewed = format_micro_time(clock.wall_now());
//   co_await client.replace(path, encode_lease(lease));   // 409 when somebody else wrote since
#pragma once

#include <string>

#include "kube/objects.h"

namespace pd::kube {

struct Lease {
  ObjectMeta meta;
  std::string holder;        // holderIdentity; empty: nobody, released
  int duration_seconds = 0;  // leaseDurationSeconds; 0: not set
  // MicroTime as text; empty: not set. Compared, and shown to people: nobody else's clock decides anything.
  std::string acquired;
  std::string renewed;
  int transitions = 0;  // leaseTransitions: how often the holder has changed
};

Result<Lease> decode_lease(const Json& object);
// The whole object for POST and PUT. What metadata carries of resourceVersion and uid goes with it, so that a PUT hits
// what was read and nothing that came later; annotations of others and finalizers do not survive it.
Json encode_lease(const Lease& lease);

}  // namespace pd::kube
