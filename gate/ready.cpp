#include "gate/ready.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <optional>

#include "base/file.h"
#include "gate/check.h"

namespace pd::gate {
namespace {

constexpr std::size_t kStateBytes = 64;

Error file_error(const std::string& path) {
  return {Code::kInternal, "cannot write " + path + ": " + std::strerror(errno)};
}

bool write_whole(const std::string& path, const std::string& content) {
  // A directory that others may write to: never through a link that somebody else put there.
  unlink(path.c_str());
  const int descriptor = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (descriptor < 0) return false;
  const bool written = write(descriptor, content.data(), content.size()) == static_cast<ssize_t>(content.size());
  return close(descriptor) == 0 && written;
}

}  // namespace

std::string default_state_file(const std::string& pod_uid) {
  const bool plain =
      std::all_of(pod_uid.begin(), pod_uid.end(), [](unsigned char c) { return std::isalnum(c) != 0 || c == '-'; });
  return "/dev/shm/pd-gate" + (pod_uid.empty() || !plain ? std::string() : "-" + pod_uid);
}

Result<std::int64_t> read_state(const std::string& path) {
  const Result<std::string> text = read_file(path, kStateBytes);
  if (!text && text.error().code == Code::kNotFound) {
    return Error{Code::kNotFound, "no completed, valid ranktable has been seen yet (" + path + " is not there)"};
  }
  if (!text) return text.error();
  const std::optional<std::int64_t> generation = parse_generation(*text);
  if (!generation) return invalid(path + " does not hold a generation");
  return *generation;
}

Status write_state(const std::string& path, std::int64_t generation) {
  const std::string fresh = path + ".new";
  if (!write_whole(fresh, std::to_string(generation) + "\n")) return file_error(fresh);
  if (std::rename(fresh.c_str(), path.c_str()) != 0) return file_error(path);
  return Ok{};
}

}  // namespace pd::gate
