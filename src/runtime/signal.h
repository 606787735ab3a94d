// What flows wait for until another one tells them.
//
//   while (ready.empty()) co_await changed.wait();
//   ...
//   changed.notify_all();
//
// Who waits is dropped with its io_context; a Signal may outlive that. Thread: the io_context's.
#pragma once

#include <utility>  // before awaitable.hpp: Boost 1.74 with g++ 12

#include <boost/asio/awaitable.hpp>
#include <vector>

#include "runtime/time_service.h"

namespace pd::runtime {

class Signal {
 public:
  // Until the next notify_all(). Another flow may have run before this one goes on: look again whether what it waited
  // for is so.
  asio::awaitable<void> wait();
  void notify_all();

 private:
  std::vector<TimeService::Call> waiting_;
};

}  // namespace pd::runtime
