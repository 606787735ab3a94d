#include "runtime/own_writes.h"

#include "base/log.h"

namespace pd::runtime {

void OwnWrites::remember(const ReflectorBase& reflector, const kube::ObjectMeta& written) {
  if (written.resource_version.empty()) return;
  for (Write& write : writes_) {
    if (write.reflector != &reflector || write.ns != written.ns) continue;
    if (version_less(write.version, written.resource_version)) write.version = written.resource_version;
    return;
  }
  writes_.push_back({&reflector, written.ns, written.resource_version});
}

bool OwnWrites::seen(Instant now) {
  std::erase_if(writes_,
                [](const Write& write) { return !version_less(write.reflector->version(write.ns), write.version); });
  if (!writes_.empty()) {
    if (!waiting_since_) waiting_since_ = now;
    if (now - *waiting_since_ < kLimit) return false;
    log::warn("An own write has not been seen; going on without it", {{"version", writes_.front().version}});
    writes_.clear();
  }
  waiting_since_.reset();
  return true;
}

}  // namespace pd::runtime
