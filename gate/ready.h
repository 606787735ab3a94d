// pd-gate ready, and the note that watch leaves for it: the generation that the pod's engine knows.
// The note is sticky: it stays when the mounted table is for a while not completed. It lies in /dev/shm by default,
// which every container has and may write, also with a read-only root file system; it is gone when the pod's sandbox
// is. Thread: blocking; small local files.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace pd::gate {

struct ReadyOptions {
  std::string state_file;
};

std::string default_state_file(const std::string& pod_uid);

// kNotFound while watch has not seen a completed, valid table.
Result<std::int64_t> read_state(const std::string& path);
// Replaces the file whole.
Status write_state(const std::string& path, std::int64_t generation);

}  // namespace pd::gate
