#include "runtime/probe_pages.h"

#include <algorithm>
#include <array>

namespace pd::runtime {
namespace {

constexpr std::array<std::string_view, 3> kProbes{"healthz", "livez", "readyz"};

// Takes what is before the separator off the front, and the separator.
std::string_view take_until(std::string_view& text, char separator) {
  const std::size_t end = text.find(separator);
  const std::string_view taken = text.substr(0, end);
  text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  return taken;
}

struct Query {
  bool verbose = false;
  std::vector<std::string_view> excluded;
};

Query read_query(std::string_view text) {
  Query query;
  while (!text.empty()) {
    std::string_view value = take_until(text, '&');
    const std::string_view name = take_until(value, '=');
    if (name == "verbose") query.verbose = true;
    if (name == "exclude") query.excluded.push_back(value);
  }
  return query;
}

bool contains(const std::vector<std::string_view>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

const HealthChecks* ProbePages::checks_of(std::string_view probe) const {
  if (probe == "readyz") return &readiness_;
  return probe == "healthz" || probe == "livez" ? &liveness_ : nullptr;
}

ProbePages::Page ProbePages::not_found() const {
  std::string body = "There is no such page. There are:\n";
  for (const std::string_view probe : kProbes) {
    const std::string path = "/" + std::string(probe);
    body += path + "\n";
    for (const auto& [name, check] : checks_of(probe)->checks_) body.append(path).append("/").append(name).append("\n");
  }
  if (metrics_) body += "/metrics\n";
  return {404, body};
}

ProbePages::Page ProbePages::answer(std::string_view method, std::string_view target) const {
  if (method != "GET" && method != "HEAD") return {405, "Only GET and HEAD are answered here.\n"};
  std::string_view path = take_until(target, '?');  // the query is left
  if (metrics_ && path == "/metrics") return {200, metrics_(), "text/plain; version=0.0.4; charset=utf-8"};
  if (!take_until(path, '/').empty()) return not_found();
  const std::string_view probe = take_until(path, '/');
  const HealthChecks* checks = checks_of(probe);
  if (checks == nullptr) return not_found();
  const std::string_view wanted = path;  // one check, or all
  const Query query = read_query(target);
  std::string lines;
  bool found = false;
  bool failed = false;
  for (const auto& [name, check] : checks->checks_) {
    if (!wanted.empty() && name != wanted) continue;
    found = true;
    if (wanted.empty() && contains(query.excluded, name)) {
      lines += "[+]" + name + " excluded: ok\n";
      continue;
    }
    const Status passed = check();
    if (!passed) failed = true;
    lines += passed ? "[+]" + name + " ok\n" : "[-]" + name + " failed: " + passed.error().message + "\n";
  }
  if (!wanted.empty() && !found) return not_found();
  if (failed) return {500, lines + std::string(probe) + " check failed\n"};
  return {200, query.verbose ? lines + std::string(probe) + " check passed\n" : "ok"};
}

}  // namespace pd::runtime
