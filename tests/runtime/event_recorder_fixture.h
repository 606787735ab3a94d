// An event recorder in virtual time, before a server of which a test says what it answers.
#pragma once

#include <gtest/gtest.h>

#include "runtime/event_recorder.h"
#include "runtime/spawn.h"
#include "tests/runtime/metric_value.h"
#include "tests/support/pass_time.h"
#include "tests/support/run_to_end.h"
#include "tests/support/scripted_transport.h"
#include "tests/support/virtual_clock.h"

namespace pd::runtime {

// Takes every event, unless it is told what to answer instead; an answer may be held back.
class EventServer final : public kube::Transport {
 public:
  asio::awaitable<Result<kube::HttpResponse>> send(kube::HttpRequest request, Duration timeout,
                                                   StopToken stop) override {
    const std::string method = request.method;
    requests_.push_back(std::move(request));
    if (hangs_) {
      const bool over = co_await sleep_for(timeout, stop);
      co_return over ? Error{Code::kTimeout, "no answer in time"} : Error{Code::kCancelled, "stopped"};
    }
    if (!answers_.empty()) {
      Result<kube::HttpResponse> answer = std::move(answers_.front());
      answers_.pop_front();
      co_return answer;
    }
    co_return test::json_reply(method == "POST" ? 201 : 200, {{"metadata", {{"name", "e"}, {"resourceVersion", "1"}}}});
  }
  asio::awaitable<Result<kube::StreamResponse>> open(kube::HttpRequest /*request*/, Duration /*timeout*/,
                                                     StopToken /*stop*/) override {
    co_return Error{Code::kInternal, "events are not watched"};
  }

  std::vector<kube::HttpRequest> requests_;
  std::deque<Result<kube::HttpResponse>> answers_;
  bool hangs_ = false;
};

inline kube::Event event_of(const std::string& pod, const std::string& note = "Device 3 has no link.") {
  kube::Event event;
  event.type = "Warning";
  event.action = "Check";
  event.reason = "LinkDown";
  event.note = note;
  event.regarding = {"v1", "Pod", "llm", pod, "uid-" + pod};
  return event;
}

class EventRecorderTest : public ::testing::Test {
 protected:
  ~EventRecorderTest() override {
    stop_.stop();
    while (started_ && !ended_ && step()) {
    }
    EXPECT_TRUE(!started_ || ended_) << "run() goes on after the stop";
  }

  void start(EventRecorder::Limits limits = {}) {
    recorder_.emplace(client_, clock_, rng_, EventRecorder::Reporter{"pd-operator.io/pd-operator", "host-1"},
                      EventMetrics(registry_), limits);
    started_ = true;
    spawn(context_, run());
    test::settle(context_);
  }
  asio::awaitable<void> run() {
    co_await recorder_->run(stop_.token());
    ended_ = true;
  }
  void record(kube::Event event) {
    recorder_->record(std::move(event));
    test::settle(context_);
  }
  // Moves the time to what comes next; false when nothing does.
  bool step() {
    test::settle(context_);
    const std::optional<Instant> next = time_.next();
    if (!next) return false;
    time_.advance_to(*next);
    test::settle(context_);
    return true;
  }
  void pass(Duration duration) { test::pass(context_, time_, duration); }
  const std::vector<kube::HttpRequest>& requests() const { return server_.requests_; }
  std::vector<std::string> methods() const {
    std::vector<std::string> all;
    for (const kube::HttpRequest& request : requests()) all.push_back(request.method);
    return all;
  }
  Json body(std::size_t index) const { return Json::parse(requests().at(index).body); }
  std::string name(std::size_t index) const { return body(index)["metadata"]["name"]; }
  double counted(const std::string& result) const {
    return test::metric(registry_.text(), "pd_operator_events_total{result=\"" + result + "\"}").value_or(-1);
  }

  asio::io_context context_;
  VirtualTime& time_ = VirtualTime::install(context_);
  test::VirtualClock clock_{time_};
  Rng rng_{1};
  EventServer server_;
  kube::Client client_{server_};
  MetricsRegistry registry_;
  StopSource stop_;
  std::optional<EventRecorder> recorder_;
  bool started_ = false;
  bool ended_ = false;
};

inline constexpr const char* kEvents = "/apis/events.k8s.io/v1/namespaces/llm/events";

}  // namespace pd::runtime
