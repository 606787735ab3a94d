// What is wrong right now, said once: a problem is logged when it appears or changes and again when it is over, not
// each time somebody looks. Thread: one owner.
#pragma once

#include <map>
#include <string>

namespace pd::agent {

using Problems = std::map<std::string, std::string>;  // what it is about ("device 3") -> what is wrong with it

class ProblemLog {
 public:
  // `now` is all that is wrong in `area` ("inventory"). Logs the difference to what was said before.
  void update(const std::string& area, const Problems& now);

 private:
  std::map<std::string, Problems> said_;
};

}  // namespace pd::agent
