#include "operator/apply.h"

#include "base/log.h"
#include "kube/json_members.h"
#include "runtime/store.h"

namespace pd::op {
namespace {

void remember(Written& written, const std::string& kind, const kube::ObjectMeta& meta) {
  if (meta.resource_version.empty()) return;
  kube::ObjectMeta& newest = written.newest[kind];
  if (runtime::version_less(newest.resource_version, meta.resource_version)) newest = meta;
}

// Whether what follows may go on when this failed.
bool is_independent(const plan::Action& action) {
  return std::holds_alternative<plan::TouchPod>(action) || std::holds_alternative<plan::DeletePod>(action) ||
         std::holds_alternative<plan::CreatePod>(action) || std::holds_alternative<plan::CreateService>(action);
}

std::string name_of(const Json& object) { return kube::text_member(kube::object_member(object, "metadata"), "name"); }

}  // namespace

boost::asio::awaitable<Status> Applier::apply(const kube::ObjectMeta& deployment, const plan::Plan& plan,
                                              Written& written, StopToken stop) {
  const Target target{deployment, written, {std::chrono::seconds(15), stop}};
  Status first = Ok{};
  for (const plan::Action& action : plan.actions) {
    if (const auto* event = std::get_if<plan::EmitEvent>(&action)) {
      if (first) tell(deployment, *event);  // else what it tells of did not all happen
      continue;
    }
    Status done = Error{Code::kCancelled, "stopped"};
    if (!stop.stopped()) done = co_await act(target, action);
    if (done) continue;
    if (first) first = done;
    // An API server that does not answer in time would not answer to the others either.
    if (stop.stopped() || done.error().code == Code::kTimeout || !is_independent(action)) break;
  }
  co_return first;
}

boost::asio::awaitable<Status> Applier::act(const Target& target, const plan::Action& action) {
  if (const auto* map = std::get_if<plan::CreateConfigMap>(&action)) {
    return create(target, kube::Resource<kube::ConfigMap>::kPath, "ConfigMap", map->object);
  }
  if (const auto* map = std::get_if<plan::ReplaceConfigMap>(&action)) return replace(target, map->object);
  if (const auto* service = std::get_if<plan::CreateService>(&action)) {
    return create(target, kube::Resource<kube::Service>::kPath, "Service", service->object);
  }
  if (const auto* pod = std::get_if<plan::CreatePod>(&action)) {
    return create(target, kube::Resource<kube::Pod>::kPath, "Pod", pod->object);
  }
  if (const auto* pod = std::get_if<plan::TouchPod>(&action)) return touch(target, *pod);
  if (const auto* pod = std::get_if<plan::DeletePod>(&action)) return remove(target, *pod);
  return write_status(target, std::get<plan::WriteStatus>(action).status);
}

// A name that exists already: ours when a former answer was lost, or somebody else's, which the next plan has to know.
boost::asio::awaitable<Status> Applier::create(const Target& target, kube::ResourcePath path, std::string kind,
                                               Json object) {
  const std::string name = name_of(object);
  Result<kube::ObjectMeta> made =
      co_await client_.create(kube::list_path(path, target.deployment.ns), std::move(object), target.options);
  if (made) {
    remember(target.written, kind, *made);
    log::info("Created", {{"kind", kind}, {"namespace", target.deployment.ns}, {"name", name}});
    co_return Ok{};
  }
  if (made.error().code == Code::kInvalid || made.error().code == Code::kForbidden) {
    if (target.written.refused.empty()) target.written.refused = kind + " " + name + ": " + made.error().message;
  }
  if (made.error().code != Code::kAlreadyExists) co_return made.error();
  Result<kube::ObjectMeta> held =
      co_await client_.get_metadata(kube::object_path(path, target.deployment.ns, name), target.options);
  if (!held) co_return held.error();
  if (is_ours(target.deployment, *held)) {
    remember(target.written, kind, *held);
    co_return Ok{};
  }
  target.written.foreign_objects[name] = *held;
  co_return made.error();
}

// Made for this deployment, and with the label by which the stores see it.
bool Applier::is_ours(const kube::ObjectMeta& deployment, const kube::ObjectMeta& meta) {
  const kube::OwnerReference* owner = meta.controller();
  return owner != nullptr && owner->uid == deployment.uid &&
         meta.label(std::string(kube::kDeploymentLabel)) == deployment.name;
}

boost::asio::awaitable<Result<std::optional<kube::ObjectMeta>>> Applier::find_foreign(kube::ObjectMeta deployment,
                                                                                      std::string name,
                                                                                      StopToken stop) {
  kube::ResourcePath path = kube::Resource<kube::Pod>::kPath;
  if (name == deployment.name + "-ranktable") path = kube::Resource<kube::ConfigMap>::kPath;
  if (name == deployment.name + "-pods" || name == deployment.name + "-scheduler") {
    path = kube::Resource<kube::Service>::kPath;
  }
  kube::CallOptions options{std::chrono::seconds(15), stop};
  Result<kube::ObjectMeta> held = co_await client_.get_metadata(kube::object_path(path, deployment.ns, name), options);
  if (!held && held.error().code != Code::kNotFound) co_return held.error();
  std::optional<kube::ObjectMeta> foreign;
  if (held && !is_ours(deployment, *held)) foreign = *held;
  co_return foreign;
}

boost::asio::awaitable<Status> Applier::replace(const Target& target, Json object) {
  const std::string name = name_of(object);
  const std::string path = kube::object_path(kube::Resource<kube::ConfigMap>::kPath, target.deployment.ns, name);
  Result<kube::ObjectMeta> written = co_await client_.replace(path, std::move(object), target.options);
  if (!written) co_return written.error();
  remember(target.written, "ConfigMap", *written);
  log::info("Published", {{"namespace", target.deployment.ns},
                          {"configmap", name},
                          {"generation", written->annotation(std::string(kube::kGenerationAnnotation))}});
  co_return Ok{};
}

boost::asio::awaitable<Status> Applier::touch(const Target& target, plan::TouchPod touch) {
  const std::string path = kube::object_path(kube::Resource<kube::Pod>::kPath, target.deployment.ns, touch.name);
  Json patch = {
      {"metadata",
       {{"uid", touch.uid}, {"resourceVersion", touch.resource_version}, {"annotations", touch.annotations}}}};
  Result<kube::ObjectMeta> written = co_await client_.merge_patch(path, std::move(patch), target.options);
  if (!written) co_return written.error();
  remember(target.written, "Pod", *written);
  co_return Ok{};
}

boost::asio::awaitable<Status> Applier::remove(const Target& target, plan::DeletePod pod) {
  const std::string path = kube::object_path(kube::Resource<kube::Pod>::kPath, target.deployment.ns, pod.name);
  kube::Preconditions preconditions{pod.uid, pod.resource_version};
  Result<kube::ObjectMeta> deleted = co_await client_.remove(path, std::move(preconditions), target.options);
  if (!deleted && deleted.error().code != Code::kNotFound) co_return deleted.error();
  if (!deleted) co_return Ok{};  // somebody was faster
  remember(target.written, "Pod", *deleted);
  log::info("Deleted", {{"kind", "Pod"}, {"namespace", target.deployment.ns}, {"name", pod.name}});
  co_return Ok{};
}

boost::asio::awaitable<Status> Applier::write_status(const Target& target, kube::PDDeploymentStatus status) {
  using Deployments = kube::Resource<kube::PDDeployment>;
  const std::string path =
      kube::object_path(Deployments::kPath, target.deployment.ns, target.deployment.name) + "/status";
  Json object = {{"apiVersion", std::string(kube::kGroup) + "/" + std::string(kube::kVersion)},
                 {"kind", std::string(kube::kKind)},
                 {"metadata",
                  {{"name", target.deployment.name},
                   {"namespace", target.deployment.ns},
                   {"uid", target.deployment.uid},
                   {"resourceVersion", target.deployment.resource_version}}},
                 {"status", kube::encode_status(status)}};
  Result<kube::ObjectMeta> written =
      co_await client_.apply(path, std::move(object), "pd-operator-status", target.options);
  if (!written) co_return written.error();
  remember(target.written, "PDDeployment", *written);
  co_return Ok{};
}

void Applier::tell(const kube::ObjectMeta& deployment, const plan::EmitEvent& event) {
  kube::Event told;
  told.type = event.warning ? "Warning" : "Normal";
  told.reason = event.reason;
  told.action = event.action;
  told.note = event.note;
  told.regarding = event.pod
                       ? kube::reference(*event.pod, "v1", "Pod")
                       : kube::reference(deployment, std::string(kube::kGroup) + "/" + std::string(kube::kVersion),
                                         std::string(kube::kKind));
  events_.record(std::move(told));
}

}  // namespace pd::op
