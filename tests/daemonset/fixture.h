// What the agent's tests share: a folder that goes away, coroutines run to their end, and doubles of the agent's two
// interfaces to the outside.
#pragma once

#include <utility>  // before awaitable.hpp: Boost 1.74 with g++ 12

#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "daemonset/node_api.h"
#include "daemonset/sources/checkpoint.h"
#include "daemonset/sources/pod_resources.h"

namespace pd::agent {

class TempDir {
 public:
  TempDir() {
    std::string pattern = (std::filesystem::temp_directory_path() / "pd-agent-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) std::abort();
    path_ = pattern;
  }
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  std::string path(const std::string& name) const { return (path_ / name).string(); }
  // In place, as hccn_tool edits its file.
  std::string write(const std::string& name, const std::string& content) const {
    std::ofstream(path(name), std::ios::binary | std::ios::trunc) << content;
    return path(name);
  }
  // By rename, as kubelet replaces its files.
  std::string replace(const std::string& name, const std::string& content) const {
    write(name + ".new", content);
    std::filesystem::rename(path(name + ".new"), path(name));
    return path(name);
  }

 private:
  std::filesystem::path path_;
};

// Runs the io_context until the coroutine has ended.
inline void run(asio::io_context& io, asio::awaitable<void> coroutine) {
  asio::co_spawn(io, std::move(coroutine), [&](std::exception_ptr failed) {
    if (failed) std::rethrow_exception(failed);
    io.stop();
  });
  io.restart();
  io.run();
}

template <typename T>
asio::awaitable<void> keep_result(asio::awaitable<T> coroutine, std::optional<T>& result) {
  T value = co_await std::move(coroutine);
  result.emplace(std::move(value));
}

// Likewise, and returns what it returned.
template <typename T>
T run(asio::io_context& io, asio::awaitable<T> coroutine) {
  std::optional<T> result;
  run(io, keep_result(std::move(coroutine), result));
  if (!result) std::abort();
  return std::move(*result);
}

// A hccn.conf of devices 0 .. count-1 with the addresses 29.81.18.100 and up.
inline std::string conf_of(int count) {
  std::string text;
  for (int id = 0; id < count; ++id) {
    const std::string n = std::to_string(id);
    text += "address_" + n + "=29.81.18." + std::to_string(100 + id) + "\nnetmask_" + n + "=255.255.0.0\n";
  }
  return text;
}

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

class FakeNode final : public NodeApi {
 public:
  asio::awaitable<Result<Annotations>> annotations() override {
    ++reads;
    if (failure) co_return *failure;
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
  bool apply_before_failing = false;  // the write happened, its answer was lost
  std::function<void()> on_patch;
};

}  // namespace pd::agent
