#include "runtime/watcher.h"

#include "base/log.h"
#include "kube/json_members.h"
#include "runtime/store.h"

namespace pd::runtime {
namespace {

constexpr auto kShortWatch = std::chrono::seconds(1);

// Of a list in pages: above what any cluster has (Kubernetes is made for 150,000 pods), so that a list ends.
constexpr std::size_t kMostObjects = 1'000'000;

constexpr int kFailuresBeforeList = 5;  // a version that the server does not know (any more) may fail in many ways

// What the same watch may get over; all else is a matter of a new list.
bool may_pass(const Error& error) {
  return error.code == Code::kThrottled || error.code == Code::kUnavailable || error.code == Code::kTimeout;
}

// What no API server has looked at says nothing of the version that it asked for. As long as it lasts, the watch is
// tried again with that version, as client-go does: all clients would otherwise list anew once the server is back.
bool says_of_version(const Error& error) {
  return error.code != Code::kThrottled && error.reason != kube::kNotConnected;
}

// A bookmark has this among its annotations where a streaming list is complete.
constexpr std::string_view kInitialEventsEnd = "k8s.io/initial-events-end";

// One object that can't be read must not hide all others.
void tell_left_out(const Error& error) {
  log::error("Left out an object that can't be read", {{"error", error.message}});
}

// What only a new list can mend, beside 410.
constexpr std::string_view kUnreadable = "Unreadable";
Error stale(std::string message) { return {Code::kGone, std::move(message), std::string(kUnreadable)}; }

// What an ERROR event says. The projection has dropped the members of its Status: read it again, whole.
Error error_of(const std::string& line) {
  const Result<Json> whole = parse_json(line);
  return whole ? kube::status_error(kube::object_member(*whole, "object")) : stale("an ERROR event can't be read");
}

// The answer was there already when a new list was asked for: it is not the new one.
Error superseded() { return {Code::kCancelled, "stopped"}; }

const char* reason_of(const Error& error) {
  if (error.code == Code::kGone) return error.reason == kUnreadable ? "unreadable" : "gone";
  return error.code == Code::kTimeout ? "silent" : "failed";
}

}  // namespace

Watcher::Watcher(kube::Client& client, WatchTarget target, WatchSink& sink, Rng& rng, Timing timing)
    : client_(client),
      target_(std::move(target)),
      sink_(sink),
      rng_(rng),
      timing_(timing),
      backoff_(timing.backoff, rng) {}

asio::awaitable<void> Watcher::run(StopToken stop) {
  const auto registration = stop.on_stop([this] { round_.stop(); });
  while (!stop.stopped()) {
    round_ = StopSource();
    const StopToken round = round_.token();
    Result<Lines> listed = co_await list(round);
    if (stop.stopped()) break;
    if (!listed) {
      co_await back_off(listed.error(), round_.token());
      continue;
    }
    if (co_await watch_until_stale(std::move(*listed), round)) backoff_.reset();
  }
}

asio::awaitable<Result<Watcher::Lines>> Watcher::open(std::string more, StopToken stop) {
  std::uniform_int_distribution<int> seconds(timing_.min_watch_seconds, timing_.max_watch_seconds);
  std::string target = kube::list_path(target_.path, target_.ns) +
                       "?watch=1&allowWatchBookmarks=true&timeoutSeconds=" + std::to_string(seconds(rng_)) + more;
  if (!target_.label_selector.empty()) target += "&labelSelector=" + kube::query_escape(target_.label_selector);
  kube::HttpRequest request{"GET", std::move(target),
                            std::string(target_.metadata_only ? kube::kAcceptMetadata : kube::kAcceptJson)};
  Result<kube::StreamResponse> opened =
      co_await client_.transport().open(std::move(request), timing_.head_timeout, stop);
  if (!opened) co_return opened.error();
  if (!opened->lines) co_return kube::status_error(opened->head);
  co_return std::move(opened->lines);
}

// Answers the stream that goes on from the list, or none when a watch is still to be opened. The list has a time for
// the whole, since a server that sends little by little keeps within those of its parts. No watch is asked to last for
// less, so the API server does not end a streaming list before.
asio::awaitable<Result<Watcher::Lines>> Watcher::list(StopToken stop) {
  TimeService& time = *co_await time_service();
  const std::chrono::seconds most(timing_.min_watch_seconds);
  const bool by_stream = streaming_ == Streaming::kYes;
  bool late = false;
  const auto limit = time.call_at(time.now() + most, [this, &late] {
    late = true;
    round_.stop();
  });
  Result<Lines> listed = co_await list_untimed(stop);
  if (listed || !late) co_return listed;
  round_ = StopSource();  // that of the wait which follows
  if (by_stream && streaming_ == Streaming::kYes) streaming_ = Streaming::kNotNow;
  co_return Error{Code::kTimeout, "listing " + std::string(target_.path.plural) + ": the list was not complete after " +
                                      std::to_string(most.count()) + " s"};
}

// Each list is a consistent read (no resourceVersion): what was seen before, maybe of another API server, can't come
// back.
asio::awaitable<Result<Watcher::Lines>> Watcher::list_untimed(StopToken stop) {
  const std::string place = "listing " + std::string(target_.path.plural);
  if (streaming_ == Streaming::kYes) {
    Result<Lines> stream = co_await list_by_stream(stop);
    if (stream) co_return stream;
    if (stop.stopped()) co_return stream.error();  // says nothing of the server
    const bool refused = stream.error().code == Code::kInvalid;
    // A server that takes no requests now is not asked for a list in pages, which are many more.
    if (says_of_version(stream.error())) streaming_ = refused ? Streaming::kUnknownToServer : Streaming::kNotNow;
    if (!refused) co_return stream.error().with_context(place);
    log::debug("The API server has no streaming lists",
               {{"kind", std::string(target_.kind)}, {"namespace", target_.ns}});
  }
  const Status listed = co_await list_by_pages(stop);
  // Also when it failed: what is in the way of one may not be in the way of the other.
  if (streaming_ == Streaming::kNotNow) streaming_ = Streaming::kYes;
  if (!listed) co_return listed.error().with_context(place);
  co_return Lines();
}

asio::awaitable<Result<Watcher::Lines>> Watcher::list_by_stream(StopToken stop) {
  Result<Lines> stream = co_await open("&sendInitialEvents=true&resourceVersionMatch=NotOlderThan", stop);
  if (!stream) co_return stream;
  sink_.begin_list();
  while (true) {
    Result<std::optional<std::string>> line = co_await (*stream)->next(timing_.list_timeout);
    if (!line) co_return line.error();
    if (!*line) co_return Error{Code::kUnavailable, "the stream ended before the list was complete"};
    const Result<std::optional<std::string>> complete = take_initial(**line);
    if (!complete) co_return complete.error();
    if (!*complete) continue;
    if (stop.stopped()) co_return superseded();
    version_ = **complete;  // no earlier: what is seen is what the sink has been told of
    break;
  }
  sink_.end_list();
  co_return stream;
}

// Answers the version to go on from when this was the bookmark that ends the list: what comes before is in no order.
Result<std::optional<std::string>> Watcher::take_initial(const std::string& line) {
  const std::optional<std::string> goes_on;
  if (line.empty()) return goes_on;
  const Result<Json> event = kube::parse_projected(line, *target_.projection, "object");
  if (!event) return Error{Code::kUnavailable, "an event of the list can't be read: " + event.error().message};
  const std::string type = kube::text_member(*event, "type");
  const Json& object = kube::object_member(*event, "object");
  if (type == "BOOKMARK") {
    if (line.find(kInitialEventsEnd) == std::string::npos) return goes_on;
    std::string version = kube::text_member(kube::object_member(object, "metadata"), "resourceVersion");
    if (version.empty()) return Error{Code::kUnavailable, "the list has no resourceVersion"};
    return std::optional<std::string>(std::move(version));
  }
  if (type == "ERROR") return error_of(line);
  if (type == "DELETED") {
    sink_.list_deleted(object);
  } else if (const Status read = sink_.list_item(object); !read) {
    tell_left_out(read.error());
  }
  return goes_on;
}

asio::awaitable<Status> Watcher::list_by_pages(StopToken stop) {
  sink_.begin_list();
  std::function<void(const Json&)> take = [this](const Json& item) {
    if (const Status read = sink_.list_item(item); !read) tell_left_out(read.error());
  };
  const kube::Collection collection{target_.path, target_.metadata_only, *target_.projection};
  kube::ListOptions options{target_.ns, target_.label_selector, kMostObjects, {timing_.list_timeout, stop}};
  Result<std::string> version = co_await client_.list_each(collection, std::move(options), std::move(take));
  if (!version) co_return version.error();
  if (stop.stopped()) co_return superseded();
  version_ = std::move(*version);  // no earlier: it stands for all pages
  sink_.end_list();
  co_return Ok{};
}

// Watches until only a new list can help. Answers whether a watch has worked since the last list: if none has, a list
// that follows at once would go round as fast as the server answers.
asio::awaitable<bool> Watcher::watch_until_stale(Lines stream, StopToken stop) {
  const TimeService& time = *co_await time_service();
  bool worked = false;
  int failures = 0;  // in a row
  while (!stop.stopped()) {
    int events = 0;
    const Instant started = time.now();
    const Status ended = co_await watch(std::exchange(stream, nullptr), stop, events);
    if (stop.stopped()) break;
    const bool lasted = time.now() - started >= kShortWatch;
    if (events > 0 || (ended && lasted)) {
      worked = true;
      failures = 0;
      backoff_.reset();
    }
    if (time.now() - started >= timing_.silence) backoff_.reset();  // what failed before that is long ago
    restarted(ended ? "ended" : reason_of(ended.error()));
    if (ended) {
      // A clean end is normal; one that came at once and brought nothing would spin.
      const Error short_watch{Code::kUnavailable, "the watch ended at once"};
      if (events == 0 && !lasted) co_await back_off(short_watch, stop);
      continue;
    }
    const Error& error = ended.error();
    if (error.code == Code::kGone) {
      log::info("Listing anew",
                {{"kind", std::string(target_.kind)}, {"namespace", target_.ns}, {"reason", error.message}});
      if (!worked) co_await back_off(error, stop);
      break;
    }
    if (error.code == Code::kTimeout && events > 0) continue;  // silent after having worked: reconnect at once
    co_await back_off(error, stop);
    if (!may_pass(error)) break;
    if (says_of_version(error) && ++failures >= kFailuresBeforeList) break;
  }
  co_return worked;
}

// Without a stream, opens one.
asio::awaitable<Status> Watcher::watch(Lines stream, StopToken stop, int& events) {
  if (!stream) {
    Result<Lines> opened = co_await open("&resourceVersion=" + kube::query_escape(version_), stop);
    if (!opened) co_return opened.error();
    stream = std::move(*opened);
  }
  while (true) {
    Result<std::optional<std::string>> line = co_await stream->next(timing_.silence);
    if (!line) co_return line.error();
    if (!*line) co_return Ok{};
    if (Status handled = handle(**line, events); !handled) co_return handled;
  }
}

Status Watcher::handle(const std::string& line, int& events) {
  if (line.empty()) return Ok{};
  const Result<Json> event = kube::parse_projected(line, *target_.projection, "object");
  if (!event) return stale("an event can't be read: " + event.error().message);
  const std::string type = kube::text_member(*event, "type");
  if (type == "ERROR") return error_of(line);
  const Json& object = kube::object_member(*event, "object");
  const std::string version = kube::text_member(kube::object_member(object, "metadata"), "resourceVersion");
  if (version.empty()) return stale("an event has no resourceVersion");
  // A watch goes forward. What it repeats has been told, and must not take an object back to what it was.
  if (!version_less(version_, version)) return Ok{};
  if (Status told = tell(type, object); !told) return told;
  version_ = version;
  ++events;
  return Ok{};
}

Status Watcher::tell(const std::string& type, const Json& object) {
  if (type == "BOOKMARK") return Ok{};
  if (type == "DELETED") {
    sink_.deleted(object);
    return Ok{};
  }
  if (type != "ADDED" && type != "MODIFIED") return stale("an event of the unknown type \"" + type + "\"");
  // A new list would have nothing else to tell of it.
  if (const Status read = sink_.changed(object); !read) tell_left_out(read.error());
  return Ok{};
}

asio::awaitable<void> Watcher::back_off(const Error& error, StopToken stop) {
  if (stop.stopped()) co_return;
  Duration wait = backoff_.next();
  if (error.retry_after) wait = std::max<Duration>(wait, *error.retry_after);
  const auto millis = std::chrono::duration_cast<std::chrono::milliseconds>(wait).count();
  log::warn("Watching failed, trying again", {{"kind", std::string(target_.kind)},
                                              {"namespace", target_.ns},
                                              {"error", error.message},
                                              {"retry_ms", std::to_string(millis)}});
  co_await sleep_for(wait, stop);
}

}  // namespace pd::runtime
