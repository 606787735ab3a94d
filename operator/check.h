// `pd-operator check`: whether the API server serves what the operator needs, and lets this identity do what the
// operator does. Nothing is changed, and nothing is read but what every identity may ask: the API's own description,
// and what one may do oneself.
//
//   Findings found = co_await check(client, options, [](const Finding& one) { std::cout << to_line(one); });
//   std::cout << to_sum(found);
//
// Thread: the transport's.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "kube/client.h"
#include "operator/permissions.h"

namespace pd::op {

struct Finding {
  bool ok = false;
  std::string what;     // one line
  bool reached = true;  // false: the API server gave no answer, so nobody was asked anything after it
};
using Findings = std::vector<Finding>;

// Each as soon as it is found. The first that says that the API server can't be reached is the last: each further one
// would take as long.
boost::asio::awaitable<Findings> check(kube::Client& client, Options options,
                                       std::function<void(const Finding&)> found);

bool all_well(const Findings& findings);
std::string to_line(const Finding& finding);
// The last line.
std::string to_sum(const Findings& findings);

}  // namespace pd::op
