// The program of localhost/pause:1. It holds a pod's namespaces and does nothing else; with words it prints them first,
// which is all that a test of logs and exec needs.
//   pause [--exit] [WORD...]
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void end(int signal_number) {
  (void)signal_number;
  _exit(0);
}

static void reap(int signal_number) {
  (void)signal_number;
  while (waitpid(-1, NULL, WNOHANG) > 0) {
  }
}

int main(int count, char** words) {
  int first = count > 1 && strcmp(words[1], "--exit") == 0 ? 2 : 1;
  for (int i = first; i < count; ++i) puts(words[i]);
  fflush(stdout);
  if (first == 2) return EXIT_SUCCESS;
  signal(SIGINT, end);
  signal(SIGTERM, end);
  signal(SIGCHLD, reap);
  for (;;) pause();
}
