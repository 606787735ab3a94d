// A directory as kubelet mounts it: files are links into "..data", which is itself a link that is swapped in one rename
// (kubelet's AtomicWriter). And the tables of a small deployment to put in it.
#pragma once

#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <utility>

#include "ranktable/profile.h"

namespace pd::gate {

using Files = std::map<std::string, std::string>;

class MountedDirectory {
 public:
  MountedDirectory() {
    std::string name = (std::filesystem::temp_directory_path() / "pd-gate-XXXXXX").string();
    if (mkdtemp(name.data()) != nullptr) root_ = name;
    path_ = root_ / "mount";
    std::filesystem::create_directory(path_);
  }
  ~MountedDirectory() { std::filesystem::remove_all(root_); }
  MountedDirectory(const MountedDirectory&) = delete;
  MountedDirectory& operator=(const MountedDirectory&) = delete;

  std::string path() const { return path_.string(); }
  // A place beside the mounted directory.
  std::string beside(const std::string& name) const { return (root_ / name).string(); }

  // Replaces the content whole; files that are not named are gone.
  void publish(const Files& files) {
    namespace fs = std::filesystem;
    const fs::path fresh = "..2026_11_24_" + std::to_string(++publications_);
    fs::create_directory(path_ / fresh);
    for (const auto& [name, content] : files) std::ofstream(path_ / fresh / name) << content;
    const fs::path old = fs::is_symlink(path_ / "..data") ? fs::read_symlink(path_ / "..data") : fs::path();
    fs::create_directory_symlink(fresh, path_ / "..data_tmp");
    fs::rename(path_ / "..data_tmp", path_ / "..data");
    for (const auto& [name, content] : files) {
      if (!fs::is_symlink(path_ / name)) fs::create_symlink(fs::path("..data") / name, path_ / name);
    }
    for (const auto& [name, content] : published_) {
      if (!files.contains(name)) fs::remove(path_ / name);
    }
    if (!old.empty()) fs::remove_all(path_ / old);
    published_ = files;
  }

 private:
  std::filesystem::path root_;
  std::filesystem::path path_;
  Files published_;
  int publications_ = 0;
};

constexpr const char* kPodAddress = "10.0.0.18";
constexpr const char* kPeerAddress = "10.0.0.19";
constexpr const char* kSchedulerAddress = "10.0.0.20";

// The tables of one prefill (kPodAddress) and one decode instance (kPeerAddress).
inline ranktable::Documents tables() {
  const ranktable::Membership membership{
      .schedulers = {{kSchedulerAddress, kSchedulerAddress}},
      .prefill = {{"prefill-0", {{kPodAddress, kPodAddress, {{4, "29.81.18.104"}, {5, "29.81.18.105"}}}}}},
      .decode = {{"decode-0", {{kPeerAddress, kPeerAddress, {{6, "29.81.19.106"}, {7, "29.81.19.107"}}}}}}};
  return *ranktable::find_profile("AscendCloud")->render(membership);
}

// What the prefill pod sees of a publication.
inline Files prefill_files(const std::string& generation, const std::string& expected) {
  const ranktable::Documents documents = tables();
  return {{"global_ranktable.json", documents.global},
          {"local_ranktable.json", documents.locals.at("prefill-0")},
          {"generation", generation},
          {"expected_generation", expected}};
}

inline Files scheduler_files(const std::string& generation, const std::string& expected) {
  Files files = prefill_files(generation, expected);
  files["local_ranktable.json"] = tables().host;
  return files;
}

inline Files initializing_files(const std::string& generation, const std::string& expected) {
  return {{"global_ranktable.json", ranktable::initializing_document()},
          {"local_ranktable.json", ranktable::initializing_document()},
          {"generation", generation},
          {"expected_generation", expected}};
}

}  // namespace pd::gate
