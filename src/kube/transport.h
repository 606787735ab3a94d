// The one interface to HTTP. The API server is behind it: CpprestTransport in the programs, a simulated one in tests.
//
// An error of a transport never has a code that an answer of the API server has: who finds kInvalid, kNotFound,
// kForbidden and the like knows that the API server said so. It is one of
//   kUnavailable  no connection (see kNotConnected), a broken answer, one over the limit (see kTooLarge), a token that
//                 can't be read now: may pass
//   kTimeout      nothing came in time
//   kCancelled    stopped, or not allowed to start
//   kInternal     only a person can mend it (the URL, the client certificate); a line of a stream over the limit
//
// Thread: one transport belongs to one io_context thread; every coroutine here resumes on it.
#pragma once

#include <utility>  // before awaitable.hpp: Boost 1.74 with g++ 12

#include <boost/asio/awaitable.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "base/stop_token.h"

namespace pd::kube {

namespace asio = boost::asio;

// Error::reason where there was no connection to send the request on: no API server has seen it.
inline constexpr std::string_view kNotConnected = "NotConnected";

// Error::reason where the answer is over the request's limit.
inline constexpr std::string_view kTooLarge = "AnswerTooLarge";

// Bytes of one page of a list. The largest object fits: etcd takes 1.5 MiB of one as it stores it, of which a byte can
// be six of JSON (\u003c).
inline constexpr std::size_t kListLimit = std::size_t{16} << 20;
inline constexpr std::size_t kObjectLimit = std::size_t{4} << 20;  // of one object: the API server takes 3 MiB

struct HttpRequest {
  std::string method;  // GET, POST, PUT, PATCH, DELETE
  std::string target;  // path and query, percent-encoded: /api/v1/nodes?limit=500
  std::string accept = "application/json";
  std::string content_type = {};
  std::string body = {};
  std::size_t answer_limit = kListLimit;  // a longer answer is an error (kUnavailable); not for a stream
  // Asked in the step that starts the request, each time when it is sent again; empty: yes. A no is kCancelled.
  std::function<bool()> may_start = {};
};

struct HttpResponse {
  int status = 0;
  std::string body;
  std::optional<std::chrono::seconds> retry_after;
};

// The lines of a streaming answer. Destroying it ends the transfer.
class LineStream {
 public:
  virtual ~LineStream() = default;
  // The next line without its '\n'; nothing at the clean end of the stream. Errors: kTimeout when `silence` passes with
  // no byte; kUnavailable for a broken stream; kInternal for a line over the limit; kCancelled.
  virtual asio::awaitable<Result<std::optional<std::string>>> next(Duration silence) = 0;
};

struct StreamResponse {
  HttpResponse head;                  // with the body where the status is not 200
  std::unique_ptr<LineStream> lines;  // only where it is
};

class Transport {
 public:
  virtual ~Transport() = default;
  // One exchange. An error means that no answer was had; for a write that says nothing of whether it happened.
  virtual asio::awaitable<Result<HttpResponse>> send(HttpRequest request, Duration timeout, StopToken stop) = 0;
  // A stream; `timeout` is for its head alone.
  virtual asio::awaitable<Result<StreamResponse>> open(HttpRequest request, Duration timeout, StopToken stop) = 0;
};

}  // namespace pd::kube
