#include "cli/drop_in.h"

#include <algorithm>
#include <filesystem>
#include <optional>

#include "base/excerpt.h"
#include "cli/nearest.h"

namespace pd::cli {
namespace {

bool is_scripts_name(const std::string& program) {
  const std::string name = std::filesystem::path(program).filename().string();
  return name == "pd_ranktable_tools" || name == "pd_ranktable_tools.py";
}

bool asks_only(const std::string& word) { return word == "--help" || word == "-h" || word == "--version"; }

// Takes each --mode out; the last one counts, as in the script. "" when its value is missing.
std::optional<std::string> take_mode(std::vector<std::string>& words) {
  std::optional<std::string> mode;
  for (auto word = words.begin() + 1; word < words.end();) {
    if (*word == kModeFlag) {
      const bool has_value = word + 1 != words.end() && !(word + 1)->starts_with("--");
      mode = has_value ? *(word + 1) : "";
      word = words.erase(word, word + (has_value ? 2 : 1));
    } else if (word->starts_with(std::string(kModeFlag) + "=")) {
      mode = word->substr(kModeFlag.size() + 1);
      word = words.erase(word);
    } else {
      ++word;
    }
  }
  return mode;
}

}  // namespace

std::vector<std::string> scripts_help(const std::vector<std::string>& words) {
  if (words.empty() || !is_scripts_name(words.front())) return {};
  bool asked = false;
  for (auto word = words.begin() + 1; word != words.end(); ++word) {
    if (word->starts_with(kModeFlag) || *word == "--version") return {};
    asked = asked || asks_only(*word);
  }
  if (!asked) return {};
  return {"Makes and merges ranktables, in place of the Python script of that name.",
          "Usage: pd_ranktable_tools.py --mode MODE FLAGS   (without the word python before it)",
          "",
          "  --mode gen          Write the tables of the instances on this host",
          "  --mode merge        Put the global tables of single hosts together",
          "  --mode merge-local  Put the local tables of one instance's hosts together",
          "  --mode merge-all    Put the local tables of instances together to a global one",
          "",
          "Each mode's flags: pd_ranktable_tools.py --mode gen --help. Called as pdctl it does more: pdctl --help."};
}

Result<std::vector<std::string>> with_mode_as_command(std::vector<std::string> words) {
  if (words.empty()) words.emplace_back("pdctl");
  const bool as_script = is_scripts_name(words.front());
  if (!as_script && words.size() > 1 && !words[1].starts_with("-")) return words;
  const std::optional<std::string> mode = take_mode(words);
  if (!mode) {
    if (!as_script || std::any_of(words.begin() + 1, words.end(), asks_only)) return words;
    return invalid("--mode is missing; it is gen, merge, merge-local or merge-all");
  }
  if (mode->empty()) return invalid("--mode needs a value; it is gen, merge, merge-local or merge-all");
  if (std::find(kModes.begin(), kModes.end(), *mode) == kModes.end()) {
    return invalid("--mode is \"" + excerpt(*mode) + "\"; it should be gen, merge, merge-local or merge-all" +
                   did_you_mean(*mode, {kModes.begin(), kModes.end()}));
  }
  words.insert(words.begin() + 1, *mode);
  return words;
}

}  // namespace pd::cli
