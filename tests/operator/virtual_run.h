// For fixtures whose flows run in virtual time. Thread: for tests.
#pragma once

#include <boost/asio/io_context.hpp>

#include "runtime/time_service.h"
#include "tests/support/pass_time.h"

namespace pd::op {

class VirtualRun {
 public:
  void advance(Duration duration) { test::pass(context_, time_, duration); }
  void run() { test::settle(context_); }

  boost::asio::io_context context_;
  runtime::VirtualTime& time_ = runtime::VirtualTime::install(context_);
};

}  // namespace pd::op
