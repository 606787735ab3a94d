#include "tests/simulation/sim_view.h"

#include <algorithm>

namespace pd::test {

std::uint64_t SimView::visible(const SimKind& kind) const {
  const std::optional<std::uint64_t>& held = held_[slot(kind)];
  return held ? *held : store_.revision();
}

void SimView::hold() {
  for (const SimKind& kind : sim_kinds()) hold(kind);
}

void SimView::hold(const SimKind& kind) { held_[slot(kind)] = visible(kind); }

void SimView::advance(std::uint64_t revision) {
  for (const SimKind& kind : sim_kinds()) advance(kind, revision);
}

void SimView::advance(const SimKind& kind, std::uint64_t revision) {
  std::optional<std::uint64_t>& held = held_[slot(kind)];
  if (held) held = std::max(*held, std::min(revision, store_.revision()));
}

void SimView::follow() { held_.fill(std::nullopt); }

void SimView::follow(const SimKind& kind) { held_[slot(kind)].reset(); }

void SimView::forget_before(std::uint64_t revision) {
  for (std::uint64_t& oldest : oldest_) oldest = std::max(oldest, std::min(revision, store_.revision()));
}

void SimView::restart() {
  follow();
  forget_before(store_.revision());
}

}  // namespace pd::test
