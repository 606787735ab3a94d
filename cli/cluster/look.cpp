#include "cli/cluster/look.h"

#include "runtime/spawn.h"

namespace pd::cli {
namespace {

using boost::asio::awaitable;

std::string selector(const std::string& name) { return std::string(kube::kDeploymentLabel) + "=" + name; }

std::string map_name(const std::string& name) { return name + "-ranktable"; }

awaitable<Result<Seen>> look_at_all(kube::Client& client, std::string ns) {
  kube::ListOptions options;
  options.ns = std::move(ns);
  Result<kube::Listed<kube::PDDeployment>> listed = co_await client.list<kube::PDDeployment>(std::move(options));
  if (!listed) co_return listed.error();
  if (!listed->unreadable.empty()) co_return listed->unreadable.front();
  co_return Seen{std::nullopt, std::move(listed->items)};
}

}  // namespace

awaitable<Result<Seen>> look_once(kube::Client& client, std::string ns, std::string name) {
  if (name.empty()) co_return co_await look_at_all(client, std::move(ns));
  const std::string path = kube::object_path(kube::Resource<kube::PDDeployment>::kPath, ns, name);
  Result<kube::PDDeployment> deployment = co_await client.get<kube::PDDeployment>(path);
  if (!deployment) co_return deployment.error();
  Observed observed{std::move(*deployment)};
  kube::ListOptions options;
  options.ns = ns;
  options.label_selector = selector(name);
  Result<kube::Listed<kube::Pod>> pods = co_await client.list<kube::Pod>(std::move(options));
  if (!pods) co_return pods.error();
  observed.pods = std::move(pods->items);
  const std::string map_path = kube::object_path(kube::Resource<kube::ConfigMap>::kPath, ns, map_name(name));
  Result<kube::ConfigMap> map = co_await client.get<kube::ConfigMap>(map_path);
  if (!map && map.error().code != Code::kNotFound) co_return map.error();
  if (map) observed.config_map = std::move(*map);
  co_return Seen{std::move(observed)};
}

Watch::Watch(kube::Client& client, const std::string& ns, std::string name, runtime::Rng& rng)
    : ns_(ns),
      name_(std::move(name)),
      deployments_(client, {{ns}}, rng),
      pods_(client, {{ns}, selector(name_)}, rng),
      config_maps_(client, {{ns}, selector(name_)}, rng) {}

bool Watch::synced() const {
  return deployments_.synced(ns_) && (name_.empty() || (pods_.synced(ns_) && config_maps_.synced(ns_)));
}

void Watch::start(boost::asio::io_context& context, StopToken stop, std::function<void()> changed) {
  const auto tell = [this, changed = std::move(changed)] {
    if (synced()) changed();
  };
  const auto watch = [&](auto& reflector) {
    reflector.store().on_change([tell](const auto& /*before*/, const auto& /*after*/) { tell(); });
    reflector.on_listed(tell);
    runtime::spawn(context, reflector.run(stop));
  };
  watch(deployments_);
  if (name_.empty()) return;
  watch(pods_);
  watch(config_maps_);
}

Seen Watch::seen() const {
  Seen seen;
  if (name_.empty()) {
    for (const auto& deployment : deployments_.store().all()) seen.all.push_back(*deployment);
    return seen;
  }
  const auto deployment = deployments_.store().find(ns_ + "/" + name_);
  if (!deployment) return seen;
  seen.one = Observed{*deployment};
  for (const auto& pod : pods_.store().all()) seen.one->pods.push_back(*pod);
  const auto map = config_maps_.store().find(ns_ + "/" + map_name(name_));
  if (map) seen.one->config_map = *map;
  return seen;
}

}  // namespace pd::cli
