// What `pdctl status` looks at: one PDDeployment with its pods and ConfigMap, or all of a namespace; once, or for as
// long as it goes on changing.
// Thread: the io_context's.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cli/deployment_view.h"
#include "kube/client.h"
#include "runtime/reflector.h"

namespace pd::cli {

struct Seen {
  std::optional<Observed> one;               // of the name that is asked for; nothing: there is none (any more)
  std::vector<kube::PDDeployment> all = {};  // where no name is
};

// Empty `name`: all.
boost::asio::awaitable<Result<Seen>> look_once(kube::Client& client, std::string ns, std::string name);

// Keeps looking. `changed` is called when something may look otherwise, from the first complete view on.
class Watch {
 public:
  // The client must outlive it.
  Watch(kube::Client& client, const std::string& ns, std::string name, runtime::Rng& rng);

  void start(boost::asio::io_context& context, StopToken stop, std::function<void()> changed);
  Seen seen() const;

 private:
  bool synced() const;

  std::string ns_;
  std::string name_;
  runtime::Reflector<kube::PDDeployment> deployments_;
  runtime::Reflector<kube::Pod> pods_;
  runtime::Reflector<kube::ConfigMap> config_maps_;
};

}  // namespace pd::cli
