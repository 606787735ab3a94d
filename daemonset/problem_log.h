// What is wrong right now, said once: a problem is logged when it appears or changes and again when it is over, not
// each time somebody looks. Thread: one owner.
#pragma once

#include <map>
#include <string>

#include "probe/problems.h"

namespace pd::agent {

class ProblemLog {
 public:
  // `now` is all that is wrong in `area` ("inventory"). Logs the difference to what was said before.
  void update(const std::string& area, const probe::Problems& now);

 private:
  std::map<std::string, probe::Problems> said_;
};

}  // namespace pd::agent
