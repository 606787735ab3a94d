#include "probe/hccn_conf.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <charconv>
#include <map>
#include <optional>
#include <set>

#include "base/address.h"
#include "base/clock.h"
#include "base/excerpt.h"
#include "base/file.h"

namespace pd::probe {
namespace {

constexpr int kHighestId = 255;  // as in the annotation; a wilder number is a damaged file
constexpr int kLockAttempts = 20;
constexpr Duration kLockPause = std::chrono::milliseconds(25);

// Held where nobody edits the file, and where there is none to edit.
class SharedLock {
 public:
  explicit SharedLock(const std::string& path) : fd_(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
    held_ = fd_ < 0 || flock(fd_, LOCK_SH | LOCK_NB) == 0;
  }
  ~SharedLock() {
    if (fd_ >= 0) close(fd_);
  }
  SharedLock(const SharedLock&) = delete;
  SharedLock& operator=(const SharedLock&) = delete;
  bool held() const { return held_; }

 private:
  int fd_;
  bool held_;
};

// What follows `name` and '_' in the key, when it is a device's number as the driver writes it.
std::optional<int> id_in_key(std::string_view key, std::string_view name) {
  if (key.size() <= name.size() + 1 || !key.starts_with(name) || key[name.size()] != '_') return std::nullopt;
  const std::string_view digits = key.substr(name.size() + 1);
  int id = -1;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), id);
  const bool plain = digits == "0" || (digits[0] >= '1' && digits[0] <= '9');
  if (error != std::errc() || end != digits.data() + digits.size() || !plain || id > kHighestId) return std::nullopt;
  return id;
}

class ConfReader {
 public:
  void take_line(std::string_view line) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos) return;
    const std::string_view key = line.substr(0, equals);
    const std::string_view value = line.substr(equals + 1);
    if (const std::optional<int> id = id_in_key(key, "address"))
      set(*id, &npu::Device::ip, AddressFamily::kIPv4, key, value);
    if (const std::optional<int> id = id_in_key(key, "IPv6address"))
      set(*id, &npu::Device::ipv6, AddressFamily::kIPv6, key, value);
  }

  SourceReading finish() {
    for (auto& [id, device] : devices_) {
      device.id = id;
      reading_.devices.push_back(std::move(device));
    }
    return std::move(reading_);
  }

 private:
  void set(int id, std::string npu::Device::*member, AddressFamily family, std::string_view key,
           std::string_view value) {
    std::string& address = devices_[id].*member;
    std::string problem;
    if (!is_peer_address(value) || address_family(value) != family) {
      problem = std::string(key) + "=" + excerpt(value) +
                " in hccn.conf is not an address that peers could reach; set one with hccn_tool -i " +
                std::to_string(id) + " -ip -s";
    } else if (!address.empty() && address != value) {
      problem =
          std::string(key) + " is in hccn.conf twice, with " + address + " and " + std::string(value) + "; remove one";
    } else if (!refused_.contains(std::string(key))) {
      address = value;
      return;
    }
    address.clear();
    refused_.insert(std::string(key));
    if (!problem.empty()) reading_.problems[device_subject(id)] = problem;
  }

  SourceReading reading_;
  std::map<int, npu::Device> devices_;
  std::set<std::string> refused_;  // keys that had a value which cannot be used: no later line mends that
};

}  // namespace

Result<SourceReading> parse_hccn_conf(std::string_view text) {
  ConfReader reader;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    reader.take_line(text.substr(0, end));
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  }
  SourceReading reading = reader.finish();
  if (reading.devices.empty())
    return invalid(
        "it has no line address_<id>=<address>; set addresses with hccn_tool -i ID -ip -s, or choose another --source");
  return reading;
}

SourceReading restrict_to(SourceReading reading, const std::vector<int>& ids, const std::string& where) {
  SourceReading wanted;
  for (const int id : ids) {
    const auto known =
        std::find_if(reading.devices.begin(), reading.devices.end(), [&](const npu::Device& d) { return d.id == id; });
    npu::Device device;
    device.id = id;
    const std::string subject = device_subject(id);
    if (known != reading.devices.end()) {
      device = *known;
      if (const auto problem = reading.problems.find(subject); problem != reading.problems.end())
        wanted.problems.insert(*problem);
    } else {
      wanted.problems[subject] = "no address in " + where + "; add one there, or choose another --source";
    }
    wanted.devices.push_back(std::move(device));
  }
  return wanted;
}

bool HccnConf::present() const { return access(path_.c_str(), F_OK) == 0; }

Result<SourceReading> HccnConf::read_now(const std::vector<int>& ids) const {
  const Result<std::string> text = read_file(path_);
  if (!text) return text.error();
  Result<SourceReading> reading = parse_hccn_conf(*text);
  if (!reading) return reading.error().with_context(path_);
  if (ids.empty()) return reading;
  return restrict_to(std::move(*reading), ids, path_);
}

asio::awaitable<Result<SourceReading>> HccnConf::read(std::vector<int> ids) {
  asio::steady_timer pause(co_await asio::this_coro::executor);
  for (int attempt = 0;; ++attempt) {
    const SharedLock lock(path_);
    if (lock.held() || attempt == kLockAttempts) co_return read_now(ids);
    pause.expires_after(kLockPause);
    co_await pause.async_wait(asio::use_awaitable);
  }
}

}  // namespace pd::probe
