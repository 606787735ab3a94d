#include "tests/simulation/sim_watch.h"

#include <algorithm>

namespace pd::test {

std::string metadata_text(const SimObject& object) {
  return R"({"apiVersion":"meta.k8s.io/v1","kind":"PartialObjectMetadata","metadata":)" + dump_json(object.meta()) +
         "}";
}

SimWatch::SimWatch(const SimStore& store, const SimView& view, const SimKind& kind, WatchFilter filter,
                   const Start& start)
    : store_(store),
      view_(view),
      kind_(kind),
      filter_(std::move(filter)),
      initial_end_(start.initial_end),
      allows_bookmarks_(start.allows_bookmarks) {
  const std::vector<SimChange>& changes = store_.changes(kind_);
  const auto first =
      std::upper_bound(changes.begin(), changes.end(), start.after,
                       [](std::uint64_t after, const SimChange& change) { return after < change.revision; });
  position_ = static_cast<std::size_t>(first - changes.begin());
  if (!start.with_state) return;
  store_.each_at(kind_, filter_.prefix, "", start.after, [this](const std::string&, const ObjectPtr& object) {
    if (filter_.matches(object)) ready_.push_back(line("ADDED", *object));
    return true;
  });
}

SimWatch::SimWatch(const SimStore& store, const SimView& view, const SimKind& kind, Json status)
    : store_(store), view_(view), kind_(kind), ended_(true) {
  ready_.push_back(dump_json(Json{{"type", "ERROR"}, {"object", std::move(status)}}));
}

std::optional<std::string> SimWatch::next() {
  if (!ready_.empty()) {
    std::string line = std::move(ready_.front());
    ready_.pop_front();
    return line;
  }
  if (ended_) return std::nullopt;
  const std::uint64_t visible = view_.visible(kind_);
  const std::vector<SimChange>& changes = store_.changes(kind_);
  while (position_ < changes.size() && changes[position_].revision <= visible) {
    std::optional<std::string> event = event_of(changes[position_++]);
    if (event) return event;
  }
  if (initial_end_ && visible >= *initial_end_) {
    initial_end_.reset();
    return bookmark(true);
  }
  if (!bookmark_wanted_ || initial_end_) return std::nullopt;
  bookmark_wanted_ = false;
  return bookmark(false);
}

// An object that leaves the selector is told as deleted, as it was before, but at the revision of the change.
std::optional<std::string> SimWatch::event_of(const SimChange& change) const {
  const SimObject& any = change.after ? *change.after : *change.before;
  if (!filter_.prefix.empty() && any.meta_text("namespace") + "/" != filter_.prefix) return std::nullopt;
  const bool was = filter_.matches(change.before);
  const bool is = filter_.matches(change.after);
  if (!was && !is) return std::nullopt;
  if (is) return line(was ? "MODIFIED" : "ADDED", *change.after);
  Json last = change.before->json();
  last["metadata"]["resourceVersion"] = std::to_string(change.revision);
  return line("DELETED", SimObject(std::move(last), change.revision));
}

std::string SimWatch::line(std::string_view type, const SimObject& object) const {
  std::string text = R"({"type":")";
  text.append(type).append(R"(","object":)");
  text += filter_.metadata_only ? metadata_text(object) : object.text();
  return text + "}";
}

std::string SimWatch::bookmark(bool initial_end) const {
  Json metadata = {{"resourceVersion", std::to_string(view_.visible(kind_))}};
  if (initial_end) metadata["annotations"] = {{"k8s.io/initial-events-end", "true"}};
  const std::string_view kind = filter_.metadata_only ? "PartialObjectMetadata" : kind_.kind;
  const std::string_view version = filter_.metadata_only ? "meta.k8s.io/v1" : kind_.api_version;
  return dump_json(
      Json{{"type", "BOOKMARK"}, {"object", {{"kind", kind}, {"apiVersion", version}, {"metadata", metadata}}}});
}

}  // namespace pd::test
