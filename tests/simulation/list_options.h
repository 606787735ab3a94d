// The query of a list or a watch: selectors, paging and the wanted resourceVersion, checked as the API server does.
// Thread: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "kube/transport.h"
#include "tests/simulation/sim_request.h"
#include "tests/simulation/sim_watch.h"

namespace pd::test {

struct ContinueToken {
  std::int64_t revision = 0;  // -1: whatever is newest
  std::string start;          // the first key of the page, after the prefix
};

struct ListOptions {
  WatchFilter filter;
  std::uint64_t limit = 0;  // 0: none
  std::optional<ContinueToken> from;
  std::optional<std::uint64_t> revision;
  bool exact = false;
  bool send_initial_events = false;
};

// Answers the refusal, if any.
std::optional<kube::HttpResponse> read_list_options(const SimRequest& request, ListOptions& options);
std::string encode_token(const ContinueToken& token);

}  // namespace pd::test
