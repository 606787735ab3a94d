#include "base/json.h"

#include <vector>

namespace pd {
namespace {

constexpr std::size_t kShownBytes = 64;
constexpr std::size_t kTokenBytes = 100;

// Builds a document while it is read, and stops at the first thing that is over a limit.
class LimitedBuilder {
 public:
  explicit LimitedBuilder(const JsonLimits& limits) : limits_(limits) {}

  bool null() { return add(nullptr); }
  bool boolean(bool value) { return add(value); }
  bool number_integer(std::int64_t value) { return add(value); }
  bool number_unsigned(std::uint64_t value) { return add(value); }
  bool number_float(double value, const std::string& /*text*/) { return add(value); }
  bool binary(std::vector<std::uint8_t>& /*value*/) { return fail("binary data"); }
  bool string(std::string& value) {
    if (value.size() > limits_.string_bytes)
      return fail("a string is longer than " + std::to_string(limits_.string_bytes) + " bytes");
    return add(std::move(value));
  }
  bool key(std::string& value) {
    if (value.size() > limits_.string_bytes)
      return fail("a key is longer than " + std::to_string(limits_.string_bytes) + " bytes");
    keys_.back() = std::move(value);
    if (open_.back()->contains(keys_.back())) return fail("the key " + shown(Json(keys_.back())) + " occurs twice");
    return true;
  }
  bool start_object(std::size_t /*size*/) { return open(Json::object()); }
  bool start_array(std::size_t /*size*/) { return open(Json::array()); }
  bool end_object() { return close(); }
  bool end_array() { return close(); }
  bool parse_error(std::size_t position, const std::string& /*token*/, const nlohmann::detail::exception& /*error*/) {
    return fail("not JSON at byte " + std::to_string(position));
  }

  Json take() { return std::move(root_); }
  std::string where() const {
    std::string pointer;
    for (std::size_t i = 0; i < open_.size(); ++i) {
      pointer += '/';
      pointer += open_[i]->is_array() ? std::to_string(open_[i]->size() - (i + 1 < open_.size() ? 1 : 0))
                                      : pointer_token(keys_[i]);
    }
    return pointer.empty() ? "/" : pointer;
  }
  const std::string& problem() const { return problem_; }

 private:
  bool fail(std::string problem) {
    if (problem_.empty()) problem_ = std::move(problem);
    return false;
  }

  Json* place(Json value) {
    if (open_.empty()) {
      root_ = std::move(value);
      return &root_;
    }
    if (open_.back()->is_array()) {
      open_.back()->push_back(std::move(value));
      return &open_.back()->back();
    }
    Json& member = (*open_.back())[keys_.back()];
    member = std::move(value);
    return &member;
  }
  bool add(Json value) {
    place(std::move(value));
    return true;
  }
  bool open(Json value) {
    if (static_cast<int>(open_.size()) >= limits_.depth)
      return fail("nested deeper than " + std::to_string(limits_.depth) + " levels");
    open_.push_back(place(std::move(value)));
    keys_.emplace_back();
    return true;
  }
  bool close() {
    open_.pop_back();
    keys_.pop_back();
    return true;
  }

  JsonLimits limits_;
  Json root_;
  std::vector<Json*> open_;  // from the root down; a parent is not touched while its child is open, so they stay valid
  std::vector<std::string> keys_;  // the member that is being read at each level
  std::string problem_;
};

}  // namespace

Result<Json> parse_json(std::string_view text, const JsonLimits& limits) {
  if (text.size() > limits.bytes) {
    return invalid("the JSON text has " + std::to_string(text.size()) + " bytes; at most " +
                   std::to_string(limits.bytes) + " are read");
  }
  LimitedBuilder builder(limits);
  if (!Json::sax_parse(text, &builder)) return invalid(builder.problem() + " (at " + builder.where() + ")");
  return builder.take();
}

std::string dump_json(const Json& value) { return value.dump(-1, ' ', false, Json::error_handler_t::replace); }
std::string dump_json(const OrderedJson& value) {
  return value.dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
}

std::string shown(const Json& value) {
  if (value.is_object()) return "an object";
  if (value.is_array()) return "a list";
  if (!value.is_string()) return value.dump();
  const std::string& text = value.get_ref<const std::string&>();
  const std::string start =
      Json(text.substr(0, kShownBytes)).dump(-1, ' ', /*ensure_ascii=*/true, Json::error_handler_t::replace);
  return text.size() > kShownBytes ? start + "..." : start;
}

std::string pointer_token(std::string_view key) {
  std::string token =
      Json(key.substr(0, kTokenBytes)).dump(-1, ' ', /*ensure_ascii=*/true, Json::error_handler_t::replace);
  token = token.substr(1, token.size() - 2);
  std::string::size_type at = 0;
  while ((at = token.find_first_of("~/", at)) != std::string::npos) {
    token.replace(at, 1, token[at] == '~' ? "~0" : "~1");
    at += 2;
  }
  return token;
}

}  // namespace pd
