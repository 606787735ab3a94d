// What the tests of the probe and of the agent share: a folder that goes away, and coroutines run to their end.
#pragma once

#include <utility>  // before awaitable.hpp: Boost 1.74 with g++ 12

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

namespace pd::probe {

namespace asio = boost::asio;

class TempDir {
 public:
  TempDir() {
    std::string pattern = (std::filesystem::temp_directory_path() / "pd-probe-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) std::abort();
    path_ = pattern;
  }
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  std::string path(const std::string& name) const { return (path_ / name).string(); }
  // In place, as hccn_tool edits its file.
  std::string write(const std::string& name, const std::string& content) const {
    std::ofstream(path(name), std::ios::binary | std::ios::trunc) << content;
    return path(name);
  }
  // By rename, as kubelet replaces its files.
  std::string replace(const std::string& name, const std::string& content) const {
    write(name + ".new", content);
    std::filesystem::rename(path(name + ".new"), path(name));
    return path(name);
  }

 private:
  std::filesystem::path path_;
};

// Runs the io_context until the coroutine has ended.
inline void run(asio::io_context& io, asio::awaitable<void> coroutine) {
  asio::co_spawn(io, std::move(coroutine), [&](std::exception_ptr failed) {
    if (failed) std::rethrow_exception(failed);
    io.stop();
  });
  io.restart();
  io.run();
}

template <typename T>
asio::awaitable<void> keep_result(asio::awaitable<T> coroutine, std::optional<T>& result) {
  T value = co_await std::move(coroutine);
  result.emplace(std::move(value));
}

// Likewise, and returns what it returned.
template <typename T>
T run(asio::io_context& io, asio::awaitable<T> coroutine) {
  std::optional<T> result;
  run(io, keep_result(std::move(coroutine), result));
  if (!result) std::abort();
  return std::move(*result);
}

// A hccn.conf of devices 0 .. count-1 with the addresses 29.81.18.100 and up.
inline std::string conf_of(int count) {
  std::string text;
  for (int id = 0; id < count; ++id) {
    const std::string n = std::to_string(id);
    text += "address_" + n + "=29.81.18." + std::to_string(100 + id) + "\nnetmask_" + n + "=255.255.0.0\n";
  }
  return text;
}

}  // namespace pd::probe
