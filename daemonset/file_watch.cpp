#include "daemonset/file_watch.h"

#include <sys/inotify.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

namespace pd::agent {

FileWatch::FileWatch(asio::io_context& io, std::string path, std::function<void()> on_change)
    : inotify_(io), path_(std::move(path)), on_change_(std::move(on_change)) {
  const std::filesystem::path file(path_);
  folder_ = file.parent_path().empty() ? "." : file.parent_path().string();
  name_ = file.filename().string();
  const int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
  boost::system::error_code ignored;
  if (fd >= 0) inotify_.assign(fd, ignored);
  if (inotify_.is_open()) read_events();
}

Status FileWatch::arm() {
  if (!inotify_.is_open())
    return Error{Code::kInternal,
                 "cannot watch " + path_ + ": no inotify instance to be had; see fs.inotify.max_user_instances"};
  const int fd = inotify_.native_handle();
  folder_watch_ =
      inotify_add_watch(fd, folder_.c_str(), IN_CREATE | IN_MOVED_TO | IN_CLOSE_WRITE | IN_DELETE | IN_MOVED_FROM);
  const int reason = errno;
  const int file_watch =
      inotify_add_watch(fd, path_.c_str(), IN_CLOSE_WRITE | IN_MODIFY | IN_DELETE_SELF | IN_MOVE_SELF);
  if (folder_watch_ < 0 && file_watch < 0)
    return Error{Code::kUnavailable,
                 "cannot watch " + path_ + ": " + std::strerror(reason) +
                     "; what changes there is seen at the next round only: look whether its folder is mounted"};
  return Ok{};
}

void FileWatch::stop() {
  boost::system::error_code ignored;
  inotify_.close(ignored);
}

void FileWatch::read_events() {
  inotify_.async_read_some(asio::buffer(buffer_), [this](const boost::system::error_code& error, std::size_t got) {
    if (error) return;
    if (concerns_us(got)) {
      static_cast<void>(arm().ok());  // a new file under the name has a watch of its own to get
      on_change_();
    }
    read_events();
  });
}

bool FileWatch::concerns_us(std::size_t got) const {
  for (std::size_t at = 0; at + sizeof(inotify_event) <= got;) {
    inotify_event event{};
    std::memcpy(&event, buffer_.data() + at, sizeof event);
    const char* name = buffer_.data() + at + sizeof event;
    const bool of_file = event.wd != folder_watch_ && (event.mask & IN_IGNORED) == 0;
    if (of_file || (event.mask & IN_Q_OVERFLOW) != 0) return true;
    if (event.wd == folder_watch_ && event.len > 0 && name_ == name) return true;
    at += sizeof event + event.len;
  }
  return false;
}

}  // namespace pd::agent
