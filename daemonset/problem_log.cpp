#include "daemonset/problem_log.h"

#include "base/log.h"

namespace pd::agent {

void ProblemLog::update(const std::string& area, const probe::Problems& now) {
  probe::Problems& before = said_[area];
  for (const auto& [subject, message] : now) {
    const auto said = before.find(subject);
    if (said == before.end() || said->second != message) log::warn(message, {{"area", area}, {"subject", subject}});
  }
  for (const auto& [subject, message] : before) {
    if (!now.contains(subject)) log::info("This is over: " + message, {{"area", area}, {"subject", subject}});
  }
  before = now;
}

}  // namespace pd::agent
