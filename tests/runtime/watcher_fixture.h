// A Watcher of pods, what it asks a scripted API server for, and what it tells.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kube/json_members.h"
#include "runtime/watcher.h"
#include "tests/support/run_to_end.h"
#include "tests/support/scripted_transport.h"

namespace pd::test {

inline const char* const kList = "GET /api/v1/namespaces/llm/pods";
inline const char* const kWatch = "WATCH /api/v1/namespaces/llm/pods";
inline const char* const kStream = "STREAM /api/v1/namespaces/llm/pods";

inline Json pod(const std::string& name, const std::string& version) {
  return {{"metadata", {{"name", name}, {"namespace", "llm"}, {"resourceVersion", version}}}};
}

inline kube::HttpResponse page(const std::string& version, const std::vector<Json>& items,
                               const std::string& more = "") {
  return json_reply(200, {{"metadata", {{"resourceVersion", version}, {"continue", more}}}, {"items", items}});
}

inline std::string event(const std::string& type, const Json& object) {
  return Json{{"type", type}, {"object", object}}.dump();
}

inline std::string error_event(int code, const std::string& reason) {
  return event("ERROR", {{"kind", "Status"}, {"code", code}, {"reason", reason}, {"message", "refused"}});
}

// The bookmark that ends a streaming list.
inline std::string list_end(const std::string& version) {
  Json object = pod("", version);
  object["metadata"]["annotations"] = {{"k8s.io/initial-events-end", "true"}};
  return event("BOOKMARK", object);
}

// Writes down what it is told; an object named "bad" can't be read.
class Recorder final : public runtime::WatchSink {
 public:
  void begin_list() override { told.push_back("begin"); }
  Status list_item(const Json& object) override { return note("item", object); }
  void list_deleted(const Json& object) override { (void)note("gone", object); }
  void end_list() override { told.push_back("end"); }
  Status changed(const Json& object) override { return note("changed", object); }
  void deleted(const Json& object) override { (void)note("deleted", object); }
  std::vector<std::string> told;

 private:
  Status note(const std::string& what, const Json& object) {
    const std::string name = kube::text_member(kube::object_member(object, "metadata"), "name");
    if (name == "bad") return invalid("an object that can't be read");
    told.push_back(what + " " + name);
    return Ok{};
  }
};

class WatcherTest : public ::testing::Test {
 protected:
  void start(runtime::Backoff::Policy backoff = {std::chrono::milliseconds(1), std::chrono::milliseconds(2), 0.0},
             Duration silence = std::chrono::hours(1)) {
    runtime::Watcher::Timing timing;
    timing.backoff = backoff;
    timing.silence = silence;
    start(timing);
  }
  void start(runtime::Watcher::Timing timing) {
    using Pods = kube::Resource<kube::Pod>;
    watch({Pods::kPath, "Pod", false, &Pods::projection(), "llm", "a in (b)"}, timing);
  }
  void watch(runtime::WatchTarget target, runtime::Watcher::Timing timing) {
    watcher_.emplace(client_, std::move(target), sink_, rng_, timing);
    asio::co_spawn(context_, watcher_->run(stop_.token()), [this](std::exception_ptr error) {
      ended_ = true;
      if (error) std::rethrow_exception(error);
    });
  }
  void run_until_requests(std::size_t count) {
    run_until(context_, [&] { return transport_.requests().size() >= count; });
    context_.restart();
    context_.poll();
  }
  void run_until_told(const std::string& what) {
    run_until(context_, [&] { return !sink_.told.empty() && sink_.told.back() == what; });
  }
  const std::string& query(std::size_t request) const { return transport_.requests().at(request).query; }
  void TearDown() override {
    if (left_) return;
    stop_.stop();
    run_out(context_);
    EXPECT_TRUE(ended_);
  }

  asio::io_context context_;
  ScriptedTransport transport_;
  kube::Client client_{transport_};
  runtime::Rng rng_{1};
  StopSource stop_;
  Recorder sink_;
  std::optional<runtime::Watcher> watcher_;
  bool ended_ = false;
  bool left_ = false;
};

}  // namespace pd::test
