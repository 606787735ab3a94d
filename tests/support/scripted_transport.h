// A Transport whose answers are written down before: for each route a row of replies, taken in order. A route is the
// method and the path without its query; WATCH stands for a GET that is opened as a stream.
//
//   ScriptedTransport transport;
//   transport.reply("GET /api/v1/pods", json_reply(200, list));
//   auto stream = transport.reply_stream("WATCH /api/v1/pods", {event});
//   ... transport.requests() has what was asked, in order
//
// STREAM stands for a streaming list. A route that has none is refused as an API server refuses it that knows none, and
// not written down.
//
// A request for which no reply is left waits until it is stopped or its time is over.
#pragma once

#include <utility>  // before awaitable.hpp: Boost 1.74 with g++ 12

#include <boost/asio/awaitable.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/json.h"
#include "kube/transport.h"

namespace pd::test {

namespace asio = boost::asio;

inline kube::HttpResponse json_reply(int status, const Json& body) { return {status, body.dump(), std::nullopt}; }

// A Status object, as the API server answers what it refuses.
inline kube::HttpResponse status_reply(int code, const std::string& reason, const std::string& message = "refused") {
  const Json body = {{"kind", "Status"}, {"code", code}, {"reason", reason}, {"message", message}};
  return json_reply(code, body);
}

// The lines of one open stream; a test may add to it while it is read.
class ScriptedStream {
 public:
  void push(std::string line) { add(Result<std::optional<std::string>>(std::optional<std::string>(std::move(line)))); }
  void end() { add(Result<std::optional<std::string>>(std::optional<std::string>())); }
  void fail(Error error) { add(Result<std::optional<std::string>>(std::move(error))); }
  bool closed() const { return closed_; }  // by the reader
  bool empty() const { return steps_.empty(); }

  asio::awaitable<Result<std::optional<std::string>>> next(Duration silence, StopToken stop) {
    asio::steady_timer timer(co_await asio::this_coro::executor, silence);
    const auto registration = stop.on_stop([&timer] { timer.cancel(); });
    wake_ = [&timer] { timer.cancel(); };
    if (steps_.empty() && !stop.stopped()) {
      boost::system::error_code ignored;
      co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
    wake_ = nullptr;
    if (stop.stopped()) co_return Error{Code::kCancelled, "stopped"};
    if (steps_.empty()) co_return Error{Code::kTimeout, "the stream was silent"};
    Result<std::optional<std::string>> step = std::move(steps_.front());
    steps_.pop_front();
    co_return step;
  }
  void close() { closed_ = true; }

 private:
  void add(Result<std::optional<std::string>> step) {
    steps_.push_back(std::move(step));
    if (wake_) wake_();
  }

  std::deque<Result<std::optional<std::string>>> steps_;
  std::function<void()> wake_;
  bool closed_ = false;
};

class ScriptedTransport final : public kube::Transport {
 public:
  struct Seen {
    std::string route;  // "GET /api/v1/pods"
    std::string query;  // "limit=500"
    kube::HttpRequest request;
    Json body() const { return Json::parse(request.body); }
  };

  void reply(const std::string& route, Result<kube::HttpResponse> answer) {
    routes_[route].push_back({std::move(answer), nullptr});
  }
  void reply(const std::string& route, Error error) { reply(route, Result<kube::HttpResponse>(std::move(error))); }
  std::shared_ptr<ScriptedStream> reply_stream(const std::string& route, const std::vector<std::string>& lines = {}) {
    auto stream = std::make_shared<ScriptedStream>();
    for (const std::string& line : lines) stream->push(line);
    routes_[route].push_back({kube::HttpResponse{200, "", std::nullopt}, stream});
    return stream;
  }

  const std::vector<Seen>& requests() const { return requests_; }
  std::vector<std::string> routes() const {
    std::vector<std::string> names;
    for (const Seen& seen : requests_) names.push_back(seen.route);
    return names;
  }
  int count(const std::string& route) const {
    int found = 0;
    for (const Seen& seen : requests_) found += seen.route == route ? 1 : 0;
    return found;
  }
  const Seen& last(const std::string& route) const {
    for (auto seen = requests_.rbegin(); seen != requests_.rend(); ++seen) {
      if (seen->route == route) return *seen;
    }
    throw std::runtime_error("no request for " + route);
  }

  asio::awaitable<Result<kube::HttpResponse>> send(kube::HttpRequest request, Duration timeout,
                                                   StopToken stop) override {
    std::optional<Reply> reply = take(request.method, request);
    if (!reply) {
      const Error error = co_await wait(timeout, stop);
      co_return error;
    }
    co_return std::move(reply->answer);
  }

  asio::awaitable<Result<kube::StreamResponse>> open(kube::HttpRequest request, Duration timeout,
                                                     StopToken stop) override {
    const bool lists = request.target.find("sendInitialEvents=true") != std::string::npos;
    const std::string path = request.target.substr(0, request.target.find('?'));
    if (lists && !routes_.contains("STREAM " + path)) co_return refuse_streaming_list();
    std::optional<Reply> reply = take(lists ? "STREAM" : "WATCH", request);
    if (!reply) {
      const Error error = co_await wait(timeout, stop);
      co_return error;
    }
    if (!reply->answer) co_return reply->answer.error();
    kube::StreamResponse response;
    response.head = *reply->answer;
    if (reply->stream) response.lines = std::make_unique<Lines>(reply->stream, stop);
    co_return response;
  }

 private:
  struct Reply {
    Result<kube::HttpResponse> answer;
    std::shared_ptr<ScriptedStream> stream;
  };

  class Lines final : public kube::LineStream {
   public:
    Lines(std::shared_ptr<ScriptedStream> stream, StopToken stop) : stream_(std::move(stream)), stop_(stop) {}
    ~Lines() override { stream_->close(); }
    asio::awaitable<Result<std::optional<std::string>>> next(Duration silence) override {
      return stream_->next(silence, stop_);
    }

   private:
    std::shared_ptr<ScriptedStream> stream_;
    StopToken stop_;
  };

  std::optional<Reply> take(const std::string& verb, const kube::HttpRequest& request) {
    const std::size_t mark = request.target.find('?');
    const std::string route = verb + " " + request.target.substr(0, mark);
    requests_.push_back({route, mark == std::string::npos ? "" : request.target.substr(mark + 1), request});
    std::deque<Reply>& row = routes_[route];
    if (row.empty()) return std::nullopt;
    Reply reply = std::move(row.front());
    row.pop_front();
    return reply;
  }

  static kube::StreamResponse refuse_streaming_list() {
    return {status_reply(422, "Invalid",
                         "sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled"),
            nullptr};
  }

  static asio::awaitable<Error> wait(Duration timeout, StopToken stop) {
    asio::steady_timer timer(co_await asio::this_coro::executor, timeout);
    const auto registration = stop.on_stop([&timer] { timer.cancel(); });
    boost::system::error_code ignored;
    if (!stop.stopped()) co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    co_return stop.stopped() ? Error{Code::kCancelled, "stopped"} : Error{Code::kTimeout, "did not answer in time"};
  }

  std::map<std::string, std::deque<Reply>> routes_;
  std::vector<Seen> requests_;
};

}  // namespace pd::test
