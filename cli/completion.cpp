#include "cli/completion.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <sstream>

#include "cli/drop_in.h"
#include "ranktable/rules.h"

namespace pd::cli {
namespace {

// What may follow an option, or stand by itself.
enum class Values { kNone, kAny, kChoices, kFiles, kFolders };

struct Option {
  std::vector<std::string> names;
  std::string about;
  Values values = Values::kNone;
  std::string choices;  // separated by blanks
  bool many = false;
};

struct Command {
  std::string name;
  std::string about;
  std::vector<Option> options;
  Option positional;
};

// CLI11 describes a choice as "TEXT:{bash,zsh}".
std::string choices_in(const std::string& type) {
  const std::size_t open = type.find('{');
  const std::size_t close = type.find('}', open);
  if (open == std::string::npos || close == std::string::npos) return {};
  std::string choices = type.substr(open + 1, close - open - 1);
  std::replace(choices.begin(), choices.end(), ',', ' ');
  return choices;
}

std::string rule_names() {
  std::string names;
  for (int rule = 1; rule <= ranktable::kRules; ++rule) {
    names += (names.empty() ? "" : " ") + std::string(ranktable::text_of(rule).name);
  }
  return names;
}

Option read_option(const CLI::Option& declared) {
  Option option;
  for (const std::string& name : declared.get_snames()) option.names.push_back("-" + name);
  for (const std::string& name : declared.get_lnames()) option.names.push_back("--" + name);
  option.about = declared.get_description();
  option.many = declared.get_items_expected_max() > 1 && declared.get_allow_extra_args();
  const std::string type = declared.get_type_name();
  option.choices = type.starts_with("RULE") ? rule_names() : choices_in(type);
  if (declared.get_items_expected_max() == 0) {
    option.values = Values::kNone;
  } else if (!option.choices.empty()) {
    option.values = Values::kChoices;
  } else if (type.starts_with("FILE")) {
    option.values = Values::kFiles;
  } else {
    option.values = type.starts_with("DIR") ? Values::kFolders : Values::kAny;
  }
  return option;
}

Command read_command(const CLI::App& declared) {
  Command command{declared.get_name(), declared.get_description(), {}, {}};
  for (const CLI::Option* option : declared.get_options()) {
    if (option->get_positional()) {
      command.positional = read_option(*option);
    } else {
      command.options.push_back(read_option(*option));
    }
  }
  return command;
}

std::vector<Command> read_commands(const CLI::App& app) {
  std::vector<Command> commands;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    commands.push_back(read_command(*command));
  }
  return commands;
}

std::string joined(const std::vector<std::string>& words, const std::string& between) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : between) + word;
  return text;
}

std::string option_names(const Command& command) {
  std::vector<std::string> names;
  for (const Option& option : command.options) names.insert(names.end(), option.names.begin(), option.names.end());
  return joined(names, " ");
}

std::string command_names(const std::vector<Command>& commands) {
  std::vector<std::string> names;
  for (const Command& command : commands) names.push_back(command.name);
  return joined(names, " ");
}

// The assignment that tells the shell's function what comes next.
std::string assignment(const Option& option) {
  switch (option.values) {
    case Values::kChoices:
      return "choices='" + option.choices + "'";
    case Values::kFiles:
      return "kind=files";
    case Values::kFolders:
      return "kind=folders";
    case Values::kAny:
      return "kind=nothing";
    case Values::kNone:
      break;
  }
  return ":";
}

// Both shells share the choice of what comes next: `command` is the sub-command, `option` the last word that looks like
// an option, `behind` how many words stand between it and the one that is being completed.
void write_choice(std::ostream& script, const std::vector<Command>& commands) {
  script << "  case $command:$option in\n    :" << kModeFlag << ") choices='"
         << joined({kModes.begin(), kModes.end()}, " ") << "' ;;\n    :*) choices='" << command_names(commands)
         << " --help --version " << kModeFlag << "' ;;\n  esac\n  case $command in\n";
  for (const Command& command : commands) {
    script << "    " << command.name << ")\n      case $option:$behind in\n";
    for (const Option& option : command.options) {
      if (option.values == Values::kNone) continue;
      std::vector<std::string> patterns;
      for (const std::string& name : option.names) patterns.push_back(name + (option.many ? ":*" : ":0"));
      script << "        " << joined(patterns, "|") << ") " << assignment(option) << " ;;\n";
    }
    script << "        *) " << assignment(command.positional) << " ;;\n      esac\n"
           << "      options='" << option_names(command) << "'\n      ;;\n";
  }
  script << "  esac\n";
}

std::string bash_script(const std::vector<Command>& commands) {
  std::ostringstream script;
  script << "# Completion of pdctl for bash: source <(pdctl completion bash)\n"
            "_pdctl() {\n"
            "  local current=${COMP_WORDS[COMP_CWORD]} command='' option='' choices='' options='' kind='' word\n"
            "  local -i behind=0 i\n"
            "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
            "    word=${COMP_WORDS[i]}\n"
            "    if [[ $word == -* ]]; then option=$word behind=0\n"
            "    elif [[ -z $command ]]; then command=$word\n"
            "    else behind+=1; fi\n"
            "  done\n"
            "  COMPREPLY=()\n";
  write_choice(script, commands);
  script
      << "  if [[ $current == -* ]]; then mapfile -t COMPREPLY < <(compgen -W \"$options $choices\" -- \"$current\")\n"
         "  elif [[ $kind == files ]]; then mapfile -t COMPREPLY < <(compgen -f -- \"$current\")\n"
         "  elif [[ $kind == folders ]]; then mapfile -t COMPREPLY < <(compgen -d -- \"$current\")\n"
         "  elif [[ $kind != nothing ]]; then mapfile -t COMPREPLY < <(compgen -W \"${choices:-$options}\" -- "
         "\"$current\")\n"
         "  fi\n"
         "  [[ $kind != @(files|folders) ]] || compopt -o filenames 2>/dev/null\n"
         "  return 0\n"
         "}\n"
         "complete -F _pdctl pdctl";
  return script.str();
}

std::string zsh_script(const std::vector<Command>& commands) {
  std::ostringstream script;
  script << "#compdef pdctl\n"
            "# Completion of pdctl for zsh: pdctl completion zsh > \"${fpath[1]}/_pdctl\"\n"
            "_pdctl() {\n"
            "  local current=${words[CURRENT]} command='' option='' choices='' options='' kind='' word\n"
            "  local -a typed=(\"${(@)words[2,CURRENT-1]}\")\n"
            "  local -i behind=0\n"
            "  for word in \"${(@)typed}\"; do\n"
            "    if [[ $word == -* ]]; then option=$word behind=0\n"
            "    elif [[ -z $command ]]; then command=$word\n"
            "    else behind+=1; fi\n"
            "  done\n";
  write_choice(script, commands);
  script << "  if [[ $current == -* ]]; then compadd -- ${=options} ${=choices}\n"
            "  elif [[ $kind == files ]]; then _files\n"
            "  elif [[ $kind == folders ]]; then _files -/\n"
            "  elif [[ $kind != nothing ]]; then compadd -- ${=${choices:-$options}}\n"
            "  fi\n"
            "}\n"
            "compdef _pdctl pdctl\n"
            "# The first completion runs this file, those after it the function; whoever sources it completes nothing "
            "yet.\n"
            "[[ ${funcstack[1]} != _pdctl ]] || _pdctl";
  return script.str();
}

}  // namespace

Answer completion(const CLI::App& app, const std::string& shell) {
  const std::vector<Command> commands = read_commands(app);
  const std::string script = shell == "bash" ? bash_script(commands) : zsh_script(commands);
  Answer answer;
  std::istringstream lines(script);
  for (std::string line; std::getline(lines, line);) answer.lines.push_back(line);
  answer.value = {{"shell", shell}, {"script", script + "\n"}};
  return answer;
}

}  // namespace pd::cli
