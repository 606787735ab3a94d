#include "daemonset/sources/pod_resources.h"

#include <unistd.h>

#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <map>
#include <utility>

#include "daemonset/sources/grpc_calls.h"
#include "pod_resources.pb.h"
#include "probe/wakeup.h"

namespace pd::agent {
namespace {

Error explained(const Error& error, const std::string& socket) {
  Error told = error.with_context("kubelet's PodResources at " + socket);
  if (access(socket.c_str(), F_OK) != 0) {
    told.message += "; there is no such socket: mount its folder of the host";
  } else if (access(socket.c_str(), W_OK) != 0) {
    told.message += "; only root may ask";
  }
  return told;
}

void append(const v1::PodResources& pod, int index, std::vector<ContainerDevices>& found) {
  const v1::ContainerResources& container = pod.containers(index);
  const bool last = index + 1 == pod.containers_size();
  if (container.devices().empty()) found.push_back({pod.namespace_(), pod.name(), container.name(), {}, {}, last});
  std::map<std::string, std::vector<std::string>> by_resource;
  for (const v1::ContainerDevices& devices : container.devices()) {
    std::vector<std::string>& names = by_resource[devices.resource_name()];
    names.insert(names.end(), devices.device_ids().begin(), devices.device_ids().end());
  }
  for (auto& [resource, devices] : by_resource) {
    found.push_back({pod.namespace_(), pod.name(), container.name(), resource, std::move(devices), last});
  }
}

// A call blocks a thread of ours, which sleeps otherwise.
class KubeletPodResources final : public PodResources {
 public:
  KubeletPodResources(asio::io_context& io, const std::string& socket, Duration timeout)
      : io_(io), socket_(socket), calls_({.socket = socket, .timeout = timeout}) {}

  ~KubeletPodResources() override {
    calls_.stop();
    callers_.join();
  }

  void stop() override { calls_.stop(); }

  asio::awaitable<Result<std::vector<ContainerDevices>>> list() override {
    const auto response = co_await ask<v1::ListPodResourcesResponse>("List", v1::ListPodResourcesRequest());
    if (!response) co_return explained(response.error(), socket_);
    std::vector<ContainerDevices> found;
    for (const v1::PodResources& pod : response->pod_resources()) {
      for (int i = 0; i < pod.containers_size(); ++i) append(pod, i, found);
    }
    co_return found;
  }

  asio::awaitable<Result<std::vector<AllocatableDevices>>> allocatable() override {
    const auto response =
        co_await ask<v1::AllocatableResourcesResponse>("GetAllocatableResources", v1::AllocatableResourcesRequest());
    if (!response) co_return explained(response.error(), socket_);
    std::map<std::string, std::vector<std::string>> by_resource;  // kubelet sends one entry for each NUMA node
    for (const v1::ContainerDevices& devices : response->devices()) {
      std::vector<std::string>& names = by_resource[devices.resource_name()];
      names.insert(names.end(), devices.device_ids().begin(), devices.device_ids().end());
    }
    std::vector<AllocatableDevices> found;
    for (auto& [resource, devices] : by_resource) found.push_back({resource, std::move(devices)});
    co_return found;
  }

 private:
  template <typename Response>
  struct Call {
    explicit Call(asio::io_context& io) : done(io) {}
    Result<Response> answer = Response();  // written by the thread that makes the call, before `done` is posted
    probe::Wakeup done;
  };

  template <typename Response, typename Request>
  asio::awaitable<Result<Response>> ask(std::string method, Request request) {
    const auto call = std::make_shared<Call<Response>>(io_);
    asio::post(callers_, [this, call, method = std::move(method), message = request.SerializeAsString()]() mutable {
      call->answer = parsed<Response>(calls_.call("/v1.PodResourcesLister/" + method, message));
      asio::post(io_, [call = std::move(call)] { call->done.notify(); });
    });
    co_await call->done.wait();
    co_return std::move(call->answer);
  }

  template <typename Response>
  static Result<Response> parsed(const Result<std::string>& answer) {
    if (!answer) return answer.error();
    Response response;
    if (!response.ParseFromString(*answer)) return invalid("an answer that is not of this service");
    return response;
  }

  asio::io_context& io_;
  std::string socket_;
  GrpcCalls calls_;
  asio::thread_pool callers_{2};  // the inventory and the allocations do not wait for each other
};

}  // namespace

std::unique_ptr<PodResources> make_pod_resources(asio::io_context& io, const std::string& socket, Duration timeout) {
  return std::make_unique<KubeletPodResources>(io, socket, timeout);
}

}  // namespace pd::agent
