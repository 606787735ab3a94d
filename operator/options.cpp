#include "operator/options.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <map>
#include <regex>
#include <sstream>

namespace pd::op {
namespace {

constexpr const char* kExamples =
    R"(Example:
  pd-operator --kubeconfig ~/.kube/config --gate-image localhost/pd-operator:dev --log-format text
Example, of two namespaces alone:
  pd-operator --namespace llm,test --gate-image localhost/pd-operator:dev
Example, to see whether it could work there:
  pd-operator check)";

log::Level level_of(const std::string& name) {
  static const std::map<std::string, log::Level> levels{{"debug", log::Level::kDebug},
                                                        {"info", log::Level::kInfo},
                                                        {"warn", log::Level::kWarning},
                                                        {"error", log::Level::kError}};
  return levels.at(name);
}

// "15s", "500ms", "2m".
void add_duration(CLI::App& app, const std::string& flag, Duration& duration, const std::string& help) {
  const std::map<std::string, double> units{{"ms", 0.001}, {"s", 1}, {"m", 60}};
  const double shown = std::chrono::duration<double>(duration).count();
  const auto set = [&duration](const double& seconds) {
    duration = std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
  };
  std::ostringstream text;
  text << shown << "s";
  using Units = CLI::AsNumberWithUnit;
  const auto strict = static_cast<Units::Options>(Units::CASE_SENSITIVE | Units::UNIT_REQUIRED);
  app.add_option_function<double>(flag, set, help)
      ->transform(Units(units, strict))
      ->default_str(text.str())
      ->type_name("DURATION");
}

// Named as those of Kubernetes' own controllers.
void add_election(CLI::App& app, ElectionOptions& election) {
  app.add_flag("--leader-elect", election.enabled,
               "Work only while holding the Lease, so that several can run; --leader-elect=false: this is the only one")
      ->default_str("true");
  app.add_option("--leader-elect-resource-name", election.lease_name, "Name of the Lease")->capture_default_str();
  app.add_option("--leader-elect-resource-namespace", election.lease_ns,
                 "Namespace of the Lease; default: the pod's, or that of the kubeconfig's context, else default");
  add_duration(app, "--leader-elect-lease-duration", election.timing.lease,
               "How long the others wait after the leader's last sign of life, in whole seconds");
  add_duration(app, "--leader-elect-renew-deadline", election.timing.renew_deadline,
               "After so long without a renewal, the leader ends itself");
  add_duration(app, "--leader-elect-retry-period", election.timing.retry, "Time between two attempts");
}

// The first that is no name of a namespace; empty: none.
std::string wrong_namespace(const std::string& name) {
  static const std::regex label("[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?");
  if (std::regex_match(name, label)) return {};
  return "\"" + name + "\" is no name of a namespace";
}

void add_namespaces(CLI::App& app, std::vector<std::string>& namespaces) {
  app.add_option("--namespace", namespaces, "Watch these namespaces alone, separated by commas; default: all")
      ->delimiter(',')
      ->check(CLI::Validator(wrong_namespace, "NAMESPACE", "namespace"));
}

void add_tasks(CLI::App& app, Options& options) {
  app.fallthrough();  // all options also behind the task's name
  app.require_subcommand(0, 1);
  CLI::App* check = app.add_subcommand(
      "check",
      "Ask the API server whether it serves PDDeployments and lets this identity do what the operator does;\n"
      "a line each, exit code 1 when something is missing. Nothing is changed");
  check->footer("Example:\n  pd-operator check --namespace llm,test");
  check->callback([&options] { options.task = Task::kCheck; });
}

}  // namespace

std::variant<Options, int> parse_options(int argc, char** argv, const std::string& version) {
  Options options;
  std::string log_format = "json";
  std::string log_level = "info";
  CLI::App app("Turns PDDeployments into pods and keeps their ranktables true.");
  app.footer(kExamples);
  app.set_version_flag("--version", "pd-operator " + version);
  app.add_option("--kubeconfig", options.kubeconfig,
                 "How to reach the cluster; default: $KUBECONFIG, then the pod's service account, then ~/.kube/config");
  add_namespaces(app, options.namespaces);
  app.add_option("--gate-image", options.gate_image,
                 "Image with /usr/local/bin/pd-gate, put into pods whose PDDeployment names none")
      ->envname("PD_GATE_IMAGE");
  app.add_option("--gate-image-pull-policy", options.gate_image_pull_policy, "Pull policy of that image")
      ->check(CLI::IsMember({"Always", "IfNotPresent", "Never"}));
  app.add_option("--workers", options.workers, "How many PDDeployments are reconciled at a time")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  app.add_option("--metrics-address", options.metrics_address,
                 "Where /metrics, /healthz, /livez and /readyz are served: :8080 is all addresses, off is nowhere")
      ->capture_default_str();
  add_election(app, options.election);
  app.add_option("--log-format", log_format, "json, or text for people")
      ->check(CLI::IsMember({"json", "text"}))
      ->capture_default_str();
  app.add_option("--log-level", log_level, "Which lines are written: of this level and above")
      ->check(CLI::IsMember({"debug", "info", "warn", "error"}))
      ->capture_default_str();
  add_tasks(app, options);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  if (const Status checked = runtime::check(options.election.timing); !checked) {
    std::cerr << "--leader-elect-...: " << checked.error().message << "\n";
    return 2;
  }
  options.log_json = log_format == "json";
  options.log_level = level_of(log_level);
  std::sort(options.namespaces.begin(), options.namespaces.end());
  options.namespaces.erase(std::unique(options.namespaces.begin(), options.namespaces.end()), options.namespaces.end());
  return options;
}

}  // namespace pd::op
