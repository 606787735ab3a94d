#include "runtime/time_service.h"

#include <boost/asio/steady_timer.hpp>

namespace pd::runtime {
namespace {

// The machine's monotonic clock.
class RealTime final : public TimeService {
 public:
  explicit RealTime(asio::execution_context& context) : timer_(static_cast<asio::io_context&>(context)) {}
  Instant now() const override { return std::chrono::steady_clock::now(); }

 private:
  void agenda_changed() override {
    const Instant next = earliest().value_or(kNever);
    if (next != armed_for_) arm(next);
  }

  void arm(Instant next) {
    armed_for_ = next;
    if (armed_for_ == kNever) {
      timer_.cancel();  // else it would keep the context running
      return;
    }
    timer_.expires_at(armed_for_);
    timer_.async_wait([this](const boost::system::error_code& error) {
      if (error) return;
      armed_for_ = kNever;  // what is called may arm it again
      make_due_calls();
      agenda_changed();
    });
  }

  asio::steady_timer timer_;
  Instant armed_for_ = kNever;
};

// Where a context keeps its time.
class Slot final : public asio::execution_context::service {
 public:
  inline static asio::execution_context::id id;  // NOLINT(readability-identifier-naming): Asio asks for this name

  explicit Slot(asio::execution_context& context) : service(context) {}
  TimeService& time() {
    if (!time_) time_ = std::make_unique<RealTime>(context());
    return *time_;
  }
  void set(std::unique_ptr<TimeService> time) { time_ = std::move(time); }

 private:
  void shutdown() override { time_.reset(); }

  std::unique_ptr<TimeService> time_;
};

}  // namespace

TimeService::Call& TimeService::Call::operator=(Call&& other) noexcept {
  cancel();
  agenda_ = std::exchange(other.agenda_, {});
  key_ = other.key_;
  return *this;
}

void TimeService::Call::cancel() {
  const auto agenda = agenda_.lock();
  agenda_.reset();
  if (!agenda) return;
  const auto node = agenda->calls.extract(key_);  // its callback goes last: it may own what cancels others
  if (node && agenda->service != nullptr) agenda->service->agenda_changed();
}

void TimeService::Call::make_now() {
  const auto agenda = agenda_.lock();
  agenda_.reset();
  if (!agenda) return;
  const auto node = agenda->calls.extract(key_);
  if (!node) return;
  node.mapped()();
  if (agenda->service != nullptr) agenda->service->agenda_changed();
}

TimeService& TimeService::of(asio::execution_context& context) { return asio::use_service<Slot>(context).time(); }

TimeService::Call TimeService::call_at(Instant when, std::function<void()> callback) {
  const Agenda::Key key(when, agenda_->next++);
  agenda_->calls.emplace(key, std::move(callback));
  agenda_changed();
  return {agenda_, key};
}

void TimeService::drop() {
  const auto agenda = agenda_;
  agenda->service = nullptr;
  while (!agenda->calls.empty()) {
    const auto node = agenda->calls.extract(agenda->calls.begin());
  }
}

std::optional<Instant> TimeService::earliest() const {
  if (agenda_->calls.empty()) return std::nullopt;
  const Instant when = agenda_->calls.begin()->first.first;
  return when == kNever ? std::nullopt : std::optional(when);
}

void TimeService::make_due_calls() {
  const auto agenda = agenda_;
  const Instant until = now();
  while (!agenda->calls.empty() && agenda->calls.begin()->first.first <= until) {
    const auto node = agenda->calls.extract(agenda->calls.begin());
    node.mapped()();
  }
}

VirtualTime& VirtualTime::install(asio::io_context& context, Instant start) {
  auto time = std::make_unique<VirtualTime>(start);
  VirtualTime& installed = *time;
  asio::use_service<Slot>(context).set(std::move(time));
  return installed;
}

}  // namespace pd::runtime
