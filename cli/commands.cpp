#include "cli/commands.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <memory>

#include "cli/completion.h"
#include "cli/diff.h"
#include "cli/gen.h"
#include "cli/inject.h"
#include "cli/merge.h"
#include "cli/merge_all.h"
#include "cli/merge_local.h"
#include "cli/render.h"
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
  const Streams& streams;
  const Edition& edition;
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
                            [&in = context.streams.in](const MergeRequest& asked) { return merge(asked, in); });
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
  const auto [command, request] = declare<MergeLocalRequest>(
      context, "merge-local", "Put the local tables of one instance's hosts together",
      [&in = context.streams.in](const MergeLocalRequest& asked) { return merge_local(asked, in); });
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
      [&in = context.streams.in](const MergeAllRequest& asked) { return merge_all(asked, in); });
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
  const auto [command, request] =
      declare<Request>(context, "validate", "Say what is wrong with tables, and where",
                       [&in = context.streams.in](const Request& asked) {
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
                           [&in = context.streams.in](const DiffRequest& asked) { return diff(asked, in); });
  files(command.add_option("BEFORE", request->before, "A global table; - for standard input")).required();
  files(command.add_option("AFTER", request->after, "Another one; its layout may be a different one")).required();
  command.footer(
      "Prints a line for each change. Writes nothing.\n"
      "Exits with 0 when both say the same, 1 when not, 2 when one can't be read or for arguments that can't be "
      "understood.\n"
      "Example:\n  pdctl diff old/global_ranktable_merge.json new/global_ranktable_merge.json");
}

void declare_render(const Context& context) {
  const auto [command, request] =
      declare<RenderRequest>(context, "render", "Show what the operator would publish, with no cluster",
                             [&in = context.streams.in](const RenderRequest& asked) { return render(asked, in); });
  files(command.add_option("-f,--filename", request->files, "The PDDeployment's manifest; - for standard input"))
      .required();
  files(command.add_option("--nodes", request->nodes, "Nodes with pd-agent's annotations: kubectl get nodes -o yaml"));
  files(command.add_option("--pods", request->pods, "Its pods: kubectl get pods -o yaml"));
  command
      .add_option("--gate-image", request->gate_image,
                  "Image of pd-gate in the pods that would be made, where the manifest names none")
      ->type_name("IMAGE")
      ->capture_default_str();
  command
      .add_option("--save-dir", request->save_dir,
                  "Folder for the files of the table's ConfigMap, when it is completed; made where it is missing")
      ->type_name("DIR");
  command.add_flag("--force", request->force, "Replace files that are there");
  command.footer(
      "The files are YAML or JSON: manifests, lists, what kubectl get prints. What the API server would fill in is "
      "filled\nin. The planner works until nothing changes any more; pods are neither made nor deleted, but named with "
      "what would\nbe done. Pods without ownerReferences count as the operator's. Where the files hold its ConfigMap, "
      "too, the table\ngoes on from that, else it is the first one. -o json|yaml has the ConfigMap's data and the pods "
      "to be created.\n"
      "Exits with 0 when a completed table would be published, 1 when not (the conditions say what is missing) or "
      "where "
      "a\nfile can't be used, 2 for arguments that can't be understood.\n"
      "Example:\n  pdctl render -f pdd.yaml --nodes nodes.yaml --pods pods.yaml --save-dir ./save_dir");
}

void add_pod_options(CLI::App& command, InjectRequest& request) {
  command.add_option("--profile", request.profile, "Layout of the tables")
      ->check(CLI::IsMember({"AscendCloud", "PerInstance", "OmniK8s"}));
  command.add_option("--mount-path", request.mount_path, "Folder in which containers see the tables")
      ->type_name("DIR")
      ->check([](const std::string& path) {
        const bool fits = path.size() > 1 && path.front() == '/' && path.find("..") == std::string::npos &&
                          path.find(':') == std::string::npos;
        return fits ? std::string() : "\"" + path + "\" should be absolute, without .. and :";
      });
  command.add_option("--gate-image", request.gate_image, "Image with pd-gate: the operator's own")->type_name("IMAGE");
  command.add_option("--gate-image-pull-policy", request.gate_image_pull_policy, "When it is pulled")
      ->check(CLI::IsMember({"Always", "IfNotPresent", "Never"}));
  command.add_option("--gate-port", request.gate_port, "Port on which the sidecar tells what it sees")
      ->type_name("PORT")
      ->check(CLI::Range(1024, 65535));
  command.add_flag("--no-gate", request.no_gate, "Without the gate's containers: pods start before there is a table");
}

void declare_inject(const Context& context) {
  const auto [command, request] =
      declare<InjectRequest>(context, "inject", "Make somebody else's workload one that a PDDeployment adopts",
                             [&in = context.streams.in](const InjectRequest& asked) { return inject(asked, in); });
  files(command.add_option("-f,--filename", request->file, "The workload's manifest; - for standard input")).required();
  command.add_option("--role", request->role, "Which role its pods have")
      ->required()
      ->check(CLI::IsMember({"scheduler", "prefill", "decode"}));
  command.add_option("--deployment", request->deployment, "Name of the PDDeployment (default: that in --pdd)")
      ->type_name("NAME");
  files(command.add_option("--pdd", request->pdd, "The PDDeployment's manifest: what it says need not be said here"));
  command
      .add_option("--part", request->part,
                  "Only this task of a Volcano Job, or role of a ModelServing (default: all of them)")
      ->type_name("NAME");
  add_pod_options(command, *request);
  command.footer(
      "Prints the manifest with the labels, the tables' volume, the environment and the gate in the pod templates of "
      "a\n"
      "Deployment, StatefulSet, LeaderWorkerSet, Volcano Job, kthena ModelServing or Pod, and with what lets all its "
      "pods\nwait at the gate together (podManagementPolicy: Parallel, startupPolicy: LeaderCreated; for the "
      "scheduler, and\nfor profiles other than AscendCloud, a Deployment's maxSurge: 0). Comments are not kept; other "
      "objects are\nprinted as they are. To inject twice is to inject once. Variables that a container sets itself "
      "stay, and that is told; so "
      "inject anew into the\noriginal manifest where profile, role or mount path have changed.\n"
      "Exits with 0, 1 when refused (then nothing is printed), 2 for arguments that can't be understood.\n"
      "Example:\n  pdctl inject -f prefill.yaml --role prefill --pdd pdd.yaml --gate-image my-registry/pd-operator:1.0 "
      "| kubectl apply -f -");
}

void declare_status(const Context& context) {
  const auto [command, request] = declare<StatusRequest>(
      context, "status", "Show a deployment in a cluster: its table, pods, NPUs and conditions",
      [&context_streams = context.streams, &edition = context.edition,
       &invocation = context.invocation](const StatusRequest& asked) {
        return edition.status(asked, format_of(invocation.format), edition.version, context_streams);
      });
  command.add_option("NAME", request->name, "The PDDeployment (default: all of the namespace, a line each)");
  command.add_option("-n,--namespace", request->ns, "Its namespace (default: that of the kubeconfig's context)")
      ->type_name("NAMESPACE");
  files(command.add_option("--kubeconfig", request->kubeconfig,
                           "How to reach the cluster (default: $KUBECONFIG, else ~/.kube/config)"));
  command.add_option("--context", request->context, "Of the kubeconfig (default: its current one)")->type_name("NAME");
  command.add_flag("-w,--watch", request->watch, "Go on until interrupted, and show what changes");
  request->redraw = isatty(STDOUT_FILENO) == 1;
  command.footer(
      "NPUS are those in the pod's published table; GENERATION is the one of the tables that the pod is told to "
      "expect;\n"
      "the condition RanktableDelivered says whether the pods see it. With -w a terminal is redrawn; otherwise there "
      "is "
      "a\nline for each change, and with -o json|yaml a document.\n"
      "Needs get, list and watch of pddeployments, pods and configmaps. Exits with 0, 1 when there is no such "
      "deployment "
      "or\nthe cluster can't be read, 2 for arguments that can't be understood.\n"
      "Example:\n  pdctl status qwen -n llm -w");
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

void declare_commands(CLI::App& app, Invocation& invocation, const Edition& edition, const Streams& streams) {
  app.name("pdctl");
  const std::string about = "Makes, merges, checks and compares the ranktables of prefill/decode separated inference, ";
  app.description(about + (edition.status ? "with and without a cluster."
                                          : "without a cluster.\nThis pdctl runs on any Linux; that in "
                                            "pd-operator's image can show a cluster's deployments, too."));
  app.set_version_flag("--version", edition.version);
  app.require_subcommand(1);
  const Context context{app, invocation, streams, edition};
  declare_gen(context);
  declare_merge(context);
  declare_merge_local(context);
  declare_merge_all(context);
  declare_validate(context);
  declare_diff(context);
  declare_render(context);
  declare_inject(context);
  if (edition.status) declare_status(context);
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
