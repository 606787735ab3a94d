#include "operator/ask_generation.h"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>

#include "base/json.h"

namespace pd::op {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;

constexpr std::chrono::seconds kTimeout(1);
constexpr std::uint32_t kHeaderBytes = 4096;
constexpr std::uint64_t kBodyBytes = 1024;

Error unavailable(const std::string& step, const beast::error_code& error) {
  return {Code::kUnavailable, step + ": " + error.message()};
}

}  // namespace

Result<std::int64_t> parse_generation(std::string_view body, const std::string& uid) {
  const Result<Json> document = parse_json(body, {.bytes = kBodyBytes, .depth = 2, .string_bytes = 256});
  if (!document) return document.error().with_context("its answer");
  if (!document->is_object()) return invalid("its answer is not an object");
  const auto told = document->find("uid");
  if (told == document->end() || !told->is_string()) return invalid("its answer has no \"uid\"");
  if (*told != uid) return invalid("another pod answers there: " + shown(*told));
  const auto generation = document->find("generation");
  if (generation == document->end() || !generation->is_number_unsigned() ||
      generation->get<std::uint64_t>() > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
    return invalid("its answer has no \"generation\"");
  return generation->get<std::int64_t>();
}

asio::awaitable<Result<std::int64_t>> ask_generation(plan::DeliveryTarget target) {
  beast::error_code error;
  const auto address = asio::ip::make_address(target.address, error);
  if (error) co_return invalid("\"" + target.address + "\" is not an address");
  beast::tcp_stream stream(co_await asio::this_coro::executor);
  stream.expires_after(kTimeout);
  auto token = asio::redirect_error(asio::use_awaitable, error);
  const asio::ip::tcp::endpoint endpoint(address, target.port);
  co_await stream.async_connect(endpoint, token);
  if (error) co_return unavailable("it can't be reached", error);
  http::request<http::empty_body> request(http::verb::get, "/generation", 11);
  request.set(http::field::host, target.address);
  request.set(http::field::user_agent, "pd-operator");
  request.set(http::field::connection, "close");
  co_await http::async_write(stream, request, token);
  if (error) co_return unavailable("it can't be asked", error);
  beast::flat_buffer buffer(kHeaderBytes + kBodyBytes);
  http::response_parser<http::string_body> parser;
  parser.header_limit(kHeaderBytes);
  parser.body_limit(kBodyBytes);
  co_await http::async_read(stream, buffer, parser, token);
  if (error) co_return unavailable("it did not answer", error);
  if (parser.get().result() != http::status::ok)
    co_return invalid("it answered with HTTP " + std::to_string(parser.get().result_int()));
  co_return parse_generation(parser.get().body(), target.uid);
}

}  // namespace pd::op
