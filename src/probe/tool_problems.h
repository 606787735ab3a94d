// What a person is told when one of the driver's tools fails, or says that a device is not as it should be: what is
// wrong and what to do about it. All these texts are here. The tools' own words, by which the cases are known, are
// those of their source (hicann/driver, src/custom/network/hccn and src/custom/dev_prod/user/npucli). Thread: pure
// functions.
#pragma once

#include <string>
#include <string_view>

#include "probe/child_process.h"

namespace pd::probe {

// Each of these follows the command that was run and a colon.
std::string tool_not_run(const Error& error);          // it did not start, or did not end by itself
std::string tool_failed(const ProcessResult& result);  // it ended with an error
std::string tool_unclear(std::string_view key, const ProcessResult& result);  // its answer has no line of that key
std::string tool_busy();
std::string not_an_address(std::string_view value);
std::string unknown_word(std::string_view key, std::string_view value);

// What is wrong with a device. `ipv6`: why its IPv6 address could not be read, or nothing when it has none.
std::string no_address(int id, const std::string& ipv6);
std::string link_down(int id);
std::string unhealthy(int id, std::string_view word);

}  // namespace pd::probe
