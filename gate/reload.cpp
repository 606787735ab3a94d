#include "gate/reload.h"

#include <algorithm>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <charconv>
#include <optional>

namespace pd::gate {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;

constexpr std::uint32_t kHeaderBytes = 8192;
constexpr std::uint64_t kBodyBytes = 65536;
constexpr std::string_view kScheme = "http://";

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (problem != std::errc() || end != text.data() + text.size() || port == 0) return std::nullopt;
  return port;
}

bool is_path(std::string_view path) {
  return path.starts_with('/') && path.size() <= 1024 &&
         std::all_of(path.begin(), path.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

Error unavailable(const std::string& step, const beast::error_code& error) {
  return {Code::kUnavailable, step + ": " + error.message()};
}

Status judge(const http::response<http::string_body>& response) {
  const unsigned status = response.result_int();
  if (status >= 200 && status < 300) return Ok{};
  // It is busy, or not yet as far: request timeout, too early, too many requests.
  const bool is_late = status == 408 || status == 425 || status == 429;
  const Code code = status >= 400 && status < 500 && !is_late ? Code::kInvalid : Code::kUnavailable;
  return Error{code, "the engine answered with HTTP " + std::to_string(status)};
}

}  // namespace

Result<ReloadTarget> parse_reload_url(std::string_view url) {
  const Error bad =
      invalid("the reload URL should be as in http://127.0.0.1:8000/reload, with an IP address or localhost");
  if (!url.starts_with(kScheme)) return bad;
  const std::string_view rest = url.substr(kScheme.size());
  const std::size_t slash = rest.find('/');
  const std::string_view authority = rest.substr(0, slash);
  const std::string path = slash == std::string_view::npos ? "/" : std::string(rest.substr(slash));
  const std::size_t colon = authority.rfind(':');
  if (colon == std::string_view::npos || colon == 0 || !is_path(path)) return bad;
  const std::optional<std::uint16_t> port = parse_port(authority.substr(colon + 1));
  std::string_view host = authority.substr(0, colon);
  if (host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  beast::error_code error;
  const auto address = asio::ip::make_address(host == "localhost" ? "127.0.0.1" : std::string(host), error);
  if (error || !port) return bad;
  return ReloadTarget{{address, *port}, std::string(authority), path};
}

asio::awaitable<Status> post_reload(const ReloadTarget& target, ReloadDeadlines deadlines) {
  beast::tcp_stream stream(co_await asio::this_coro::executor);
  stream.expires_after(deadlines.sent);
  beast::error_code error;
  auto token = asio::redirect_error(asio::use_awaitable, error);
  co_await stream.async_connect(target.endpoint, token);
  if (error) co_return unavailable("the engine could not be reached", error);
  http::request<http::empty_body> request(http::verb::post, target.path, 11);
  request.set(http::field::host, target.host);
  request.set(http::field::user_agent, "pd-gate");
  request.set(http::field::connection, "close");
  request.prepare_payload();
  co_await http::async_write(stream, request, token);
  if (error) co_return unavailable("the reload could not be sent", error);
  stream.expires_after(deadlines.answered);
  beast::flat_buffer buffer(kHeaderBytes + kBodyBytes);
  http::response_parser<http::string_body> parser;
  parser.header_limit(kHeaderBytes);
  parser.body_limit(kBodyBytes);
  // The header says whether the engine has done it; its body is nobody's business.
  co_await http::async_read_header(stream, buffer, parser, token);
  if (error) co_return unavailable("the engine did not answer the reload", error);
  co_return judge(parser.get());
}

}  // namespace pd::gate
