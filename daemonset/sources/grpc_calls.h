// Unary gRPC calls over HTTP/2 on a unix socket, without a gRPC library: those keep threads that wake up for ever. Each
// call has a connection of its own, so between calls there is nothing that wakes up, and nothing that goes stale when
// the server restarts.
//
//   GrpcCalls calls({.socket = "/run/some.sock"});
//   Result<std::string> answer = calls.call("/v1.Service/Method", request.SerializeAsString());
//
// libcurl is in the .cpp only. Owner: who asks. Thread: any, and several at a time; a call blocks the one it is made
// on.
#pragma once

#include <cstddef>
#include <mutex>
#include <set>
#include <string>

#include "base/clock.h"
#include "base/result.h"

namespace pd::agent {

class GrpcCalls {
 public:
  struct Options {
    std::string socket;
    Duration timeout = std::chrono::seconds(10);             // for one call, from its connection to the last byte
    std::size_t answer_limit = (std::size_t{16} << 20) + 5;  // kubelet's own limit for a message, and what precedes it
  };

  explicit GrpcCalls(Options options);
  GrpcCalls(const GrpcCalls&) = delete;
  GrpcCalls& operator=(const GrpcCalls&) = delete;

  // `path`: "/package.Service/Method". `message` and what is returned are encoded messages. Errors: kTimeout,
  // kForbidden, kCancelled (by us or by the server), kInvalid (the server does not know the method, the answer is over
  // the limit or is no message), kUnavailable (anything else).
  Result<std::string> call(const std::string& path, const std::string& message);

  // Ends what is under way, at once; every later call is refused.
  void stop();

 private:
  bool begin(void* transfer);
  bool end(void* transfer);
  bool stopped() const;

  Options options_;
  mutable std::mutex mutex_;
  bool stopped_ = false;
  std::set<void*> transfers_;  // libcurl's, under way
};

}  // namespace pd::agent
