// Follows one kind for ever, as client-go's reflector does, apart from what the objects are: a consistent list, then
// watches that go on from its resourceVersion; bookmarks; 410 leads to a new list; jittered back-off; a silent stream
// is given up. The list comes as the first events of the watch itself where the API server can do that (a streaming
// list, from Kubernetes 1.34 on by default), else in pages.
//
//   Listed(version) -> Watching(version) -> clean end or a passing error -> Watching again
//                                        -> 410, what can't be read, what does not pass -> a new consistent list
//
// Thread: the io_context's.
#pragma once

#include <functional>
#include <string>

#include "kube/client.h"
#include "runtime/timing.h"

namespace pd::runtime {

struct WatchTarget {
  kube::ResourcePath path;
  std::string_view kind;
  bool metadata_only = false;
  const kube::Projection* projection = nullptr;
  std::string ns;              // empty: all namespaces
  std::string label_selector;  // empty: all objects
};

// What a watcher tells. A status that is not ok says that an object can't be read: that is logged, and hides no other.
class WatchSink {
 public:
  virtual ~WatchSink() = default;
  virtual void begin_list() = 0;  // what an earlier list told without coming to its end is void
  virtual Status list_item(const Json& object) = 0;
  virtual void list_deleted(const Json& object) = 0;  // an object that was told has gone meanwhile
  virtual void end_list() = 0;
  virtual Status changed(const Json& object) = 0;  // ADDED, MODIFIED
  virtual void deleted(const Json& object) = 0;
};

class Watcher {
 public:
  struct Timing {
    Duration list_timeout = std::chrono::seconds(60);  // of a page, or until the next event of a streaming list
    Duration head_timeout = std::chrono::seconds(15);
    Duration silence = std::chrono::seconds(150);
    int min_watch_seconds = 300;  // and the time that a whole list may take
    int max_watch_seconds = 600;
    Backoff::Policy backoff = {};
  };

  Watcher(kube::Client& client, WatchTarget target, WatchSink& sink, Rng& rng, Timing timing);
  Watcher(kube::Client& client, WatchTarget target, WatchSink& sink, Rng& rng)
      : Watcher(client, std::move(target), sink, rng, Timing()) {}

  // Runs until stopped.
  asio::awaitable<void> run(StopToken stop);

  // Gives up what is under way and lists anew, at once.
  void relist() { round_.stop(); }

  // The newest resourceVersion that was seen; empty before the first list.
  const std::string& version() const { return version_; }
  // Called when a watch ends: "ended" in good order, "silent", "failed"; and when all is listed anew because the
  // version is "gone" or an event "unreadable".
  void on_restart(std::function<void(std::string_view reason)> callback) { on_restart_ = std::move(callback); }

 private:
  using Lines = std::unique_ptr<kube::LineStream>;

  asio::awaitable<Result<Lines>> open(std::string more, StopToken stop);
  asio::awaitable<Result<Lines>> list(StopToken stop);
  asio::awaitable<Result<Lines>> list_untimed(StopToken stop);
  asio::awaitable<Result<Lines>> list_by_stream(StopToken stop);
  asio::awaitable<Status> list_by_pages(StopToken stop);
  Result<std::optional<std::string>> take_initial(const std::string& line);
  asio::awaitable<bool> watch_until_stale(Lines stream, StopToken stop);
  asio::awaitable<Status> watch(Lines stream, StopToken stop, int& events);
  Status handle(const std::string& line, int& events);
  Status tell(const std::string& type, const Json& object);
  asio::awaitable<void> back_off(const Error& error, StopToken stop);
  void restarted(std::string_view reason) const {
    if (on_restart_) on_restart_(reason);
  }

  kube::Client& client_;
  WatchTarget target_;
  WatchSink& sink_;
  Rng& rng_;
  Timing timing_;
  Backoff backoff_;
  StopSource round_;  // a list and the watches that go on from it
  std::string version_;
  enum class Streaming { kYes, kNotNow, kUnknownToServer } streaming_ = Streaming::kYes;
  std::function<void(std::string_view)> on_restart_;
};

}  // namespace pd::runtime
