// pd-gate watch: follows the mounted tables beside a pod's engine. It tells who asks which generation the pod sees,
// calls the engine's reload URL when a new table has arrived, and leaves a note for pd-gate ready. Thread: the
// program's io_context; all of it.
#pragma once

#include <utility>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <optional>
#include <string>

#include "gate/check.h"
#include "gate/directory_watch.h"
#include "gate/reload.h"

namespace pd::gate {

struct WatchOptions {
  Subject subject;
  std::uint16_t port = 8089;
  std::optional<ReloadTarget> reload;  // nothing: files are refreshed, nobody is called
  std::string state_file;
  std::string uid;
};

class TableFollower {
 public:
  TableFollower(boost::asio::io_context& io, WatchOptions options);

  // Follows from now on. The follower must outlive the io_context's run().
  void start();

  // {"uid":"…","generation":7}: the last generation that was seen whole; 0 before that.
  std::string answer() const;

 private:
  boost::asio::awaitable<void> follow();
  boost::asio::awaitable<void> changed_or_due();
  boost::asio::awaitable<void> reload();
  void refresh();
  void take(const View& view);
  void settle(std::int64_t generation);
  void save();

  boost::asio::io_context& io_;
  WatchOptions options_;
  DirectoryWatch watch_;
  std::optional<boost::asio::posix::stream_descriptor> changes_;
  boost::asio::steady_timer timer_;
  bool waiting_for_change_ = false;

  std::string seen_;                   // the publication that was judged last
  std::string problem_;                // the last one that was logged
  std::int64_t delivered_ = 0;         // last generation seen whole, completed or initializing
  std::int64_t completed_ = 0;         // last generation of a completed table
  std::optional<std::int64_t> known_;  // that the engine knows: what it started with, or was told to reload
  bool unsaved_ = false;               // known_ is not in the state file yet
  bool reloading_ = false;
};

// Until SIGTERM or SIGINT; the program's exit code.
int run_watch(const WatchOptions& options);

}  // namespace pd::gate
