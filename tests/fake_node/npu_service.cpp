#include <algorithm>

#include "tests/fake_node/npu_plugin.h"

namespace pd::testing {
namespace {

class DeviceStream final : public grpc::ServerWriteReactor<v1beta1::ListAndWatchResponse> {
 public:
  explicit DeviceStream(const FakeNpus& npus) {
    for (int id = 0; id < npus.count; ++id) {
      v1beta1::Device* device = response_.add_devices();
      device->set_id(npus.name(id));
      device->set_health("Healthy");
    }
    StartWrite(&response_);
  }

  void OnCancel() override { Finish(grpc::Status::CANCELLED); }
  void OnDone() override { delete this; }

 private:
  v1beta1::ListAndWatchResponse response_;
};

}  // namespace

grpc::ServerUnaryReactor* FakeNpuService::GetDevicePluginOptions(grpc::CallbackServerContext* context,
                                                                 const v1beta1::Empty* /*request*/,
                                                                 v1beta1::DevicePluginOptions* /*response*/) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  reactor->Finish(grpc::Status::OK);
  return reactor;
}

grpc::ServerWriteReactor<v1beta1::ListAndWatchResponse>* FakeNpuService::ListAndWatch(
    grpc::CallbackServerContext* /*context*/, const v1beta1::Empty* /*request*/) {
  return new DeviceStream(npus_);
}

grpc::ServerUnaryReactor* FakeNpuService::Allocate(grpc::CallbackServerContext* context,
                                                   const v1beta1::AllocateRequest* request,
                                                   v1beta1::AllocateResponse* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  for (const v1beta1::ContainerAllocateRequest& container : request->container_requests()) {
    std::vector<int> ids;
    for (const std::string& device : container.devices_ids()) ids.push_back(npus_.id(device));
    std::sort(ids.begin(), ids.end());
    if (!ids.empty() && ids.front() < 0) {
      reactor->Finish(grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, "a device of the request is not one of ours"));
      return reactor;
    }
    std::string visible;
    for (const int id : ids) visible += (visible.empty() ? "" : ",") + std::to_string(id);
    auto& env = *response->add_container_responses()->mutable_envs();
    env["ASCEND_VISIBLE_DEVICES"] = visible;
    env["ASCEND_RUNTIME_OPTIONS"] = "";
  }
  reactor->Finish(grpc::Status::OK);
  return reactor;
}

}  // namespace pd::testing
