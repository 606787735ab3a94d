#include "runtime/event_recorder.h"

#include "base/digest.h"
#include "base/excerpt.h"
#include "base/log.h"

namespace pd::runtime {
namespace {

using Events = kube::Resource<kube::Event>;

constexpr std::size_t kNoteBytes = 1024;  // the API server's limits
constexpr std::size_t kReporterBytes = 128;
constexpr std::size_t kNameBytes = 253;
constexpr std::size_t kHashLength = 16;

std::string hash(const std::string& text) { return sha256(text).substr(std::string("sha256:").size()); }

std::string object_key(const kube::ObjectReference& object) {
  std::string key;
  for (const std::string* part : {&object.api_version, &object.kind, &object.ns, &object.name, &object.uid}) {
    key += *part;
    key += '\0';
  }
  return key;
}

// The same for what is one event when it happens again.
std::string event_key(const kube::Event& event) {
  std::string key = object_key(event.regarding);
  if (event.related) key += object_key(*event.related);
  for (const std::string* part : {&event.type, &event.action, &event.reason, &event.note, &event.reporting_controller,
                                  &event.reporting_instance}) {
    key += '\0';
    key += *part;
  }
  return hash(key);
}

std::string event_name(const std::string& object, const std::string& key, const std::string& began) {
  std::string start = object.substr(0, kNameBytes - kHashLength - 1);
  while (!start.empty() && (start.back() == '.' || start.back() == '-')) start.pop_back();
  return start + "." + hash(key + began).substr(0, kHashLength);
}

bool may_pass(const Error& error) {
  return error.code == Code::kUnavailable || error.code == Code::kTimeout || error.code == Code::kThrottled ||
         error.code == Code::kConflict;
}

}  // namespace

struct EventRecorder::Series {
  std::string key;
  kube::Event event;  // as it was at first
  int count = 1;
  Instant last{};
  std::string last_observed;
  int told = 0;  // what count the API server knows; 0: it does not know the event
  Instant told_at{};
  bool queued = false;
  bool ended = false;
};

EventRecorder::EventRecorder(kube::Client& client, const Clock& clock, Rng& rng, Reporter reporter,
                             EventMetrics metrics, Limits limits)
    : client_(client),
      clock_(clock),
      rng_(rng),
      reporter_{cut(std::move(reporter.controller), kReporterBytes), cut(std::move(reporter.instance), kReporterBytes)},
      metrics_(metrics),
      limits_(limits),
      series_(limits.series),
      buckets_(limits.objects) {}

void EventRecorder::complete(kube::Event& event) const {
  event.note = cut(std::move(event.note), kNoteBytes);
  event.reporting_controller = reporter_.controller;
  event.reporting_instance = reporter_.instance;
  event.event_time = kube::format_micro_time(clock_.wall_now());
  event.meta.ns = event.regarding.ns.empty() ? "default" : event.regarding.ns;
  event.series.reset();
}

void EventRecorder::record(kube::Event event) {
  const Instant now = clock_.now();
  end_series(now);
  complete(event);
  const std::string key = event_key(event);
  if (SeriesPointer* known = series_.find(key)) {
    const SeriesPointer series = *known;
    repeat(*series, now);
    series_.touch(key);
    if (series->told == 1 || (series->told > 1 && now - series->told_at >= limits_.refresh)) enqueue(series);
    return;
  }
  if (over_ || queue_.size() >= limits_.queue) {
    metrics_.dropped();
    if (!over_ && !std::exchange(dropping_, true)) log::warn("Too many events wait to be written; dropping new ones");
    return;
  }
  if (!allowed(event.regarding, now)) {
    metrics_.suppressed();
    return;
  }
  event.meta.name = event_name(event.regarding.name, key, event.event_time);
  auto series = std::make_shared<Series>();
  series->key = key;
  series->last = now;
  series->last_observed = event.event_time;
  series->event = std::move(event);
  series_.add(key, series);
  enqueue(series);
}

void EventRecorder::repeat(Series& series, Instant now) {
  ++series.count;
  series.last = now;
  series.last_observed = kube::format_micro_time(clock_.wall_now());
  metrics_.counted();
}

// A bucket of `burst` tokens for each object, which fills again slowly.
bool EventRecorder::allowed(const kube::ObjectReference& object, Instant now) {
  const std::string key = object_key(object);
  const auto burst = static_cast<double>(limits_.burst);
  Bucket* bucket = buckets_.find(key);
  if (bucket == nullptr) bucket = &buckets_.add(key, {burst, now});
  buckets_.touch(key);
  const std::chrono::duration<double> passed = now - bucket->at;
  bucket->tokens = std::min(burst, bucket->tokens + passed / std::chrono::duration<double>(limits_.refill));
  bucket->at = now;
  if (bucket->tokens < 1) return false;
  bucket->tokens -= 1;
  return true;
}

// A count that finds no room waits for the next occasion.
void EventRecorder::enqueue(const SeriesPointer& series) {
  if (series->queued || over_ || queue_.size() >= limits_.queue) return;
  series->queued = true;
  queue_.push_back(series);
  changed_.notify_all();
}

void EventRecorder::end_series(Instant now) {
  while (!series_.empty()) {
    const auto [key, series] = series_.all().front();
    if (now - series->last < limits_.series_end) return;
    series->ended = true;
    series_.erase(key);
    if (series->told > 0 && series->count > series->told) enqueue(series);
  }
}

asio::awaitable<void> EventRecorder::run(StopToken stop) {
  while (!stop.stopped()) {
    end_series(clock_.now());
    if (queue_.empty()) {
      co_await wait(stop);
      continue;
    }
    SeriesPointer series = std::move(queue_.front());
    queue_.pop_front();
    co_await deliver(std::move(series), stop);
  }
  co_await flush();
}

// Until something is to be written, a series is over, or all is.
asio::awaitable<void> EventRecorder::wait(StopToken stop) {
  TimeService& time = *co_await time_service();
  if (stop.stopped()) co_return;
  TimeService::Call end;
  if (!series_.empty()) {
    const Duration left = series_.all().front().second->last + limits_.series_end - clock_.now();
    end = time.call_at(time.now() + left, [this] { changed_.notify_all(); });
  }
  const auto registration = stop.on_stop([this] { changed_.notify_all(); });
  co_await changed_.wait();
}

asio::awaitable<void> EventRecorder::deliver(SeriesPointer series, StopToken stop) {
  Backoff backoff(limits_.retry, rng_);
  const kube::CallOptions options{limits_.request_time, stop};
  for (int tries = 1;; ++tries) {
    const Status done = co_await write(series, options);
    if (done) break;
    bool going = !stop.stopped();
    if (going && (tries == limits_.tries || !may_pass(done.error()))) {
      give_up(series, done.error());
      co_return;
    }
    const Duration asked = done.error().retry_after.value_or(std::chrono::seconds(0));
    const Duration pause = std::max(backoff.next(), asked);
    if (going) going = co_await sleep_for(pause, stop);
    if (!going) {
      queue_.push_front(std::move(series));
      co_return;
    }
  }
  series->queued = false;
  // What happened while it was being written, unless it is told in time anyway.
  if (series->count > series->told && (series->told == 1 || series->ended)) enqueue(series);
}

// A new event, or the count of one that the API server knows.
asio::awaitable<Status> EventRecorder::write(SeriesPointer series, kube::CallOptions options) {
  const int count = series->count;  // it may grow meanwhile
  const kube::EventSeries counted{count, series->last_observed};
  const std::string list = kube::list_path(Events::kPath, series->event.meta.ns);
  Result<kube::ObjectMeta> written = kube::ObjectMeta{};
  bool known = series->told > 0;
  if (known) {
    written =
        co_await client_.merge_patch(list + "/" + series->event.meta.name, kube::encode_series_patch(counted), options);
    if (!written && written.error().code == Code::kNotFound) known = false;  // it has expired
  }
  int told = count;
  if (!known) {
    kube::Event event = series->event;
    if (count > 1) event.series = counted;
    written = co_await client_.create(list, kube::encode_event(event), options);
    if (!written && written.error().code == Code::kAlreadyExists) {
      written = kube::ObjectMeta{};  // sent twice; the first one may have said a lower count
      told = 1;
    }
  }
  if (!written) co_return written.error();
  series->told = told;
  series->told_at = clock_.now();
  dropping_ = false;
  metrics_.written();
  co_return Ok{};
}

void EventRecorder::give_up(const SeriesPointer& series, const Error& error) {
  metrics_.failed();
  log::warn("Did not write an event", {{"reason", series->event.reason},
                                       {"namespace", series->event.meta.ns},
                                       {"object", series->event.regarding.name},
                                       {"error", error.message}});
  series->queued = false;
  // What was never told is to be told when it happens again.
  const SeriesPointer* const known = series_.find(series->key);
  if (series->told == 0 && known != nullptr && *known == series) series_.erase(series->key);
}

asio::awaitable<void> EventRecorder::flush() {
  for (const auto& [key, series] : series_.all()) {
    if (!series->queued && series->told > 0 && series->count > series->told) queue_.push_back(series);
  }
  over_ = true;
  const Instant deadline = clock_.now() + limits_.flush_time;
  while (!queue_.empty() && clock_.now() < deadline) {
    SeriesPointer series = std::move(queue_.front());
    queue_.pop_front();
    const kube::CallOptions options{deadline - clock_.now(), {}};
    const Status done = co_await write(series, options);
    if (!done) give_up(series, done.error());
  }
  if (queue_.empty()) co_return;
  for (std::size_t i = 0; i < queue_.size(); ++i) metrics_.dropped();
  log::warn("Stopped before all events were written", {{"events", std::to_string(queue_.size())}});
  queue_.clear();
}

}  // namespace pd::runtime
