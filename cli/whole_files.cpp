#include "cli/whole_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>

namespace pd::cli {
namespace {

constexpr mode_t kMode = 0640;

Error write_error(const std::string& path, int number) {
  return {Code::kInternal, "cannot write " + path + ": " + std::strerror(number)};
}

// An open file, closed in the end; close() tells of what only closing brings to light.
class OpenFile {
 public:
  explicit OpenFile(int descriptor) : descriptor_(descriptor) {}
  ~OpenFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;

  int get() const { return descriptor_; }
  bool close() { return ::close(std::exchange(descriptor_, -1)) == 0; }

 private:
  int descriptor_;
};

bool write_all(int descriptor, std::string_view content) {
  while (!content.empty()) {
    const ssize_t written = write(descriptor, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

// The content of a file-to-be, under another name in the same folder; removed unless it was renamed.
class Draft {
 public:
  explicit Draft(const WholeFile& file) : target_(file.path) {}
  ~Draft() {
    if (!path_.empty()) unlink(path_.c_str());
  }
  Draft(const Draft&) = delete;
  Draft& operator=(const Draft&) = delete;
  Draft(Draft&& other) noexcept : target_(std::move(other.target_)), path_(std::exchange(other.path_, {})) {}

  Status write(std::string_view content) {
    const std::filesystem::path target(target_);
    std::string name = (target.parent_path() / ("." + target.filename().string() + ".XXXXXX")).string();
    OpenFile file(mkostemp(name.data(), O_CLOEXEC));
    if (file.get() < 0) return write_error(target_, errno);
    path_ = name;
    if (!write_all(file.get(), content) || fchmod(file.get(), kMode) != 0 || fsync(file.get()) != 0 || !file.close()) {
      return write_error(target_, errno);
    }
    return Ok{};
  }

  Status rename_to_target() {
    if (std::rename(path_.c_str(), target_.c_str()) != 0) return write_error(target_, errno);
    path_.clear();
    return Ok{};
  }

 private:
  std::string target_;
  std::string path_;
};

Status sync_folder(const std::string& folder) {
  const OpenFile opened(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (opened.get() < 0 || fsync(opened.get()) != 0) return write_error(folder, errno);
  return Ok{};
}

}  // namespace

Status write_whole(const std::string& folder, const std::vector<WholeFile>& files) {
  std::error_code failed;
  std::filesystem::create_directories(folder, failed);
  if (failed) return Error{Code::kInternal, "cannot make the folder " + folder + ": " + failed.message()};
  std::vector<Draft> drafts;
  for (const WholeFile& file : files) {
    const Status written = drafts.emplace_back(file).write(file.content);
    if (!written) return written;
  }
  for (Draft& draft : drafts) {
    const Status renamed = draft.rename_to_target();
    if (!renamed) return renamed;
  }
  return sync_folder(folder);
}

}  // namespace pd::cli
