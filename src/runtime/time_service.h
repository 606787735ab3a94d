// The time of an io_context: what its flows read and wait for. It is the machine's, unless the context was given
// another before its first use: tests and simulations make it a VirtualTime, in which hours pass at once and in the
// same order each time.
//
//   TimeService& time = TimeService::of(context);
//   TimeService::Call call = time.call_at(time.now() + std::chrono::seconds(5), [] { ... });  // unless `call` goes
//   first
//
// Ownership: the context owns its service and drops what has not been called when it goes; a Call may outlive it.
// Thread: the io_context's.
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "base/clock.h"

namespace pd::runtime {

namespace asio = boost::asio;

class TimeService {
 private:
  struct Agenda {
    using Key =
        std::pair<Instant, std::uint64_t>;  // calls of one moment are made in the order in which they were asked
    std::map<Key, std::function<void()>> calls;
    std::uint64_t next = 0;
    TimeService* service = nullptr;
  };

 public:
  // What was asked for; when it goes, nothing is called.
  class Call {
   public:
    Call() = default;
    Call(Call&& other) noexcept : agenda_(std::move(other.agenda_)), key_(std::exchange(other.key_, {})) {}
    Call& operator=(Call&& other) noexcept;
    ~Call() { cancel(); }
    void cancel();
    void make_now();  // calls at once, if it has not been called

   private:
    friend class TimeService;
    Call(std::weak_ptr<Agenda> agenda, Agenda::Key key) : agenda_(std::move(agenda)), key_(key) {}
    std::weak_ptr<Agenda> agenda_;
    Agenda::Key key_;
  };

  // A time at which nothing happens: for what only make_now() calls.
  static constexpr Instant kNever = Instant::max();

  static TimeService& of(asio::execution_context& context);

  TimeService() { agenda_->service = this; }
  TimeService(const TimeService&) = delete;
  TimeService& operator=(const TimeService&) = delete;
  virtual ~TimeService() { drop(); }

  virtual Instant now() const = 0;
  Call call_at(Instant when, std::function<void()> callback);
  // Drops all that has not been called, and with it the coroutines that wait for it.
  void drop();

 protected:
  // Of what is still to be called; nothing when there is none.
  std::optional<Instant> earliest() const;
  // Calls what is due, in order.
  void make_due_calls();

 private:
  virtual void agenda_changed() {}

  std::shared_ptr<Agenda> agenda_ = std::make_shared<Agenda>();
};

// Time that moves only when told.
//
//   VirtualTime& time = VirtualTime::install(context);
//   context.poll();
//   if (const std::optional<Instant> next = time.next()) time.advance_to(*next);
class VirtualTime final : public TimeService {
 public:
  // Before the context is used for anything else. The context owns it.
  static VirtualTime& install(asio::io_context& context, Instant start = Instant(std::chrono::hours(1)));

  explicit VirtualTime(Instant start) : now_(start) {}
  Instant now() const override { return now_; }
  std::optional<Instant> next() const { return earliest(); }
  // Makes the calls that are due until then.
  void advance_to(Instant when) {
    now_ = std::max(now_, when);
    make_due_calls();
  }

 private:
  Instant now_;
};

}  // namespace pd::runtime
