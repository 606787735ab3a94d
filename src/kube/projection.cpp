#include "kube/projection.h"

#include <vector>

namespace pd::kube {
namespace {

constexpr int kMaxDepth = 64;  // the API server's objects are shallow; a template can be deep, but not this deep

// Decides for each member while the text is read whether its value is built.
class Filter {
 public:
  Filter(const Projection& projection, std::string_view wrapper) : projection_(projection), wrapper_(wrapper) {}

  bool operator()(int depth, Json::parse_event_t event, Json& parsed) {
    if (depth > kMaxDepth) {
      too_deep_ = true;
      return false;
    }
    if (event == Json::parse_event_t::object_start && object_depth_ < 0 && in_wrapper_ && path_.size() == 1) {
      object_depth_ = depth;
    }
    if (event == Json::parse_event_t::object_end && depth == object_depth_ && std::exchange(too_deep_, false)) {
      parsed[kTooDeepMember] = true;
    }
    if (event != Json::parse_event_t::key) return true;
    while (!path_.empty() && path_.back().depth >= depth) path_.pop_back();
    const std::string& key = parsed.get_ref<const std::string&>();
    if (path_.empty()) in_wrapper_ = key == wrapper_;
    const Step step = next(key);
    path_.push_back({depth, step.node, step.whole});
    return step.keep;
  }

  bool too_deep() const { return too_deep_; }

 private:
  struct Level {
    int depth;
    const Projection::Node* node;
    bool whole;
  };
  struct Step {
    bool keep;
    const Projection::Node* node;
    bool whole;
  };

  Step next(const std::string& key) const {
    if (path_.empty() && !wrapper_.empty()) {
      if (key != wrapper_) return {true, nullptr, true};
      return {true, &projection_.root(), projection_.root().members.empty()};
    }
    const Projection::Node* node = path_.empty() ? &projection_.root() : path_.back().node;
    const bool whole = path_.empty() ? node->members.empty() : path_.back().whole;
    if (whole) return {true, nullptr, true};
    const auto member = node->members.find(key);
    if (member == node->members.end()) return {false, node, false};
    return {true, &member->second, member->second.members.empty()};
  }

  const Projection& projection_;
  std::string_view wrapper_;
  std::vector<Level> path_;
  int object_depth_ = -1;    // of the objects that are read, as the parser counts
  bool in_wrapper_ = false;  // the member that is read is the wrapper
  bool too_deep_ = false;    // something of the object that is read was left out
};

}  // namespace

Projection::Projection(std::initializer_list<std::string_view> paths) {
  for (std::string_view path : paths) {
    Node* node = &root_;
    while (!path.empty() && !node->named) {
      const std::size_t dot = path.find('.');
      node = &node->members[std::string(path.substr(0, dot))];
      path = dot == std::string_view::npos ? std::string_view() : path.substr(dot + 1);
    }
    node->named = true;
    node->members.clear();
  }
}

Result<Json> parse_projected(std::string_view text, const Projection& projection, std::string_view wrapper) {
  const auto filter = std::make_shared<Filter>(projection, wrapper);
  Json parsed = Json::parse(
      text, [filter](int depth, Json::parse_event_t event, Json& value) { return (*filter)(depth, event, value); },
      /*allow_exceptions=*/false);
  if (filter->too_deep()) return invalid("the JSON is nested deeper than " + std::to_string(kMaxDepth) + " levels");
  if (parsed.is_discarded()) return invalid("the text is not JSON (" + std::to_string(text.size()) + " bytes)");
  return parsed;
}

}  // namespace pd::kube
