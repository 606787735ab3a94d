// A ConfigMap as the operator keeps it: with its data only where it can be a ranktable that we wrote. Anybody may put
// our label on one of 1 MiB, and of those only that they are there matters. Thread: plain values.
#pragma once

#include "kube/resource.h"

namespace pd::op {

struct TableMap : kube::ConfigMap {};

}  // namespace pd::op

namespace pd::kube {

template <>
struct Resource<op::TableMap> : Resource<ConfigMap> {
  static Result<op::TableMap> decode(const Json& object);
};

}  // namespace pd::kube
