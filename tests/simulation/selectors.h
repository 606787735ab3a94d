// Label and field selectors: which objects a list, a watch or a query is about.
//
//   parse_label_selector("app=x,tier in (a,b),!old")->matches(labels)
//
// Thread: values without shared state.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "tests/simulation/kinds.h"

namespace pd::test {

class LabelSelector {
 public:
  bool matches(const Json& object) const;
  bool empty() const { return requirements_.empty(); }

 private:
  friend Result<LabelSelector> parse_label_selector(std::string_view text);
  struct Requirement {
    std::string key;
    bool wanted = true;               // false: the label must be absent, or have none of the values
    std::vector<std::string> values;  // none: whatever its value
  };
  std::vector<Requirement> requirements_;
};
Result<LabelSelector> parse_label_selector(std::string_view text);

class FieldSelector {
 public:
  bool matches(const Json& object) const;
  bool empty() const { return requirements_.empty(); }

 private:
  friend Result<FieldSelector> parse_field_selector(const SimKind& kind, std::string_view text);
  struct Requirement {
    Json::json_pointer field;
    bool equal = true;
    std::string value;
  };
  std::vector<Requirement> requirements_;
};
// metadata.name and metadata.namespace; for pods also spec.nodeName and status.phase.
Result<FieldSelector> parse_field_selector(const SimKind& kind, std::string_view text);

}  // namespace pd::test
