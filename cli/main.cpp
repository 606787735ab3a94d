// pdctl: wiring only. What it understands is in commands.h.
#include <iostream>

#include "cli/cluster/status.h"
#include "cli/command_line.h"

int main(int argc, char** argv) {
  return pd::cli::run({argv, argv + argc}, {std::cin, std::cout, std::cerr}, {PD_VERSION, pd::cli::status});
}
