// What the agent's tests share: doubles of the agent's two interfaces to the outside, and what the probe's tests have.
#pragma once

#include <utility>  // before awaitable.hpp: Boost 1.74 with g++ 12

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <string>

#include "daemonset/node_api.h"
#include "daemonset/sources/checkpoint.h"
#include "daemonset/sources/pod_resources.h"
#include "tests/probe/fixture.h"

namespace pd::agent {

using probe::conf_of;
using probe::run;
using probe::TempDir;

// A checkpoint as kubelet would write it, with a right checksum.
inline std::string checkpoint_of(const std::vector<CheckpointEntry>& entries) {
  Json data = {{"PodDeviceEntries", Json::array()}, {"RegisteredDevices", Json::object()}};
  for (const CheckpointEntry& entry : entries) {
    data["PodDeviceEntries"].push_back({{"PodUID", entry.pod_uid},
                                        {"ContainerName", entry.container},
                                        {"ResourceName", entry.resource},
                                        {"DeviceIDs", {{"-1", entry.devices}}},
                                        {"AllocResp", ""}});
  }
  const Json document = {{"Data", data}, {"Checksum", checkpoint_checksum(data).value()}};
  return dump_json(document);
}

class FakePodResources final : public PodResources {
 public:
  asio::awaitable<Result<std::vector<ContainerDevices>>> list() override { co_return listed; }
  asio::awaitable<Result<std::vector<AllocatableDevices>>> allocatable() override { co_return offered; }
  void stop() override {}

  // `count` devices Ascend910-0 and up.
  void offer(int count, const std::string& resource = "huawei.com/Ascend910") {
    AllocatableDevices devices{resource, {}};
    for (int id = 0; id < count; ++id) devices.devices.push_back("Ascend910-" + std::to_string(id));
    offered = std::vector<AllocatableDevices>{devices};
  }

  Result<std::vector<ContainerDevices>> listed = std::vector<ContainerDevices>();
  Result<std::vector<AllocatableDevices>> offered = std::vector<AllocatableDevices>();
};

// For who wants to own one: a test's own, which it keeps.
inline std::unique_ptr<PodResources> borrowed(PodResources& own) {
  class Borrowed final : public PodResources {
   public:
    explicit Borrowed(PodResources& own) : own_(own) {}
    asio::awaitable<Result<std::vector<ContainerDevices>>> list() override { return own_.list(); }
    asio::awaitable<Result<std::vector<AllocatableDevices>>> allocatable() override { return own_.allocatable(); }
    void stop() override { own_.stop(); }

   private:
    PodResources& own_;
  };
  return std::make_unique<Borrowed>(own);
}

class FakeNode final : public NodeApi {
 public:
  asio::awaitable<Result<Annotations>> annotations() override {
    ++reads;
    const std::optional<Error> failed = failure;
    if (fails > 0 && --fails == 0) failure.reset();
    if (failed) co_return *failed;
    co_return held;
  }
  asio::awaitable<Status> patch_annotations(AnnotationPatch patch) override {
    patches.push_back(patch);
    if (!failure || apply_before_failing) {
      for (const auto& [key, value] : patch) {
        if (value) held[key] = *value;
        if (!value) held.erase(key);
      }
    }
    if (on_patch) on_patch();
    if (failure) co_return *failure;
    co_return Ok{};
  }

  Annotations held;
  std::vector<AnnotationPatch> patches;
  int reads = 0;
  std::optional<Error> failure;
  int fails = 0;                      // how many readings until it is over; 0: until it is reset
  bool apply_before_failing = false;  // the write happened, its answer was lost
  std::function<void()> on_patch;
};

}  // namespace pd::agent
