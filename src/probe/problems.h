// What keeps a reading from being complete.
// Thread: plain values.
#pragma once

#include <map>
#include <string>

namespace pd::probe {

using Problems = std::map<std::string, std::string>;  // what it is about ("device 3") -> what is wrong with it

}  // namespace pd::probe
