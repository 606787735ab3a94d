#include "cli/commands.h"

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <memory>

#include "cli/completion.h"
#include "cli/diff.h"
#include "cli/gen.h"
#include "cli/merge.h"
#include "cli/merge_all.h"
#include "cli/merge_local.h"
#include "cli/validate.h"
#include "ranktable/profile.h"

namespace pd::cli {
namespace {

constexpr const char* kWritersCodes =
    "Exits with 0 when written, 1 when refused (then nothing is written), 2 for arguments that can't be right.\n"
    "Files are replaced whole, and a symbolic link by a file. Their mode is 0640: run pdctl as the engine's group, or\n"
    "chgrp them to it.";

// What the declaration of each command needs.
struct Context {
  CLI::App& app;
  Invocation& invocation;
  std::istream& in;
};

// A sub-command with its own request, which lives as long as the declaration.
template <typename Request>
struct Declared {
  CLI::App& command;
  std::shared_ptr<Request> request;
};

template <typename Request, typename Run>
Declared<Request> declare(const Context& context, const std::string& name, const std::string& about, Run run) {
  CLI::App& command = *context.app.add_subcommand(name, about);
  auto request = std::make_shared<Request>();
  command
      .add_option("-o,--output", context.invocation.format, "How the result is printed: for people, or for programs")
      ->type_name("FORMAT")
      ->check(CLI::IsMember({"table", "json", "yaml"}))
      ->capture_default_str();
  Invocation& invocation = context.invocation;
  command.callback([&invocation, request, run] { invocation.command = [request, run] { return run(*request); }; });
  return {command, std::move(request)};
}

CLI::Option& files(CLI::Option* option) { return *option->type_name("FILE"); }

void add_save_options(CLI::App& command, SaveRequest& save) {
  command.add_option("--save-dir", save.folder, "Folder for the tables; made where it is missing")
      ->type_name("DIR")
      ->capture_default_str();
  command.add_flag("--pretty", save.pretty, "Write for people: indented, and with a newline at the end");
  command.add_flag("--force", save.force,
                   "Replace what is there: another instance's table, one that lists more, one that was read");
}

void add_allow_unequal_sizes(CLI::App& command, ranktable::MergeOptions& options) {
  command.add_flag("--allow-unequal-sizes", options.allow_unequal_sizes,
                   "Let instances of one role have different numbers of devices");
}

CLI::Validator known_profile() { return CLI::IsMember(ranktable::profile_names()); }

void declare_gen(const Context& context) {
  const auto [command, request] = declare<GenRequest>(context, "gen", "Write the tables of the instances on this host",
                                                      [](const GenRequest& asked) { return gen(asked); });
  command
      .add_option("--prefill-server-list", request->prefill,
                  "Prefill instances: the devices of each in rank order, as in 4,5")
      ->type_name("IDS");
  command.add_option("--decode-server-list", request->decode, "Decode instances, likewise")->type_name("IDS");
  command.add_flag("--api-server", request->api_server, "The service's entry is on this host; so on one host only");
  command.add_option("--ip", request->ip, "This host's address (default: that of its way out to the Internet)")
      ->type_name("IP");
  CLI::Option& tool = files(command.add_option(
      "--hccn-tool", request->sources.hccn_tool,
      "Ask this tool (default: the driver's, else one on the PATH; where there is none, /etc/hccn.conf is read)"));
  files(command.add_option("--hccn-conf", request->sources.hccn_conf, "Read this file instead of asking the tool"))
      .excludes(&tool);
  add_save_options(command, request->save);
  const char* path = std::getenv("PATH");
  request->sources.search_path = path == nullptr ? "" : path;
  command.footer(std::string("Writes global_ranktable_IP.json, local_ranktable_IP_IDS.json for each instance and, with "
                             "--api-server, local_ranktable_IP_host.json.\n") +
                 kWritersCodes +
                 "\nExample:\n  pdctl gen --prefill-server-list 4,5 --decode-server-list 6,7 --api-server --save-dir "
                 "./save_dir");
}

void declare_merge(const Context& context) {
  const auto [command, request] =
      declare<MergeRequest>(context, "merge", "Put the global tables of single hosts together",
                            [&in = context.in](const MergeRequest& asked) { return merge(asked, in); });
  files(command.add_option("--global-ranktable-list", request->globals,
                           "Global tables, two or more, in the order of instances"))
      .required();
  command.add_option("--profile", request->profile, "Layout of the result")
      ->check(known_profile())
      ->capture_default_str();
  command.add_flag("--allow-missing-groups", request->options.allow_missing_groups,
                   "Go on without a scheduler, prefill or decode group: to merge in steps");
  add_allow_unequal_sizes(command, request->options);
  add_save_options(command, request->save);
  command.footer(std::string("Writes global_ranktable_merge.json; for a layout without a global table, "
                             "local_ranktable_INSTANCE.json for each instance; for MindIE, whose local tables are of a "
                             "form of their own, both.\n") +
                 kWritersCodes +
                 "\nExample:\n  pdctl merge --global-ranktable-list a/global_ranktable_10.0.0.18.json "
                 "b/global_ranktable_10.0.0.19.json --save-dir ./save_dir");
}

void declare_merge_local(const Context& context) {
  const auto [command, request] =
      declare<MergeLocalRequest>(context, "merge-local", "Put the local tables of one instance's hosts together",
                                 [&in = context.in](const MergeLocalRequest& asked) { return merge_local(asked, in); });
  files(command.add_option("--local-ranktable-list", request->locals,
                           "Local tables, two or more, in rank order: the head's first"))
      .required();
  add_save_options(command, request->save);
  command.footer(std::string("Writes local_ranktable_merge.json, with ranks that run on over the hosts.\n") +
                 kWritersCodes +
                 "\nExample:\n  pdctl merge-local --local-ranktable-list local_ranktable_10.0.0.20_01234567.json "
                 "local_ranktable_10.0.0.21_01234567.json");
}

void declare_merge_all(const Context& context) {
  const auto [command, request] = declare<MergeAllRequest>(
      context, "merge-all", "Put the local tables of instances together to a global one (PerInstance)",
      [&in = context.in](const MergeAllRequest& asked) { return merge_all(asked, in); });
  files(command.add_option("--prefill-server-list", request->prefill,
                           "Local tables of the prefill instances, in the order of instances"));
  files(command.add_option("--decode-server-list", request->decode, "Local tables of the decode instances, likewise"));
  add_allow_unequal_sizes(command, request->options);
  add_save_options(command, request->save);
  command.footer(
      std::string("Writes global_ranktable_merge.json: a group for each instance, the prefill ones first, no "
                  "scheduler.\n") +
      kWritersCodes +
      "\nExample:\n  pdctl merge-all --prefill-server-list local_ranktable_10.0.0.18_45.json "
      "--decode-server-list d/local_ranktable_merge.json");
}

void declare_validate(const Context& context) {
  struct Request {
    ValidateRequest validate;
    bool rules = false;
    bool profiles = false;
  };
  const auto [command, request] = declare<Request>(
      context, "validate", "Say what is wrong with tables, and where", [&in = context.in](const Request& asked) {
        if (asked.rules) return list_rules();
        return asked.profiles ? list_profiles() : validate(asked.validate, in);
      });
  files(command.add_option("FILE", request->validate.files, "Tables of one deployment; - for standard input"));
  command
      .add_option("--profile", request->validate.profile,
                  "Layout that they should have (default: what each looks like)")
      ->check(known_profile());
  command
      .add_option("--skip-rule", request->validate.skip_rules, "Leave a rule out, by number or name; may be repeated")
      ->type_name("RULE")
      ->allow_extra_args(false);
  command.add_flag("--list-rules", request->rules, "Show the rules and do nothing else");
  command.add_flag("--list-profiles", request->profiles, "Show the layouts and do nothing else");
  command.footer(
      "Prints a line for each finding, \"FILE: rule NUMBER (NAME) at JSON-POINTER: what is wrong\". A\n"
      "global table and local ones given together must also mirror each other. Writes nothing.\n"
      "Exits with 0 when all are valid, 1 when not or unreadable, 2 for arguments that can't be understood.\n"
      "An AscendCloud table that lacks groups, as gen writes it on one host of several, is valid as a part, unless\n"
      "--profile AscendCloud is given.\n"
      "Example:\n  pdctl validate --profile AscendCloud global_ranktable_merge.json local_ranktable_10.0.0.18_45.json");
}

void declare_diff(const Context& context) {
  const auto [command, request] =
      declare<DiffRequest>(context, "diff", "Say in words what changed from one global table to another",
                           [&in = context.in](const DiffRequest& asked) { return diff(asked, in); });
  files(command.add_option("BEFORE", request->before, "A global table; - for standard input")).required();
  files(command.add_option("AFTER", request->after, "Another one; its layout may be a different one")).required();
  command.footer(
      "Prints a line for each change. Writes nothing.\n"
      "Exits with 0 when both say the same, 1 when not, 2 when one can't be read or for arguments that can't be "
      "understood.\n"
      "Example:\n  pdctl diff old/global_ranktable_merge.json new/global_ranktable_merge.json");
}

void declare_completion(const Context& context) {
  struct Request {
    std::string shell;
  };
  const auto [command, request] =
      declare<Request>(context, "completion", "Print what makes a shell complete pdctl's words",
                       [&app = context.app](const Request& asked) { return completion(app, asked.shell); });
  command.add_option("SHELL", request->shell, "Which shell")->required()->check(CLI::IsMember({"bash", "zsh"}));
  command.footer(
      "Writes no file. Exits with 0, or 2 for arguments that can't be understood.\n"
      "Example:\n  source <(pdctl completion bash)\n"
      "  pdctl completion zsh > \"${fpath[1]}/_pdctl\"");
}

}  // namespace

void declare_commands(CLI::App& app, Invocation& invocation, const std::string& version, std::istream& in) {
  app.name("pdctl");
  app.description("Makes, merges, checks and compares the ranktables of prefill/decode separated inference.");
  app.set_version_flag("--version", version);
  app.require_subcommand(1);
  const Context context{app, invocation, in};
  declare_gen(context);
  declare_merge(context);
  declare_merge_local(context);
  declare_merge_all(context);
  declare_validate(context);
  declare_diff(context);
  declare_completion(context);
  app.footer(
      "Each command has --help with an example. Exit statuses: 0 done, valid, the same; 1 refused, invalid, different, "
      "or the\noutput could not be written; 2 usage, and in diff a table that can't be read.\n"
      "In place of pd_ranktable_tools.py: pdctl --mode gen|merge|merge-local|merge-all with the seed's flags, or "
      "called "
      "by\nthe script's name; without the word python before it.\n"
      "Example:\n  pdctl gen --prefill-server-list 4,5 --decode-server-list 6,7 --api-server --save-dir ./save_dir\n"
      "  pdctl validate ./save_dir/*.json");
}

}  // namespace pd::cli
