#include "base/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace pd {
namespace {

Error file_error(const std::string& path, int number) {
  Code code = Code::kInternal;
  if (number == ENOENT || number == ENOTDIR) code = Code::kNotFound;
  if (number == EACCES || number == EPERM) code = Code::kForbidden;
  return {code, "cannot read " + path + ": " + std::strerror(number)};
}

}  // namespace

Result<std::string> read_file(const std::string& path, std::size_t limit) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return file_error(path, errno);
  struct Closer {
    int fd;
    ~Closer() { close(fd); }
  } closer{fd};
  struct stat facts {};
  if (fstat(fd, &facts) != 0) return file_error(path, errno);
  if (!S_ISREG(facts.st_mode)) return invalid("cannot read " + path + ": it is not a regular file");
  std::string content;
  std::size_t used = 0;
  while (true) {
    content.resize(used + 65536);
    const ssize_t got = read(fd, content.data() + used, 65536);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return file_error(path, errno);
    used += static_cast<std::size_t>(got);
    if (used > limit) return invalid("cannot read " + path + ": it has more than " + std::to_string(limit) + " bytes");
    if (got == 0) break;
  }
  content.resize(used);
  return content;
}

}  // namespace pd
