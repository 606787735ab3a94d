#include "daemonset/options.h"

#include <CLI/CLI.hpp>
#include <iostream>

#include "daemonset/kube_node.h"
#include "npu/annotation_reader.h"

namespace pd::agent {
namespace {

constexpr const char* kAbout =
    "Finds this node's NPUs, their addresses and the pods that hold them, and writes them as annotations of its own "
    "Node.";

constexpr const char* kExamples =
    R"(Example, as in the DaemonSet:
  pd-agent --node-name $(NODE_NAME) --own-pod $(POD_NAMESPACE)/$(POD_NAME)
Example, to see on a node what it would write and how it knows:
  pd-agent probe
Example, without any privilege, on addresses that a person keeps in a file:
  pd-agent --node-name $(NODE_NAME) --static-file /etc/npus.json --ids unknown --resource-names huawei.com/Ascend910
Example, to clear up when the agents are gone for good:
  pd-agent withdraw
Example, the same while their pods may still be ending:
  pd-agent withdraw --after-pods app.kubernetes.io/component=agent --namespace pd-system)";

void add_source_options(CLI::App& app, Options& options) {
  app.add_option("--source", options.source,
                 "Where device addresses come from; auto: the first of the others that is there and answers")
      ->check(CLI::IsMember({"auto", "node_annotation", "hccn_tool", "hccn_conf", "static_file"}))
      ->capture_default_str();
  app.add_option("--hccn-tool", options.hccn_tool, "The driver's tool")->capture_default_str();
  app.add_option("--hccn-tool-timeout", options.hccn_tool_timeout, "Seconds before a call of it is killed")
      ->check(CLI::Range(0.01, 600.0))
      ->capture_default_str();
  app.add_option("--tool-library-path", options.tool_library_path,
                 "LD_LIBRARY_PATH of the driver's tools alone; default: as of the agent")
      ->envname("TOOL_LIBRARY_PATH");
  app.add_option("--hccn-conf", options.hccn_conf, "The tool's configuration file")->capture_default_str();
  app.add_option("--npu-smi", options.npu_smi, "The driver's other tool, asked for super-pod ids where it is there")
      ->capture_default_str();
  app.add_option("--static-file", options.static_file, R"(JSON file: {"devices":[{"id":0,"ip":"29.81.18.100"},...]})");
  app.add_option("--dev-dir", options.dev_dir, "Folder whose davinciN are the devices")->capture_default_str();
  app.add_option("--device-count", options.device_count,
                 "How many devices there are, where the folder has none; their ids count from 0")
      ->check(CLI::Range(1, 64));
  app.add_option("--probe-interval", options.probe_interval, "Seconds between two readings of the devices")
      ->check(CLI::Range(0.1, 3600.0))
      ->capture_default_str();
}

std::string is_pod_key(const std::string& text) {
  const std::string_view key = text;
  const std::size_t slash = key.find('/');
  const bool is_one = slash != std::string_view::npos && npu::is_dns_label(key.substr(0, slash)) &&
                      npu::is_dns_subdomain(key.substr(slash + 1));
  return is_one ? "" : "\"" + text + "\" is not namespace/name; the pod's environment has them by fieldRef";
}

void add_kubelet_options(CLI::App& app, Options& options) {
  app.add_option("--pod-resources-socket", options.pod_resources_socket, "Kubelet's PodResources socket")
      ->capture_default_str();
  app.add_option("--checkpoint", options.checkpoint, "Kubelet's checkpoint of devices")->capture_default_str();
  app.add_option("--pod-logs", options.pod_logs, "Where kubelet has the pods' logs; their folders' names have the UIDs")
      ->capture_default_str();
  app.add_option("--own-pod", options.own_pod,
                 "The agent's own pod, as namespace/name. A kubelet that does not list it was restarted and has not\n"
                 "reached the API server: meanwhile pods keep what they had. Default: none, they do for 30 s")
      ->check(CLI::Validator(is_pod_key, "NAMESPACE/NAME"));
  app.add_option("--resource-names", options.resource_names,
                 "Extended resources that are NPUs, separated by commas; the first that kubelet has counts")
      ->delimiter(',')
      ->capture_default_str();
  app.add_option(
         "--ids", options.ids,
         "What kubelet says of who holds what. remapped: a scheduler plugin (Volcano) gives pods other devices;\n"
         "unknown: kubelet is not asked, which needs no privilege (give the one resource by --resource-names)")
      ->check(CLI::IsMember({"real", "remapped", "unknown"}))
      ->capture_default_str();
  app.add_option("--allocations-interval", options.allocations_interval,
                 "Seconds between two readings of who holds what")
      ->check(CLI::Range(0.1, 3600.0))
      ->capture_default_str();
}

void add_tasks(CLI::App& app, Options& options) {
  app.fallthrough();  // all options also behind the task's name
  app.require_subcommand(0, 1);
  CLI::App* probe = app.add_subcommand("probe",
                                       "Read everything on this machine once, print it with what is wrong, and write "
                                       "nothing;\nthe Node's annotations are not read");
  probe->add_flag("--json", options.json, "Print only what would be written");
  probe->callback([&options] { options.task = Task::kProbe; });
  CLI::App* withdraw = app.add_subcommand("withdraw", "Remove what agents have written, from all Nodes");
  CLI::Option* after = withdraw->add_option(
      "--after-pods", options.after_pods,
      "Label selector of the agents' pods: wait until there is none, or one would write again what was removed");
  withdraw
      ->add_option("--namespace", options.pods_namespace,
                   "Namespace of those pods; default: the pod's, or that of the kubeconfig's context, else default")
      ->needs(after);
  withdraw->add_option("--timeout", options.after_pods_timeout, "Seconds to wait for them")
      ->check(CLI::Range(1.0, 86400.0))
      ->capture_default_str()
      ->needs(after);
  withdraw->callback([&options] { options.task = Task::kWithdraw; });
}

// What no single option can be seen to lack.
std::string what_is_wrong(const Options& options) {
  if (options.task == Task::kRun && !is_node_name(options.node_name))
    return "--node-name (or NODE_NAME) must be this node's name; it is \"" + options.node_name + "\"";
  if (options.task != Task::kWithdraw && options.ids == "unknown" && options.resource_names.size() != 1)
    return "with --ids unknown, --resource-names must name the one resource that this node's NPUs are";
  return {};
}

}  // namespace

std::variant<Options, int> parse_options(int argc, const char* const* argv) {
  Options options;
  CLI::App app(kAbout, "pd-agent");
  app.footer(kExamples);
  app.set_version_flag("--version", PD_VERSION);
  app.add_option("--node-name", options.node_name, "This node's name")->envname("NODE_NAME");
  app.add_option("--kubeconfig", options.kubeconfig,
                 "How to reach the cluster; default: $KUBECONFIG, the pod's service account, ~/.kube/config");
  add_source_options(app, options);
  add_kubelet_options(app, options);
  app.add_option("--metrics-address", options.metrics_address,
                 "Where /metrics, /healthz, /livez and /readyz are served; :8080 is all addresses, off is nowhere")
      ->capture_default_str();
  app.add_option("--log-format", options.log_format, "json, or text for people")
      ->check(CLI::IsMember({"json", "text"}))
      ->capture_default_str();
  add_tasks(app, options);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const bool asked = error.get_exit_code() == 0;  // --help, --version
    app.exit(error, std::cout, std::cerr);
    return asked ? 0 : 2;
  }
  if (const std::string wrong = what_is_wrong(options); !wrong.empty()) {
    std::cerr << "pd-agent: " << wrong << "\n";
    return 2;
  }
  return options;
}

}  // namespace pd::agent
