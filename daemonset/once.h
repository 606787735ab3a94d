// `pd-agent --once`: what would be published, for a person or a script. Nothing is written.
// Thread: the io_context's one thread.
#pragma once

#include "daemonset/allocations_probe.h"
#include "daemonset/inventory_probe.h"

namespace pd::agent {

// Prints one JSON object to stdout, with the annotations' names as keys and their contents as values, and logs what is
// wrong. What cannot be told is left out. The status to exit with: 1 when something is.
asio::awaitable<int> print_once(InventoryProbe& inventory, AllocationsProbe& allocations);

}  // namespace pd::agent
