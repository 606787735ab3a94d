#include "runtime/own_writes.h"

#include "base/log.h"

namespace pd::runtime {

void OwnWrites::remember(ReflectorBase& reflector, const kube::ObjectMeta& written) {
  if (written.resource_version.empty()) return;
  for (Write& write : writes_) {
    if (write.reflector != &reflector || write.ns != written.ns) continue;
    if (version_less(write.version, written.resource_version)) {
      write.version = written.resource_version;
      write.listed_anew = false;
    }
    return;
  }
  writes_.push_back({&reflector, written.ns, written.resource_version});
}

bool OwnWrites::seen(Instant now) {
  const bool lags = waiting_since_ && now - *waiting_since_ >= kLimit;
  std::erase_if(writes_, [lags](Write& write) { return settled(write, lags); });
  if (writes_.empty()) {
    waiting_since_.reset();
  } else if (!waiting_since_) {
    waiting_since_ = now;
  }
  return writes_.empty();
}

bool OwnWrites::settled(Write& write, bool lags) {
  if (!version_less(write.reflector->version(write.ns), write.version)) return true;
  // A list that is under way may have been asked for before the write.
  if (!lags || !write.reflector->fresh(write.ns)) return false;
  if (write.listed_anew) {
    log::warn("An own write is not in the list that was asked for after it; going on without it",
              {{"kind", std::string(write.reflector->kind())}, {"version", write.version}});
    return true;
  }
  log::warn("A watch does not show what was written; listing anew",
            {{"kind", std::string(write.reflector->kind())}, {"version", write.version}});
  write.reflector->relist(write.ns);
  write.listed_anew = true;
  return false;
}

}  // namespace pd::runtime
