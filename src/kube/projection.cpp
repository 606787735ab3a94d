#include "kube/projection.h"

#include <simdjson.h>

#include <algorithm>
#include <optional>
#include <vector>

namespace pd::kube {
namespace {

namespace dom = simdjson::dom;

// The API server's objects are shallow; a template can be deep, but not this deep.
constexpr std::size_t kMaxDepth = 64;
// A parser holds up to 15 times the longest text it has read. That of a thread reads no longer ones than this.
constexpr std::size_t kKeptCapacity = std::size_t{64} << 10;

// The element is what is asked for: its type was looked at before.
dom::array elements_of(dom::element array) { return array.get_array().value_unsafe(); }
dom::object fields_of(dom::element object) { return object.get_object().value_unsafe(); }

// Builds what is kept of the parser's values. `full`: an object has more than kMostValues, and no more of it is built.
class Builder {
 public:
  Json build(dom::element element) {
    if (!count()) return nullptr;
    switch (element.type()) {
      case dom::element_type::ARRAY:
        return read_array(element, [this](dom::element child) { return build(child); });
      case dom::element_type::OBJECT:
        return read_object(element, [this](std::string_view, dom::element value) { return build(value); });
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
    if (node.members.empty() || !(element.is_array() || element.is_object())) return build(element);
    if (!count()) return nullptr;
    if (element.is_array()) return read_array(element, [&](dom::element child) { return select(child, node); });
    return read_object(element, [&](std::string_view key, dom::element value) -> std::optional<Json> {
      const auto member = node.members.find(key);
      if (member == node.members.end()) return std::nullopt;
      return select(value, member->second);
    });
  }

  Json select_wrapped(dom::element element, const Projection::Node& node, std::string_view wrapper) {
    if (element.is_array())
      return read_array(element, [&](dom::element child) { return select_wrapped(child, node, wrapper); });
    if (!element.is_object()) return build(element);
    return read_object(element, [&](std::string_view key, dom::element value) {
      return key == wrapper ? select_each(value, node) : build(value);
    });
  }

  bool full() const { return full_; }

 private:
  bool count() {
    full_ = full_ || ++count_ > kMostValues;
    return !full_;
  }

  Json select_each(dom::element element, const Projection::Node& node) {
    if (element.is_array()) return read_array(element, [&](dom::element child) { return select_each(child, node); });
    count_ = 0;
    Json object = select(element, node);
    count_ = 0;
    return object;
  }

  template <typename Read>
  Json read_array(dom::element element, Read read) const {
    Json array = Json::array();
    const dom::array elements = elements_of(element);
    for (const dom::element child : elements) {
      if (full_) break;
      array.push_back(read(child));
    }
    return array;
  }

  // `read` may answer nothing: the member is left out.
  template <typename Read>
  Json read_object(dom::element element, Read read) const {
    Json object = Json::object();
    const dom::object fields = fields_of(element);
    for (const auto& [key, value] : fields) {
      if (full_) break;
      if (std::optional<Json> kept = read(key, value)) object[std::string(key)] = std::move(*kept);  // the last counts
    }
    return object;
  }

  std::size_t count_ = 0;  // of the object that is built
  bool full_ = false;
};

// Nothing when simdjson refuses the text (it is no JSON, or it has what simdjson alone can't read), and when an object
// has too many values.
std::optional<Json> parse_fast(std::string_view text, const Projection& projection, std::string_view wrapper) {
  thread_local dom::parser kept;
  dom::parser for_this;
  dom::parser& parser = text.size() <= kKeptCapacity ? kept : for_this;
  if (parser.max_depth() != kMaxDepth &&
      parser.allocate(std::max<std::size_t>(text.size(), 64), kMaxDepth) != simdjson::SUCCESS)
    return std::nullopt;
  dom::element root;
  if (parser.parse(text.data(), text.size()).get(root) != simdjson::SUCCESS) return std::nullopt;
  Builder builder;
  Json built = wrapper.empty() ? builder.select(root, projection.root())
                               : builder.select_wrapped(root, projection.root(), wrapper);
  if (builder.full()) return std::nullopt;
  return built;
}

bool is_identity(std::string_view key) {
  return key == "name" || key == "namespace" || key == "uid" || key == "resourceVersion";
}

Json identity_of(const Json& object) {
  Json identity = Json::object();
  const auto metadata = object.find("metadata");
  if (metadata == object.end() || !metadata->is_object()) return identity;
  for (const auto& [key, value] : metadata->items()) {
    if (is_identity(key) && value.is_string()) identity["metadata"][key] = value;
  }
  return identity;
}

// Builds while nlohmann reads the text. (Its own builder with a callback looks through a whole array at the end of each
// element: what is dense would take it minutes.)
class Reader final : public nlohmann::json_sax<Json> {
 public:
  Reader(const Projection& projection, std::string_view wrapper)
      : projection_(projection), wrapper_(wrapper), next_{Part::kWrapper, &whole_} {
    if (wrapper.empty()) next_ = {Part::kInside, &projection.root()};
  }

  bool null() override { return put(nullptr); }
  bool boolean(bool value) override { return put(value); }
  bool number_integer(number_integer_t value) override { return put(value); }
  bool number_unsigned(number_unsigned_t value) override { return put(value); }
  bool number_float(number_float_t value, const string_t&) override { return put(value); }
  bool string(string_t& value) override { return put(std::move(value)); }
  bool binary(binary_t&) override { return false; }  // no JSON text has it
  bool start_object(std::size_t) override { return open(Json::object()); }
  bool start_array(std::size_t) override { return open(Json::array()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override { return false; }

  bool key(string_t& name) override {
    if (skipped_ > 0) return true;
    const Level& in = levels_.back();
    next_ = {Part::kInside, &whole_};
    if (in.part == Part::kWrapper) {
      if (name == wrapper_) next_ = {Part::kWrapped, &projection_.root()};
    } else if (!in.node->members.empty()) {
      const auto member = in.node->members.find(name);
      next_.node = member == in.node->members.end() ? nullptr : &member->second;
    }
    if (in.part == Part::kObject && name == "metadata") next_.part = Part::kMetadata;
    next_.names = next_.part == Part::kMetadata || (in.part == Part::kMetadata && is_identity(name));
    key_ = std::move(name);
    return true;
  }

  bool too_deep() const { return too_deep_; }
  bool too_many() const { return too_many_; }
  Json take() { return std::move(root_); }

 private:
  // What holds the wrapper, what the wrapper holds, an object in it, and the rest.
  enum class Part { kWrapper, kWrapped, kObject, kMetadata, kInside };
  struct Next {
    Part part;
    const Projection::Node* node;  // nullptr: it is left out
    bool names = false;            // the object: kept however much there is
  };
  struct Level {
    Json* at;
    Part part;
    const Projection::Node* node;
  };

  bool put(Json value) {
    if (Json* at = place(value)) *at = std::move(value);
    return true;
  }

  bool open(Json empty) {
    Json* at = place(empty);
    if (at == nullptr) {
      ++skipped_;
      return true;
    }
    const bool is_object = empty.is_object();
    *at = std::move(empty);
    levels_.push_back({at, next_.part == Part::kWrapped && is_object ? Part::kObject : next_.part, next_.node});
    return true;
  }

  bool close() {
    if (skipped_ > 0) {
      --skipped_;
      return true;
    }
    const Level ended = levels_.back();
    levels_.pop_back();
    if (ended.part == Part::kObject) end_wrapped(*ended.at);
    return true;
  }

  void end_wrapped(Json& object) {
    if (std::exchange(too_many_, false)) {
      object = identity_of(object);
      object[kTooManyMember] = true;
    }
    if (std::exchange(too_deep_, false)) object[kTooDeepMember] = true;
    count_ = 0;
  }

  // Where the value goes that comes next; nullptr: nowhere. Sets next_ for an element of an array.
  Json* place(const Json& value) {
    if (levels_.size() + skipped_ > kMaxDepth) {
      too_deep_ = true;
      return nullptr;
    }
    if (skipped_ > 0) return nullptr;
    const bool is_element = !levels_.empty() && levels_.back().at->is_array();
    if (is_element) next_ = {levels_.back().part, levels_.back().node};
    if (next_.node == nullptr) return nullptr;
    if (next_.part == Part::kWrapped) count_ = 0;
    if (++count_ > kMostValues) too_many_ = true;
    if (too_many_ && (!next_.names || value.is_array())) return nullptr;
    if (levels_.empty()) return &root_;
    Json& in = *levels_.back().at;
    return is_element ? &in.emplace_back() : &in[key_];
  }

  const Projection::Node whole_{};
  const Projection& projection_;
  std::string_view wrapper_;
  Json root_;
  std::vector<Level> levels_;  // that are open
  std::size_t skipped_ = 0;    // below them
  Next next_;
  std::string key_;
  std::size_t count_ = 0;  // of the object that is read
  bool too_deep_ = false;  // something of the object that is read was left out
  bool too_many_ = false;
};

// An eighth as fast. Integers of more than 64 bits become floating-point numbers, and what is nested too deep or is too
// much is left out of its object.
Result<Json> parse_tolerant(std::string_view text, const Projection& projection, std::string_view wrapper) {
  Reader reader(projection, wrapper);
  const bool read = Json::sax_parse(text, &reader);
  if (reader.too_deep()) return invalid("the JSON is nested deeper than " + std::to_string(kMaxDepth) + " levels");
  if (reader.too_many()) return invalid("the JSON has more than " + std::to_string(kMostValues) + " values");
  if (!read) return invalid("the text is not JSON (" + std::to_string(text.size()) + " bytes)");
  return reader.take();
}

}  // namespace

Result<Json> parse_projected(std::string_view text, const Projection& projection, std::string_view wrapper) {
  if (std::optional<Json> parsed = parse_fast(text, projection, wrapper)) return std::move(*parsed);
  return parse_tolerant(text, projection, wrapper);
}

}  // namespace pd::kube
