#include "runtime/lease_lock.h"

#include "kube/resource.h"

namespace pd::runtime {
namespace {

using Leases = kube::Resource<kube::Lease>;

}  // namespace

std::string LeaseLock::path() const { return kube::object_path(Leases::kPath, ns_, name_); }

asio::awaitable<Result<kube::Lease>> LeaseLock::get(kube::CallOptions options) {
  return client_.get<kube::Lease>(path(), std::move(options));
}

asio::awaitable<Result<kube::Lease>> LeaseLock::create(kube::Lease lease, kube::CallOptions options) {
  lease.meta = {};
  lease.meta.ns = ns_;
  lease.meta.name = name_;
  Result<kube::ObjectMeta> made =
      co_await client_.create(kube::list_path(Leases::kPath, ns_), kube::encode_lease(lease), std::move(options));
  if (!made) co_return made.error();
  lease.meta = std::move(*made);
  co_return lease;
}

asio::awaitable<Result<kube::Lease>> LeaseLock::update(kube::Lease lease, kube::CallOptions options) {
  // The uid as well: a PUT to a Lease that is gone would make a new one.
  if (lease.meta.resource_version.empty() || lease.meta.uid.empty()) {
    co_return invalid("Lease " + place() + ": was not read before it was to be replaced");
  }
  Result<kube::ObjectMeta> written = co_await client_.replace(path(), kube::encode_lease(lease), std::move(options));
  if (!written) co_return written.error();
  lease.meta = std::move(*written);
  co_return lease;
}

}  // namespace pd::runtime
