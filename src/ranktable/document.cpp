#include "ranktable/document.h"

#include <algorithm>
#include <functional>
#include <unordered_map>

namespace pd::ranktable {
namespace {

constexpr std::size_t kShownBytes = 64;

}  // namespace

Kind Value::kind() const {
  return document_ == nullptr ? Kind::kAbsent : static_cast<Kind>(document_->nodes_[node_].kind);
}

std::string_view Value::text() const {
  if (!is_scalar()) return {};
  const Document::Node& node = document_->nodes_[node_];
  return std::string_view(document_->texts_).substr(node.at, node.bytes);
}

std::string_view Value::key() const {
  return document_ == nullptr ? std::string_view() : document_->keys_[document_->nodes_[node_].key];
}

std::size_t Value::size() const { return is_list() || is_object() ? document_->nodes_[node_].at : 0; }

Value Value::find(std::string_view key) const {
  if (!is_object()) return {};
  for (const Value member : *this) {
    if (member.key() == key) return member;
  }
  return {};
}

Value::Iterator& Value::Iterator::operator++() {
  node_ = document_->nodes_[node_].end;
  return *this;
}

Value::Iterator Value::begin() const { return {document_, is_list() || is_object() ? node_ + 1 : 0}; }

Value::Iterator Value::end() const { return {document_, is_list() || is_object() ? document_->nodes_[node_].end : 0}; }

std::string Value::pointer() const {
  std::string pointer;
  if (document_ == nullptr) return pointer;
  Value at = document_->root();
  while (at.node_ != node_) {
    std::size_t index = 0;
    for (const Value child : at) {
      if (node_ < document_->nodes_[child.node_].end) {
        pointer += '/' + (at.is_list() ? std::to_string(index) : pointer_token(child.key()));
        at = child;
        break;
      }
      ++index;
    }
  }
  return pointer;
}

bool Value::operator==(const Value& other) const {
  if (kind() != other.kind() || size() != other.size()) return false;
  if (is_object()) {
    return std::all_of(begin(), end(), [&](Value member) {
      const Value counterpart = other.find(member.key());
      return counterpart && member == counterpart;
    });
  }
  if (!is_list()) return text() == other.text();
  Iterator theirs = other.begin();
  for (const Value element : *this) {
    if (!(element == *theirs)) return false;
    ++theirs;
  }
  return true;
}

namespace {

struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};

}  // namespace

// Builds a document while its text is read, and stops at the first thing that is over a limit.
class DocumentBuilder {
 public:
  DocumentBuilder(const JsonLimits& limits, std::size_t bytes) : limits_(limits) {
    limits_.string_bytes = std::min(limits_.string_bytes, kStringBytes);
    document_.bytes_ = bytes;
    document_.keys_.emplace_back();
    // About what a table of ours needs; pages that are not used are never there.
    document_.nodes_.reserve(bytes / 12 + 1);
    document_.texts_.reserve(bytes / 3);
  }

  bool null() { return add(Kind::kNull, "null"); }
  bool boolean(bool value) { return add(Kind::kBool, value ? "true" : "false"); }
  bool number_integer(std::int64_t value) { return add(Kind::kNumber, std::to_string(value)); }
  bool number_unsigned(std::uint64_t value) { return add(Kind::kNumber, std::to_string(value)); }
  bool number_float(double /*value*/, const std::string& text) { return add(Kind::kNumber, text); }
  bool binary(std::vector<std::uint8_t>& /*value*/) { return fail("there is binary data"); }
  bool string(std::string& value) { return add(Kind::kText, value); }
  bool start_object(std::size_t /*size*/) { return open(Kind::kObject); }
  bool start_array(std::size_t /*size*/) { return open(Kind::kList); }
  bool end_object() { return close(); }
  bool end_array() { return close(); }

  bool key(std::string& value) {
    if (value.size() > limits_.string_bytes) return fail_long("a key");
    const auto known = key_ids_.find(std::string_view(value));
    if (known != key_ids_.end()) {
      key_ = known->second;
    } else {
      if (document_.keys_.size() > kKeys) return fail("there are more than " + std::to_string(kKeys) + " keys");
      key_ = static_cast<std::uint16_t>(document_.keys_.size());
      document_.keys_.push_back(value);
      key_ids_.emplace(value, key_);
    }
    const auto first = object_keys_.begin() + static_cast<std::ptrdiff_t>(open_.back().first_key);
    if (std::find(first, object_keys_.end(), key_) != object_keys_.end()) {
      return fail("the key " + pd::shown(Json(value)) + " occurs twice");
    }
    if (object_keys_.size() - open_.back().first_key == kMembers) {
      return fail("an object has more than " + std::to_string(kMembers) + " members");
    }
    object_keys_.push_back(key_);
    return true;
  }

  bool parse_error(std::size_t position, const std::string& /*token*/, const nlohmann::detail::exception& /*error*/) {
    return fail("it is not JSON at byte " + std::to_string(position));
  }

  const std::string& problem() const { return problem_; }
  // Where reading stopped: the containers that were open, and what would have come next.
  std::string where() const {
    std::string pointer;
    for (std::size_t level = 0; level < open_.size(); ++level) {
      const Open& container = open_[level];
      const bool is_last = level + 1 == open_.size();
      if (is_object(container)) {
        const std::uint16_t key = is_last ? key_ : document_.nodes_[open_[level + 1].node].key;
        if (key != 0) pointer += '/' + pointer_token(document_.keys_[key]);
      } else {
        pointer += '/' + std::to_string(container.size - (is_last ? 0 : 1));
      }
    }
    return pointer.empty() ? "/" : pointer;
  }
  Document take() {
    document_.nodes_.front().end = static_cast<std::uint32_t>(document_.nodes_.size());
    return std::move(document_);
  }

 private:
  static constexpr std::size_t kMembers = 64;          // of one object; no layout has more than a dozen
  static constexpr std::size_t kKeys = 4096;           // distinct ones in a document
  static constexpr std::size_t kStringBytes = 0x1fff;  // what a node can tell

  struct Open {
    std::uint32_t node;
    std::uint32_t size;
    std::size_t first_key;  // in object_keys_
  };

  bool is_object(const Open& container) const {
    return document_.nodes_[container.node].kind == static_cast<std::uint16_t>(Kind::kObject);
  }

  void push(Kind kind, std::size_t at, std::size_t bytes) {
    if (!open_.empty()) ++open_.back().size;
    const auto end = static_cast<std::uint32_t>(document_.nodes_.size() + 1);
    document_.nodes_.push_back({end, static_cast<std::uint32_t>(at), std::exchange(key_, std::uint16_t{0}),
                                static_cast<std::uint16_t>(bytes & kStringBytes),
                                static_cast<std::uint16_t>(static_cast<unsigned>(kind) & 7U)});
  }

  bool add(Kind kind, std::string_view text) {
    if (text.size() > limits_.string_bytes) return fail_long("a string");
    push(kind, document_.texts_.size(), text.size());
    document_.texts_ += text;
    return true;
  }

  bool open(Kind kind) {
    if (open_.size() >= static_cast<std::size_t>(limits_.depth)) {
      return fail("it is nested deeper than " + std::to_string(limits_.depth) + " levels");
    }
    const auto node = static_cast<std::uint32_t>(document_.nodes_.size());
    push(kind, 0, 0);
    open_.push_back({node, 0, object_keys_.size()});
    return true;
  }

  bool close() {
    Document::Node& node = document_.nodes_[open_.back().node];
    node.at = open_.back().size;
    node.end = static_cast<std::uint32_t>(document_.nodes_.size());
    object_keys_.resize(open_.back().first_key);
    open_.pop_back();
    key_ = 0;
    return true;
  }

  bool fail(std::string problem) {
    problem_ = std::move(problem);
    return false;
  }
  bool fail_long(const std::string& what) {
    return fail(what + " is longer than " + std::to_string(limits_.string_bytes) + " bytes");
  }

  JsonLimits limits_;
  Document document_;
  std::vector<Open> open_;
  std::uint16_t key_ = 0;  // of the member that comes next
  std::unordered_map<std::string, std::uint16_t, TextHash, std::equal_to<>> key_ids_;
  std::vector<std::uint16_t> object_keys_;  // of all open objects
  std::string problem_;
};

Result<Document> parse_document(std::string_view text, const JsonLimits& limits) {
  if (text.size() > limits.bytes) {
    return invalid("the table has " + std::to_string(text.size()) + " bytes; at most " + std::to_string(limits.bytes) +
                   " are read");
  }
  DocumentBuilder builder(limits, text.size());
  if (!Json::sax_parse(text, &builder)) return invalid(builder.problem() + " (at " + builder.where() + ")");
  return builder.take();
}

std::string shown(Value value) {
  switch (value.kind()) {
    case Kind::kAbsent:
      return "nothing";
    case Kind::kObject:
      return "an object";
    case Kind::kList:
      return "a list";
    case Kind::kText:
      return pd::shown(Json(std::string(value.text())));
    default:  // a number may have thousands of digits
      return std::string(value.text().substr(0, kShownBytes)) + (value.text().size() > kShownBytes ? "..." : "");
  }
}

}  // namespace pd::ranktable
