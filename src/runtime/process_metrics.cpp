#include "runtime/process_metrics.h"

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

namespace pd::runtime {
namespace {

struct ProcessStat {
  double cpu_ticks = 0;
  double start_ticks = 0;  // after the machine's start
  double virtual_bytes = 0;
  double resident_pages = 0;
};

// proc(5): the fields after the name, which is in parentheses and may hold anything. Field 3 is the first of them.
ProcessStat read_stat() {
  std::ifstream file("/proc/self/stat");
  std::string line;
  std::getline(file, line);
  const std::size_t name_end = line.rfind(')');
  ProcessStat stat;
  if (name_end == std::string::npos) return stat;
  std::istringstream fields(line.substr(name_end + 1));
  std::string field;
  for (int number = 3; number <= 24 && fields >> field; ++number) {
    if (number == 14 || number == 15) stat.cpu_ticks += std::atof(field.c_str());
    if (number == 22) stat.start_ticks = std::atof(field.c_str());
    if (number == 23) stat.virtual_bytes = std::atof(field.c_str());
    if (number == 24) stat.resident_pages = std::atof(field.c_str());
  }
  return stat;
}

// When the machine started, in seconds since the epoch.
double boot_time() {
  std::ifstream file("/proc/stat");
  std::string name;
  while (file >> name) {
    double value = 0;
    if (name == "btime" && file >> value) return value;
    std::getline(file, name);
  }
  return 0;
}

double open_files() {
  std::error_code error;
  std::filesystem::directory_iterator entries("/proc/self/fd", error);
  if (error) return 0;
  return static_cast<double>(std::distance(entries, std::filesystem::directory_iterator())) -
         1;  // but for this reading
}

double most_open_files() {
  rlimit limit{};
  return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? static_cast<double>(limit.rlim_cur) : 0;
}

}  // namespace

void add_process_metrics(MetricsRegistry& registry) {
  const Counter cpu = registry.counter("process_cpu_seconds_total", "CPU time of user and system.");
  const Gauge virtual_memory = registry.gauge("process_virtual_memory_bytes", "Virtual memory.");
  const Gauge resident_memory = registry.gauge("process_resident_memory_bytes", "Resident memory.");
  const Gauge files = registry.gauge("process_open_fds", "Open file descriptors.");
  registry.gauge("process_max_fds", "How many file descriptors may be open.").set(most_open_files());
  const auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  const auto page = static_cast<double>(sysconf(_SC_PAGESIZE));
  registry.gauge("process_start_time_seconds", "When the process started, since the epoch.")
      .set(boot_time() + read_stat().start_ticks / ticks);
  registry.before_text([=, counted = 0.0]() mutable {
    const ProcessStat now = read_stat();
    cpu.add((now.cpu_ticks - counted) / ticks);
    counted = now.cpu_ticks;
    virtual_memory.set(now.virtual_bytes);
    resident_memory.set(now.resident_pages * page);
    files.set(open_files());
  });
}

}  // namespace pd::runtime
