// The gRPC half of fake-npu-plugin: a node's NPUs as an Ascend device plugin offers them to kubelet.
// Owner: npu_plugin.cpp. Thread: methods run on gRPC's threads; the devices never change once made.
#pragma once

#include <string>
#include <vector>

#include "device_plugin.grpc.pb.h"

namespace pd::testing {

struct FakeNpus {
  std::string prefix;
  int count = 0;

  // "Ascend910-4", and "davinci4" as on CCE.
  std::string name(int id) const { return prefix + (prefix == "davinci" ? "" : "-") + std::to_string(id); }
  // The id in such a name; -1 when no device has it.
  int id(const std::string& device) const {
    for (int i = 0; i < count; ++i) {
      if (name(i) == device) return i;
    }
    return -1;
  }
};

class FakeNpuService final : public v1beta1::DevicePlugin::CallbackService {
 public:
  explicit FakeNpuService(FakeNpus npus) : npus_(std::move(npus)) {}

  grpc::ServerUnaryReactor* GetDevicePluginOptions(grpc::CallbackServerContext* context, const v1beta1::Empty* request,
                                                   v1beta1::DevicePluginOptions* response) override;
  // Sends the devices once and keeps the stream open: its end would tell kubelet that the devices are gone.
  grpc::ServerWriteReactor<v1beta1::ListAndWatchResponse>* ListAndWatch(grpc::CallbackServerContext* context,
                                                                        const v1beta1::Empty* request) override;
  // Sets ASCEND_VISIBLE_DEVICES, from which the Ascend container runtime would mount the devices.
  grpc::ServerUnaryReactor* Allocate(grpc::CallbackServerContext* context, const v1beta1::AllocateRequest* request,
                                     v1beta1::AllocateResponse* response) override;

 private:
  FakeNpus npus_;
};

}  // namespace pd::testing
