// Makes this process's root the root of its mount namespace, then runs COMMAND. In a chroot they are not the same, and
// a container's would not be either: whoever joins its namespace later, as `exec` in a pod does, would end up outside
// of it.
//   own_root FOLDER COMMAND...       FOLDER: an empty folder to mount the new root on
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

static void must(int result, const char* what) {
  if (result < 0) {
    fprintf(stderr, "own_root: ");
    perror(what);
    exit(EXIT_FAILURE);
  }
}

int main(int count, char** words) {
  if (count < 3 || words[1][0] != '/') {
    fprintf(stderr, "usage: own_root FOLDER COMMAND...\n");
    return EXIT_FAILURE;
  }
  const char* folder = words[1] + 1;  // relative to the root that is left
  int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
  int space = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
  must(root, "/");
  must(space, "/proc/self/ns/mnt");
  must(setns(space, CLONE_NEWNS), "setns");  // joining its own namespace takes a process to that one's root
  must(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "making mounts private");
  must(fchdir(root), "the former root");
  must(mount(".", folder, NULL, MS_BIND | MS_REC, NULL), "binding the former root");
  must(chdir(folder), folder);
  must((int)syscall(SYS_pivot_root, ".", "."), "pivot_root");
  must(umount2(".", MNT_DETACH), "leaving the old root");
  must(chdir("/"), "/");
  execvp(words[2], words + 2);
  perror(words[2]);
  return EXIT_FAILURE;
}
