#include "probe/hccn_tool.h"

#include <unistd.h>

#include <array>
#include <boost/asio/co_spawn.hpp>
#include <exception>

#include "base/address.h"
#include "base/excerpt.h"
#include "probe/backoff.h"
#include "probe/wakeup.h"

namespace pd::probe {
namespace {

using Kind = HccnAnswer::Kind;

constexpr int kBusyAttempts = 6;
constexpr int kAttempts = 2;  // a device counts as unreadable when two calls in a row failed

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
  if (says(result, "no ip was preset") || says(result, "Get ipconf failed") || says(result, "Get ip failed")) {
    return {Kind::kUnset, {}};
  }
  if (result.exit_code != 0) {
    return {Kind::kBad,
            "exit status " + std::to_string(result.exit_code) + ", \"" + excerpt(trim(result.output)) + "\""};
  }
  if (trim(result.output).empty()) return {Kind::kUnset, {}};
  const std::optional<std::string> value = hccn_value(result.output, key);
  if (!value)
    return {Kind::kBad, "no line \"" + std::string(key) + ":\" in its answer \"" + excerpt(trim(result.output)) + "\""};
  return {Kind::kValue, *value};
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

HccnAnswer parse_hccn_ip(const ProcessResult& result) {
  HccnAnswer answer = parse_answer(result, "ipaddr");
  if (answer.kind == Kind::kValue && answer.text.empty()) return {Kind::kUnset, {}};
  if (answer.kind != Kind::kValue || is_peer_address(answer.text)) return answer;
  return {Kind::kBad, "\"" + excerpt(answer.text) + "\" is not an address that peers could reach"};
}

HccnAnswer parse_hccn_link(const ProcessResult& result) {
  HccnAnswer answer = parse_answer(result, "link status");
  if (answer.kind != Kind::kValue) return answer;
  if (answer.text == "UP") return {Kind::kValue, "up"};
  if (answer.text == "DOWN") return {Kind::kValue, "down"};
  return {Kind::kBad, "unknown link status \"" + excerpt(answer.text) + "\""};
}

HccnAnswer parse_hccn_health(const ProcessResult& result) {
  static constexpr std::array<std::string_view, 9> kOthers = {"Socket fail",   "Receive timeout", "Unreachable",
                                                              "Time exceeded", "Fault",           "Init",
                                                              "Thread error",  "Detect ip set",   "Unknown"};
  HccnAnswer answer = parse_answer(result, "net health status");
  if (answer.kind != Kind::kValue) return answer;
  if (answer.text == "Success") return {Kind::kValue, "ok"};
  if (std::find(kOthers.begin(), kOthers.end(), answer.text) != kOthers.end()) return answer;
  return {Kind::kBad, "unknown net health status \"" + excerpt(answer.text) + "\""};
}

HccnTool::HccnTool(asio::io_context& io, ProcessRunner& runner, Options options)
    : io_(io), runner_(runner), options_(std::move(options)) {}

bool HccnTool::present() const { return access(options_.path.c_str(), F_OK) == 0; }

asio::awaitable<HccnAnswer> HccnTool::ask(int id, std::string_view what, Parser parse) {
  ProcessCall call;
  call.program = options_.path;
  call.arguments = {"-i", std::to_string(id), std::string(what), "-g"};
  call.timeout = options_.timeout;
  const std::string place =
      call.program + " " + call.arguments[0] + " " + call.arguments[1] + " " + call.arguments[2] + " -g: ";
  Backoff backoff(options_.busy_delay, options_.busy_delay * 16);
  Wakeup pause(io_);
  HccnAnswer answer;
  for (int busy = 0, failed = 0; busy < kBusyAttempts && failed < kAttempts;) {
    const Result<ProcessResult> result = co_await runner_.run(call);
    if (result) answer = parse(*result);
    if (!result) answer = {Kind::kBad, result.error().message};
    if (answer.kind == Kind::kValue || answer.kind == Kind::kUnset) co_return answer;
    if (!result && result.error().code != Code::kTimeout)
      break;  // not there, not allowed, stopping: asking again is of no use
    (answer.kind == Kind::kBusy ? busy : failed) += 1;
    const Instant next = std::chrono::steady_clock::now() + backoff.next();
    if (answer.kind == Kind::kBusy) co_await pause.wait_until(next);
  }
  co_return HccnAnswer{Kind::kBad, place + (answer.kind == Kind::kBusy ? "it is busy all the time" : answer.text)};
}

// Fills the device in. False when the tool could not be made to answer at all.
asio::awaitable<bool> HccnTool::read_device(npu::Device& device, Problems& problems) {
  const std::string subject = device_subject(device.id);
  const HccnAnswer ip = co_await ask(device.id, "-ip", parse_hccn_ip);
  if (ip.kind == Kind::kValue) device.ip = ip.text;
  if (ip.kind == Kind::kUnset)
    problems[subject] =
        "no address is set; set one with hccn_tool -i " + std::to_string(device.id) + " -ip -s address IP netmask MASK";
  if (ip.kind == Kind::kBad) {
    problems[subject] = ip.text;
    co_return false;  // link and health would cost as long, and a device without address is of no use
  }
  if (options_.only_addresses) co_return true;
  const HccnAnswer link = co_await ask(device.id, "-link", parse_hccn_link);
  if (link.kind == Kind::kValue) device.link = link.text;
  if (link.kind == Kind::kBad) problems.emplace(subject, link.text);
  const HccnAnswer health = co_await ask(device.id, "-net_health", parse_hccn_health);
  if (health.kind == Kind::kValue) device.health = health.text;
  if (health.kind == Kind::kBad) problems.emplace(subject, health.text);
  co_return true;
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
