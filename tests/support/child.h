// Runs one of the programs that were built beside this test, and talks with it through its output.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace pd::test {

class Child {
 public:
  static std::string program(const std::string& name) {
    return (std::filesystem::read_symlink("/proc/self/exe").parent_path() / name).string();
  }

  Child(const std::string& name, std::vector<std::string> arguments, std::vector<std::string> environment = {}) {
    std::array<int, 2> out{};
    std::array<int, 2> err{};
    if (pipe2(out.data(), O_CLOEXEC) != 0 || pipe2(err.data(), O_CLOEXEC) != 0) return;
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, err[1], STDERR_FILENO);
    arguments.insert(arguments.begin(), name);
    posix_spawn(&pid_, program(name).c_str(), &actions, nullptr, pointers(arguments).data(),
                pointers(environment).data());
    posix_spawn_file_actions_destroy(&actions);
    close(out[1]);
    close(err[1]);
    out_ = out[0];
    err_ = err[0];
  }
  ~Child() {
    if (pid_ > 0) {
      kill(pid_, SIGKILL);
      exit_code();
    }
    close(out_);
    close(err_);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  // The next line; what there is without a line's end when the program is done or silent for a minute.
  std::string out_line() { return next_line(out_, out_buffer_); }
  std::string err_line() { return next_line(err_, err_buffer_); }
  std::string rest_of_err() { return rest(err_, err_buffer_); }
  std::string rest_of_out() { return rest(out_, out_buffer_); }

  void terminate() const { kill(pid_, SIGTERM); }

  // 128 + the signal for what a signal ended, as a shell has it.
  int exit_code() {
    int status = 0;
    if (pid_ <= 0 || waitpid(pid_, &status, 0) != pid_) return -1;
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

 private:
  static std::vector<char*> pointers(std::vector<std::string>& texts) {
    std::vector<char*> list;
    for (std::string& text : texts) list.push_back(text.data());
    list.push_back(nullptr);
    return list;
  }

  static bool read_more(int descriptor, std::string& buffer) {
    pollfd waiting{descriptor, POLLIN, 0};
    if (poll(&waiting, 1, 60000) <= 0) return false;
    std::array<char, 4096> bytes{};
    const ssize_t got = read(descriptor, bytes.data(), bytes.size());
    if (got > 0) buffer.append(bytes.data(), static_cast<std::size_t>(got));
    return got > 0;
  }

  static std::string next_line(int descriptor, std::string& buffer) {
    while (buffer.find('\n') == std::string::npos) {
      if (!read_more(descriptor, buffer)) return std::exchange(buffer, {});
    }
    const std::size_t end = buffer.find('\n');
    std::string line = buffer.substr(0, end);
    buffer.erase(0, end + 1);
    return line;
  }

  static std::string rest(int descriptor, std::string& buffer) {
    while (read_more(descriptor, buffer)) {
    }
    return std::exchange(buffer, {});
  }

  pid_t pid_ = -1;
  int out_ = -1;
  int err_ = -1;
  std::string out_buffer_;
  std::string err_buffer_;
};

}  // namespace pd::test
