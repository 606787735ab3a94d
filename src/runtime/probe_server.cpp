#include "runtime/probe_server.h"

#include <algorithm>
#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <charconv>
#include <list>
#include <optional>

#include "base/log.h"
#include "runtime/timing.h"

namespace pd::runtime {
namespace {

namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;

constexpr auto kPauseAfterFailure = std::chrono::milliseconds(500);  // of accepting: out of descriptors, most likely
constexpr auto kLingerTime = std::chrono::seconds(1);
constexpr std::size_t kLingerBytes = 65536;

struct Place {
  std::optional<asio::ip::address> address;  // nothing: all
  std::uint16_t port = 0;
};

Result<Place> parse_place(const std::string& text) {
  const Error wrong = invalid("\"" + text +
                              "\" is no address to listen on: write :8080, 127.0.0.1:8080 or [::1]:8080, with a port "
                              "from 0 to 65535");
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos) return wrong;
  Place place;
  const char* const end = text.data() + text.size();
  const auto [rest, failed] = std::from_chars(text.data() + colon + 1, end, place.port);
  if (failed != std::errc() || rest != end) return wrong;
  std::string host = text.substr(0, colon);
  if (host.empty()) return place;
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  beast::error_code error;
  place.address = asio::ip::make_address(host, error);
  if (error || place.address->is_v6() != bracketed) return wrong;
  return place;
}

beast::error_code open(tcp::acceptor& acceptor, const tcp::endpoint& endpoint) {
  beast::error_code error;
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(asio::socket_base::reuse_address(true), error);
  if (!error && endpoint.address().is_v6()) acceptor.set_option(asio::ip::v6_only(false), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  return error;
}

// One socket for both families; plain IPv4 where the machine has no IPv6.
Result<tcp::acceptor> open(asio::io_context& context, const Place& place) {
  tcp::acceptor acceptor(context);
  beast::error_code error = open(acceptor, {place.address.value_or(asio::ip::address_v6::any()), place.port});
  if (error && error != asio::error::address_in_use && !place.address) {
    acceptor = tcp::acceptor(context);
    error = open(acceptor, {asio::ip::address_v4::any(), place.port});
  }
  if (error) return Error{Code::kUnavailable, error.message()};
  return acceptor;
}

using Response = http::response<http::string_body>;

Response make_response(ProbePages::Page page, unsigned version, bool keep_alive, bool head = false) {
  Response response(static_cast<http::status>(page.status), version);
  response.set(http::field::content_type, beast::string_view(page.content_type.data(), page.content_type.size()));
  response.set(http::field::cache_control, "no-store");
  response.set("X-Content-Type-Options", "nosniff");
  if (page.status == 405) response.set(http::field::allow, "GET, HEAD");
  response.keep_alive(keep_alive);
  response.content_length(page.body.size());
  if (!head) response.body() = std::move(page.body);
  return response;
}

// The answer to what is no request; nothing for a peer that went away or was too slow.
std::optional<ProbePages::Page> complaint(const beast::error_code& error) {
  if (error == http::error::header_limit || error == http::error::buffer_overflow) {
    return ProbePages::Page{431, "The request's header is too large.\n"};
  }
  if (error == http::error::end_of_stream || error == http::error::partial_message) return std::nullopt;
  if (error.category() != make_error_code(http::error::bad_target).category()) return std::nullopt;
  return ProbePages::Page{400, "This is no HTTP request: " + error.message() + ".\n"};
}

}  // namespace

struct ProbeServer::State {
  class Connection;

  State(asio::io_context& io, tcp::acceptor listening, const ProbePages& answers, ProbeLimits bounds)
      : context(io), acceptor(std::move(listening)), pages(answers), limits(bounds), all_ended(io, Instant::max()) {}

  static asio::awaitable<void> accept(std::shared_ptr<State> state, StopToken stop);
  static asio::awaitable<void> serve(std::unique_ptr<Connection> connection);
  void make_room();
  void close();

  asio::io_context& context;
  tcp::acceptor acceptor;
  const ProbePages& pages;
  ProbeLimits limits;
  std::list<Connection*> connections;  // open ones, the one that was quiet for longest first
  int flows = 0;
  asio::steady_timer all_ended;  // never expires; cancelled when the last flow ends
};

// One client. It is in the list while it is open.
class ProbeServer::State::Connection {
 public:
  Connection(std::shared_ptr<State> state, tcp::socket socket) : owner_(std::move(state)), stream_(std::move(socket)) {
    state_.connections.push_back(this);
    ++state_.flows;
  }
  ~Connection() {
    state_.connections.remove(this);
    if (--state_.flows == 0) state_.all_ended.cancel();
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Ends what it waits for, and so its flow.
  void close() {
    open_ = false;
    stream_.close();
  }

  asio::awaitable<void> run() {
    for (int left = state_.limits.requests_per_connection; left > 0 && open_; --left) {
      const bool another = co_await answer_one(left == 1);
      if (!another) co_return;
    }
  }

 private:
  // Whether another request may follow.
  asio::awaitable<bool> answer_one(bool last) {
    beast::error_code error;
    auto token = asio::redirect_error(asio::use_awaitable, error);
    if (buffer_.size() == 0) co_await first_bytes();
    if (buffer_.size() == 0 || !open_) co_return false;
    state_.connections.splice(state_.connections.end(), state_.connections, place());
    stream_.expires_after(state_.limits.request_time);
    http::request_parser<http::empty_body> parser;
    parser.header_limit(state_.limits.header_bytes);
    co_await http::async_read_header(stream_, buffer_, parser, token);
    if (!open_) co_return false;
    if (error) {
      if (std::optional<ProbePages::Page> page = complaint(error)) co_await refuse(std::move(*page));
      co_return false;
    }
    const auto& request = parser.get();
    const beast::string_view method = request.method_string();
    ProbePages::Page page =
        state_.pages.answer({method.data(), method.size()}, {request.target().data(), request.target().size()});
    if (!parser.is_done()) {  // a body
      if (page.status != 405) page = {413, "A request here has no body.\n"};
      co_await refuse(std::move(page));
      co_return false;
    }
    const bool keep = request.keep_alive() && !last;
    const Response response =
        make_response(std::move(page), request.version(), keep, request.method() == http::verb::head);
    stream_.expires_after(state_.limits.answer_time);
    co_await http::async_write(stream_, response, token);
    co_return keep && !error;
  }

  // Apart from the rest of the request, since a connection that is kept may be quiet for longer.
  asio::awaitable<void> first_bytes() {
    beast::error_code error;
    auto token = asio::redirect_error(asio::use_awaitable, error);
    stream_.expires_after(std::exchange(used_, true) ? state_.limits.idle_time : state_.limits.request_time);
    const std::size_t count = co_await stream_.async_read_some(buffer_.prepare(kFirstBytes), token);
    buffer_.commit(count);  // none after an error
  }

  // Answers, and reads on for a moment: closing with something unread would take the answer back.
  asio::awaitable<void> refuse(ProbePages::Page page) {
    beast::error_code error;
    auto token = asio::redirect_error(asio::use_awaitable, error);
    const Response response = make_response(std::move(page), 11, false);
    stream_.expires_after(state_.limits.answer_time);
    co_await http::async_write(stream_, response, token);
    if (error || !open_) co_return;
    stream_.socket().shutdown(tcp::socket::shutdown_send, error);
    stream_.expires_after(kLingerTime);
    std::array<char, 4096> unread{};
    for (std::size_t read = 0; read < kLingerBytes && !error && open_;) {
      read += co_await stream_.async_read_some(asio::buffer(unread), token);
    }
  }

  std::list<Connection*>::iterator place() {
    return std::find(state_.connections.begin(), state_.connections.end(), this);
  }

  static constexpr std::size_t kFirstBytes = 2048;

  std::shared_ptr<State> owner_;
  State& state_ = *owner_;
  beast::tcp_stream stream_;
  beast::flat_buffer buffer_{2 * static_cast<std::size_t>(state_.limits.header_bytes) + kFirstBytes};
  bool open_ = true;
  bool used_ = false;
};

void ProbeServer::State::make_room() {
  while (connections.size() >= limits.connections) {
    Connection* const quiet = connections.front();
    connections.pop_front();
    quiet->close();
  }
}

void ProbeServer::State::close() {
  beast::error_code ignored;
  acceptor.close(ignored);
  for (Connection* connection : connections) connection->close();
  connections.clear();
}

asio::awaitable<void> ProbeServer::State::serve(std::unique_ptr<Connection> connection) { co_await connection->run(); }

asio::awaitable<void> ProbeServer::State::accept(std::shared_ptr<State> state, StopToken stop) {
  const auto log_escaped = [](const std::exception_ptr& escaped) {
    if (!escaped) return;
    try {
      std::rethrow_exception(escaped);
    } catch (const std::exception& error) {
      log::error("A probe's connection ended unexpectedly", {{"problem", error.what()}});
    }
  };
  while (!stop.stopped()) {
    beast::error_code error;
    tcp::socket socket = co_await state->acceptor.async_accept(asio::redirect_error(asio::use_awaitable, error));
    if (stop.stopped()) break;
    if (error) {
      log::warn("A probe's connection could not be accepted", {{"problem", error.message()}});
      co_await sleep_for(kPauseAfterFailure, stop);
      continue;
    }
    state->make_room();
    auto connection = std::make_unique<Connection>(state, std::move(socket));
    asio::co_spawn(state->context, serve(std::move(connection)), log_escaped);
  }
}

Result<ProbeServer> ProbeServer::listen(asio::io_context& context, const std::string& address, const ProbePages& pages,
                                        ProbeLimits limits) {
  const Result<Place> place = parse_place(address);
  if (!place) return place.error();
  Result<tcp::acceptor> acceptor = open(context, *place);
  if (!acceptor) return acceptor.error().with_context("listening on " + address + " for probes and metrics");
  return ProbeServer(std::make_shared<State>(context, std::move(*acceptor), pages, limits));
}

asio::awaitable<void> ProbeServer::run(StopToken stop) {
  const std::shared_ptr<State> state = state_;
  const auto registration = stop.on_stop([state] { state->close(); });
  co_await State::accept(state, stop);
  while (state->flows > 0) {
    beast::error_code ignored;
    co_await state->all_ended.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
}

std::uint16_t ProbeServer::port() const {
  beast::error_code ignored;
  return state_->acceptor.local_endpoint(ignored).port();
}

std::size_t ProbeServer::connections() const { return state_->connections.size(); }

}  // namespace pd::runtime
