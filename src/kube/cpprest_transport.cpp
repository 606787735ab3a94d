#include "kube/cpprest_transport.h"

#include <set>

#include "base/log.h"
#include "kube/cpprest_exchange.h"
#include "kube/cpprest_library.h"
#include "kube/cpprest_tls.h"
#include "kube/token.h"

namespace pd::kube {
namespace {

constexpr std::size_t kMaxLine = std::size_t{12} << 20;        // one watch event: see kListLimit
constexpr std::size_t kStreamBuffer = std::size_t{128} << 10;  // above this the server has to wait
constexpr auto kInactivity = std::chrono::seconds(120);
// The library's timer runs while a put is pending; ours (silence) is the one that matters.
constexpr auto kStreamInactivity = std::chrono::seconds(3600);
constexpr auto kDestroyWait = std::chrono::seconds(5);
constexpr std::size_t kMostWarnings = 64;  // that are remembered, to log each once

class Lines final : public LineStream {
 public:
  Lines(std::shared_ptr<Exchange> exchange, StopToken stop) : exchange_(std::move(exchange)), stop_(std::move(stop)) {}
  ~Lines() override { exchange_->cancel(); }

  asio::awaitable<Result<std::optional<std::string>>> next(Duration silence) override {
    std::size_t searched = 0;
    while (true) {
      std::string& buffer = exchange_->buffer();
      const std::size_t end = buffer.find('\n', std::max(searched, start_));
      if (end != std::string::npos) co_return take_line(end);
      searched = buffer.size();
      if (buffer.size() - start_ > kMaxLine) {
        exchange_->cancel();
        co_return Error{Code::kInternal, "a line of the stream is longer than " + std::to_string(kMaxLine) + " bytes"};
      }
      if (exchange_->finished()) co_return at_end();
      searched -= compact();
      const std::uint64_t seen = exchange_->received();
      const Instant deadline = std::chrono::steady_clock::now() + silence;
      const auto changed = [this, seen] { return exchange_->received() != seen || exchange_->finished(); };
      const bool woken = co_await exchange_->wait(changed, deadline, stop_);
      if (!woken) co_return unanswered(silence);
    }
  }

 private:
  // Drops what has been handed out, at most once per wait, so that many small lines cost no copying.
  std::size_t compact() {
    const std::size_t dropped = start_;
    std::string& buffer = exchange_->buffer();
    if (start_ == buffer.size()) {
      buffer = {};  // a stream that is quiet keeps no room
    } else {
      buffer.erase(0, start_);
    }
    start_ = 0;
    // The room of one huge line is not kept for as long as the stream lasts.
    if (buffer.capacity() > 2 * kStreamBuffer && buffer.size() < kStreamBuffer) buffer.shrink_to_fit();
    exchange_->resume();
    return dropped;
  }

  Result<std::optional<std::string>> take_line(std::size_t end) {
    std::optional<std::string> line = exchange_->buffer().substr(start_, end - start_);
    start_ = end + 1;
    return line;
  }

  Result<std::optional<std::string>> at_end() {
    if (exchange_->failure()) return *exchange_->failure();
    if (exchange_->buffer().size() > start_)
      return Error{Code::kUnavailable, "the stream ended in the middle of a line"};
    return std::optional<std::string>();
  }

  Result<std::optional<std::string>> unanswered(Duration silence) {
    const bool cancelled = stop_.stopped() || exchange_->cancelled();
    exchange_->cancel();
    if (cancelled) return Error{Code::kCancelled, "stopped"};
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(silence).count();
    return Error{Code::kTimeout, "the stream was silent for " + std::to_string(seconds) + " s"};
  }

  std::shared_ptr<Exchange> exchange_;
  StopToken stop_;
  std::size_t start_ = 0;  // of what has not been handed out, in the exchange's buffer
};

}  // namespace

class CpprestTransport::Impl {
 public:
  // A request on its way, and what it was sent with.
  struct Started {
    std::shared_ptr<Exchange> exchange;
    std::string token;
    Instant asked;
  };

  Impl(asio::io_context& context, const Config& config, std::string user_agent, Timing timing)
      : context_(context),
        config_(std::make_shared<const Config>(config)),
        user_agent_(std::move(user_agent)),
        timing_(timing),
        token_(config, timing.token_age) {
    start_library();
  }

  Result<Started> start(const HttpRequest& request, bool stream) {
    if (shut_) return Error{Code::kCancelled, "stopped"};
    if (request.may_start && !request.may_start()) {
      return Error{Code::kCancelled,
                   "not sent, since it may not be any more: " + request.method + " " + request.target};
    }
    const Instant now = std::chrono::steady_clock::now();
    Result<std::string> token = token_.current(now);
    if (!token) return fail(token.error());
    try {
      return Started{start_exchange(request, stream, *token, now), *token, now};
    } catch (const std::exception& error) {
      return fail({Code::kInternal, std::string("the server's URL or the request can't be used: ") + error.what()});
    }
  }

  // An answer of 401 that another token may turn into another answer. Nothing was done then, whatever the method.
  bool is_worth_again(const Started& started) {
    return !shut_ && started.exchange->head().status == 401 &&
           token_.replaced(started.token, started.asked, std::chrono::steady_clock::now());
  }

  // What is wrong with an answer that came: its transfer, or that it is none.
  std::optional<Error> judge(Exchange& exchange) {
    if (exchange.failure()) return fail(*exchange.failure());
    const int status = exchange.head().status;
    if (status < 200) {
      // The library takes it for the answer. The true one is still to come on that connection, which serves nobody now.
      calls_ = {};
      streams_ = {};
      return fail({Code::kUnavailable, "answered HTTP " + std::to_string(status) + ", which is no answer"});
    }
    return std::nullopt;
  }

  // Each text once: a server says the same with every answer.
  void log_warning(const HttpRequest& request, const std::string& warning) {
    if (warning.empty()) return;
    if (warned_.size() >= kMostWarnings) warned_.clear();
    if (!warned_.insert(warning).second) return;
    log::warn("The API server warns", {{"request", request.method + " " + request.target}, {"warning", warning}});
  }

  void shut_down() {
    shut_ = true;
    for (const auto& weak : exchanges_) {
      if (const auto exchange = weak.lock()) exchange->cancel();
    }
    if (!in_flight_->close(kDestroyWait)) log::warn("The HTTP library did not end its requests in time");
    calls_ = {};
    streams_ = {};
    settle_library(kDestroyWait);
  }

  Error fail(const Error& error) const { return error.with_context("API server " + config_->server); }

 private:
  using LibraryClient = web::http::client::http_client;

  // A client of the library is a pool of connections.
  struct Pool {
    std::unique_ptr<LibraryClient> client;
    Instant made;
  };

  std::shared_ptr<Exchange> start_exchange(const HttpRequest& request, bool stream, const std::string& token,
                                           Instant now) {
    const Sink::Limits limits = stream ? Sink::Limits{0, kStreamBuffer} : Sink::Limits{request.answer_limit, 0};
    const auto exchange = std::make_shared<Exchange>(context_, in_flight_, limits);
    exchange->start(stream ? client(streams_, kStreamInactivity, now) : client(calls_, kInactivity, now),
                    make_request(request, token));
    exchanges_.insert(exchange);
    std::erase_if(exchanges_, [](const auto& weak) { return weak.expired(); });
    return exchange;
  }

  // Requests that are under way hold the pool that they began with.
  LibraryClient& client(Pool& pool, std::chrono::seconds inactivity, Instant now) const {
    if (!pool.client || now - pool.made >= timing_.recycle) pool = {make_client(inactivity), now};
    return *pool.client;
  }

  std::unique_ptr<LibraryClient> make_client(std::chrono::seconds inactivity) const {
    web::http::client::http_client_config settings;
    settings.set_timeout(inactivity);
    settings.set_max_redirects(0);  // it would carry our token to another host
    settings.set_validate_certificates(!config_->insecure_skip_verify);
    settings.set_ssl_context_callback(
        [config = config_](boost::asio::ssl::context& tls) { configure_tls(*config, tls); });
    return std::make_unique<LibraryClient>(web::uri(config_->server), settings);
  }

  web::http::http_request make_request(const HttpRequest& request, const std::string& token) const {
    web::http::http_request message(request.method);
    message.set_request_uri(web::uri(request.target));
    web::http::http_headers& headers = message.headers();
    headers.add("Accept", request.accept);
    headers.add("Accept-Encoding", "identity");
    headers.add("User-Agent", user_agent_);
    if (!config_->server_name.empty()) headers.add("Host", config_->server_name);
    if (!token.empty()) headers.add("Authorization", "Bearer " + token);
    if (!request.content_type.empty()) message.set_body(request.body, request.content_type);
    return message;
  }

  asio::io_context& context_;
  const std::shared_ptr<const Config> config_;
  const std::string user_agent_;
  const Timing timing_;
  Token token_;
  std::shared_ptr<InFlight> in_flight_ = std::make_shared<InFlight>(context_);
  Pool calls_;
  Pool streams_;
  std::set<std::weak_ptr<Exchange>, std::owner_less<>> exchanges_;
  std::set<std::string> warned_;
  bool shut_ = false;
};

CpprestTransport::CpprestTransport(asio::io_context& context, const Config& config, std::string user_agent,
                                   Timing timing)
    : impl_(std::make_shared<Impl>(context, config, std::move(user_agent), timing)) {}

CpprestTransport::~CpprestTransport() { impl_->shut_down(); }

// A coroutine that waits may outlive the transport: it holds what it uses after a wait.
namespace {

Error unanswered(Exchange& exchange, const HttpRequest& request, const StopToken& stop) {
  const bool cancelled = stop.stopped() || exchange.cancelled();
  exchange.cancel();
  if (cancelled) return {Code::kCancelled, "stopped"};
  return {Code::kTimeout, "did not answer in time (" + request.method + " " + request.target + ")"};
}

}  // namespace

asio::awaitable<Result<HttpResponse>> CpprestTransport::send(HttpRequest request, Duration timeout, StopToken stop) {
  const Instant deadline = std::chrono::steady_clock::now() + timeout;
  const std::shared_ptr<Impl> impl = impl_;
  for (bool again = false;; again = true) {
    if (stop.stopped()) co_return Error{Code::kCancelled, "stopped"};
    const Result<Impl::Started> started = impl->start(request, false);
    if (!started) co_return started.error();
    const std::shared_ptr<Exchange> exchange = started->exchange;
    // Named: g++ 12 destroys a lambda twice that is a temporary of a co_await expression.
    const auto finished = [exchange] { return exchange->finished(); };
    const bool done = co_await exchange->wait(finished, deadline, stop);
    if (!done) co_return impl->fail(unanswered(*exchange, request, stop));
    if (const std::optional<Error> error = impl->judge(*exchange)) co_return *error;
    if (!again && impl->is_worth_again(*started)) continue;
    impl->log_warning(request, exchange->warning());
    exchange->head().body = std::move(exchange->buffer());
    co_return std::move(exchange->head());
  }
}

asio::awaitable<Result<StreamResponse>> CpprestTransport::open(HttpRequest request, Duration timeout, StopToken stop) {
  const Instant deadline = std::chrono::steady_clock::now() + timeout;
  const std::shared_ptr<Impl> impl = impl_;
  for (bool again = false;; again = true) {
    if (stop.stopped()) co_return Error{Code::kCancelled, "stopped"};
    const Result<Impl::Started> started = impl->start(request, true);
    if (!started) co_return started.error();
    const std::shared_ptr<Exchange> exchange = started->exchange;
    // An answer that is no stream is waited for to its end: it says what is wrong.
    const auto ready = [exchange] { return exchange->finished() || exchange->head().status == 200; };
    const bool done = co_await exchange->wait(ready, deadline, stop);
    if (!done) co_return impl->fail(unanswered(*exchange, request, stop));
    if (exchange->head().status != 200) {
      if (const std::optional<Error> error = impl->judge(*exchange)) co_return *error;
      if (!again && impl->is_worth_again(*started)) continue;
    }
    impl->log_warning(request, exchange->warning());
    StreamResponse response;
    response.head = exchange->head();
    if (response.head.status == 200) {
      response.lines = std::make_unique<Lines>(exchange, stop);
    } else {
      response.head.body = std::move(exchange->buffer());
    }
    co_return response;
  }
}

}  // namespace pd::kube
