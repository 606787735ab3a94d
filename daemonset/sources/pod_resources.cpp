#include "daemonset/sources/pod_resources.h"

#include <grpc/grpc.h>
#include <grpcpp/grpcpp.h>
#include <unistd.h>

#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <map>
#include <mutex>
#include <set>
#include <utility>

#include "pod_resources.grpc.pb.h"
#include "probe/wakeup.h"

namespace pd::agent {
namespace {

constexpr int kAnswerLimit = 16 << 20;  // kubelet's own limit for a message

Error to_error(const grpc::Status& status, const std::string& socket) {
  Code code = Code::kUnavailable;
  switch (status.error_code()) {
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      code = Code::kTimeout;
      break;
    case grpc::StatusCode::CANCELLED:
      code = Code::kCancelled;
      break;
    case grpc::StatusCode::PERMISSION_DENIED:
      code = Code::kForbidden;
      break;
    case grpc::StatusCode::RESOURCE_EXHAUSTED:
    case grpc::StatusCode::UNIMPLEMENTED:
      code = Code::kInvalid;
      break;
    default:
      break;
  }
  std::string message = "kubelet's PodResources at " + socket + ": " + status.error_message();
  if (access(socket.c_str(), F_OK) != 0) message += "; there is no such socket: mount its folder of the host";
  if (access(socket.c_str(), F_OK) == 0 && access(socket.c_str(), W_OK) != 0) message += "; only root may ask";
  return {code, std::move(message)};
}

// The calls under way, so that they can be ended.
class OpenCalls {
 public:
  bool add(grpc::ClientContext* context) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (closed_) return false;
    contexts_.insert(context);
    return true;
  }
  void remove(grpc::ClientContext* context) {
    const std::lock_guard<std::mutex> lock(mutex_);
    contexts_.erase(context);
  }
  void cancel_all() {
    const std::lock_guard<std::mutex> lock(mutex_);
    closed_ = true;
    for (grpc::ClientContext* context : contexts_) context->TryCancel();
  }

 private:
  std::mutex mutex_;
  std::set<grpc::ClientContext*> contexts_;
  bool closed_ = false;
};

template <typename Request, typename Response>
struct Call {
  explicit Call(asio::io_context& io) : done(io) {}
  grpc::ClientContext context;
  Request request;
  Response response;
  grpc::Status status;  // written by the thread that makes the call, before `done` is posted
  probe::Wakeup done;
};

// Calls block a thread of ours: gRPC's own ones for asynchronous calls wake up several times a second for nothing.
class GrpcPodResources final : public PodResources {
 public:
  GrpcPodResources(asio::io_context& io, const std::string& socket, Duration timeout)
      : io_(io), socket_(socket), timeout_(timeout) {
    grpc::ChannelArguments arguments;
    arguments.SetMaxReceiveMessageSize(kAnswerLimit);
    arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 200);
    arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 5000);  // despite its name, what one attempt may take
    // The default of two minutes outlasts any kubelet restart, and what kubelet does is to be told within two seconds.
    arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 500);
    arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
    stub_ = v1::PodResourcesLister::NewStub(
        grpc::CreateCustomChannel("unix:" + socket, grpc::InsecureChannelCredentials(), arguments));
  }

  ~GrpcPodResources() override {
    calls_.cancel_all();
    callers_.join();
  }

  void stop() override { calls_.cancel_all(); }

  asio::awaitable<Result<std::vector<ContainerDevices>>> list() override {
    using ListCall = Call<v1::ListPodResourcesRequest, v1::ListPodResourcesResponse>;
    const auto call = std::make_shared<ListCall>(io_);
    if (!begin(call, &v1::PodResourcesLister::StubInterface::List)) co_return stopping();
    co_await call->done.wait();
    if (!call->status.ok()) co_return to_error(call->status, socket_);
    std::vector<ContainerDevices> found;
    for (const v1::PodResources& pod : call->response.pod_resources()) {
      for (int i = 0; i < pod.containers_size(); ++i) append(pod, i, found);
    }
    co_return found;
  }

  asio::awaitable<Result<std::vector<AllocatableDevices>>> allocatable() override {
    using AllocatableCall = Call<v1::AllocatableResourcesRequest, v1::AllocatableResourcesResponse>;
    const auto call = std::make_shared<AllocatableCall>(io_);
    if (!begin(call, &v1::PodResourcesLister::StubInterface::GetAllocatableResources)) co_return stopping();
    co_await call->done.wait();
    if (!call->status.ok()) co_return to_error(call->status, socket_);
    std::map<std::string, std::vector<std::string>> by_resource;  // kubelet sends one entry for each NUMA node
    for (const v1::ContainerDevices& devices : call->response.devices()) {
      std::vector<std::string>& names = by_resource[devices.resource_name()];
      names.insert(names.end(), devices.device_ids().begin(), devices.device_ids().end());
    }
    std::vector<AllocatableDevices> found;
    for (auto& [resource, devices] : by_resource) found.push_back({resource, std::move(devices)});
    co_return found;
  }

 private:
  static Error stopping() { return {Code::kCancelled, "stopping"}; }

  template <typename Request, typename Response>
  bool begin(const std::shared_ptr<Call<Request, Response>>& call,
             grpc::Status (v1::PodResourcesLister::StubInterface::*method)(grpc::ClientContext*, const Request&,
                                                                           Response*)) {
    if (!calls_.add(&call->context)) return false;
    call->context.set_deadline(std::chrono::system_clock::now() +
                               std::chrono::duration_cast<std::chrono::milliseconds>(timeout_));
    asio::post(callers_, [this, call, method]() mutable {
      call->status = (stub_.get()->*method)(&call->context, call->request, &call->response);
      calls_.remove(&call->context);
      asio::post(io_, [call = std::move(call)] { call->done.notify(); });
    });
    return true;
  }

  static void append(const v1::PodResources& pod, int index, std::vector<ContainerDevices>& found) {
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

  asio::io_context& io_;
  std::string socket_;
  Duration timeout_;
  std::unique_ptr<v1::PodResourcesLister::Stub> stub_;
  OpenCalls calls_;
  asio::thread_pool callers_{2};  // the inventory and the allocations do not wait for each other
};

}  // namespace

std::unique_ptr<PodResources> make_pod_resources(asio::io_context& io, const std::string& socket, Duration timeout) {
  // gRPC would end its threads with the last channel: that takes up to 10 s while one of them polls, and in 1.51 fails
  // an assertion of its own now and then. They end with the process.
  static const bool kept = (grpc_init(), true);
  static_cast<void>(kept);
  return std::make_unique<GrpcPodResources>(io, socket, timeout);
}

}  // namespace pd::agent
