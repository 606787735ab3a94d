// What one API server sees of the store: its watch caches, one per kind, which may lag. Watches and reads that do not
// ask for the newest (resourceVersion=0 or N) are served from here, everything else from the store itself.
//
//   view.hold();              // from now on nothing new is seen
//   view.advance(1042);       // all up to revision 1042
//   view.follow();            // each write at once, as at the start
//
// Thread: one.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "tests/simulation/sim_store.h"

namespace pd::test {

class SimView {
 public:
  explicit SimView(const SimStore& store) : store_(store) { oldest_.fill(SimStore::kFirstRevision); }

  // The newest revision that is seen.
  std::uint64_t visible(const SimKind& kind) const;
  void hold();
  void hold(const SimKind& kind);
  // Never back, and not beyond the store.
  void advance(std::uint64_t revision);
  void advance(const SimKind& kind, std::uint64_t revision);
  void follow();
  void follow(const SimKind& kind);

  // Watches from before it are refused with 410.
  std::uint64_t oldest(const SimKind& kind) const { return oldest_[slot(kind)]; }
  void forget_before(std::uint64_t revision);
  // The API server started anew: it reads the store as it is now and knows of nothing before.
  void restart();

 private:
  static std::size_t slot(const SimKind& kind) { return static_cast<std::size_t>(kind.index); }

  const SimStore& store_;
  std::array<std::optional<std::uint64_t>, kKindCount> held_;
  std::array<std::uint64_t, kKindCount> oldest_{};
};

}  // namespace pd::test
