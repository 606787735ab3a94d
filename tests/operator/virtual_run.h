// For fixtures whose flows run in virtual time. Thread: for tests.
#pragma once

#include <boost/asio/io_context.hpp>

#include "runtime/time_service.h"

namespace pd::op {

class VirtualRun {
 public:
  // Runs flows and time until then.
  void advance(Duration duration) {
    const Instant end = time_.now() + duration;
    run();
    while (time_.next() && *time_.next() <= end) {
      time_.advance_to(*time_.next());
      run();
    }
    time_.advance_to(end);
    run();
  }
  void run() {
    context_.restart();
    context_.poll();
  }

  boost::asio::io_context context_;
  runtime::VirtualTime& time_ = runtime::VirtualTime::install(context_);
};

}  // namespace pd::op
