// A workload that does nothing but show which tables it sees, for the demo and the end-to-end tests. Its image has no
// shell, so what one would do with a shell is here too.
//   table-printer                            prints both tables now and each time they change, until SIGTERM
//   table-printer --once                     prints both tables
//   table-printer --cat PATH                 prints a file, and a newline where it ends without one
//   table-printer --wait-for-generation N    prints "<wall clock in ms> <generation>" once N (or more) is there
// Environment: GLOBAL_RANK_TABLE_FILE_PATH and RANK_TABLE_FILE_PATH, as the operator sets them.
#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <optional>
#include <string>

#include "base/file.h"
#include "base/json.h"
#include "gate/check.h"
#include "gate/directory_watch.h"

namespace {

using namespace pd;

constexpr std::chrono::seconds kPollInterval(1);  // for changes that inotify does not tell

struct Paths {
  std::string global;
  std::string local;
  std::string directory;
};

std::string from_environment(const char* name, const std::string& otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr || *value == '\0' ? otherwise : value;
}

Paths find_paths() {
  const std::string mounted = "/etc/pd-operator/ranktable";
  Paths paths;
  paths.global = from_environment("GLOBAL_RANK_TABLE_FILE_PATH", mounted + "/global_ranktable.json");
  paths.local = from_environment("RANK_TABLE_FILE_PATH", mounted + "/local_ranktable.json");
  const std::size_t slash = paths.global.rfind('/');
  paths.directory = slash == std::string::npos ? "." : paths.global.substr(0, slash);
  return paths;
}

std::int64_t wall_millis() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

std::string timestamp() {
  const std::int64_t millis = wall_millis();
  const std::time_t seconds = millis / 1000;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts);
  const std::string fraction = std::to_string(1000 + millis % 1000).substr(1);
  return std::string(text.data()) + "." + fraction + "Z";
}

// One line, whatever stands in the file.
std::string compact(const Result<std::string>& text) {
  if (!text) return "(" + text.error().message + ")";
  const auto json = OrderedJson::parse(*text, nullptr, /*allow_exceptions=*/false);
  return json.is_discarded() ? dump_json(OrderedJson(*text)) : dump_json(json);
}

std::optional<std::int64_t> read_generation(const Paths& paths) {
  const Result<std::string> text = read_file(paths.directory + "/generation");
  return text ? gate::parse_generation(*text) : std::nullopt;
}

struct Tables {
  std::string generation;
  std::string global;
  std::string local;
  bool operator==(const Tables&) const = default;
};

Tables read_tables(const Paths& paths) {
  const std::optional<std::int64_t> generation = read_generation(paths);
  return {generation ? std::to_string(*generation) : "none", compact(read_file(paths.global)),
          compact(read_file(paths.local))};
}

void print(const Tables& tables) {
  const std::string start = timestamp() + " generation=" + tables.generation;
  std::cout << start << " global=" << tables.global << "\n" << start << " local=" << tables.local << '\n' << std::flush;
}

[[noreturn]] void follow(const Paths& paths) {
  gate::DirectoryWatch watch(paths.directory);
  std::optional<Tables> printed;
  while (true) {
    watch.arm();
    // Read again when the directory was swapped meanwhile: never two publications in one print.
    const std::string before = gate::publication(paths.directory);
    Tables tables = read_tables(paths);
    if (gate::publication(paths.directory) != before) continue;
    if (tables != printed) print(tables);
    printed = std::move(tables);
    watch.wait(kPollInterval);
  }
}

int wait_for_generation(const Paths& paths, std::int64_t wanted, std::chrono::milliseconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  gate::DirectoryWatch watch(paths.directory);
  while (true) {
    watch.arm();
    const std::optional<std::int64_t> generation = read_generation(paths);
    if (generation && *generation >= wanted) {
      std::cout << wall_millis() << " " << *generation << '\n' << std::flush;
      return 0;
    }
    const Duration left = deadline - std::chrono::steady_clock::now();
    if (left <= Duration::zero()) {
      std::cerr << "table-printer: generation " << wanted << " did not arrive in time; there is "
                << (generation ? std::to_string(*generation) : "none") << '\n'
                << std::flush;
      return 1;
    }
    watch.wait(std::min<Duration>(left, kPollInterval));
  }
}

int cat(const std::string& path) {
  const Result<std::string> text = read_file(path);
  if (!text) {
    std::cerr << "table-printer: " << text.error().message << '\n' << std::flush;
    return 1;
  }
  // Not only to a terminal: `kubectl exec` without -t gives none, and the next prompt would follow on the line.
  std::cout << *text << (text->ends_with('\n') ? "" : "\n") << std::flush;
  return 0;
}

// It is the first process of its container: without a handler no signal would end it.
void exit_on_signal(int /*number*/) { _exit(0); }

void install_exit_on_signal() {
  struct sigaction action {};
  action.sa_handler = exit_on_signal;
  sigaction(SIGTERM, &action, nullptr);
  sigaction(SIGINT, &action, nullptr);
}

}  // namespace

int main(int argc, char** argv) {
  install_exit_on_signal();
  CLI::App app("Prints the ranktables that this container sees, now and whenever they change.", "table-printer");
  bool once = false;
  std::string path;
  std::int64_t generation = 0;
  double timeout = 30;
  app.add_flag("--once", once, "Print them once");
  app.add_option("--cat", path, "Print this file, and a newline where it ends without one");
  app.add_option("--wait-for-generation", generation, "Wait until this generation (or a later one) is there");
  app.add_option("--timeout", timeout, "How long to wait for it, as in 30s")
      ->transform(CLI::AsNumberWithUnit(std::map<std::string, double>{{"ms", 0.001}, {"s", 1}, {"m", 60}}))
      ->default_str("30s");
  app.footer("Example:\n  table-printer --wait-for-generation 7 --timeout 30s");
  CLI11_PARSE(app, argc, argv);

  const Paths paths = find_paths();
  if (!path.empty()) return cat(path);
  if (app.count("--wait-for-generation") > 0) {
    return wait_for_generation(paths, generation, std::chrono::milliseconds(static_cast<std::int64_t>(timeout * 1000)));
  }
  if (once) {
    print(read_tables(paths));
    return 0;
  }
  follow(paths);
}
