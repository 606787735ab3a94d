// Says that a file may have changed: written in place, replaced by rename, made or removed. Both the file and its
// folder are watched, because a file that is bind-mounted into a container changes without its folder's knowledge, and
// a replaced one changes without its own. It is a hint that saves waiting for the next round, never a condition: the
// rounds go on without it.
//
//   FileWatch watch(io, "/etc/hccn.conf", [&] { probe.notify(); });
//   watch.arm();
//
// Owner: the agent. Thread: the io_context's one thread.
#pragma once

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <functional>
#include <string>

#include "base/result.h"

namespace pd::agent {

namespace asio = boost::asio;

class FileWatch {
 public:
  FileWatch(asio::io_context& io, std::string path, std::function<void()> on_change);
  FileWatch(const FileWatch&) = delete;
  FileWatch& operator=(const FileWatch&) = delete;

  // Watches what there is of file and folder; call it again each round, it costs nothing. An error when there is
  // neither.
  Status arm();
  void stop();

 private:
  void read_events();
  bool concerns_us(std::size_t got) const;

  asio::posix::stream_descriptor inotify_;
  std::string path_;
  std::string folder_;
  std::string name_;
  std::function<void()> on_change_;
  int folder_watch_ = -1;
  alignas(8) std::array<char, 4096> buffer_{};
};

}  // namespace pd::agent
