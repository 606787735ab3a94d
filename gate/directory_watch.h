// Tells when something may have changed in a directory: by inotify, and by nothing but the caller's own clock where
// inotify can't (the directory is not there yet, or the node has no watches left).
//
//   DirectoryWatch watch("/etc/pd-operator/ranktable");
//   do {
//     watch.arm();          // before reading, so that a change while reading is not missed
//     read_everything();
//   } while (watch.wait(1s), true);
//
// Thread: one.
#pragma once

#include <string>

#include "base/clock.h"

namespace pd::gate {

class DirectoryWatch {
 public:
  explicit DirectoryWatch(std::string directory);
  ~DirectoryWatch();
  DirectoryWatch(const DirectoryWatch&) = delete;
  DirectoryWatch& operator=(const DirectoryWatch&) = delete;

  // Watches the directory that now has the name, if it does not yet.
  void arm();
  // Returns after a change or `at_most`, whichever is first.
  void wait(Duration at_most);

  // For an event loop: readable after a change; -1 when there is no inotify. drain() takes what there is.
  int descriptor() const { return descriptor_; }
  void drain();

 private:
  std::string directory_;
  int descriptor_ = -1;
  int watch_ = -1;
};

}  // namespace pd::gate
