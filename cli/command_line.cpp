#include "cli/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>

#include "cli/commands.h"
#include "cli/drop_in.h"

namespace pd::cli {
namespace {

// "pdctl gen" where the words got that far.
std::string speaker_of(const CLI::App& app) {
  const std::vector<CLI::App*> commands = app.get_subcommands();
  return commands.empty() ? "pdctl" : "pdctl " + commands.front()->get_name();
}

Format format_of(const std::string& name) {
  if (name == "json") return Format::kJson;
  return name == "yaml" ? Format::kYaml : Format::kTable;
}

int report_parse_error(const CLI::App& app, const CLI::ParseError& error, const Streams& streams) {
  if (error.get_exit_code() == 0) return app.exit(error, streams.out, streams.err);  // --help, --version
  const std::string speaker = speaker_of(app);
  print(usage_error(error.what() + std::string("; see ") + speaker + " --help"), Format::kTable, speaker, streams.out,
        streams.err);
  return kUsage;
}

}  // namespace

int run(const std::vector<std::string>& words, const Streams& streams, const std::string& version) {
  const Result<std::vector<std::string>> spelled = with_mode_as_command(words);
  if (!spelled) {
    print(usage_error(spelled.error().message), Format::kTable, "pdctl", streams.out, streams.err);
    return kUsage;
  }
  CLI::App app;
  Invocation invocation;
  declare_commands(app, invocation, version, streams.in);
  std::vector<std::string> reversed(spelled->rbegin(), spelled->rend() - 1);  // as CLI11 wants them
  try {
    app.parse(std::move(reversed));
  } catch (const CLI::ParseError& error) {
    return report_parse_error(app, error, streams);
  }
  const Answer answer = invocation.command();
  print(answer, format_of(invocation.format), speaker_of(app), streams.out, streams.err);
  return answer.status;
}

}  // namespace pd::cli
