// The Lease as a lock's place: read, made, replaced, and nothing else. When to do what is the elector's business.
//
//   LeaseLock lock(client, "pd-system", "pd-operator");
//   Result<kube::Lease> lease = co_await lock.get(options);
//   lease = co_await lock.update(*lease, options);   // 409 when somebody else wrote since
//
// The client must outlive it. Thread: the io_context's.
#pragma once

#include "kube/client.h"
#include "kube/lease.h"

namespace pd::runtime {

namespace asio = boost::asio;

class LeaseLock {
 public:
  // The client's transport should be one of its own: a list that is stuck must not cost the leadership.
  LeaseLock(kube::Client& client, std::string ns, std::string name)
      : client_(client), ns_(std::move(ns)), name_(std::move(name)) {}

  asio::awaitable<Result<kube::Lease>> get(kube::CallOptions options);
  // What is answered carries the resourceVersion that was given to it. kAlreadyExists: somebody was faster.
  asio::awaitable<Result<kube::Lease>> create(kube::Lease lease, kube::CallOptions options);
  // Hits the version that `lease` was read in, or nothing. One that was never read is refused here: its PUT would go
  // through whatever another has written.
  asio::awaitable<Result<kube::Lease>> update(kube::Lease lease, kube::CallOptions options);

  std::string place() const { return ns_ + "/" + name_; }

 private:
  std::string path() const;

  kube::Client& client_;
  std::string ns_;
  std::string name_;
};

}  // namespace pd::runtime
