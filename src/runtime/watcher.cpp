#include "runtime/watcher.h"

#include "base/log.h"
#include "kube/json_members.h"

namespace pd::runtime {
namespace {

// A page of the largest objects that etcd takes (1.5 MiB; of metadata, annotations of 256 KiB) stays within what the
// transport accepts as an answer.
constexpr int kPageSize = 32;
constexpr int kMetadataPageSize = 200;
constexpr auto kShortWatch = std::chrono::seconds(1);

constexpr int kFailuresBeforeList = 5;  // a version that the server does not know (any more) may fail in many ways

// What the same watch may get over; all else is a matter of a new list.
bool may_pass(const Error& error) {
  return error.code == Code::kThrottled || error.code == Code::kUnavailable || error.code == Code::kTimeout;
}

// What only a new list can mend.
Error stale(std::string message) { return {Code::kGone, std::move(message)}; }

}  // namespace

Watcher::Watcher(kube::Client& client, WatchTarget target, WatchSink& sink, Rng& rng, Timing timing)
    : client_(client),
      target_(std::move(target)),
      sink_(sink),
      rng_(rng),
      timing_(timing),
      backoff_(timing.backoff, rng) {}

asio::awaitable<void> Watcher::run(StopToken stop) {
  while (!stop.stopped()) {
    const Status listed = co_await list(stop);
    if (!listed) {
      co_await back_off(listed.error(), stop);
      continue;
    }
    if (co_await watch_until_stale(stop)) backoff_.reset();
  }
}

std::string Watcher::query(const std::string& more) const {
  std::string text = kube::list_path(target_.path, target_.ns) + "?" + more;
  if (!target_.label_selector.empty()) text += "&labelSelector=" + kube::query_escape(target_.label_selector);
  return text;
}

// The first list of a process is a consistent read (no resourceVersion); a later one is at least as fresh as what was
// seen, which a read without resourceVersion is as well.
asio::awaitable<Status> Watcher::list(StopToken stop) {
  sink_.begin_list();
  std::string version;
  std::string token;
  do {
    Result<std::string> next = co_await list_page(token, version, stop);
    if (!next) co_return next.error().with_context("listing " + std::string(target_.path.plural));
    token = std::move(*next);
  } while (!token.empty());
  version_ = std::move(version);  // no earlier: it stands for all pages
  sink_.end_list();
  co_return Ok{};
}

// Answers the token of the next page, empty after the last one. An expired token makes the whole list fail, and start
// again.
asio::awaitable<Result<std::string>> Watcher::list_page(const std::string& token, std::string& version,
                                                        StopToken stop) {
  std::string more = "limit=" + std::to_string(target_.metadata_only ? kMetadataPageSize : kPageSize);
  if (!token.empty()) more += "&continue=" + kube::query_escape(token);
  kube::HttpRequest request{"GET", query(more),
                            std::string(target_.metadata_only ? kube::kAcceptMetadataList : kube::kAcceptJson)};
  Result<kube::HttpResponse> response =
      co_await client_.transport().send(std::move(request), timing_.list_timeout, stop);
  if (!response) co_return response.error();
  if (response->status != 200) co_return kube::status_error(*response);
  const Result<Json> page = kube::parse_projected(response->body, *target_.projection, "items");
  if (!page) co_return page.error();
  for (const Json& item : kube::array_member(*page, "items")) {
    // One object that can't be read must not hide all others; the sink has logged it.
    if (const Status read = sink_.list_item(item); !read)
      log::error("Left out an object that can't be read", {{"error", read.error().message}});
  }
  const Json& meta = kube::object_member(*page, "metadata");
  version = kube::text_member(meta, "resourceVersion");
  if (version.empty()) co_return Error{Code::kUnavailable, "the list has no /metadata/resourceVersion"};
  co_return kube::text_member(meta, "continue");
}

// Watches until only a new list can help. Answers whether a watch has worked since the last list: if none has, a list
// that follows at once would go round as fast as the server answers.
asio::awaitable<bool> Watcher::watch_until_stale(StopToken stop) {
  const TimeService& time = *co_await time_service();
  bool worked = false;
  int failures = 0;  // in a row
  while (!stop.stopped()) {
    int events = 0;
    const Instant started = time.now();
    const Status ended = co_await watch(stop, events);
    if (stop.stopped()) break;
    const bool lasted = time.now() - started >= kShortWatch;
    if (events > 0 || (ended && lasted)) {
      worked = true;
      failures = 0;
      backoff_.reset();
    }
    if (ended) {
      // A clean end is normal; one that came at once and brought nothing would spin.
      const Error short_watch{Code::kUnavailable, "the watch ended at once"};
      if (events == 0 && !lasted) co_await back_off(short_watch, stop);
      continue;
    }
    const Error& error = ended.error();
    if (error.code == Code::kGone) {
      log::info("Listing anew", {{"kind", std::string(target_.kind)}, {"reason", error.message}});
      if (!worked) co_await back_off(error, stop);
      break;
    }
    if (error.code == Code::kTimeout && events > 0) continue;  // silent after having worked: reconnect at once
    co_await back_off(error, stop);
    if (!may_pass(error) || ++failures >= kFailuresBeforeList) break;
  }
  co_return worked;
}

asio::awaitable<Status> Watcher::watch(StopToken stop, int& events) {
  std::uniform_int_distribution<int> seconds(timing_.min_watch_seconds, timing_.max_watch_seconds);
  const std::string more = "watch=1&allowWatchBookmarks=true&resourceVersion=" + kube::query_escape(version_) +
                           "&timeoutSeconds=" + std::to_string(seconds(rng_));
  kube::HttpRequest request{"GET", query(more),
                            std::string(target_.metadata_only ? kube::kAcceptMetadata : kube::kAcceptJson)};
  Result<kube::StreamResponse> opened =
      co_await client_.transport().open(std::move(request), timing_.head_timeout, stop);
  if (!opened) co_return opened.error();
  if (!opened->lines) co_return kube::status_error(opened->head);
  while (true) {
    Result<std::optional<std::string>> line = co_await opened->lines->next(timing_.silence);
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
  if (type == "ERROR") {
    // The projection has dropped the Status' members: read it again, whole.
    const Result<Json> whole = parse_json(line);
    return whole ? kube::status_error(kube::object_member(*whole, "object")) : stale("an ERROR event can't be read");
  }
  const Json& object = kube::object_member(*event, "object");
  const std::string version = kube::text_member(kube::object_member(object, "metadata"), "resourceVersion");
  if (version.empty()) return stale("an event has no resourceVersion");
  if (Status handled = handle_object(type, object); !handled) return handled;
  version_ = version;
  ++events;
  return Ok{};
}

Status Watcher::handle_object(const std::string& type, const Json& object) {
  if (type == "BOOKMARK") return Ok{};
  Status told = Ok{};
  if (type == "ADDED" || type == "MODIFIED") {
    told = sink_.changed(object);
  } else if (type == "DELETED") {
    told = sink_.deleted(object);
  } else {
    return stale("an event of the unknown type \"" + type + "\"");
  }
  return told ? told : stale(told.error().message);
}

asio::awaitable<void> Watcher::back_off(const Error& error, StopToken stop) {
  if (stop.stopped()) co_return;
  Duration wait = backoff_.next();
  if (error.retry_after) wait = std::max<Duration>(wait, *error.retry_after);
  const auto millis = std::chrono::duration_cast<std::chrono::milliseconds>(wait).count();
  log::warn("Watching failed, trying again",
            {{"kind", std::string(target_.kind)}, {"error", error.message}, {"retry_ms", std::to_string(millis)}});
  co_await sleep_for(wait, stop);
}

}  // namespace pd::runtime
