// Which devices kubelet has given to which container, and which it has to give: kubelet's PodResources API, v1, over
// its unix socket. It names pods but not their UIDs (owners.h joins those). Its messages are in the .cpp only. Owner:
// the agent. Thread: the io_context's one thread; those that make the calls hand the answers over to it.
#pragma once

#include <utility>  // before awaitable.hpp: Boost 1.74 with g++ 12

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace pd::agent {

namespace asio = boost::asio;

// The devices of one resource that one container holds; a container without devices is listed with no resource.
struct ContainerDevices {
  std::string pod_namespace;
  std::string pod;
  std::string container;
  std::string resource;
  std::vector<std::string> devices;  // the device plugin's names
  bool last = false;                 // no container of its pod comes after it; kubelet allocates in this order
};

// The devices of one resource that the node has to give.
struct AllocatableDevices {
  std::string resource;
  std::vector<std::string> devices;
};

class PodResources {
 public:
  virtual ~PodResources() = default;
  // Errors: kUnavailable (kubelet does not answer), kTimeout, kForbidden, kInvalid (an answer over the limit or
  // of another service), kCancelled.
  virtual asio::awaitable<Result<std::vector<ContainerDevices>>> list() = 0;
  virtual asio::awaitable<Result<std::vector<AllocatableDevices>>> allocatable() = 0;
  // Ends what is under way; every later call is refused.
  virtual void stop() = 0;
};

// Connects for each question, so kubelet may come and go. Destroy it before the io_context.
std::unique_ptr<PodResources> make_pod_resources(asio::io_context& io, const std::string& socket,
                                                 Duration timeout = std::chrono::seconds(10));

}  // namespace pd::agent
