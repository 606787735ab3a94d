// `pd-agent probe`: what the agent would publish and how it knows, for a person on the node or, as JSON, for a script.
// Nothing is written. Thread: the io_context's.
#pragma once

#include <string>

#include "daemonset/agent.h"

namespace pd::agent {

struct Findings {
  Result<InventoryReading> inventory;
  Result<AllocationsReading> allocations;
  bool complete() const { return inventory.ok() && allocations.ok(); }
};

// Asks everything once.
asio::awaitable<Findings> look(Agent::Sources sources);

// The devices, who holds them, what is wrong, and what would be written.
std::string describe(const Findings& findings, WallTime now);
// The annotations alone, their contents as JSON: {"pd-operator.io/npu-inventory":{...},...}
std::string to_json(const Findings& findings, WallTime now);

}  // namespace pd::agent
