// Where the API server is and who we are: from kubeconfig files (kubeconfig.h) or from inside a pod.
// Thread: blocking; at start.
#pragma once

#include <string>

#include "base/result.h"

namespace pd::kube {

// Where text and a file are given for the same, the file is read again while we run (a rotated CA, certificate or
// token is seen), and the text stands for it while it can't be read.
struct Config {
  std::string server;       // https://10.96.0.1:443
  std::string server_name;  // tls-server-name; empty: the host of `server`
  bool insecure_skip_verify = false;
  std::string ca_pem;  // empty, and no file: the system's roots
  std::string ca_file;
  std::string client_certificate_pem;
  std::string client_certificate_file;
  std::string client_key_pem;
  std::string client_key_file;
  std::string token;
  std::string token_file;
  std::string ns;  // the namespace of the context, or of the pod
};

// `kubeconfig`: a path; empty: the files of $KUBECONFIG, then the pod's service account, then ~/.kube/config.
// `context`: of the kubeconfig; empty: its current-context. With one, the service account is left out.
Result<Config> load_config(const std::string& kubeconfig, const std::string& context = {});
// `folder`: the service account's, /var/run/secrets/kubernetes.io/serviceaccount. An IPv6 `host` can't be connected to
// by the HTTP library: then it is kubernetes.default.svc, which every API server's certificate names. A pod with
// hostNetwork resolves that with dnsPolicy ClusterFirstWithHostNet alone.
Result<Config> load_in_cluster(const std::string& folder, const std::string& host, const std::string& port);

}  // namespace pd::kube
