// Stopping what is under way. Boost 1.74 has no cancellation slots, so whoever waits registers what ends its wait.
//
//   StopSource source;
//   auto registration = source.token().on_stop([&] { timer.cancel(); });
//
// Thread: one source, its tokens and registrations belong to one thread (the program's io_context).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <utility>

namespace pd {

namespace detail {
struct StopState {
  bool stopped = false;
  std::uint64_t next = 0;
  std::map<std::uint64_t, std::function<void()>> callbacks;  // in the order of registration
};
}  // namespace detail

class StopToken {
 public:
  // Removes its callback when it goes out of scope.
  class Registration {
   public:
    Registration() = default;
    Registration(std::shared_ptr<detail::StopState> state, std::uint64_t id) : state_(std::move(state)), id_(id) {}
    Registration(Registration&& other) noexcept : state_(std::exchange(other.state_, nullptr)), id_(other.id_) {}
    Registration& operator=(Registration&& other) noexcept {
      reset();
      state_ = std::exchange(other.state_, nullptr);
      id_ = other.id_;
      return *this;
    }
    ~Registration() { reset(); }

   private:
    void reset() {
      if (state_) state_->callbacks.erase(id_);
      state_ = nullptr;
    }
    std::shared_ptr<detail::StopState> state_;
    std::uint64_t id_ = 0;
  };

  StopToken() = default;  // never stops
  explicit StopToken(std::shared_ptr<detail::StopState> state) : state_(std::move(state)) {}

  bool stopped() const { return state_ && state_->stopped; }

  // Calls back once when stopped; at once, when that is already so.
  [[nodiscard]] Registration on_stop(std::function<void()> callback) const {
    if (!state_) return {};
    if (state_->stopped) {
      callback();
      return {};
    }
    state_->callbacks.emplace(state_->next, std::move(callback));
    return {state_, state_->next++};
  }

 private:
  std::shared_ptr<detail::StopState> state_;
};

class StopSource {
 public:
  StopToken token() const { return StopToken(state_); }
  bool stopped() const { return state_->stopped; }
  void stop() {
    if (state_->stopped) return;
    state_->stopped = true;
    // One at a time: a callback may remove others that have not run.
    while (!state_->callbacks.empty()) {
      const auto node = state_->callbacks.extract(state_->callbacks.begin());
      node.mapped()();
    }
  }

 private:
  std::shared_ptr<detail::StopState> state_ = std::make_shared<detail::StopState>();
};

}  // namespace pd
