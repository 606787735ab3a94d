#include "cli/words.h"

#include <CLI/CLI.hpp>

#include "base/excerpt.h"
#include "cli/nearest.h"

namespace pd::cli {
namespace {

std::vector<std::string> names_of(const std::vector<const CLI::App*>& commands) {
  std::vector<std::string> names;
  for (const CLI::App* command : commands) names.push_back(command->get_name());
  return names;
}

std::vector<const CLI::App*> commands_of(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App*) { return true; });
}

std::vector<std::string> flags_of(const CLI::App& command) {
  std::vector<std::string> flags;
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& name : option->get_lnames()) flags.push_back("--" + name);
  }
  return flags;
}

bool is_number(std::string_view word) { return word.size() > 1 && word[1] >= '0' && word[1] <= '9'; }

// What a value never looks like; "-" is standard input.
bool is_flag(std::string_view word) { return word.size() > 1 && word.front() == '-' && !is_number(word); }

Status check_brackets(std::string_view value, const CLI::Option* option) {
  if (value.size() < 2 || value.front() != '[' || value.back() != ']') return Ok{};
  const std::string inside(value.substr(1, value.size() - 2));
  const bool is_file = option == nullptr || option->get_type_name().starts_with("FILE");
  return invalid(
      "\"" + excerpt(value) + "\" has brackets around it; " +
      (is_file ? "files are written without them, separated by blanks (a file of that name: ./" + excerpt(value) + ")"
               : "it is written without brackets: " + excerpt(inside)));
}

Error unknown_flag(const CLI::App& command, const std::string& flag, bool is_command) {
  if (flag == "--mode" && is_command) {
    return invalid("--mode is another way to name the command, and " + command.get_name() +
                   " is named already; leave it out");
  }
  std::vector<std::string> known = flags_of(command);
  if (!is_command) known.emplace_back("--mode");
  const std::string meant = flag.starts_with("--") ? flag : "-" + flag;
  return invalid("there is no flag " + excerpt(flag) + did_you_mean(meant, known));
}

// The flags and values that follow a command.
class Words {
 public:
  Words(const CLI::App& command, bool is_command, const std::vector<std::string>& words, std::size_t first)
      : command_(command), is_command_(is_command), words_(words), at_(first) {}

  Status check() {
    for (; at_ < words_.size(); ++at_) {
      if (words_[at_] == "--") break;
      const Status checked = is_flag(words_[at_]) ? check_flag() : check_brackets(words_[at_], option_);
      if (!checked) return option_ == nullptr ? checked : with_place(checked);
    }
    for (; at_ < words_.size(); ++at_) {
      const Status checked = check_brackets(words_[at_], nullptr);
      if (!checked) return checked;
    }
    return Ok{};
  }

 private:
  Error with_place(const Status& wrong) const { return wrong.error().with_context("--" + option_->get_lnames().at(0)); }

  Status check_flag() {
    const std::string& word = words_[at_];
    option_ = nullptr;
    const bool is_long = word.starts_with("--");
    const std::size_t equals = is_long ? word.find('=') : std::string::npos;
    const std::string flag =
        is_long || !command_.get_option_no_throw(word.substr(0, 2)) ? word.substr(0, equals) : word.substr(0, 2);
    const CLI::Option* const option = command_.get_option_no_throw(flag);
    if (option == nullptr) return unknown_flag(command_, flag, is_command_);
    if (option->get_items_expected_max() == 0) return Ok{};
    const bool attached = equals != std::string::npos || word.size() > flag.size();
    const bool has_value = attached ? equals + 1 != word.size() : at_ + 1 < words_.size() && !is_flag(words_[at_ + 1]);
    if (!has_value) return invalid(flag + " needs a value");
    option_ = option;
    return attached && is_long ? check_brackets(std::string_view(word).substr(equals + 1), option) : Ok{};
  }

  const CLI::App& command_;
  bool is_command_;
  const std::vector<std::string>& words_;
  std::size_t at_;
  const CLI::Option* option_ = nullptr;  // whose values follow
};

}  // namespace

const CLI::App* find_command(const CLI::App& app, const std::string& name) {
  for (const CLI::App* command : commands_of(app)) {
    if (command->get_name() == name) return command;
  }
  return nullptr;
}

Status check_words(const CLI::App& app, const std::vector<std::string>& words) {
  if (words.size() < 2) return Ok{};
  const std::string& name = words[1];
  if (name.starts_with("-")) return Words(app, false, words, 1).check();
  const CLI::App* const called = find_command(app, name);
  if (called != nullptr) return Words(*called, true, words, 2).check();
  const std::vector<const CLI::App*> commands = commands_of(app);
  std::string all;
  for (const std::string& known : names_of(commands)) all += (all.empty() ? "" : ", ") + known;
  const std::string meant = did_you_mean(name, names_of(commands));
  return invalid("there is no command " + excerpt(name) + (meant.empty() ? "; there are " + all : meant));
}

std::vector<std::string> with_help_as_flag(std::vector<std::string> words) {
  if (words.size() < 2 || words[1] != "help") return words;
  const bool of_command = words.size() > 2 && !words[2].starts_with("-");
  std::vector<std::string> changed = {words[0]};
  if (of_command) changed.push_back(words[2]);
  changed.emplace_back("--help");
  return changed;
}

}  // namespace pd::cli
