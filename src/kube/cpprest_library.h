// What cpprestsdk has once for the whole process: its pool of threads. Internal to CpprestTransport.
#pragma once

#include "base/clock.h"

namespace pd::kube {

// Starts the library with few threads, which are ours: an exception that its own code lets out ends one request
// instead of the process. The first call counts.
void start_library();

// Waits until the library's threads have done all that was queued, and what that queued in turn. When a request fails,
// the library posts one more step after it has told us of the end; its pool drops at exit what has not run.
void settle_library(Duration limit);

}  // namespace pd::kube
