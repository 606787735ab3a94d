// What the tests of pdctl share: the program's entry called as main() calls it, and a host with imitated NPUs.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "base/json.h"
#include "cli/command_line.h"
#include "tests/support/temporary_folder.h"

namespace pd::cli {

struct Ran {
  int status = -1;
  std::string out;
  std::string err;

  Json json() const { return Json::parse(out); }
};

inline Ran run_words(const std::vector<std::string>& words, const std::string& input = "",
                     const Edition& edition = {"1.2.3", status}) {
  std::istringstream in(input);
  std::ostringstream out;
  std::ostringstream err;
  Ran ran;
  ran.status = run(words, {in, out, err}, edition);
  ran.out = out.str();
  ran.err = err.str();
  return ran;
}

inline Ran pdctl(std::vector<std::string> arguments, const std::string& input = "") {
  arguments.insert(arguments.begin(), "pdctl");
  return run_words(arguments, input);
}

inline std::string content_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream content;
  content << file.rdbuf();
  return content.str();
}

inline Json json_in(const std::string& path) { return Json::parse(content_of(path)); }

inline std::string sample_path(const std::string& name) { return PD_TEST_DATA "/ranktable/ascendcloud-" + name; }

// The names of what is in a folder, sorted; none where there is no folder.
inline std::vector<std::string> names_in(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code ignored;
  for (std::filesystem::directory_iterator at(folder, ignored), end; at != end; at.increment(ignored)) {
    names.push_back(at->path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

// A host: the imitated hccn_tool answers for its 16 devices, 29.81.<network>.100 and up.
class Host {
 public:
  explicit Host(const std::string& ip, int network) : ip_(ip) {
    std::string conf;
    for (int id = 0; id < 16; ++id) {
      conf +=
          "address_" + std::to_string(id) + "=29.81." + std::to_string(network) + "." + std::to_string(100 + id) + "\n";
    }
    write("hccn.conf", conf);
  }

  std::string path(const std::string& name) const { return folder_.path() + "/" + name; }
  std::string write(const std::string& name, const std::string& content) const { return folder_.write(name, content); }
  std::string save_dir() const { return path("save_dir"); }
  std::vector<std::string> saved() const { return names_in(save_dir()); }

  // `pdctl gen` with its tool and address and a folder of its own.
  Ran gen(std::vector<std::string> arguments) const {
    setenv("FAKE_HCCN_CONF", path("hccn.conf").c_str(), 1);
    arguments.insert(arguments.begin(),
                     {"gen", "--ip", ip_, "--save-dir", save_dir(), "--hccn-tool", PD_FAKE_HCCN_TOOL});
    Ran ran = pdctl(arguments);
    unsetenv("FAKE_HCCN_CONF");
    return ran;
  }

  std::string global() const { return save_dir() + "/global_ranktable_" + ip_ + ".json"; }
  std::string local(const std::string& ids) const {
    return save_dir() + "/local_ranktable_" + ip_ + "_" + ids + ".json";
  }

 private:
  std::string ip_;
  test::TemporaryFolder folder_;
};

}  // namespace pd::cli
