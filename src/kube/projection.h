// Reading only what is used out of the API's JSON. A pod is 4 KB of JSON of which a twentieth matters; what is not
// selected is parsed but never built. simdjson parses; a text that it refuses (an integer of more than 64 bits, which
// the API server writes for 1e20, is enough) is read again by nlohmann, whose answer counts: one such object hides no
// other.
//
//   Projection fields({"metadata.name", "status.podIP"});
//   Result<Json> pod = parse_projected(text, fields);
//   Result<Json> list = parse_projected(page, fields, "items");   // the fields are those of each item
//
// Thread: immutable after construction.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>

#include "base/json.h"

namespace pd::kube {

class Projection {
 public:
  // Paths of members, dots between names; an array is passed through. What a path names is kept whole, whatever longer
  // paths say. An empty list keeps all.
  Projection(std::initializer_list<std::string_view> paths);

  struct Node {
    std::map<std::string, Node, std::less<>> members;  // empty: everything below is kept
    bool named = false;                                // by a path that ends here
  };
  const Node& root() const { return root_; }

 private:
  Node root_;
};

// `wrapper`: the member of the root that holds the object or the array of objects ("items", "object"); its siblings are
// kept whole. Empty: the root is the object. A wrapped object that is nested deeper than 64 levels comes without what
// is deeper and with kTooDeepMember, one of which more than kMostValues would be kept with its identity alone and
// kTooManyMember: decode_meta() refuses both, so that one hostile object hides no other. (A value takes 80 bytes here
// and may be 3 of the text; a large template has 2000.)
inline constexpr const char* kTooDeepMember = "nestedTooDeep";
inline constexpr const char* kTooManyMember = "tooManyValues";
inline constexpr std::size_t kMostValues = 50'000;
Result<Json> parse_projected(std::string_view text, const Projection& projection, std::string_view wrapper = {});

}  // namespace pd::kube
