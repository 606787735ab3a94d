// Files that are there whole or not at all: whoever reads one sees the old content or the new one.
// Thread: blocking; pure but for the files.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace pd::cli {

struct WholeFile {
  std::string path;
  std::string content;
};

// Makes the folder where it is missing, writes and syncs each content beside its place, and then renames them all:
// whatever can fail in writing fails before the first old file is gone. Mode 0640 whatever the umask: MindIE's loader
// refuses more, and a consumer of the same group must be able to read. Errors name the file; no draft is left behind.
Status write_whole(const std::string& folder, const std::vector<WholeFile>& files);

}  // namespace pd::cli
