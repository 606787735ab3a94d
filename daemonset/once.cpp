#include "daemonset/once.h"

#include <cstdio>

#include "base/clock.h"
#include "base/json.h"
#include "daemonset/problem_log.h"
#include "daemonset/publish.h"

namespace pd::agent {

asio::awaitable<int> print_once(InventoryProbe& inventory, AllocationsProbe& allocations) {
  probe::Problems problems;
  Wanted wanted;
  Result<InventoryReading> devices = co_await inventory.read();
  if (devices) {
    wanted.inventory = std::move(devices->inventory);
    problems.merge(devices->problems);
  } else {
    problems["inventory"] = devices.error().message;
  }
  Result<AllocationsReading> owners = co_await allocations.read();
  if (owners) {
    wanted.allocations = std::move(owners->allocations);
    problems.merge(owners->problems);
  } else {
    problems["allocations"] = owners.error().message;
  }
  ProblemLog().update("once", problems);
  Json object = Json::object();
  for (const auto& [key, text] : difference(wanted, {}, SystemClock().wall_now())) {
    Result<Json> content = parse_json(text.value_or("null"));
    if (content) object[key] = std::move(*content);
  }
  std::printf("%s\n", dump_json(object).c_str());
  co_return wanted.inventory&& wanted.allocations ? 0 : 1;
}

}  // namespace pd::agent
