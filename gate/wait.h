// pd-gate wait: holds a pod's start back until its tables are there.
// Thread: blocks the calling one; it wakes for changes of the directory and once a second.
#pragma once

#include <functional>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "gate/check.h"

namespace pd::gate {

struct WaitOptions {
  Subject subject;
  Duration timeout = std::chrono::seconds(600);
};

// The generation that the pod starts with; kTimeout with what was missing at the end. `progress` is told each time the
// thing it waits for changes.
Result<std::int64_t> wait_for_tables(const WaitOptions& options,
                                     const std::function<void(const std::string&)>& progress);

}  // namespace pd::gate
