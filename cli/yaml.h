// YAML as Kubernetes' own programs read and write it: a value is what JSON has, plain scalars are typed by YAML 1.1's
// rules ("yes" is a truth value, 0644 a number in octal), anchors, aliases and merge keys are resolved.
// Thread: pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace pd::cli {

// The documents of a text; empty ones are left out. JSON is YAML as well. Errors name line and column. What aliases
// make of a small text is bounded.
Result<std::vector<Json>> parse_yaml(std::string_view text);

// Without a newline at the end. Texts that another reader could take for something else ("1.0", "no") are quoted.
std::string format_yaml(const OrderedJson& value);

}  // namespace pd::cli
