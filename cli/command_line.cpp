#include "cli/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <iostream>

#include "cli/commands.h"
#include "cli/drop_in.h"
#include "cli/words.h"

namespace pd::cli {
namespace {

// As people call it: kubectl runs its plugin kubectl-pd for "kubectl pd".
std::string program_name(const std::vector<std::string>& words) {
  const bool is_plugin = !words.empty() && std::filesystem::path(words.front()).filename() == "kubectl-pd";
  return is_plugin ? "kubectl pd" : "pdctl";
}

// "pdctl gen" where the words got that far.
std::string speaker_of(const CLI::App& app) {
  const std::vector<CLI::App*> commands = app.get_subcommands();
  return commands.empty() ? app.get_name() : app.get_name() + " " + commands.front()->get_name();
}

// Prints it, and checks that it arrived: a pipe or a disk may be full.
int say(const Answer& answer, Format format, const std::string& speaker, const Streams& streams) {
  errno = 0;
  if (print(answer, format, speaker, streams.out, streams.err)) return answer.status;
  const std::string reason = errno == 0 ? "" : std::string(": ") + std::strerror(errno);
  streams.err << speaker << ": cannot write to standard output" << reason << '\n' << std::flush;
  return answer.status == kDone ? kRefused : answer.status;
}

int complain_of_usage(const std::string& complaint, const std::string& speaker, const Streams& streams) {
  return say(usage_error(complaint + (complaint.ends_with('?') ? " See " : "; see ") + speaker + " --help"),
             Format::kTable, speaker, streams);
}

int report_parse_error(const CLI::App& app, const CLI::ParseError& error, const Streams& streams) {
  const std::string speaker = speaker_of(app);
  if (error.get_exit_code() != 0) return complain_of_usage(error.what(), speaker, streams);
  const int status = app.exit(error, streams.out, streams.err);  // --help, --version
  return say({.status = status}, Format::kTable, speaker, streams);
}

// "pdctl gen" where the second word is a command.
std::string speaker_of(const CLI::App& app, const std::vector<std::string>& words) {
  const bool is_command = words.size() > 1 && find_command(app, words[1]) != nullptr;
  return is_command ? app.get_name() + " " + words[1] : app.get_name();
}

Answer no_cluster() {
  return usage_error(
      "this pdctl runs on any Linux, and so can't read a cluster; the pdctl in pd-operator's image has the command "
      "status");
}

}  // namespace

int run(const std::vector<std::string>& words, const Streams& streams, const Edition& edition) {
  const std::vector<std::string> help = scripts_help(with_help_as_flag(words));
  if (!help.empty()) return say({.lines = help}, Format::kTable, "pdctl", streams);
  const Result<std::vector<std::string>> spelled = with_mode_as_command(with_help_as_flag(words));
  if (!spelled) {
    return say(usage_error(spelled.error().message), Format::kTable, "pdctl", streams);
  }
  CLI::App app;
  Invocation invocation;
  declare_commands(app, invocation, edition, streams);
  app.name(program_name(words));
  if (!edition.status && spelled->size() > 1 && spelled->at(1) == "status")
    return say(no_cluster(), Format::kTable, "pdctl", streams);
  const Status understood = check_words(app, *spelled);
  if (!understood) return complain_of_usage(understood.error().message, speaker_of(app, *spelled), streams);
  std::vector<std::string> reversed(spelled->rbegin(), spelled->rend() - 1);  // as CLI11 wants them
  try {
    app.parse(std::move(reversed));
  } catch (const CLI::ParseError& error) {
    return report_parse_error(app, error, streams);
  }
  const Answer answer = invocation.command();
  return say(answer, format_of(invocation.format), speaker_of(app), streams);
}

}  // namespace pd::cli
