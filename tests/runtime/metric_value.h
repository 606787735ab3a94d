// Reads one number out of a page in Prometheus' text format.
#pragma once

#include <cstdlib>
#include <optional>
#include <string>

namespace pd::test {

// metric(text, "workqueue_depth{controller=\"c\",name=\"c\"}"): labels in the order of the alphabet. Nothing when the
// page does not have it.
inline std::optional<double> metric(const std::string& text, const std::string& name) {
  const std::string wanted = "\n" + name + " ";
  const std::size_t found = ("\n" + text).find(wanted);
  if (found == std::string::npos) return std::nullopt;
  return std::strtod(text.c_str() + found + wanted.size() - 1, nullptr);
}

}  // namespace pd::test
