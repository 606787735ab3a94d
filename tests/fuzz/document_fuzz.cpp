// parse_document: whatever is read is reached, equals itself, knows its place, and says what nlohmann's own tree says.
#include <cstddef>
#include <cstdint>

#include "ranktable/document.h"
#include "tests/fuzz/require.h"

namespace pd::ranktable {
namespace {

using fuzz::require;

constexpr std::size_t kPlaces = 200;        // each is found from the root on
constexpr std::size_t kUncutPointer = 100;  // a pointer cuts longer keys

Value resolve(Value root, std::string_view pointer) {
  Value at = root;
  while (at && !pointer.empty()) {
    pointer.remove_prefix(1);
    const std::string_view token = pointer.substr(0, pointer.find('/'));
    std::size_t index = 0;
    Value next;
    for (const Value child : at) {
      if (token == (at.is_list() ? std::to_string(index++) : pointer_token(child.key()))) {
        next = child;
        break;
      }
    }
    at = next;
    pointer.remove_prefix(token.size());
  }
  return at;
}

class Comparison {
 public:
  explicit Comparison(Value root) : root_(root) {}

  void compare(Value value, const Json& json) {
    require(is_showable(shown(value)), "a value can be shown", shown(value));
    if (places_ < kPlaces) {
      ++places_;
      const std::string pointer = value.pointer();
      if (pointer.size() <= kUncutPointer)
        require(resolve(root_, pointer) == value, "a pointer leads to its value", pointer);
    }
    if (value.is_list()) return compare_list(value, json);
    if (value.is_object()) return compare_object(value, json);
    require(value.is_scalar() && value.size() == 0 && !(value.begin() != value.end()), "a scalar holds nothing");
    if (value.is_text()) {
      require(json.is_string() && json.get_ref<const std::string&>() == value.text(), "the texts are the same");
    } else if (json.is_number_float()) {
      require(value.kind() == Kind::kNumber && !value.text().empty(), "a number is one");
    } else {
      require(json.dump() == value.text(), "the scalars are the same", value.text());
    }
  }

 private:
  static bool is_showable(std::string_view text) { return fuzz::is_showable(text); }

  void compare_list(Value list, const Json& json) {
    require(json.is_array() && json.size() == list.size(), "the lists have the same length");
    std::size_t index = 0;
    for (const Value element : list) compare(element, json[index++]);
    require(index == list.size(), "every element is reached");
  }

  void compare_object(Value object, const Json& json) {
    require(json.is_object() && json.size() == object.size(), "the objects have as many members");
    std::size_t count = 0;
    for (const Value member : object) {
      const auto found = json.find(std::string(member.key()));
      require(found != json.end(), "both have the member", member.key());
      require(object.find(member.key()).key() == member.key(), "a member is found by its key", member.key());
      compare(member, *found);
      ++count;
    }
    require(count == object.size(), "every member is reached");
  }

  Value root_;
  std::size_t places_ = 0;
};

void check(std::string_view text) {
  const Result<Document> document = parse_document(text);
  const Result<Json> json = parse_json(text, kDocumentLimits);
  if (!document) {
    fuzz::require_message(document.error());
    require(!json || document.error().message.find("members") != std::string::npos, "what is JSON is read",
            document.error().message);
    return;
  }
  require(json.ok(), "what is read is JSON");
  require(document->bytes() == text.size(), "its length is known");
  const Value root = document->root();
  require(root == document->root(), "a document equals itself");
  require(root.pointer().empty(), "the root's pointer is empty");
  Comparison(root).compare(root, *json);
  const Result<Document> sorted = parse_document(dump_json(*json));
  require(sorted.ok(), "what is written again is read again");
}

}  // namespace
}  // namespace pd::ranktable

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {  // NOLINT: libFuzzer's name
  pd::ranktable::check(pd::fuzz::text_of(data, size));
  return 0;
}
