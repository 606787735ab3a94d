#include "probe/hccn_tool.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/co_spawn.hpp>
#include <exception>

#include "base/address.h"
#include "probe/backoff.h"
#include "probe/tool_problems.h"
#include "probe/wakeup.h"

namespace pd::probe {
namespace {

using Kind = HccnAnswer::Kind;

constexpr int kBusyAttempts = 6;
constexpr int kAttempts = 2;  // a device counts as unreadable when two calls in a row failed

constexpr const char* kStands = "; what it said before is used for now";

std::string_view trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n\v\f";
  const std::size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

bool says(const ProcessResult& result, std::string_view words) {
  return result.output.find(words) != std::string::npos;
}

// What holds for each command: its value, or why there is none.
HccnAnswer parse_answer(const ProcessResult& result, std::string_view key) {
  if (says(result, "is busy")) return {Kind::kBusy, {}};
  if (result.exit_code != 0) return {Kind::kBad, tool_failed(result)};
  const std::optional<std::string> value = hccn_value(result.output, key);
  if (!value) return {Kind::kBad, tool_unclear(key, result)};
  return {Kind::kValue, *value};
}

// Of several links those without an address count for nothing, whatever the exit status.
HccnAnswer parse_address(const ProcessResult& result, std::string_view key, AddressFamily family) {
  HccnAnswer answer = parse_answer(result, key);
  if (answer.kind == Kind::kBusy) return answer;
  const bool none = trim(result.output).empty() && result.exit_code == 0;
  if (none || says(result, "no ip was preset") || says(result, "does not support IPV6")) {
    answer = {Kind::kValue, hccn_value(result.output, key).value_or("")};
  }
  if (answer.kind != Kind::kValue) return answer;
  if (answer.text.empty()) return {Kind::kUnset, {}};
  if (is_peer_address(answer.text) && address_family(answer.text) == family) return answer;
  return {Kind::kBad, not_an_address(answer.text)};
}

void add_words(std::vector<std::string>& arguments, std::string_view words) {
  while (!words.empty()) {
    const std::size_t end = std::min(words.find(' '), words.size());
    arguments.emplace_back(words.substr(0, end));
    words.remove_prefix(std::min(end + 1, words.size()));
  }
}

// A call that hung, that an earlier one blocks, or for which the machine had nothing left, says nothing of the device.
Kind told_nothing(const Error& error) {
  const bool may_pass =
      error.code == Code::kTimeout || error.code == Code::kUnavailable || error.code == Code::kInternal;
  return may_pass ? Kind::kBusy : Kind::kBad;
}

void add_problem(Problems& problems, int id, const std::string& problem) {
  std::string& all = problems[device_subject(id)];
  if (!all.empty()) all += "; ";
  all += problem;
}

}  // namespace

std::optional<std::string> hccn_value(std::string_view output, std::string_view key) {
  while (!output.empty()) {
    const std::size_t end = output.find('\n');
    const std::string_view line = output.substr(0, end);
    const std::size_t colon = line.find(':');
    if (colon != std::string_view::npos && trim(line.substr(0, colon)) == key)
      return std::string(trim(line.substr(colon + 1)));
    output = end == std::string_view::npos ? std::string_view() : output.substr(end + 1);
  }
  return std::nullopt;
}

HccnAnswer parse_hccn_ip(const ProcessResult& result) { return parse_address(result, "ipaddr", AddressFamily::kIPv4); }

HccnAnswer parse_hccn_ipv6(const ProcessResult& result) {
  return parse_address(result, "ipv6_address", AddressFamily::kIPv6);
}

HccnAnswer parse_hccn_link(const ProcessResult& result) {
  constexpr std::string_view kKey = "link status";
  if (says(result, "not supported on this product")) return {Kind::kUnset, {}};
  HccnAnswer answer = parse_answer(result, kKey);
  if (answer.kind != Kind::kValue) return answer;
  if (answer.text == "UP") return {Kind::kValue, "up"};
  if (answer.text == "DOWN") return {Kind::kValue, "down"};
  return {Kind::kBad, unknown_word(kKey, answer.text)};
}

HccnAnswer parse_hccn_health(const ProcessResult& result) {
  constexpr std::string_view kKey = "net health status";
  constexpr std::array<std::string_view, 2> kNotConfigured = {"Init", "Detect ip set"};
  constexpr std::array<std::string_view, 7> kUnhealthy = {
      "Socket fail", "Receive timeout", "Unreachable", "Time exceeded", "Fault", "Thread error", "Unknown"};
  if (says(result, "not supported on this product")) return {Kind::kUnset, {}};
  HccnAnswer answer = parse_answer(result, kKey);
  if (answer.kind != Kind::kValue) return answer;
  if (answer.text == "Success") return {Kind::kValue, "ok"};
  const auto is_one_of = [&answer](const auto& words) {
    return std::find(words.begin(), words.end(), answer.text) != words.end();
  };
  if (is_one_of(kNotConfigured)) return {Kind::kUnset, {}};
  if (is_one_of(kUnhealthy)) return answer;
  return {Kind::kBad, unknown_word(kKey, answer.text)};
}

HccnTool::HccnTool(asio::io_context& io, ProcessRunner& runner, Options options)
    : io_(io), runner_(runner), options_(std::move(options)) {}

bool HccnTool::present() const { return access(options_.path.c_str(), F_OK) == 0; }

// `what`: the command's words, with one blank between them.
asio::awaitable<HccnAnswer> HccnTool::ask(int id, std::string_view what, Parser parse) {
  ProcessCall call;
  call.program = options_.path;
  call.arguments = {"-i", std::to_string(id)};
  add_words(call.arguments, what);
  call.arguments.emplace_back("-g");
  call.timeout = options_.timeout;
  call.library_path = options_.library_path;
  const std::string place = call.program + " -i " + std::to_string(id) + " " + std::string(what) + " -g: ";
  Backoff backoff(options_.busy_delay, options_.busy_delay * 16);
  Wakeup pause(io_);
  HccnAnswer answer;
  bool bad = false;  // it has said what is no answer
  for (int busy = 0, failed = 0; busy < kBusyAttempts && failed < kAttempts;) {
    const Result<ProcessResult> result = co_await runner_.run(call);
    answer = result ? parse(*result) : HccnAnswer{told_nothing(result.error()), tool_not_run(result.error())};
    if (answer.kind == Kind::kValue || answer.kind == Kind::kUnset) co_return answer;
    bad = bad || answer.kind == Kind::kBad;
    if (!result && result.error().code != Code::kTimeout)
      break;  // not there, not allowed, stopping: asking again is of no use
    const bool says_busy = result && answer.kind == Kind::kBusy;
    if (says_busy) answer.text = tool_busy();
    (says_busy ? busy : failed) += 1;
    const Instant next = std::chrono::steady_clock::now() + backoff.next();
    if (says_busy) co_await pause.wait_until(next);
  }
  co_return HccnAnswer{bad ? Kind::kBad : Kind::kBusy, place + answer.text};
}

std::optional<npu::Device> HccnTool::last_reading(int id) const {
  const auto before = read_.find(id);
  const bool stands =
      before != read_.end() && std::chrono::steady_clock::now() < before->second.when + options_.remembered;
  return stands ? std::optional(before->second.device) : std::nullopt;
}

// Fills the device in. False when nothing is known of it, for the tool could not be made to answer.
asio::awaitable<bool> HccnTool::read_device(npu::Device& device, Problems& problems) {
  const std::optional<npu::Device> before = last_reading(device.id);
  const HccnAnswer ip = co_await ask(device.id, "-ip", parse_hccn_ip);
  // Link and health would cost as long, and a device without address is of no use.
  if (ip.kind == Kind::kBad) read_.erase(device.id);
  if (ip.kind == Kind::kBad || ip.kind == Kind::kBusy) {
    const bool stands = ip.kind == Kind::kBusy && before;
    add_problem(problems, device.id, ip.text + (stands ? kStands : ""));
    if (stands) device = *before;
    co_return stands;
  }
  device.ip = ip.text;
  bool told = true;
  if (ip.kind == Kind::kUnset) told = co_await read_ipv6(device, before, problems);
  if (!options_.only_addresses) told = co_await read_state(device, before, problems) && told;
  if (told) read_.insert_or_assign(device.id, Read{device, std::chrono::steady_clock::now()});
  co_return true;
}

// These two answer false when a part was not told; it is as in the last reading.
asio::awaitable<bool> HccnTool::read_ipv6(npu::Device& device, const std::optional<npu::Device>& before,
                                          Problems& problems) {
  const HccnAnswer ipv6 = co_await ask(device.id, "-ip -inet6", parse_hccn_ipv6);
  const bool stands = ipv6.kind == Kind::kBusy && before && !before->ipv6.empty();
  if (ipv6.kind == Kind::kValue) device.ipv6 = ipv6.text;
  if (stands) device.ipv6 = before->ipv6;
  if (stands) add_problem(problems, device.id, ipv6.text + kStands);
  if (!stands && ipv6.kind != Kind::kValue) add_problem(problems, device.id, no_address(device.id, ipv6.text));
  co_return ipv6.kind != Kind::kBusy;
}

// A link that is down makes the health bad: that is said once.
asio::awaitable<bool> HccnTool::read_state(npu::Device& device, const std::optional<npu::Device>& before,
                                           Problems& problems) {
  const HccnAnswer link = co_await ask(device.id, "-link", parse_hccn_link);
  if (link.kind == Kind::kValue) device.link = link.text;
  if (link.kind == Kind::kBusy && before) device.link = before->link;
  if (device.link == "down") add_problem(problems, device.id, link_down(device.id));
  if (link.kind == Kind::kBad || link.kind == Kind::kBusy) add_problem(problems, device.id, link.text);
  const HccnAnswer health = co_await ask(device.id, "-net_health", parse_hccn_health);
  if (health.kind == Kind::kValue) device.health = health.text;
  if (health.kind == Kind::kBusy && before) device.health = before->health;
  if (health.kind == Kind::kBad || health.kind == Kind::kBusy) add_problem(problems, device.id, health.text);
  const bool bad = !device.health.empty() && device.health != "ok";
  if (bad && device.link != "down") add_problem(problems, device.id, unhealthy(device.id, device.health));
  co_return !(link.kind == Kind::kBusy || health.kind == Kind::kBusy);
}

// One reading of all devices: workers take the next device until there is none.
struct HccnTool::Round {
  explicit Round(asio::io_context& io) : done(io) {}
  SourceReading reading;
  std::size_t next = 0;
  std::size_t answered = 0;
  int workers = 0;
  Wakeup done;
};

asio::awaitable<void> HccnTool::work(std::shared_ptr<Round> round) {
  while (round->next < round->reading.devices.size()) {
    npu::Device& device = round->reading.devices[round->next++];
    const bool answered = co_await read_device(device, round->reading.problems);
    round->answered += answered ? 1 : 0;
  }
  if (--round->workers == 0) round->done.notify();
}

asio::awaitable<Result<SourceReading>> HccnTool::read(std::vector<int> ids) {
  if (!present())
    co_return Error{Code::kNotFound, "there is no " + options_.path + "; mount the driver's folder or set --hccn-tool"};
  if (ids.empty())
    co_return invalid("which devices there are is not known: no /dev/davinciN, none from kubelet, no --device-count");
  const auto round = std::make_shared<Round>(io_);
  for (const int id : ids) {
    npu::Device device;
    device.id = id;
    round->reading.devices.push_back(device);
  }
  round->workers = std::min(options_.parallel, static_cast<int>(ids.size()));
  for (int i = round->workers; i > 0; --i)
    asio::co_spawn(io_, work(round), [](std::exception_ptr failed) {
      if (failed) std::rethrow_exception(failed);  // ends the program: no one expects one
    });
  co_await round->done.wait();
  if (round->answered == 0) {
    const std::string& first = round->reading.problems.begin()->second;
    co_return Error{Code::kUnavailable, "no device could be read; the first: " + first};
  }
  co_return std::move(round->reading);
}

}  // namespace pd::probe
