// Expected failures as values. A function that can fail returns Result<T>; exceptions of libraries are caught at the
// edge of the layer that uses the library and turned into an Error.
//
//   Result<int> port = parse_port(text);
//   if (!port) return port.error();
//   use(*port);
//
// Thread: values without shared state; use from any thread.
#pragma once

#include <chrono>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace pd {

enum class Code {
  kInvalid,        // input that can never be right: bad JSON, a bad flag, HTTP 400 and 422
  kNotFound,       // HTTP 404, a file that is not there
  kAlreadyExists,  // HTTP 409 for a create
  kConflict,       // HTTP 409 otherwise: somebody wrote first
  kGone,           // HTTP 410: the resourceVersion is too old
  kForbidden,      // HTTP 401 and 403
  kThrottled,      // HTTP 429
  kUnavailable,    // HTTP 5xx, no connection, a broken answer: the outcome of a write is unknown
  kTimeout,        // a deadline passed: likewise unknown
  kCancelled,      // we stopped it
  kInternal,       // the rest
};

std::string_view to_string(Code code);

struct Error {
  Code code = Code::kInternal;
  std::string message;                                   // one line for a person: what is wrong, where, what to do
  std::string reason = {};                               // Kubernetes Status.reason when there is one
  std::optional<std::chrono::seconds> retry_after = {};  // what the server asked for

  // The same error with the place in front: "reading /etc/hccn.conf: ...".
  Error with_context(std::string_view place) const {
    Error copy = *this;
    copy.message = std::string(place) + ": " + message;
    return copy;
  }
};

struct [[nodiscard]] Ok {};

template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT(google-explicit-constructor)
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT(google-explicit-constructor)

  explicit operator bool() const { return state_.index() == 0; }
  bool ok() const { return state_.index() == 0; }

  T& operator*() & { return get(); }
  const T& operator*() const& { return get(); }
  T&& operator*() && { return std::move(get()); }
  T* operator->() { return &get(); }
  const T* operator->() const { return &get(); }

  const Error& error() const {
    if (ok()) std::abort();  // a broken invariant of the caller
    return *std::get_if<1>(&state_);
  }

 private:
  T& get() {
    if (!ok()) std::abort();
    return *std::get_if<0>(&state_);
  }
  const T& get() const {
    if (!ok()) std::abort();
    return *std::get_if<0>(&state_);
  }

  std::variant<T, Error> state_;
};

using Status = Result<Ok>;

inline Error invalid(std::string message) { return {Code::kInvalid, std::move(message)}; }

}  // namespace pd
