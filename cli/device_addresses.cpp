#include "cli/device_addresses.h"

#include <utility>  // before awaitable.hpp: Boost 1.74 with g++ 12

#include <unistd.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <exception>
#include <optional>

#include "probe/hccn_conf.h"
#include "probe/hccn_tool.h"

namespace pd::cli {
namespace {

namespace asio = boost::asio;

std::string on_path(const std::string& name, std::string_view path) {
  while (!path.empty()) {
    const std::size_t colon = path.find(':');
    const std::string candidate = std::string(path.substr(0, colon)) + "/" + name;
    if (candidate.front() == '/' && access(candidate.c_str(), X_OK) == 0) return candidate;
    path = colon == std::string_view::npos ? std::string_view() : path.substr(colon + 1);
  }
  return {};
}

asio::awaitable<void> keep(asio::awaitable<Result<probe::SourceReading>> reading,
                           std::optional<Result<probe::SourceReading>>& result) {
  result.emplace(co_await std::move(reading));
}

// A child is in a process group of its own: what stops us has to stop it.
Result<probe::SourceReading> ask_tool(const std::string& path, Duration timeout, const std::vector<int>& devices) {
  asio::io_context io(1);
  probe::ProcessRunner runner(io);
  probe::HccnTool tool(io, runner, {.path = path, .timeout = timeout, .only_addresses = true});
  bool interrupted = false;
  asio::signal_set signals(io, SIGINT, SIGTERM);
  signals.async_wait([&](const boost::system::error_code& error, int /*signal*/) {
    if (error) return;
    interrupted = true;
    runner.stop();
  });
  std::optional<Result<probe::SourceReading>> result;
  asio::co_spawn(io, keep(tool.read(devices), result), [&](std::exception_ptr failed) {
    if (failed) std::rethrow_exception(failed);
    io.stop();
  });
  io.run();
  if (interrupted) return Error{Code::kCancelled, "interrupted; nothing was written"};
  return *std::move(result);
}

void complain_of_doubles(DeviceAddresses& answer) {
  std::map<std::string, int> holders;
  for (const auto& [id, address] : answer.addresses) {
    if (address.empty()) continue;
    const auto [holder, fresh] = holders.emplace(address, id);
    if (fresh) continue;
    answer.complaints.push_back(probe::device_subject(id) + " has the same address as " +
                                probe::device_subject(holder->second) + ", " + address +
                                "; each needs its own: set one with hccn_tool -i " + std::to_string(id) +
                                " -ip -s address IP netmask MASK");
  }
}

// `advice`: where more is to be learnt. No line of its own where an address was simply never set.
DeviceAddresses collect(const Result<probe::SourceReading>& reading, const std::vector<int>& devices,
                        const std::string& advice) {
  DeviceAddresses answer;
  if (!reading) {
    answer.complaints.push_back(reading.error().message);
    if (reading.error().code != Code::kCancelled) answer.complaints.push_back(advice);
    return answer;
  }
  bool unclear = false;
  for (const npu::Device& device : reading->devices) answer.addresses[device.id] = device.ip;
  for (const int id : devices) {
    if (!answer.addresses[id].empty()) continue;
    const auto problem = reading->problems.find(probe::device_subject(id));
    const std::string why = problem == reading->problems.end() ? "it has no IPv4 address" : problem->second;
    answer.complaints.push_back(probe::device_subject(id) + ": " + why);
    unclear = unclear || !why.starts_with("no address is set");
  }
  if (unclear) answer.complaints.push_back(advice);
  complain_of_doubles(answer);
  return answer;
}

// A few devices after the others, so that a tool that hangs is waited for once.
DeviceAddresses by_tool(const std::string& path, Duration timeout, const std::vector<int>& devices) {
  constexpr std::size_t kAtOnce = 4;
  const std::string advice = "run " + path + " -i N -ip -g by hand as root to see more";
  probe::SourceReading all;
  for (std::size_t first = 0; first < devices.size(); first += kAtOnce) {
    const std::size_t end = std::min(devices.size(), first + kAtOnce);
    const std::vector<int> some(devices.begin() + static_cast<std::ptrdiff_t>(first),
                                devices.begin() + static_cast<std::ptrdiff_t>(end));
    const Instant begin = std::chrono::steady_clock::now();
    Result<probe::SourceReading> reading = ask_tool(path, timeout, some);
    const bool hangs = std::chrono::steady_clock::now() - begin >= timeout;
    if (!reading && (hangs || end == some.size() || reading.error().code == Code::kCancelled)) {
      Error error = reading.error();
      if (end < devices.size() && error.code != Code::kCancelled) error.message += "; the others were not asked";
      return collect(error, devices, advice);
    }
    if (!reading) {
      for (const int id : some) all.problems[probe::device_subject(id)] = reading.error().message;
    } else {
      all.devices.insert(all.devices.end(), reading->devices.begin(), reading->devices.end());
      all.problems.merge(reading->problems);
    }
    if (hangs) {
      for (std::size_t i = end; i < devices.size(); ++i) {
        all.problems[probe::device_subject(devices[i])] = "it was not asked for, as the tool hung for another device";
      }
      break;
    }
  }
  return collect(all, devices, advice);
}

DeviceAddresses by_conf(const std::string& path, const std::vector<int>& devices) {
  if (access(path.c_str(), F_OK) != 0) {
    return {.addresses = {}, .complaints = {"--hccn-conf: there is no file " + path}};
  }
  return collect(probe::HccnConf(path).read_now(devices), devices,
                 "an address is set with hccn_tool -i N -ip -s address IP netmask MASK; --hccn-tool names the tool to "
                 "ask instead of the file");
}

}  // namespace

DeviceAddresses ask_addresses(const std::vector<int>& devices, const AddressSources& sources) {
  if (!sources.hccn_tool.empty()) {
    if (access(sources.hccn_tool.c_str(), F_OK) == 0) return by_tool(sources.hccn_tool, sources.timeout, devices);
    return {.addresses = {}, .complaints = {"--hccn-tool: there is no file " + sources.hccn_tool}};
  }
  if (!sources.hccn_conf.empty()) return by_conf(sources.hccn_conf, devices);
  if (access(sources.usual_tool.c_str(), F_OK) == 0) return by_tool(sources.usual_tool, sources.timeout, devices);
  const std::string found = on_path("hccn_tool", sources.search_path);
  if (!found.empty()) return by_tool(found, sources.timeout, devices);
  if (access(sources.usual_conf.c_str(), F_OK) == 0) return by_conf(sources.usual_conf, devices);
  return {
      .addresses = {},
      .complaints = {"there is neither " + sources.usual_tool + " nor hccn_tool on the PATH nor " + sources.usual_conf +
                     " to learn the devices' addresses from; run this on the host that has the NPUs, or say with "
                     "--hccn-tool or --hccn-conf where they are"}};
}

}  // namespace pd::cli
