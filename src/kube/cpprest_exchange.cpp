#include "kube/cpprest_exchange.h"

#include <boost/asio/post.hpp>

#include <charconv>

namespace pd::kube {
namespace {

// The library takes a chunk of the size "-2" for one of nearly 2^64 bytes, and hands that over.
constexpr std::size_t kMostAtOnce = kListLimit;

}  // namespace

void InFlight::enter() {
  const std::lock_guard lock(mutex_);
  ++count_;
}

void InFlight::leave() {
  const std::lock_guard lock(mutex_);
  if (--count_ == 0) empty_.notify_all();
}

bool InFlight::post(std::function<void()> step) {
  const std::lock_guard lock(mutex_);
  if (context_ == nullptr) return false;
  asio::post(*context_, std::move(step));
  return true;
}

bool InFlight::close(Duration limit) {
  std::unique_lock lock(mutex_);
  const bool empty = empty_.wait_for(lock, limit, [this] { return count_ == 0; });
  context_ = nullptr;
  return empty;
}

Sink::Sink(std::shared_ptr<InFlight> in_flight, std::weak_ptr<Exchange> exchange, Limits limits)
    : streambuf_state_manager<std::uint8_t>(std::ios_base::out),
      in_flight_(std::move(in_flight)),
      exchange_(std::move(exchange)),
      limits_(limits) {}

void Sink::abandon() {
  std::shared_ptr<Put> held;
  {
    const std::lock_guard lock(mutex_);
    abandoned_ = true;
    incoming_ = {};
    held = std::exchange(held_, nullptr);
  }
  if (held) held->set_exception(std::runtime_error("cancelled"));
}

std::string Sink::take() {
  const std::lock_guard lock(mutex_);
  announced_ = false;
  return std::exchange(incoming_, {});
}

void Sink::resume(std::size_t kept) {
  std::shared_ptr<Put> held;
  {
    const std::lock_guard lock(mutex_);
    unread_ = kept + incoming_.size();
    held = std::exchange(held_, nullptr);
  }
  if (held) held->set(held_count_);
}

// False when nobody is there to take it.
bool Sink::announce() {
  return in_flight_->post([weak = exchange_, self = shared_from_this()] {
    if (const auto exchange = weak.lock()) {
      exchange->on_bytes();
    } else {
      static_cast<Sink&>(*self).abandon();
    }
  });
}

pplx::task<Sink::int_type> Sink::_putc(std::uint8_t byte) {
  return _putn(&byte, 1).then([byte](std::size_t) { return static_cast<int_type>(byte); });
}

pplx::task<std::size_t> Sink::_putn(const std::uint8_t* bytes, std::size_t count) {
  std::shared_ptr<Put> held;
  bool is_first = false;
  {
    const std::lock_guard lock(mutex_);
    if (abandoned_) return pplx::task_from_exception<std::size_t>(std::runtime_error("cancelled"));
    const bool is_chunk = count <= kMostAtOnce;
    if (is_chunk) total_ += count;
    if (!is_chunk || (limits_.total != 0 && total_ > limits_.total)) {
      abandoned_ = true;
      return pplx::task_from_exception<std::size_t>(std::runtime_error("body over the limit"));
    }
    incoming_.append(reinterpret_cast<const char*>(bytes), count);
    unread_ += count;
    is_first = !std::exchange(announced_, true);
    if (limits_.buffered != 0 && unread_ > limits_.buffered) {
      held = std::make_shared<Put>();
      held_ = held;
      held_count_ = count;
    }
  }
  if (is_first && !announce()) abandon();
  return held ? pplx::create_task(*held) : pplx::task_from_result(count);
}

namespace {

std::string header(const web::http::http_response& response, const char* name) {
  const auto found = response.headers().find(name);
  return found == response.headers().end() ? "" : found->second;
}

HttpResponse read_head(const web::http::http_response& response) {
  HttpResponse head;
  head.status = response.status_code();
  const std::string text = header(response, "Retry-After");
  int seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error == std::errc() && seconds >= 0) head.retry_after = std::chrono::seconds(seconds);
  return head;
}

}  // namespace

Exchange::Exchange(asio::io_context& context, std::shared_ptr<InFlight> in_flight, Sink::Limits limits)
    : in_flight_(std::move(in_flight)), limits_(limits), wake_(context) {}

Exchange::~Exchange() { cancel(); }

void Exchange::start(web::http::client::http_client& client, web::http::http_request request) {
  sink_ = std::make_shared<Sink>(in_flight_, weak_from_this(), limits_);
  request.set_response_stream(concurrency::streams::streambuf<std::uint8_t>(sink_).create_ostream());
  in_flight_->enter();
  try {
    follow(client.request(request, cancellation_.get_token()));
  } catch (...) {
    in_flight_->leave();  // nobody else will
    throw;
  }
}

void Exchange::follow(const pplx::task<web::http::http_response>& answer) {
  // The continuations run on the library's threads and hold the exchange weakly: it may be gone when they do.
  auto report = [weak = weak_from_this(), in_flight = in_flight_](std::function<void(Exchange&)> step) {
    in_flight->post([weak, step = std::move(step)] {
      if (const auto self = weak.lock()) step(*self);
    });
  };
  answer
      .then([report](const web::http::http_response& response) {
        report([head = read_head(response), warning = header(response, "Warning")](Exchange& self) {
          self.on_head(head, warning);
        });
        return response.content_ready();
      })
      .then([report, in_flight = in_flight_](const pplx::task<web::http::http_response>& done) {
        std::optional<Error> failure;
        try {
          done.get();
        } catch (const std::exception& error) {
          failure = classify_failure(error.what());
        } catch (...) {
          failure = classify_failure("unknown");
        }
        report([failure](Exchange& self) { self.on_end(failure); });
        in_flight->leave();
      });
}

void Exchange::cancel() {
  if (cancelled_) return;
  cancelled_ = true;
  if (sink_) sink_->abandon();
  if (!finished_) cancellation_.cancel();
  wake_.cancel();
}

void Exchange::on_head(HttpResponse head, std::string warning) {
  head_ = std::move(head);
  warning_ = std::move(warning);
  wake_.cancel();
}

void Exchange::on_bytes() {
  if (cancelled_) return;
  std::string bytes = sink_->take();
  received_ += bytes.size();
  if (buffer_.empty()) {
    buffer_ = std::move(bytes);
  } else {
    buffer_ += bytes;
  }
  wake_.cancel();
}

void Exchange::on_end(std::optional<Error> failure) {
  finished_ = true;
  failure_ = cancelled_ ? Error{Code::kCancelled, "stopped"} : std::move(failure);
  wake_.cancel();
}

namespace {

Error not_connected(std::string message) {
  return {Code::kUnavailable, std::move(message), std::string(kNotConnected)};
}

}  // namespace

Error classify_failure(const std::string& library_message) {
  const auto says = [&](const char* words) { return library_message.find(words) != std::string::npos; };
  if (says("body over the limit"))
    return {Code::kUnavailable, "the answer is larger than is accepted", std::string(kTooLarge)};
  if (says("client certificate")) return {Code::kInternal, "the client certificate or its key can't be used"};
  if (says("SSL handshake") || says("TLS") || says("certificate")) {
    return {Code::kUnavailable,
            "the TLS handshake failed: the server's certificate is not from the given CA, is expired, or does not name "
            "this address"};
  }
  if (says("resolving address")) return not_connected("the server's host name can't be resolved");
  if (says("Failed to connect"))
    return not_connected("no connection to the server: it is not running there, or not reachable");
  if (says("timed out") || says("Timed out")) return {Code::kTimeout, "the server did not answer in time"};
  return {Code::kUnavailable, "the connection to the server broke"};
}

}  // namespace pd::kube
