// Kubeconfig files, merged as kubectl merges them: of several files that have an entry of one name, or a
// current-context, the first counts; a file that is not there is left out; paths are relative to the file that names
// them.
// Understood: server, certificate-authority(-data), tls-server-name, insecure-skip-tls-verify,
// client-certificate(-data), client-key(-data), token, tokenFile, namespace. What can't be done (credential plugins,
// passwords, proxies, impersonation) is refused by file and field. Thread: blocking; at start.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "kube/config.h"

namespace pd::kube {

// `context`: empty: the current-context. kNotFound when none of the files is there.
Result<Config> load_kubeconfig(const std::vector<std::string>& paths, const std::string& context = {});

// A PEM text with at least one block whose label ends so: "CERTIFICATE", "PRIVATE KEY".
bool is_pem(std::string_view text, std::string_view label);

}  // namespace pd::kube
