// Where the API server is and who we are: from a kubeconfig or from inside a pod.
// Supported in a kubeconfig: server, certificate-authority(-data), tls-server-name, insecure-skip-tls-verify,
// client-certificate(-data), client-key(-data), token, tokenFile, namespace. What is not supported is refused by name.
// Thread: blocking; at start.
#pragma once

#include <string>

#include "base/result.h"

namespace pd::kube {

struct Config {
  std::string server;       // https://10.96.0.1:443
  std::string server_name;  // tls-server-name; empty: the host of `server`
  bool insecure_skip_verify = false;
  std::string ca_pem;   // ca_file wins while it can be read
  std::string ca_file;  // read for each connection, so that a rotated CA is seen
  std::string client_certificate_pem;
  std::string client_key_pem;
  std::string token;       // token_file wins
  std::string token_file;  // read again when it is a minute old
  std::string ns;          // the namespace of the context, or of the pod
};

// `kubeconfig`: a path; empty: $KUBECONFIG, then the pod's service account, then ~/.kube/config.
Result<Config> load_config(const std::string& kubeconfig);
Result<Config> load_kubeconfig(const std::string& path);
// `folder`: the service account's, /var/run/secrets/kubernetes.io/serviceaccount.
Result<Config> load_in_cluster(const std::string& folder, const std::string& host, const std::string& port);

}  // namespace pd::kube
