// The pdctl that needs no file at run time: wiring only. No cluster is read, since cpprestsdk is a shared object alone.
#include <iostream>

#include "cli/command_line.h"

int main(int argc, char** argv) {
  return pd::cli::run({argv, argv + argc}, {std::cin, std::cout, std::cerr}, {PD_VERSION});
}
