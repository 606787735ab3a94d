#include "kube/cpprest_transport.h"

#include <malloc.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <pplx/threadpool.h>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <mutex>
#include <set>

#include "base/file.h"
#include "base/log.h"
#include "kube/cpprest_exchange.h"

namespace pd::kube {
namespace {

constexpr std::size_t kMaxLine = std::size_t{8} << 20;       // one watch event
constexpr std::size_t kStreamBuffer = std::size_t{1} << 20;  // above this the server has to wait
constexpr int kLibraryThreads = 4;
constexpr int kMapFrom = 256 << 10;  // larger pieces of memory go back to the system when they are freed
constexpr auto kTokenAge = std::chrono::minutes(1);
constexpr auto kDestroyWait = std::chrono::seconds(5);

// Trusts the given CA alone: the library has already added the system's roots to the store that we replace.
void set_trust(SSL_CTX* ssl, const std::string& ca_pem) {
  X509_STORE* store = X509_STORE_new();
  BIO* pem = BIO_new_mem_buf(ca_pem.data(), static_cast<int>(ca_pem.size()));
  while (X509* certificate = PEM_read_bio_X509(pem, nullptr, nullptr, nullptr)) {
    X509_STORE_add_cert(store, certificate);
    X509_free(certificate);
  }
  BIO_free(pem);
  ERR_clear_error();                                       // the end of the text counts as an error
  X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);  // a CA that another one signed is trusted too, as in Go
  SSL_CTX_set_cert_store(ssl, store);                      // takes the store over
}

// Runs on a pool thread for each new connection; reads only what is constant.
void configure_tls(const Config& config, boost::asio::ssl::context& tls) {
  namespace ssl = boost::asio::ssl;
  tls.set_options(ssl::context::no_sslv2 | ssl::context::no_sslv3 | ssl::context::no_tlsv1 | ssl::context::no_tlsv1_1);
  std::string ca = config.ca_pem;
  if (!config.ca_file.empty()) {
    if (Result<std::string> read = read_file(config.ca_file); read && !read->empty()) ca = *read;
  }
  if (!ca.empty()) set_trust(tls.native_handle(), ca);
  if (config.client_certificate_pem.empty()) return;
  boost::system::error_code bad_certificate;
  boost::system::error_code bad_key;
  tls.use_certificate_chain(boost::asio::buffer(config.client_certificate_pem), bad_certificate);
  tls.use_private_key(boost::asio::buffer(config.client_key_pem), ssl::context::pem, bad_key);
  if (bad_certificate || bad_key) throw std::runtime_error("client certificate");  // classify_failure() knows it
}

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
        co_return Error{Code::kInvalid, "a line of the stream is longer than " + std::to_string(kMaxLine) + " bytes"};
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
    buffer.erase(0, start_);
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
  Impl(asio::io_context& context, const Config& config, std::string user_agent)
      : context_(context), config_(config), user_agent_(std::move(user_agent)) {
    static std::once_flag once;
    std::call_once(once, [] {
      // OpenSSL first: at exit, what was made last goes first, and the pool's threads must not outlive OpenSSL.
      OPENSSL_init_ssl(0, nullptr);
      crossplat::threadpool::initialize_with_threads(kLibraryThreads);
      // Pages of a list are filled on the pool's threads and freed on ours. With an arena of the heap for each thread,
      // and with the threshold that grows with what is freed, a third of the resident memory would be free pieces of
      // them.
      mallopt(M_ARENA_MAX, 2);
      mallopt(M_MMAP_THRESHOLD, kMapFrom);
    });
    try {
      client_ = make_client(std::chrono::seconds(120));
      // The library's timer runs while a put is pending; ours (silence) is the one that matters.
      stream_client_ = make_client(std::chrono::seconds(3600));
    } catch (const std::exception& error) {
      unusable_ = fail({Code::kInvalid, std::string("the server's URL can't be used: ") + error.what()});
    }
  }

  Result<std::shared_ptr<Exchange>> start(const HttpRequest& request, bool stream) {
    if (unusable_) return *unusable_;
    if (request.may_start && !request.may_start()) {
      return Error{Code::kCancelled,
                   "not sent, since it may not be any more: " + request.method + " " + request.target};
    }
    try {
      return start_exchange(request, stream);
    } catch (const std::exception& error) {
      return fail({Code::kInvalid, std::string("the request can't be made: ") + error.what()});
    }
  }

  void shut_down() {
    for (const auto& weak : exchanges_) {
      if (const auto exchange = weak.lock()) exchange->cancel();
    }
    if (!in_flight_->close(kDestroyWait)) log::warn("The HTTP library did not end its requests in time");
    settle_library_threads(kLibraryThreads, kDestroyWait);
  }

  const std::string& server() const { return config_.server; }
  Error fail(const Error& error) const { return error.with_context("API server " + config_.server); }

 private:
  std::shared_ptr<Exchange> start_exchange(const HttpRequest& request, bool stream) {
    const Sink::Limits limits = stream ? Sink::Limits{0, kStreamBuffer} : Sink::Limits{request.answer_limit, 0};
    const auto exchange = std::make_shared<Exchange>(context_, in_flight_, limits);
    exchange->start(stream ? *stream_client_ : *client_, make_request(request));
    exchanges_.insert(exchange);
    std::erase_if(exchanges_, [](const auto& weak) { return weak.expired(); });
    return exchange;
  }

  std::unique_ptr<web::http::client::http_client> make_client(std::chrono::seconds inactivity) const {
    web::http::client::http_client_config settings;
    settings.set_timeout(inactivity);
    settings.set_max_redirects(0);  // it would carry our token to another host
    settings.set_validate_certificates(!config_.insecure_skip_verify);
    const auto config = std::make_shared<const Config>(config_);
    settings.set_ssl_context_callback([config](boost::asio::ssl::context& tls) { configure_tls(*config, tls); });
    return std::make_unique<web::http::client::http_client>(web::uri(config_.server), settings);
  }

  web::http::http_request make_request(const HttpRequest& request) {
    web::http::http_request message(request.method);
    message.set_request_uri(web::uri(request.target));
    web::http::http_headers& headers = message.headers();
    headers.add("Accept", request.accept);
    headers.add("Accept-Encoding", "identity");
    headers.add("User-Agent", user_agent_);
    if (!config_.server_name.empty()) headers.add("Host", config_.server_name);
    if (const std::string& token = current_token(); !token.empty()) headers.add("Authorization", "Bearer " + token);
    if (!request.content_type.empty()) message.set_body(request.body, request.content_type);
    return message;
  }

  // A token file is read again when what we have is a minute old; what can't be read leaves the old one.
  const std::string& current_token() {
    const Instant now = std::chrono::steady_clock::now();
    if (config_.token_file.empty()) return config_.token;
    if (!token_read_ || now - *token_read_ > kTokenAge) {
      if (Result<std::string> read = read_file(config_.token_file, 65536); read) {
        token_ = *read;
        while (!token_.empty() && (token_.back() == '\n' || token_.back() == '\r')) token_.pop_back();
      } else {
        log::warn("Kept the old API token", {{"error", read.error().message}});
      }
      token_read_ = now;
    }
    return token_;
  }

  asio::io_context& context_;
  Config config_;
  std::string user_agent_;
  std::string token_;
  std::optional<Instant> token_read_;
  std::shared_ptr<InFlight> in_flight_ = std::make_shared<InFlight>(context_);
  std::optional<Error> unusable_;  // what the library says of the server's URL
  std::unique_ptr<web::http::client::http_client> client_;
  std::unique_ptr<web::http::client::http_client> stream_client_;
  std::set<std::weak_ptr<Exchange>, std::owner_less<>> exchanges_;
};

CpprestTransport::CpprestTransport(asio::io_context& context, const Config& config, std::string user_agent)
    : impl_(std::make_unique<Impl>(context, config, std::move(user_agent))) {}

CpprestTransport::~CpprestTransport() { impl_->shut_down(); }

// A coroutine that waits may outlive the transport: after a wait it uses only what it holds itself.
namespace {

Error unanswered(Exchange& exchange, const std::string& server, const HttpRequest& request, const StopToken& stop) {
  const bool cancelled = stop.stopped() || exchange.cancelled();
  exchange.cancel();
  if (cancelled) return {Code::kCancelled, "stopped"};
  const Error late{Code::kTimeout, "did not answer in time (" + request.method + " " + request.target + ")"};
  return late.with_context("API server " + server);
}

}  // namespace

asio::awaitable<Result<HttpResponse>> CpprestTransport::send(HttpRequest request, Duration timeout, StopToken stop) {
  if (stop.stopped()) co_return Error{Code::kCancelled, "stopped"};
  const Instant deadline = std::chrono::steady_clock::now() + timeout;
  const std::string server = impl_->server();
  const Result<std::shared_ptr<Exchange>> started = impl_->start(request, false);
  if (!started) co_return started.error();
  const std::shared_ptr<Exchange> exchange = *started;
  // Named: g++ 12 destroys a lambda twice that is a temporary of a co_await expression.
  const auto finished = [exchange] { return exchange->finished(); };
  const bool done = co_await exchange->wait(finished, deadline, stop);
  if (!done) co_return unanswered(*exchange, server, request, stop);
  if (exchange->failure()) co_return exchange->failure()->with_context("API server " + server);
  exchange->head().body = std::move(exchange->buffer());
  co_return std::move(exchange->head());
}

asio::awaitable<Result<StreamResponse>> CpprestTransport::open(HttpRequest request, Duration timeout, StopToken stop) {
  if (stop.stopped()) co_return Error{Code::kCancelled, "stopped"};
  const Instant deadline = std::chrono::steady_clock::now() + timeout;
  const std::string server = impl_->server();
  const Result<std::shared_ptr<Exchange>> started = impl_->start(request, true);
  if (!started) co_return started.error();
  const std::shared_ptr<Exchange> exchange = *started;
  // An answer that is no stream is waited for to its end: it says what is wrong.
  const auto ready = [exchange] { return exchange->finished() || exchange->head().status == 200; };
  const bool done = co_await exchange->wait(ready, deadline, stop);
  if (!done) co_return unanswered(*exchange, server, request, stop);
  StreamResponse response;
  response.head = exchange->head();
  if (response.head.status == 200) {
    response.lines = std::make_unique<Lines>(exchange, stop);
    co_return response;
  }
  if (exchange->failure()) co_return exchange->failure()->with_context("API server " + server);
  response.head.body = std::move(exchange->buffer());
  co_return response;
}

}  // namespace pd::kube
