#include "kube/config.h"

#include <cstdlib>

#include "base/file.h"
#include "kube/kubeconfig.h"

namespace pd::kube {
namespace {

constexpr const char* kServiceAccountFolder = "/var/run/secrets/kubernetes.io/serviceaccount";

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::vector<std::string> split_paths(const std::string& list) {
  std::vector<std::string> paths;
  for (std::size_t start = 0; start <= list.size();) {
    const std::size_t end = std::min(list.find(':', start), list.size());
    if (end > start) paths.push_back(list.substr(start, end - start));
    start = end + 1;
  }
  return paths;
}

}  // namespace

Result<Config> load_in_cluster(const std::string& folder, const std::string& host, const std::string& port) {
  Config config;
  config.ca_file = folder + "/ca.crt";
  config.token_file = folder + "/token";
  Result<std::string> ca = read_file(config.ca_file);
  if (!ca) return ca.error().with_context("the pod's service account");
  if (!is_pem(*ca, "CERTIFICATE"))
    return invalid("the pod's service account: " + config.ca_file + " holds no certificate");
  config.ca_pem = *ca;
  if (Result<std::string> token = read_file(config.token_file); !token)
    return token.error().with_context("the pod's service account");
  if (Result<std::string> ns = read_file(folder + "/namespace"); ns) config.ns = *ns;
  while (!config.ns.empty() && (config.ns.back() == '\n' || config.ns.back() == ' ')) config.ns.pop_back();
  const bool ipv6 = host.find(':') != std::string::npos;
  config.server =
      "https://" + (ipv6 ? std::string("kubernetes.default.svc") : host) + ":" + (port.empty() ? "443" : port);
  return config;
}

Result<Config> load_config(const std::string& kubeconfig, const std::string& context) {
  if (!kubeconfig.empty()) return load_kubeconfig({kubeconfig}, context);
  const std::vector<std::string> listed = split_paths(environment("KUBECONFIG"));
  if (!listed.empty()) return load_kubeconfig(listed, context);
  const std::string host = environment("KUBERNETES_SERVICE_HOST");
  if (!host.empty() && context.empty())
    return load_in_cluster(kServiceAccountFolder, host, environment("KUBERNETES_SERVICE_PORT"));
  const std::string home = environment("HOME");
  if (home.empty()) return invalid("no cluster to talk to: give --kubeconfig, set KUBECONFIG, or run in a pod");
  return load_kubeconfig({home + "/.kube/config"}, context);
}

}  // namespace pd::kube
