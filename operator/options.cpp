#include "operator/options.h"

#include <CLI/CLI.hpp>
#include <map>

namespace pd::op {

std::variant<Options, int> parse_options(int argc, char** argv, const std::string& version) {
  Options options;
  std::string log_format = "json";
  CLI::App app("Turns PDDeployments into pods and keeps their ranktables true.");
  app.footer(
      "Example:\n  pd-operator --kubeconfig ~/.kube/config --gate-image localhost/pd-operator:dev --log-format text");
  app.set_version_flag("--version", "pd-operator " + version);
  app.add_option("--kubeconfig", options.kubeconfig,
                 "How to reach the cluster; default: $KUBECONFIG, then the pod's service account, then ~/.kube/config");
  app.add_option("--namespace", options.ns, "Watch this namespace alone; default: all");
  app.add_option("--gate-image", options.gate_image,
                 "Image with /usr/local/bin/pd-gate, put into pods whose PDDeployment names none")
      ->envname("PD_GATE_IMAGE");
  app.add_option("--gate-image-pull-policy", options.gate_image_pull_policy, "Pull policy of that image")
      ->check(CLI::IsMember({"Always", "IfNotPresent", "Never"}));
  app.add_option("--workers", options.workers, "How many PDDeployments are reconciled at a time")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  app.add_option("--log-format", log_format, "json, or text for people")
      ->check(CLI::IsMember({"json", "text"}))
      ->capture_default_str();
  const std::map<std::string, log::Level> levels{{"debug", log::Level::kDebug},
                                                 {"info", log::Level::kInfo},
                                                 {"warn", log::Level::kWarning},
                                                 {"error", log::Level::kError}};
  app.add_option("--log-level", options.log_level, "debug, info, warn or error")
      ->transform(CLI::CheckedTransformer(levels));
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  options.log_json = log_format == "json";
  return options;
}

}  // namespace pd::op
