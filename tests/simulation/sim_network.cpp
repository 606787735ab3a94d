#include "tests/simulation/sim_network.h"

#include <algorithm>

#include "tests/simulation/sim_process.h"
#include "tests/simulation/sim_status.h"

namespace pd::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::size_t kRecent = 4;
constexpr auto kBookmarkInterval = seconds(60);

bool is_write(const kube::HttpRequest& request) { return request.method != "GET"; }

Error broken(const char* message) { return {Code::kUnavailable, message}; }
Error not_connected() { return {Code::kUnavailable, "no connection", std::string(kube::kNotConnected)}; }

Duration timeout_of(const kube::HttpRequest& request) {
  const std::string parameter = "timeoutSeconds=";
  const std::size_t found = request.target.find(parameter);
  return found == std::string::npos ? seconds(1800)
                                    : seconds(std::stoi(request.target.substr(found + parameter.size())));
}

}  // namespace

SimNetwork::Link& SimNetwork::link(int process) { return links_[process]; }

bool SimNetwork::is_hit(int process, FaultKind kind) {
  return process >= 0 && world_.now() < link(process).until.at(static_cast<std::size_t>(kind)) && coin();
}

bool SimNetwork::is_down(int server) {
  const auto down = down_until_.find(server);
  return down != down_until_.end() && world_.now() < down->second;
}

Duration SimNetwork::latency(int process) {
  const int most = is_hit(process, FaultKind::kRequestsSlow) ? 20'000'000 : 5'000;
  return std::chrono::microseconds(std::uniform_int_distribution<int>(100, most)(world_.rng()));
}

void SimNetwork::apply(const Fault& fault) {
  Link& hit = link(fault.subject);
  if (fault.kind == FaultKind::kCrashedInWrite) {
    hit.crash_in_write = fault.duration;
  } else if (fault.kind < FaultKind::kWatchesCut) {
    hit.until.at(static_cast<std::size_t>(fault.kind)) = world_.now() + fault.duration;
  } else {
    const std::vector<std::shared_ptr<SimStream>> streams = streams_;
    for (const auto& stream : streams) {
      if (stream->process == fault.subject) disturb(stream, fault.kind);
    }
  }
}

void SimNetwork::take_down(int server, Instant until) {
  down_until_[server] = until;
  const std::vector<std::shared_ptr<SimStream>> streams = streams_;
  for (const auto& stream : streams) {
    if (stream->server == server) disturb(stream, FaultKind::kWatchesCut);
  }
}

void SimNetwork::forget(const SimProcess& process) {
  for (const auto& stream : streams_) {
    if (stream->process == process.index()) stream->closed = true;
  }
  std::erase_if(streams_, [](const auto& stream) { return stream->closed; });
}

kube::HttpResponse SimNetwork::serve(int process, int server, const kube::HttpRequest& request) {
  const std::uint64_t before = world_.etcd().revision();
  requests_ += process >= 0 ? 1 : 0;
  kube::HttpResponse response = world_.server(server).handle(request);
  if (world_.etcd().revision() != before) {
    world_.committed({process, request, response, world_.etcd().revision()});
    pump();
  }
  return response;
}

void SimNetwork::send(int process, kube::HttpRequest request, const PendingResponse& pending) {
  const int server = link(process).server;
  if (is_down(server) || is_hit(process, FaultKind::kRefused)) {
    world_.after(milliseconds(1), [pending] { pending->finish(not_connected()); });
    return;
  }
  if (is_hit(process, FaultKind::kRequestsLost)) return;
  const Duration way = latency(process);
  if (is_hit(process, FaultKind::kRequestsReplayed)) {
    const auto unheard = std::make_shared<PendingAnswer<kube::HttpResponse>>();
    world_.after(way, [=, this] { arrive(process, server, request, unheard); });
    world_.after(way + latency(process), [=, this] { arrive(process, server, request, pending); });
    return;
  }
  world_.after(way, [=, this, request = std::move(request)] { arrive(process, server, request, pending); });
}

void SimNetwork::arrive(int process, int server, const kube::HttpRequest& request, const PendingResponse& pending) {
  if (is_down(server)) {
    pending->finish(broken("the connection broke"));
    return;
  }
  if (is_write(request) && crash_in_write(process, server, request)) return;
  std::optional<kube::HttpResponse> response = refusal(process, server, request);
  if (!response) response = serve(process, server, request);
  const Duration way = latency(process);
  if (is_hit(process, FaultKind::kRepliesLost)) {
    if (coin()) world_.after(way, [pending] { pending->finish(broken("the connection broke")); });
    return;
  }
  world_.after(way, [pending, response = std::move(*response)] { pending->finish(response); });
}

// A process that dies while its write is under way: it is done or it is not.
bool SimNetwork::crash_in_write(int process, int server, const kube::HttpRequest& request) {
  std::optional<Duration>& armed = link(process).crash_in_write;
  if (!armed || !world_.process(process).running()) return false;
  SimProcess& dying = world_.process(process);
  const Duration away = *armed;
  armed.reset();
  if (coin()) serve(process, server, request);
  dying.kill();
  world_.after(away, [&dying] { dying.start(); });
  return true;
}

// What the API server says when it is overloaded or in trouble. A 504 says nothing of whether it was done.
std::optional<kube::HttpResponse> SimNetwork::refusal(int process, int server, const kube::HttpRequest& request) {
  if (is_hit(process, FaultKind::kThrottled)) {
    kube::HttpResponse throttled = refuse(429, "TooManyRequests", "too many requests");
    throttled.retry_after = seconds(std::uniform_int_distribution<int>(1, 5)(world_.rng()));
    return throttled;
  }
  if (!is_hit(process, FaultKind::kServerErrors)) return std::nullopt;
  switch (std::uniform_int_distribution<int>(0, 2)(world_.rng())) {
    case 0:
      return refuse(500, "InternalError", "an error in the server");
    case 1:
      return refuse(503, "ServiceUnavailable", "not ready");
    default:
      if (coin()) serve(process, server, request);
      return refuse(504, "Timeout", "the server did not finish in time");
  }
}

void SimNetwork::open(int process, kube::HttpRequest request, const PendingStream& pending) {
  const int server = link(process).server;
  if (is_down(server) || is_hit(process, FaultKind::kRefused)) {
    world_.after(milliseconds(1), [pending] { pending->finish(not_connected()); });
    return;
  }
  if (is_hit(process, FaultKind::kRequestsLost)) return;
  world_.after(latency(process),
               [=, this, request = std::move(request)] { arrive_open(process, server, request, pending); });
}

void SimNetwork::arrive_open(int process, int server, const kube::HttpRequest& request, const PendingStream& pending) {
  if (is_down(server)) {
    pending->finish(broken("the connection broke"));
    return;
  }
  std::optional<kube::HttpResponse> refused = refusal(process, server, request);
  OpenedStream opened;
  if (refused) {
    opened.first = std::move(*refused);
  } else {
    world_.server(server).set_streaming_lists(world_.now() >= no_streaming_lists_until_[server]);
    SimApiServer::Opened answer = world_.server(server).open_watch(request);
    opened.first = std::move(answer.head);
    if (answer.watch) {
      opened.second = std::make_shared<SimStream>();
      opened.second->process = process;
      opened.second->server = server;
      opened.second->watch = std::move(answer.watch);
    }
  }
  const std::shared_ptr<SimStream> stream = opened.second;
  world_.after(latency(process), [pending, opened = std::move(opened)] {
    if (pending->answer && opened.second) opened.second->closed = true;  // the client has given up
    pending->finish(opened);
  });
  if (stream) keep(stream, request);
}

void SimNetwork::keep(const std::shared_ptr<SimStream>& stream, const kube::HttpRequest& request) {
  std::erase_if(streams_, [](const auto& each) { return each->closed; });
  streams_.push_back(stream);
  stream->last_arrival = world_.now();
  world_.after(kBookmarkInterval, [this, stream] { tick(stream); });
  world_.after(timeout_of(request), [this, stream] { disturb(stream, FaultKind::kWatchesEnded); });
  pump(stream);
}

void SimNetwork::tick(const std::shared_ptr<SimStream>& stream) {
  if (stream->closed) return;
  stream->watch->request_bookmark();
  pump(stream);
  world_.after(kBookmarkInterval, [this, stream] { tick(stream); });
}

void SimNetwork::pump() {
  const std::vector<std::shared_ptr<SimStream>> streams = streams_;
  for (const auto& stream : streams) pump(stream);
}

void SimNetwork::pump(const std::shared_ptr<SimStream>& stream) {
  if (stream->closed) return;
  while (std::optional<std::string> line = stream->watch->next()) {
    stream->recent.push_back(*line);
    if (stream->recent.size() > kRecent) stream->recent.pop_front();
    deliver(stream, std::optional<std::string>(std::move(*line)));
  }
  if (stream->watch->ended()) disturb(stream, FaultKind::kWatchesEnded);
}

// In order, whatever time each takes.
void SimNetwork::deliver(const std::shared_ptr<SimStream>& stream, Result<std::optional<std::string>> step) {
  if (stream->closed || stream->silent) return;
  stream->last_arrival = std::max(stream->last_arrival, world_.now() + latency(stream->process));
  world_.at(stream->last_arrival, [stream, step = std::move(step)] {
    if (stream->silent) return;
    stream->arrived.push_back(step);
    stream->changed.notify_all();
  });
}

void SimNetwork::disturb(const std::shared_ptr<SimStream>& stream, FaultKind kind) {
  if (stream->closed) return;
  switch (kind) {
    case FaultKind::kWatchesSilent:
      stream->silent = true;
      break;
    case FaultKind::kWatchesRepeat: {
      const std::deque<std::string> recent = stream->recent;
      for (const std::string& line : recent) deliver(stream, std::optional<std::string>(line));
      break;
    }
    case FaultKind::kWatchesGarbled:
      deliver(stream, std::optional<std::string>(R"({"type":"MODIFIED","object":{"metadata)"));
      break;
    case FaultKind::kWatchesExpired:
    case FaultKind::kWatchesFailed: {
      const Json status = kind == FaultKind::kWatchesExpired
                              ? status_object(410, "Expired", "too old resource version")
                              : status_object(500, "InternalError", "an error on the server");
      deliver(stream, std::optional<std::string>(dump_json(Json{{"type", "ERROR"}, {"object", status}})));
      break;
    }
    case FaultKind::kWatchesCut:
      deliver(stream, broken("the stream ended in the middle of a line"));
      stream->closed = true;
      break;
    default:
      deliver(stream, std::optional<std::string>());
      stream->closed = true;
  }
}

namespace {

// Waits for an answer no longer than `timeout`, and not once stopped.
template <typename T>
boost::asio::awaitable<Result<T>> wait_for(std::shared_ptr<PendingAnswer<T>> pending, Duration timeout,
                                           StopToken stop) {
  runtime::TimeService& time = *co_await runtime::time_service();
  const auto limit = time.call_at(time.now() + timeout, [pending] {
    pending->finish(Error{Code::kTimeout, "no answer in time"});
  });
  const auto registration = stop.on_stop([pending] { pending->finish(Error{Code::kCancelled, "stopped"}); });
  while (!pending->answer) co_await pending->done.wait();
  co_return *pending->answer;
}

class StreamLines final : public kube::LineStream {
 public:
  StreamLines(std::shared_ptr<SimStream> stream, StopToken stop) : stream_(std::move(stream)), stop_(std::move(stop)) {}
  ~StreamLines() override { stream_->closed = true; }

  boost::asio::awaitable<Result<std::optional<std::string>>> next(Duration silence) override {
    runtime::TimeService& time = *co_await runtime::time_service();
    bool over = false;
    const auto limit = time.call_at(time.now() + silence, [this, &over] {
      over = true;
      stream_->changed.notify_all();
    });
    const auto registration = stop_.on_stop([this] { stream_->changed.notify_all(); });
    while (stream_->arrived.empty() && !over && !stop_.stopped()) co_await stream_->changed.wait();
    if (stop_.stopped()) co_return Error{Code::kCancelled, "stopped"};
    if (stream_->arrived.empty()) co_return Error{Code::kTimeout, "the stream was silent"};
    Result<std::optional<std::string>> step = std::move(stream_->arrived.front());
    stream_->arrived.pop_front();
    co_return step;
  }

 private:
  std::shared_ptr<SimStream> stream_;
  StopToken stop_;
};

}  // namespace

ProcessTransport::ProcessTransport(SimProcess& process)
    : network_(process.world().network()), process_(process.index()) {}

boost::asio::awaitable<Result<kube::HttpResponse>> ProcessTransport::send(kube::HttpRequest request, Duration timeout,
                                                                          StopToken stop) {
  if (stop.stopped()) co_return Error{Code::kCancelled, "stopped"};
  auto pending = std::make_shared<PendingAnswer<kube::HttpResponse>>();
  network_.send(process_, std::move(request), pending);
  co_return co_await wait_for(pending, timeout, std::move(stop));
}

boost::asio::awaitable<Result<kube::StreamResponse>> ProcessTransport::open(kube::HttpRequest request, Duration timeout,
                                                                            StopToken stop) {
  if (stop.stopped()) co_return Error{Code::kCancelled, "stopped"};
  auto pending = std::make_shared<PendingAnswer<SimNetwork::OpenedStream>>();
  network_.open(process_, std::move(request), pending);
  Result<SimNetwork::OpenedStream> opened = co_await wait_for(pending, timeout, stop);
  if (!opened) co_return opened.error();
  kube::StreamResponse response;
  response.head = std::move(opened->first);
  if (opened->second) response.lines = std::make_unique<StreamLines>(opened->second, std::move(stop));
  co_return response;
}

}  // namespace pd::test
