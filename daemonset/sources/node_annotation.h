// Device addresses from the annotation `baseDeviceInfos` of the own Node, which the device plugin of mind-cluster keeps
// (ascend-common/api/consts.go): what it knows from the driver need not be asked again. Beside it `superPodID` has the
// number of the node's super pod, or a negative one.
//
//   {"Ascend910-0":{"IP":"29.81.18.100","SuperDeviceID":0},...}
//
// Owner: main; the agent tells it what the Node says. Thread: the io_context's one thread.
#pragma once

#include <string>

#include "daemonset/node_api.h"
#include "probe/device_source.h"

namespace pd::agent {

inline constexpr const char* kBaseDeviceInfos = "baseDeviceInfos";
inline constexpr const char* kSuperPodId = "superPodID";

// A device whose IP is no address that peers could reach is listed without one, and said. Any other text than a number
// is no super pod.
Result<probe::SourceReading> parse_base_device_infos(std::string_view text, std::string_view super_pod = {});

class NodeAnnotation final : public probe::DeviceSource {
 public:
  // Whether it says something else than before.
  bool learn(const Annotations& of_the_node);

  std::string_view name() const override { return "node_annotation"; }
  bool present() const override { return !text_.empty(); }
  bool enumerates() const override { return true; }
  asio::awaitable<Result<probe::SourceReading>> read(std::vector<int> ids) override;

 private:
  std::string text_;
  std::string super_pod_;
};

}  // namespace pd::agent
