// A table as it was read: a tree of views into one parsed text, so that a table of 16,384 NPUs costs a few bytes for
// each value. It keeps what a check needs to say where something is wrong: every value knows its JSON pointer.
//
//   Result<Document> table = parse_document(text);
//   for (Value server : table->root().find("server_list")) use(server.find("server_ip").text());
//
// Ownership: a Value points into its Document, which must outlive it. Thread: values without shared state.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace pd::ranktable {

enum class Kind : std::uint8_t { kAbsent, kNull, kBool, kNumber, kText, kList, kObject };

class Document;

// One value of a document. An absent one answers as an empty one would, so that a chain of find() needs no check
// between.
class Value {
 public:
  Value() = default;

  explicit operator bool() const { return document_ != nullptr; }
  Kind kind() const;
  bool is_text() const { return kind() == Kind::kText; }
  bool is_list() const { return kind() == Kind::kList; }
  bool is_object() const { return kind() == Kind::kObject; }
  bool is_scalar() const { return document_ != nullptr && !is_list() && !is_object(); }

  // A text's content; another scalar as JSON spells it; empty for the rest.
  std::string_view text() const;
  // The name of an object's member; empty for the rest.
  std::string_view key() const;
  // Of a list or an object.
  std::size_t size() const;
  // An object's member; absent when there is none.
  Value find(std::string_view key) const;
  // RFC 6901; "" for the whole document.
  std::string pointer() const;
  // In document order, of two of one document.
  bool is_before(const Value& other) const { return node_ < other.node_; }
  // The same value; the order of an object's members does not count.
  bool operator==(const Value& other) const;

  class Iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = Value;
    using difference_type = std::ptrdiff_t;
    using pointer = const Value*;
    using reference = Value;

    Iterator(const Document* document, std::uint32_t node) : document_(document), node_(node) {}
    Value operator*() const { return {document_, node_}; }
    Iterator& operator++();
    bool operator==(const Iterator& other) const { return node_ == other.node_; }

   private:
    const Document* document_;
    std::uint32_t node_;
  };
  Iterator begin() const;  // the elements of a list, the members of an object
  Iterator end() const;

 private:
  friend class Document;
  Value(const Document* document, std::uint32_t node) : document_(document), node_(node) {}

  const Document* document_ = nullptr;
  std::uint32_t node_ = 0;
};

class Document {
 public:
  Value root() const { return {this, 0}; }
  std::size_t bytes() const { return bytes_; }  // of the text it was read from

 private:
  friend class Value;
  friend class DocumentBuilder;
  // In document order: a container's children follow it, and `end` is the node after its last one.
  struct Node {
    std::uint32_t end;
    std::uint32_t at;   // a scalar's offset in texts_; a container's number of children
    std::uint16_t key;  // index in keys_
    std::uint16_t bytes : 13;
    std::uint16_t kind : 3;
  };

  std::vector<Node> nodes_;
  std::vector<std::string> keys_;  // each distinct key once; the first is "" for what has none
  std::string texts_;
  std::size_t bytes_ = 0;
};

// What anybody may hand in. A mounted table is smaller (a ConfigMap has 1 MiB), but files that were never in a
// ConfigMap are judged too.
inline constexpr JsonLimits kDocumentLimits{.bytes = std::size_t{16} << 20, .depth = 12, .string_bytes = 4096};

// Refuses what is no JSON, over a limit, or names a key twice; the error names the place as a JSON pointer.
Result<Document> parse_document(std::string_view text, const JsonLimits& limits = kDocumentLimits);

// A value as a message shows it: short and printable.
std::string shown(Value value);

}  // namespace pd::ranktable
