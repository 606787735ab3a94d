#include "copier/copier.h"

#include "base/log.h"

namespace copier {

using namespace pd;
using kube::ConfigMap;

namespace {

std::string name_of(const ConfigMap& map) { return map.meta.name; }

Json copy_of(const ConfigMap& source, const std::string& to) {
  return {{"apiVersion", "v1"},
          {"kind", "ConfigMap"},
          {"metadata",
           {{"name", source.meta.name},
            {"namespace", to},
            {"labels", {{kSourceLabel, source.meta.ns}}},
            {"annotations", {{"copier.example/source-version", source.meta.resource_version}}}}},
          {"data", source.data}};
}

}  // namespace

Copier::Copier(boost::asio::io_context& context, kube::Client& client, runtime::Rng& rng, const std::string& from,
               const std::string& to)
    : client_(client),
      from_(from),
      to_(to),
      sources_(client, {.namespaces = {from}, .label_selector = kCopyLabel}, rng),
      copies_(client, {.namespaces = {to}, .label_selector = std::string(kSourceLabel) + "=" + from}, rng),
      controller_(context, rng,
                  {.name = "copier",
                   .workers = 2,
                   // What is in the way of a copy is not watched: nothing tells when it goes.
                   .retry = {std::chrono::milliseconds(5), std::chrono::seconds(30), 0.5}},
                  [this](std::string name, runtime::OwnWrites& writes, StopToken stop) {
                    return reconcile(std::move(name), writes, std::move(stop));
                  }) {
  controller_.watch<ConfigMap>(sources_, name_of);
  controller_.watch<ConfigMap>(copies_, name_of);
}

boost::asio::awaitable<Copier::Outcome> Copier::reconcile(std::string name, runtime::OwnWrites& writes,
                                                          StopToken stop) {
  const auto source = sources_.store().find(from_ + "/" + name);
  const auto copy = copies_.store().find(to_ + "/" + name);
  if (!source && !copy) co_return Outcome{};
  if (source && copy && source->data == copy->data) co_return Outcome{};

  const std::string path = kube::object_path(kube::Resource<ConfigMap>::kPath, to_, name);
  const kube::CallOptions options{.stop = stop};
  Result<kube::ObjectMeta> written = invalid("nothing was tried");
  if (!source) {
    // What was seen and nothing else: somebody may have put another object in its place.
    kube::Preconditions seen{copy->meta.uid, copy->meta.resource_version};
    written = co_await client_.remove(path, std::move(seen), options);
  } else if (!copy) {
    written =
        co_await client_.create(kube::list_path(kube::Resource<ConfigMap>::kPath, to_), copy_of(*source, to_), options);
  } else {
    Json object = copy_of(*source, to_);
    object["metadata"]["resourceVersion"] = copy->meta.resource_version;  // 409 when it is no longer what was seen
    written = co_await client_.replace(path, std::move(object), options);
  }
  if (!written) {
    log::warn("Did not write a copy", {{"name", name}, {"error", written.error().message}});
    co_return Outcome{.success = false, .again = written.error().retry_after};
  }
  writes.remember(copies_, *written);
  co_return Outcome{};
}

}  // namespace copier
