// Read your writes: what was written for one key, until the watches have shown it. Who plans on a store that has not
// seen his last write does it again, or undoes it (KEP-5647 has the same for Kubernetes' own controllers).
//
//   OwnWrites writes;
//   writes.remember(pods, *created);     // after each write
//   if (!writes.seen(now)) ...           // look again later
//
// Thread: the io_context's.
#pragma once

#include "kube/objects.h"
#include "runtime/reflector.h"

namespace pd::runtime {

class OwnWrites {
 public:
  // A watch that lags for longer (one that is half-open does, until its silence is noticed) is to list anew. A list
  // that was asked for after the write shows it, or shows that the API server has lost it: then it counts no more. So a
  // write right before the API server goes away costs its kind a full list when that is back.
  static constexpr auto kLimit = std::chrono::seconds(30);

  // `written`: the metadata with which the API server answered. The reflector must outlive this.
  void remember(ReflectorBase& reflector, const kube::ObjectMeta& written);
  // Whether the watches have shown all of it.
  bool seen(Instant now);
  bool empty() const { return writes_.empty(); }

 private:
  struct Write {
    ReflectorBase* reflector;
    std::string ns;
    std::string version;
    bool listed_anew = false;  // since it was written: asked for
  };
  static bool settled(Write& write, bool lags);

  std::vector<Write> writes_;  // the newest of each reflector and namespace
  std::optional<Instant> waiting_since_;
};

}  // namespace pd::runtime
