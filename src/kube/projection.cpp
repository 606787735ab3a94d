#include "kube/projection.h"

#include <simdjson.h>

#include <algorithm>
#include <optional>
#include <vector>

namespace pd::kube {
namespace {

namespace dom = simdjson::dom;

constexpr int kMaxDepth = 64;  // the API server's objects are shallow; a template can be deep, but not this deep
// A parser holds up to 15 times the longest text it has read. That of a thread reads no longer ones than this.
constexpr std::size_t kKeptCapacity = std::size_t{64} << 10;

// The element is what is asked for: its type was looked at before.
dom::array elements_of(dom::element array) { return array.get_array().value_unsafe(); }
dom::object fields_of(dom::element object) { return object.get_object().value_unsafe(); }

template <typename Read>
Json read_array(dom::element element, Read read) {
  Json array = Json::array();
  const dom::array elements = elements_of(element);
  for (const dom::element child : elements) array.push_back(read(child));
  return array;
}

Json build(dom::element element);

Json build_object(dom::element element) {
  Json object = Json::object();
  const dom::object fields = fields_of(element);
  for (const auto& [key, value] : fields) object[std::string(key)] = build(value);  // of equal keys, the last
  return object;
}

Json build(dom::element element) {
  switch (element.type()) {
    case dom::element_type::ARRAY:
      return read_array(element, build);
    case dom::element_type::OBJECT:
      return build_object(element);
    case dom::element_type::INT64: {
      const std::int64_t number = element.get_int64().value_unsafe();
      return number < 0 ? Json(number) : Json(static_cast<std::uint64_t>(number));  // as nlohmann types them
    }
    case dom::element_type::UINT64:
      return element.get_uint64().value_unsafe();
    case dom::element_type::DOUBLE:
      return element.get_double().value_unsafe();
    case dom::element_type::STRING:
      return std::string(element.get_string().value_unsafe());
    case dom::element_type::BOOL:
      return element.get_bool().value_unsafe();
    default:
      return nullptr;
  }
}

Json select(dom::element element, const Projection::Node& node) {
  if (node.members.empty()) return build(element);
  if (element.is_array()) return read_array(element, [&](dom::element child) { return select(child, node); });
  if (!element.is_object()) return build(element);
  Json object = Json::object();
  const dom::object fields = fields_of(element);
  for (const auto& [key, value] : fields) {
    const auto member = node.members.find(key);
    if (member != node.members.end()) object[std::string(key)] = select(value, member->second);
  }
  return object;
}

Json select_wrapped(dom::element element, const Projection::Node& node, std::string_view wrapper) {
  if (element.is_array())
    return read_array(element, [&](dom::element child) { return select_wrapped(child, node, wrapper); });
  if (!element.is_object()) return build(element);
  Json object = Json::object();
  const dom::object fields = fields_of(element);
  for (const auto& [key, value] : fields)
    object[std::string(key)] = key == wrapper ? select(value, node) : build(value);
  return object;
}

// Nothing when simdjson refuses the text: it is no JSON, or it has what simdjson alone can't read.
std::optional<Json> parse_fast(std::string_view text, const Projection& projection, std::string_view wrapper) {
  thread_local dom::parser kept;
  dom::parser for_this;
  dom::parser& parser = text.size() <= kKeptCapacity ? kept : for_this;
  if (parser.max_depth() != kMaxDepth &&
      parser.allocate(std::max<std::size_t>(text.size(), 64), kMaxDepth) != simdjson::SUCCESS)
    return std::nullopt;
  dom::element root;
  if (parser.parse(text.data(), text.size()).get(root) != simdjson::SUCCESS) return std::nullopt;
  return wrapper.empty() ? select(root, projection.root()) : select_wrapped(root, projection.root(), wrapper);
}

// Decides for each member while nlohmann reads the text whether its value is built.
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
    if (event == Json::parse_event_t::object_end) leave(depth);
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

  // What was named in an object does not count in a later one, which may be deeper: [{"a": {}}, [{"a": {}}]].
  void leave(int depth) {
    while (!path_.empty() && path_.back().depth > depth) path_.pop_back();
  }

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

// An eighth as fast. Integers of more than 64 bits become floating-point numbers, and what is nested too deep is left
// out of its object.
Result<Json> parse_tolerant(std::string_view text, const Projection& projection, std::string_view wrapper) {
  const auto filter = std::make_shared<Filter>(projection, wrapper);
  Json parsed = Json::parse(
      text, [filter](int depth, Json::parse_event_t event, Json& value) { return (*filter)(depth, event, value); },
      /*allow_exceptions=*/false);
  if (filter->too_deep()) return invalid("the JSON is nested deeper than " + std::to_string(kMaxDepth) + " levels");
  if (parsed.is_discarded()) return invalid("the text is not JSON (" + std::to_string(text.size()) + " bytes)");
  return parsed;
}

}  // namespace

Result<Json> parse_projected(std::string_view text, const Projection& projection, std::string_view wrapper) {
  if (std::optional<Json> parsed = parse_fast(text, projection, wrapper)) return std::move(*parsed);
  return parse_tolerant(text, projection, wrapper);
}

}  // namespace pd::kube
