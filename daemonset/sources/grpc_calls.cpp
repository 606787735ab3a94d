#include "daemonset/sources/grpc_calls.h"

#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <memory>
#include <optional>
#include <string_view>

#include "base/excerpt.h"

namespace pd::agent {
namespace {

constexpr std::size_t kPrefix = 5;  // of a message: a byte that says whether it is compressed, four of its length

std::string framed(const std::string& message) {
  std::string bytes(1, '\0');
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(message.size() >> shift & 0xff);
  return bytes + message;
}

// The one message of an answer.
Result<std::string> unframed(std::string bytes) {
  if (bytes.size() < kPrefix) return invalid("an answer without a message");
  if (bytes[0] != 0) return invalid("a compressed answer, which was not asked for");
  std::size_t size = 0;
  for (std::size_t i = 1; i < kPrefix; ++i) size = size << 8 | static_cast<unsigned char>(bytes[i]);
  if (size != bytes.size() - kPrefix) return invalid("an answer that is not as long as it says");
  bytes.erase(0, kPrefix);
  return bytes;
}

std::string percent_decoded(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned byte = 0;
    const char* const digits = text.data() + i + 1;
    if (text[i] == '%' && text.size() - i > 2 && std::from_chars(digits, digits + 2, byte, 16).ptr == digits + 2) {
      decoded += static_cast<char>(byte);
      i += 2;
    } else {
      decoded += text[i];
    }
  }
  return decoded;
}

// By gRPC's numbers of its statuses.
Code code_of(int status) {
  switch (status) {
    case 1:  // CANCELLED
      return Code::kCancelled;
    case 4:  // DEADLINE_EXCEEDED
      return Code::kTimeout;
    case 7:  // PERMISSION_DENIED
      return Code::kForbidden;
    case 8:   // RESOURCE_EXHAUSTED
    case 12:  // UNIMPLEMENTED
      return Code::kInvalid;
    default:
      return Code::kUnavailable;
  }
}

Error stopping() { return {Code::kCancelled, "stopping"}; }

// What has come back of a call. The status is in the trailers, or in the headers where there is nothing else.
struct Answer {
  std::string body;
  std::size_t limit = 0;
  bool over_limit = false;
  std::optional<int> status;
  std::string message;

  bool take(std::string_view bytes) {
    over_limit = bytes.size() > limit - body.size();
    if (!over_limit) body.append(bytes);
    return !over_limit;
  }

  void take_header(std::string_view line) {
    const std::size_t colon = line.find(':');
    const std::size_t first = line.find_first_not_of(' ', colon + 1);
    const std::size_t end = line.find_last_not_of("\r\n");
    if (colon == std::string_view::npos || first == std::string_view::npos || end < first) return;
    const std::string_view value = line.substr(first, end + 1 - first);
    if (line.starts_with("grpc-message:")) message = percent_decoded(value);
    if (!line.starts_with("grpc-status:")) return;
    int number = 0;
    const char* const last = value.data() + value.size();
    const bool whole = std::from_chars(value.data(), last, number).ptr == last;
    if (status.value_or(0) == 0) status = whole ? number : -1;  // no later word makes a failure good
  }
};

std::size_t on_body(const char* bytes, std::size_t /*one*/, std::size_t size, void* answer) {
  return static_cast<Answer*>(answer)->take({bytes, size}) ? size : 0;
}

std::size_t on_header(const char* bytes, std::size_t /*one*/, std::size_t size, void* answer) {
  static_cast<Answer*>(answer)->take_header({bytes, size});
  return size;
}

// One call. A libcurl that is out of memory gives null pointers, which its functions refuse: the call then fails.
class Transfer {
 public:
  Transfer(const GrpcCalls::Options& options, const std::string& path, const std::string& message)
      : request_(framed(message)), timeout_ms_(in_milliseconds(options.timeout)) {
    answer_.limit = options.answer_limit;
    for (const char* line : {"content-type: application/grpc", "te: trailers", "accept:"})
      headers_.reset(curl_slist_append(headers_.release(), line));
    set(CURLOPT_URL, ("http://localhost" + path).c_str());
    set(CURLOPT_UNIX_SOCKET_PATH, options.socket.c_str());
    set(CURLOPT_HTTP_VERSION, long{CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE});
    set(CURLOPT_PROXY, "");  // none of the environment
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_TIMEOUT_MS, timeout_ms_);
    set(CURLOPT_HTTPHEADER, headers_.get());
    set(CURLOPT_POSTFIELDS, request_.data());
    set(CURLOPT_POSTFIELDSIZE, static_cast<long>(request_.size()));
    set(CURLOPT_WRITEFUNCTION, on_body);
    set(CURLOPT_WRITEDATA, &answer_);
    set(CURLOPT_HEADERFUNCTION, on_header);
    set(CURLOPT_HEADERDATA, &answer_);
    set(CURLOPT_ERRORBUFFER, problem_.data());
    curl_multi_add_handle(multi_.get(), easy_.get());
  }
  ~Transfer() { curl_multi_remove_handle(multi_.get(), easy_.get()); }
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  CURLM* handle() const { return multi_.get(); }

  // Does what can be done and waits for more. False at the end.
  bool go_on() {
    int running = 0;
    if (curl_multi_perform(multi_.get(), &running) != CURLM_OK || running == 0) return false;
    return curl_multi_poll(multi_.get(), nullptr, 0, static_cast<int>(timeout_ms_), nullptr) == CURLM_OK;
  }

  Result<std::string> outcome() {
    int left = 0;
    const CURLMsg* const ended = curl_multi_info_read(multi_.get(), &left);
    if (ended == nullptr) return Error{Code::kUnavailable, "libcurl does not work"};
    if (answer_.status.value_or(0) != 0)
      return Error{code_of(*answer_.status),
                   excerpt(answer_.message) + " (gRPC status " + std::to_string(*answer_.status) + ")"};
    if (ended->data.result != CURLE_OK) return failure(ended->data.result);
    long http_status = 0;
    curl_easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &http_status);
    if (http_status != 200) return Error{Code::kUnavailable, "HTTP status " + std::to_string(http_status)};
    if (!answer_.status) return invalid("an answer without a gRPC status");
    return unframed(std::move(answer_.body));
  }

 private:
  static long in_milliseconds(Duration timeout) {
    return std::max<long>(1, std::chrono::duration_cast<std::chrono::milliseconds>(timeout).count());
  }

  template <typename Value>
  void set(CURLoption option, Value value) {
    curl_easy_setopt(easy_.get(), option, value);
  }

  Error failure(CURLcode code) const {
    if (answer_.over_limit) return invalid("an answer of more than " + std::to_string(answer_.limit) + " bytes");
    if (code == CURLE_OPERATION_TIMEDOUT)
      return {Code::kTimeout, "no answer within " + std::to_string(timeout_ms_) + " ms"};
    if (code == CURLE_COULDNT_CONNECT) {  // libcurl's own words name a host and a port
      long reason = 0;
      curl_easy_getinfo(easy_.get(), CURLINFO_OS_ERRNO, &reason);
      return {Code::kUnavailable, std::string("cannot connect: ") + std::strerror(static_cast<int>(reason))};
    }
    return {Code::kUnavailable, excerpt(problem_[0] != '\0' ? problem_.data() : curl_easy_strerror(code))};
  }

  std::string request_;
  long timeout_ms_;
  Answer answer_;
  std::array<char, CURL_ERROR_SIZE> problem_{};
  std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> headers_{nullptr, curl_slist_free_all};
  std::unique_ptr<CURLM, decltype(&curl_multi_cleanup)> multi_{curl_multi_init(), curl_multi_cleanup};
  std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> easy_{curl_easy_init(), curl_easy_cleanup};
};

}  // namespace

GrpcCalls::GrpcCalls(Options options) : options_(std::move(options)) {
  static const CURLcode once = curl_global_init(CURL_GLOBAL_NOTHING);  // no TLS on a unix socket
  static_cast<void>(once);
}

Result<std::string> GrpcCalls::call(const std::string& path, const std::string& message) {
  Transfer transfer(options_, path, message);
  if (!begin(transfer.handle())) return stopping();
  while (!stopped() && transfer.go_on()) {
  }
  if (!end(transfer.handle())) return stopping();
  return transfer.outcome();
}

void GrpcCalls::stop() {
  const std::lock_guard<std::mutex> lock(mutex_);
  stopped_ = true;
  for (CURLM* transfer : transfers_) curl_multi_wakeup(transfer);  // kept for one that does not wait yet
}

// False once stopped, as of end().
bool GrpcCalls::begin(void* transfer) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (!stopped_) transfers_.insert(transfer);
  return !stopped_;
}

bool GrpcCalls::end(void* transfer) {
  const std::lock_guard<std::mutex> lock(mutex_);
  transfers_.erase(transfer);
  return !stopped_;
}

bool GrpcCalls::stopped() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return stopped_;
}

}  // namespace pd::agent
