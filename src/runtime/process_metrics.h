// What Linux says of this process, under the names that all Prometheus clients use: CPU time, memory, open files,
// start. Thread: the io_context's; /proc is read at each scrape.
#pragma once

#include "runtime/metrics.h"

namespace pd::runtime {

void add_process_metrics(MetricsRegistry& registry);

}  // namespace pd::runtime
