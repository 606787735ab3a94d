// One request and its answer on their way through cpprestsdk. Internal to CpprestTransport: the only files that see
// <cpprest/...>. Thread: the io_context's, save for Sink, which the library's pool threads write into.
#pragma once

#include <cpprest/http_client.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <condition_variable>
#include <mutex>

#include "kube/transport.h"

namespace pd::kube {

// Counts what the library still holds, so that nobody is destroyed under it, and is its way back to the io_context:
// once closed, what comes late (a name that is still being resolved) is dropped. Any thread.
class InFlight {
 public:
  explicit InFlight(asio::io_context& context) : context_(&context) {}
  void enter();
  void leave();
  bool post(std::function<void()> step);  // false: closed
  bool close(Duration limit);             // waits until nothing is held; false: it took longer

 private:
  std::mutex mutex_;
  asio::io_context* context_;
  std::condition_variable empty_;
  int count_ = 0;
};

class Exchange;

// Where the library puts the body. What comes while the io_context's thread is busy is handed over at once when it is
// not: a wake-up for each chunk would cost more than the chunk. Above the limit a put stays pending, so the library
// reads no further.
class Sink final : public concurrency::streams::details::streambuf_state_manager<std::uint8_t> {
 public:
  struct Limits {
    std::size_t total = 0;     // bytes of the whole body; 0: none
    std::size_t buffered = 0;  // above this the library waits for resume(); 0: none
  };

  Sink(std::shared_ptr<InFlight> in_flight, std::weak_ptr<Exchange> exchange, Limits limits);

  // All that has come since the last time.
  std::string take();
  // Lets the library read on; `kept`: of what was taken, the bytes that are still there.
  void resume(std::size_t kept);
  // Fails what is pending and all that comes. Any thread.
  void abandon();

  bool can_seek() const override { return false; }
  bool has_size() const override { return false; }
  std::size_t buffer_size(std::ios_base::openmode) const override { return 0; }
  void set_buffer_size(std::size_t, std::ios_base::openmode) override {}
  std::size_t in_avail() const override { return 0; }
  pos_type getpos(std::ios_base::openmode) const override { return static_cast<pos_type>(traits::eof()); }
  pos_type seekpos(pos_type, std::ios_base::openmode) override { return static_cast<pos_type>(traits::eof()); }
  pos_type seekoff(off_type, std::ios_base::seekdir, std::ios_base::openmode) override {
    return static_cast<pos_type>(traits::eof());
  }
  bool acquire(std::uint8_t*&, std::size_t&) override { return false; }
  void release(std::uint8_t*, std::size_t) override {}

 protected:
  pplx::task<int_type> _putc(std::uint8_t byte) override;
  pplx::task<std::size_t> _putn(const std::uint8_t* bytes, std::size_t count) override;
  pplx::task<int_type> _bumpc() override { return nothing(); }
  int_type _sbumpc() override { return traits::eof(); }
  pplx::task<int_type> _getc() override { return nothing(); }
  int_type _sgetc() override { return traits::eof(); }
  pplx::task<int_type> _nextc() override { return nothing(); }
  pplx::task<int_type> _ungetc() override { return nothing(); }
  pplx::task<std::size_t> _getn(std::uint8_t*, std::size_t) override { return pplx::task_from_result<std::size_t>(0); }
  std::size_t _scopy(std::uint8_t*, std::size_t) override { return 0; }
  pplx::task<bool> _sync() override { return pplx::task_from_result(true); }
  std::uint8_t* _alloc(std::size_t) override { return nullptr; }
  void _commit(std::size_t) override {}

 private:
  static pplx::task<int_type> nothing() { return pplx::task_from_result<int_type>(traits::eof()); }

  using Put = pplx::task_completion_event<std::size_t>;
  bool announce();

  const std::shared_ptr<InFlight> in_flight_;
  const std::weak_ptr<Exchange> exchange_;
  const Limits limits_;
  std::mutex mutex_;
  bool abandoned_ = false;
  bool announced_ = false;  // the exchange knows that there is something to take
  std::string incoming_;
  std::size_t total_ = 0;
  std::size_t unread_ = 0;  // here and at the exchange
  std::shared_ptr<Put> held_;
  std::size_t held_count_ = 0;
};

class Exchange : public std::enable_shared_from_this<Exchange> {
 public:
  Exchange(asio::io_context& context, std::shared_ptr<InFlight> in_flight, Sink::Limits limits);
  ~Exchange();

  // Throws what the library throws; nothing is in flight then.
  void start(web::http::client::http_client& client, web::http::http_request request);
  // Ends it: closes the socket, fails pending puts. Idempotent.
  void cancel();

  // Waits until `done` holds; false when `deadline` passed, the stop token stopped or the exchange was cancelled first.
  template <typename Predicate>
  asio::awaitable<bool> wait(Predicate done, Instant deadline, StopToken stop) {
    const auto self = shared_from_this();
    const auto registration = stop.on_stop([this] { wake_.cancel(); });
    while (!done()) {
      if (stop.stopped() || cancelled_ || std::chrono::steady_clock::now() >= deadline) co_return false;
      wake_.expires_at(deadline);
      boost::system::error_code ignored;  // cancelled: something changed; expired: the loop sees it
      co_await wake_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
    co_return true;
  }

  bool cancelled() const { return cancelled_; }
  bool finished() const { return finished_; }
  const std::optional<Error>& failure() const { return failure_; }
  HttpResponse& head() { return head_; }
  const std::string& warning() const { return warning_; }  // the answer's Warning headers
  std::string& buffer() { return buffer_; }
  std::uint64_t received() const { return received_; }
  // Lets the library read on after the buffer was full: whoever reads wants more than what is there.
  void resume() { sink_->resume(buffer_.size()); }

 private:
  friend class Sink;
  void follow(const pplx::task<web::http::http_response>& answer);
  void on_head(HttpResponse head, std::string warning);
  void on_bytes();
  void on_end(std::optional<Error> failure);

  std::shared_ptr<InFlight> in_flight_;
  const Sink::Limits limits_;
  asio::steady_timer wake_;
  pplx::cancellation_token_source cancellation_;
  std::shared_ptr<Sink> sink_;
  HttpResponse head_;
  std::string warning_;
  std::string buffer_;
  std::uint64_t received_ = 0;
  bool cancelled_ = false;
  bool finished_ = false;
  std::optional<Error> failure_;
};

// A sentence for a person from what the library threw: its error codes have lost their meaning, so its text is looked
// at.
Error classify_failure(const std::string& library_message);

}  // namespace pd::kube
