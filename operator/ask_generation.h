// Asks a pod's sidecar (pd-gate watch) which generation of the tables it sees: GET /generation, answered with
// {"uid":"<pod's UID>","generation":<n>}. Anybody in a pod may answer on that port, so everything is bounded: one
// second, 4 KiB of header, 1 KiB of body. What is answered is shown to people and decides about one more touch, and
// nothing else. Thread: the io_context's.
#pragma once

#include <utility>  // before awaitable.hpp: Boost 1.74 with g++ 12

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <string>

#include "base/result.h"
#include "plan/plan.h"

namespace pd::op {

// Errors: kUnavailable (no connection, no answer), kInvalid (no such answer, or that of another pod).
boost::asio::awaitable<Result<std::int64_t>> ask_generation(plan::DeliveryTarget target);

// The body of an answer.
Result<std::int64_t> parse_generation(std::string_view body, const std::string& uid);

}  // namespace pd::op
