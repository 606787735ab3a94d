// `pd-operator check`: whether the API server serves what the operator needs, and lets this identity do what the
// operator does. Nothing is changed, and nothing is read but what every identity may ask: the API's own description,
// and what one may do oneself.
//
//   Findings found = co_await check(client, options);
//   std::cout << to_text(found);
//
// Thread: the transport's.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "kube/client.h"
#include "operator/permissions.h"

namespace pd::op {

struct Finding {
  bool ok = false;
  std::string what;  // one line
};
using Findings = std::vector<Finding>;

boost::asio::awaitable<Findings> check(kube::Client& client, Options options);

bool all_well(const Findings& findings);
// A line each, and one that sums up.
std::string to_text(const Findings& findings);

}  // namespace pd::op
