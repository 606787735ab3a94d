// Wiring only.
#include <unistd.h>

#include <csignal>
#include <iostream>
#include <type_traits>

#include "gate/command_line.h"

namespace {

using namespace pd::gate;

// The first process of a container has no default action for signals: without a handler it could only be killed.
void exit_on_signal(int number) { _exit(128 + number); }

void install_exit_on_signal() {
  struct sigaction action {};
  action.sa_handler = exit_on_signal;
  sigaction(SIGTERM, &action, nullptr);
  sigaction(SIGINT, &action, nullptr);
}

int run(const Exit& exit) { return exit.code; }

int run(const WaitOptions& options) {
  install_exit_on_signal();
  const auto generation = wait_for_tables(options, [](const std::string& missing) {
    std::cout << "pd-gate: waiting: " << missing << '\n' << std::flush;
  });
  if (!generation) {
    std::cerr << "pd-gate: " << generation.error().message << '\n' << std::flush;
    return 1;
  }
  std::cout << "pd-gate: the ranktable of generation " << *generation << " is complete\n" << std::flush;
  return 0;
}

int run(const WatchOptions& options) { return run_watch(options); }

int run(const ReadyOptions& options) {
  const auto generation = read_state(options.state_file);
  if (generation) return 0;
  std::cerr << "pd-gate: " << generation.error().message << '\n' << std::flush;
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  const Command command = parse_command_line(argc, argv, PD_VERSION);
  return std::visit([](const auto& options) { return run(options); }, command);
}
