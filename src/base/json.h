// JSON from outside, read within limits: nothing that a pod, a node or a file says may exhaust us.
// nlohmann/json is the vocabulary of the codecs; it is never kept as long-lived state.
// Thread: pure functions.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/result.h"

namespace pd {

using Json = nlohmann::json;                 // keys sorted
using OrderedJson = nlohmann::ordered_json;  // keys as inserted: the ranktables' own order

struct JsonLimits {
  std::size_t bytes = 1 << 20;
  int depth = 32;
  std::size_t string_bytes = 1 << 18;
};

// Parses one document. Refuses what is larger or deeper than the limits and an object that names a key twice; the error
// says where, as a JSON pointer.
Result<Json> parse_json(std::string_view text, const JsonLimits& limits = {});

// Compact text; bytes that are not UTF-8 become U+FFFD instead of an exception.
std::string dump_json(const Json& value);
std::string dump_json(const OrderedJson& value);

// A value as an error message shows it: a string is cut after 64 bytes and escaped to ASCII, a list or an object is
// only named.
std::string shown(const Json& value);

// One token of a JSON pointer, escaped (RFC 6901) and spelled as in a JSON text, in ASCII: what steers a terminal does
// not get into a message. A long key is cut.
std::string pointer_token(std::string_view key);

}  // namespace pd
