// One watch of the simulated API server: the lines that its client would read. It is asked, it never calls: whoever
// drives the simulation asks after each step that wrote or moved the view on.
//
//   while (std::optional<std::string> line = watch.next()) deliver(*line);
//   if (watch.ended()) ...                        // after an ERROR event
//
// Thread: one. The view and the store must outlive it.
#pragma once

#include <deque>
#include <optional>
#include <string>

#include "tests/simulation/selectors.h"
#include "tests/simulation/sim_store.h"
#include "tests/simulation/sim_view.h"

namespace pd::test {

struct WatchFilter {
  std::string prefix;  // of the keys: "" or "namespace/"
  LabelSelector labels;
  FieldSelector fields;
  bool metadata_only = false;

  bool matches(const ObjectPtr& object) const {
    return object && labels.matches(object->json()) && fields.matches(object->json());
  }
};

class SimWatch {
 public:
  struct Start {
    std::uint64_t after = 0;  // events of later revisions are told
    bool with_state = false;  // first an ADDED for each object there is at `after`
    bool allows_bookmarks = false;
    // The streaming list: a bookmark says that the state is complete, once the view has reached this revision.
    std::optional<std::uint64_t> initial_end;
  };
  SimWatch(const SimStore& store, const SimView& view, const SimKind& kind, WatchFilter filter, const Start& start);
  // One that only tells of an error.
  SimWatch(const SimStore& store, const SimView& view, const SimKind& kind, Json status);

  // The next line, without its '\n'; nothing when there is none yet, or no more.
  std::optional<std::string> next();
  bool ended() const { return ended_ && ready_.empty(); }
  // Asks for a bookmark after the events that are visible by then; nothing where the client allows none.
  void request_bookmark() { bookmark_wanted_ = allows_bookmarks_; }
  const SimKind& kind() const { return kind_; }

 private:
  std::optional<std::string> event_of(const SimChange& change) const;
  std::string line(std::string_view type, const SimObject& object) const;
  std::string bookmark(bool initial_end) const;

  const SimStore& store_;
  const SimView& view_;
  const SimKind& kind_;
  WatchFilter filter_;
  std::deque<std::string> ready_;
  std::size_t position_ = 0;  // in the store's changes
  std::optional<std::uint64_t> initial_end_;
  bool allows_bookmarks_ = false;
  bool bookmark_wanted_ = false;
  bool ended_ = false;
};

// An object as a client that asked for metadata only gets it.
std::string metadata_text(const SimObject& object);

}  // namespace pd::test
