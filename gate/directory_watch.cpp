#include "gate/directory_watch.h"

#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

namespace pd::gate {
namespace {

constexpr std::uint32_t kGone = IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED;
constexpr std::uint32_t kInterest =
    IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_CLOSE_WRITE | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;

}  // namespace

DirectoryWatch::DirectoryWatch(std::string directory)
    : directory_(std::move(directory)), descriptor_(inotify_init1(IN_CLOEXEC | IN_NONBLOCK)) {}

DirectoryWatch::~DirectoryWatch() {
  if (descriptor_ >= 0) close(descriptor_);
}

void DirectoryWatch::arm() {
  if (descriptor_ >= 0 && watch_ < 0) watch_ = inotify_add_watch(descriptor_, directory_.c_str(), kInterest);
}

void DirectoryWatch::wait(Duration at_most) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(std::max(at_most, Duration::zero()));
  const int limit = static_cast<int>(std::min<std::chrono::milliseconds::rep>(left.count(), 3'600'000));
  pollfd waiting{descriptor_, POLLIN, 0};  // poll() skips a descriptor of -1: then this is a plain wait
  if (poll(&waiting, 1, limit) > 0) drain();
}

void DirectoryWatch::drain() {
  alignas(inotify_event) std::array<char, 8192> buffer{};
  while (true) {
    const ssize_t got = read(descriptor_, buffer.data(), buffer.size());
    if (got <= 0) return;
    for (std::size_t at = 0; at < static_cast<std::size_t>(got);) {
      inotify_event event{};
      std::memcpy(&event, buffer.data() + at, sizeof(event));
      at += sizeof(event) + event.len;
      if (event.wd != watch_ || (event.mask & kGone) == 0) continue;
      inotify_rm_watch(descriptor_, watch_);  // the name may stand for another directory now
      watch_ = -1;
    }
  }
}

}  // namespace pd::gate
