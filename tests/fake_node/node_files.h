// What the imitated tools of a node share: the files that say what they answer, and how they misbehave. Each has its
// values in a file of lines NAME=VALUE, and in the file with the ending .script beside that (FILE.script, where FILE
// is the tool's name) lines of a device's number or * for all, a word, and what belongs to it:
//
//   busy N        the first N calls for it say that the tool is busy
//   hang          never answers; its pid is appended to <script>.pids
//   garbage       bytes that no one expects
//   flood         never stops answering
//   denied        permission denied, as for all but root
//   no-libraries  the driver's libraries are not found
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace pd::testing {

// The file named by the variable, else by the option --conf, else the usual one.
inline std::string conf_path(int argc, char** argv, const char* variable, const std::string& usual) {
  for (int i = 1; i + 1 < argc; ++i) {
    if (std::string(argv[i]) == "--conf") return argv[i + 1];
  }
  const char* named = std::getenv(variable);
  return named != nullptr ? named : usual;
}

inline std::optional<std::string> conf_value(const std::string& conf, const std::string& name) {
  std::ifstream file(conf);
  for (std::string line; std::getline(file, line);) {
    if (line.rfind(name + "=", 0) == 0) return line.substr(name.size() + 1);
  }
  return std::nullopt;
}

class Script {
 public:
  // Of the lines for this device.
  Script(const std::string& conf, const std::string& tool, std::string device)
      : path_(conf.substr(0, conf.find_last_of('/') + 1) + tool + ".script"), device_(std::move(device)) {
    std::ifstream file(path_);
    for (std::string line; std::getline(file, line);) {
      std::istringstream words(line);
      std::string whom, what, rest;
      words >> whom >> what >> std::ws;
      std::getline(words, rest);
      if (whom == "*" || whom == device_) lines_.emplace_back(what, rest);
    }
  }

  // What follows the word in the last line that has it.
  std::optional<std::string> says(const std::string& what) const {
    std::optional<std::string> found;
    for (const auto& [word, rest] : lines_) {
      if (word == what) found = rest;
    }
    return found;
  }

  // The exit status, when it is told to misbehave.
  std::optional<int> misbehave(const std::string& tool) const {
    if (says("hang")) hang();
    if (says("flood")) return flood();
    if (says("no-libraries")) {
      std::fprintf(stderr,
                   "%s: error while loading shared libraries: libdrvdsmi_host.so: cannot open shared object file\n",
                   tool.c_str());
      return 127;
    }
    if (says("denied")) {
      std::puts("permission denied: pls check this cmd run permission.");
      return 1;
    }
    if (says("garbage")) {
      static constexpr char kBytes[] =
          "\0\xff\xfe::ipaddr:\x1b[2J:999.1.1.1\nipaddr\n:\nNPU ID  Chip ID  Chip Phy-ID\n\xff";
      std::fwrite(kBytes, 1, sizeof kBytes - 1, stdout);
      return 0;
    }
    const long busy = std::strtol(says("busy").value_or("0").c_str(), nullptr, 10);
    if (busy > 0 && append(path_ + "." + device_ + ".calls", ".") <= busy) {
      std::printf("%s is busy, please try again.\n", tool.c_str());
      return 1;
    }
    return std::nullopt;
  }

 private:
  // Appends to a file, and says how long it is now.
  static long append(const std::string& path, const std::string& text) {
    const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (fd < 0 || write(fd, text.data(), text.size()) < 0) return 0;
    struct stat facts {};
    fstat(fd, &facts);
    close(fd);
    return facts.st_size;
  }

  [[noreturn]] void hang() const {
    append(path_ + ".pids", std::to_string(getpid()) + "\n");
    while (true) pause();
  }

  static int flood() {
    while (std::puts("ipaddr:29.81.18.100ipaddr:29.81.18.100ipaddr:29.81.18.100") >= 0) {
    }
    return 1;
  }

  std::string path_;
  std::string device_;
  std::vector<std::pair<std::string, std::string>> lines_;
};

}  // namespace pd::testing
