#include "gate/check.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <climits>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "ranktable/address_key.h"
#include "ranktable/validate.h"

namespace pd::gate {
namespace {

using State = View::State;
using ranktable::Finding;

constexpr std::size_t kSmallFile = 4096;

std::string in_quotes(std::string_view text) {
  std::string shown(text.substr(0, 40));
  std::replace_if(
      shown.begin(), shown.end(), [](unsigned char c) { return c < 0x20 || c >= 0x7f; }, '?');
  return '"' + shown + (text.size() > 40 ? "...\"" : "\"");
}

std::string missing_file(const std::string& name, const Error& error, const std::string& directory) {
  if (error.code != Code::kNotFound) return error.message;
  return name + " is not in " + directory + " yet: the operator has not published a table for this pod";
}

// Leaves the expected generation out when the pod's annotation is not there yet: the downward API writes an empty file.
void read_expected(const std::string& base, View& view) {
  const Result<std::string> text = read_file(base + "/expected_generation", kSmallFile);
  if (!text) {
    view.expected_problem = "expected_generation can't be read: " + text.error().message;
    return;
  }
  view.expected = parse_generation(*text);
  if (view.expected) return;
  const bool blank = text->find_first_not_of(" \t\r\n") == std::string::npos;
  view.expected_problem = blank ? "expected_generation is empty: no published table lists this pod yet"
                                : "expected_generation holds " + in_quotes(*text) +
                                      ", which is not a number: the pod's annotation "
                                      "pd-operator.io/ranktable-generation should be left to the operator";
}

// True when the file held a number.
bool read_generation(const std::string& base, const Subject& subject, View& view) {
  const Result<std::string> text = read_file(base + "/generation", kSmallFile);
  if (!text) {
    view.problem = missing_file("generation", text.error(), subject.directory);
    return false;
  }
  const std::optional<std::int64_t> generation = parse_generation(*text);
  if (!generation) view.problem = "the file generation holds " + in_quotes(*text) + ", which is not a number";
  view.generation = generation.value_or(0);
  return generation.has_value();
}

bool refuse(View& view, const std::string& file, const std::vector<Finding>& findings) {
  if (findings.empty()) return false;
  view.state = State::kRefused;
  view.problem = file + " is refused: " + ranktable::to_string(findings.front());
  return true;
}

// True when the global table is completed and keeps the profile's rules.
bool judge_global(const std::string& global, const Subject& subject, View& view) {
  const Result<std::string> status = ranktable::read_status(global);
  if (status && *status == "initializing") {
    view.state = State::kInitializing;
    view.problem = "the table (generation " + std::to_string(view.generation) +
                   ") is still initializing: the operator waits for instances or their NPUs";
    return false;
  }
  return !refuse(view, "global_ranktable.json", ranktable::validate_global(global, subject.profile));
}

// True when the local table is this pod's: a scheduler's has no devices, and is a host table.
bool judge_local(const std::string& global, const std::string& local, const Subject& subject, View& view) {
  const std::string& name = subject.local;
  const std::vector<Finding> as_instance = ranktable::validate_local(local, subject.profile);
  const bool is_host = !as_instance.empty() && ranktable::validate_host(local, subject.profile).empty();
  if (!is_host && refuse(view, name, as_instance)) return false;
  if (refuse(view, name, ranktable::validate_mirror(global, local, subject.profile))) return false;
  const Result<std::vector<std::string>> ips = ranktable::read_server_ips(local);
  const bool listed = ips && std::any_of(ips->begin(), ips->end(), [&](const std::string& ip) {
                        return ranktable::same_address(ip, subject.address);
                      });
  if (listed) return true;
  view.state = State::kRefused;
  view.problem = name + " does not list this pod's address " + in_quotes(subject.address) +
                 (ips && !ips->empty() ? "; it lists " + in_quotes(ips->front()) : "");
  return false;
}

// Empty when the directory is none of kubelet's.
std::string link_target(const std::string& directory) {
  std::array<char, PATH_MAX> target{};
  const ssize_t length = readlink((directory + "/..data").c_str(), target.data(), target.size());
  return length > 0 ? std::string(target.data(), static_cast<std::size_t>(length)) : std::string();
}

}  // namespace

std::optional<std::int64_t> parse_generation(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n";
  const std::size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return std::nullopt;
  text = text.substr(first, text.find_last_not_of(kBlank) - first + 1);
  std::int64_t generation = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), generation);
  if (problem != std::errc() || end != text.data() + text.size() || generation < 0) return std::nullopt;
  return generation;
}

std::string publication(const std::string& directory) {
  struct stat link {};
  if (lstat((directory + "/..data").c_str(), &link) != 0 || !S_ISLNK(link.st_mode)) return {};
  return std::to_string(link.st_dev) + ":" + std::to_string(link.st_ino) + ":" + std::to_string(link.st_ctim.tv_sec) +
         "." + std::to_string(link.st_ctim.tv_nsec) + " " + link_target(directory);
}

View look(const Subject& subject) {
  View view;
  const std::string target = link_target(subject.directory);
  const std::string base = target.empty() ? subject.directory : subject.directory + "/" + target;
  read_expected(base, view);
  const Result<std::string> global = read_file(base + "/global_ranktable.json");
  if (!global) {
    view.problem = missing_file("global_ranktable.json", global.error(), subject.directory);
    return view;
  }
  if (!read_generation(base, subject, view) || !judge_global(*global, subject, view)) return view;
  const Result<std::string> local = read_file(base + "/" + subject.local);
  if (!local) {
    view.problem = missing_file(subject.local, local.error(), subject.directory);
    return view;
  }
  if (judge_local(*global, *local, subject, view)) view.state = State::kCompleted;
  return view;
}

std::string missing_to_start(const View& view) {
  if (view.state != State::kCompleted) return view.problem;
  if (!view.expected) return view.expected_problem;
  if (view.generation >= *view.expected) return {};
  return "the mounted table has generation " + std::to_string(view.generation) + " and this pod is listed from " +
         std::to_string(*view.expected) + " on: kubelet has not refreshed the volume yet";
}

}  // namespace pd::gate
