// One place that knows the devices of this node: the driver's tool, its configuration file, or a file by hand. Each is
// a file of its own. Owner: the program that asks. Thread: the io_context's one thread.
#pragma once

#include <utility>  // before awaitable.hpp: Boost 1.74 with g++ 12

#include <boost/asio/awaitable.hpp>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "npu/inventory.h"
#include "probe/problems.h"

namespace pd::probe {

namespace asio = boost::asio;

struct SourceReading {
  std::vector<npu::Device> devices;  // by id, ascending; one whose address could not be read has none
  Problems problems;                 // by device ("device 3"): what could not be read, or is not as it should be
};

class DeviceSource {
 public:
  virtual ~DeviceSource() = default;

  // As in the annotation's `source`.
  virtual std::string_view name() const = 0;
  // Whether there is something to ask at all: the tool, the file.
  virtual bool present() const = 0;
  // Whether it can say by itself which devices there are.
  virtual bool enumerates() const = 0;
  // `ids`: the node's devices, ascending; empty: those the source knows. An error when nothing at all can be said.
  virtual asio::awaitable<Result<SourceReading>> read(std::vector<int> ids) = 0;
};

// "device 3", the subject of a problem.
inline std::string device_subject(int id) { return "device " + std::to_string(id); }

}  // namespace pd::probe
