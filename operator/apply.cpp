#include "operator/apply.h"

#include <algorithm>
#include <span>

#include "base/log.h"
#include "kube/json_members.h"
#include "operator/dry_runs.h"
#include "runtime/for_each_concurrent.h"
#include "runtime/store.h"

namespace pd::op {
namespace {

constexpr std::size_t kAtATime = 16;

void remember(Written& written, const std::string& kind, const kube::ObjectMeta& meta) {
  if (meta.resource_version.empty()) return;
  kube::ObjectMeta& newest = written.newest[kind];
  if (runtime::version_less(newest.resource_version, meta.resource_version)) newest = meta;
}

// What follows a write of the table or the status waits for it; anything else that fails holds up nothing.
bool is_independent(const plan::Action& action) {
  return !std::holds_alternative<plan::CreateConfigMap>(action) &&
         !std::holds_alternative<plan::ReplaceConfigMap>(action) && !std::holds_alternative<plan::WriteStatus>(action);
}

// How many of the next actions are done side by side: touches that follow each other, and deletions. Creates are not:
// where a quota or the nodes' NPUs do not suffice for all, the first instances are to be the ones that are served.
std::size_t size_of_step(std::span<const plan::Action> actions) {
  const plan::Action& first = actions.front();
  if (!std::holds_alternative<plan::TouchPod>(first) && !std::holds_alternative<plan::DeletePod>(first)) return 1;
  const auto is_alike = [&](const plan::Action& action) { return action.index() == first.index(); };
  return static_cast<std::size_t>(std::find_if_not(actions.begin(), actions.end(), is_alike) - actions.begin());
}

// Of the kinds that are made here.
const kube::ResourcePath& path_of(std::string_view kind) {
  if (kind == "ConfigMap") return kube::Resource<kube::ConfigMap>::kPath;
  if (kind == "Service") return kube::Resource<kube::Service>::kPath;
  if (kind == "PodDisruptionBudget") return kube::Resource<kube::PodDisruptionBudget>::kPath;
  return kube::Resource<kube::Pod>::kPath;
}

std::string name_of(const Json& object) { return kube::text_member(kube::object_member(object, "metadata"), "name"); }

}  // namespace

boost::asio::awaitable<Status> Applier::apply(const kube::ObjectMeta& deployment, const plan::Plan& plan,
                                              Written& written, StopToken stop) {
  const Target target{deployment, written, {std::chrono::seconds(15), stop}};
  Outcome outcome;
  bool goes_on = true;
  for (std::span<const plan::Action> rest = plan.actions; goes_on && !rest.empty();) {
    const std::span<const plan::Action> step = rest.first(size_of_step(rest));
    const std::function<boost::asio::awaitable<bool>(std::size_t)> attempt_one = [&](std::size_t at) {
      return attempt(target, step[at], outcome);
    };
    goes_on = co_await runtime::for_each_concurrent(step.size(), kAtATime, attempt_one);
    rest = rest.subspan(step.size());
  }
  co_return outcome.first;
}

boost::asio::awaitable<bool> Applier::attempt(const Target& target, const plan::Action& action, Outcome& outcome) {
  if (const auto* event = std::get_if<plan::EmitEvent>(&action)) {
    if (outcome.all_since_status) tell(target.deployment, *event);  // else what it tells of did not all happen
    co_return true;
  }
  const StopToken& stop = target.options.stop;
  Status done = Error{Code::kCancelled, "stopped"};
  if (!stop.stopped()) done = co_await act(target, action);
  if (std::holds_alternative<plan::WriteStatus>(action)) outcome.all_since_status = true;
  if (done) co_return true;
  outcome.all_since_status = false;
  const bool is_overloaded = done.error().code == Code::kThrottled;
  if (outcome.first || is_overloaded) outcome.first = done;  // it says when to come back
  // An API server that does not answer in time, or has too much to do, would not answer to the others either.
  co_return !stop.stopped() && done.error().code != Code::kTimeout && !is_overloaded && is_independent(action);
}

boost::asio::awaitable<Status> Applier::act(const Target& target, const plan::Action& action) {
  if (const auto* map = std::get_if<plan::CreateConfigMap>(&action)) return write_table(target, map->object, true);
  if (const auto* map = std::get_if<plan::ReplaceConfigMap>(&action)) return write_table(target, map->object, false);
  if (const auto* made = std::get_if<plan::CreateObject>(&action)) return create(target, made->object);
  if (const auto* changed = std::get_if<plan::PatchObject>(&action)) return patch(target, *changed);
  if (const auto* gone = std::get_if<plan::DeleteObject>(&action)) return remove(target, *gone);
  if (const auto* pod = std::get_if<plan::CreatePod>(&action)) return create_pod(target, pod->object);
  if (const auto* pod = std::get_if<plan::TouchPod>(&action)) {
    return patch(
        target,
        {"Pod", pod->name, pod->uid, pod->resource_version, {{"metadata", {{"annotations", pod->annotations}}}}});
  }
  if (const auto* pod = std::get_if<plan::DeletePod>(&action)) {
    return remove(target, {"Pod", pod->name, pod->uid, pod->resource_version});
  }
  return write_status(target, std::get<plan::WriteStatus>(action).status);
}

boost::asio::awaitable<Status> Applier::create_pod(const Target& target, Json object) {
  const std::string name = name_of(object);
  const std::string role = kube::text_member(kube::object_member(kube::object_member(object, "metadata"), "labels"),
                                             std::string(kube::kRoleLabel).c_str());
  Status made = co_await create(target, std::move(object));
  if (!role.empty()) target.written.roles[role] = judge(made, name);
  co_return made;
}

boost::asio::awaitable<Status> Applier::write_table(const Target& target, Json object, bool is_new) {
  Status written = Ok{};
  if (is_new) {
    written = co_await create(target, std::move(object));
  } else {
    written = co_await replace(target, std::move(object));
  }
  target.written.table = written;
  co_return written;
}

// A name that exists already: ours when a former answer was lost, or somebody else's, which the next plan has to know.
boost::asio::awaitable<Status> Applier::create(const Target& target, Json object) {
  const std::string name = name_of(object);
  const std::string kind = kube::text_member(object, "kind");
  const kube::ResourcePath& path = path_of(kind);
  Result<kube::ObjectMeta> made =
      co_await client_.create(kube::list_path(path, target.deployment.ns), std::move(object), target.options);
  if (made) {
    remember(target.written, kind, *made);
    log::info("Created", {{"kind", kind}, {"namespace", target.deployment.ns}, {"name", name}});
    co_return Ok{};
  }
  note_refusal(target, kind + " " + name, made.error(), true);
  if (made.error().code != Code::kAlreadyExists) co_return made.error();
  Result<kube::ObjectMeta> held =
      co_await client_.get_metadata(kube::object_path(path, target.deployment.ns, name), target.options);
  if (!held) co_return held.error();
  if (is_ours(target.deployment, *held)) {
    remember(target.written, kind, *held);
    co_return Ok{};
  }
  target.written.foreign_objects[{kind, name}] = *held;
  co_return made.error();
}

// Made for this deployment, and with the label by which the stores see it.
bool Applier::is_ours(const kube::ObjectMeta& deployment, const kube::ObjectMeta& meta) {
  const kube::OwnerReference* owner = meta.controller();
  return owner != nullptr && owner->uid == deployment.uid && meta.label(kube::kDeploymentLabel) == deployment.name;
}

void Applier::note_refusal(const Target& target, const std::string& object, const Error& error, bool is_new) {
  if (error.code != Code::kInvalid && error.code != Code::kForbidden) return;
  if (!target.written.refused.empty()) return;
  target.written.refused = object + ": " + error.message;
  target.written.refused_new = is_new;
}

boost::asio::awaitable<Result<std::optional<kube::ObjectMeta>>> Applier::find_foreign(kube::ObjectMeta deployment,
                                                                                      std::string kind,
                                                                                      std::string name,
                                                                                      StopToken stop) {
  kube::CallOptions options{std::chrono::seconds(15), stop};
  Result<kube::ObjectMeta> held =
      co_await client_.get_metadata(kube::object_path(path_of(kind), deployment.ns, name), options);
  if (!held && held.error().code != Code::kNotFound) co_return held.error();
  std::optional<kube::ObjectMeta> foreign;
  if (held && !is_ours(deployment, *held)) foreign = *held;
  co_return foreign;
}

boost::asio::awaitable<Status> Applier::replace(const Target& target, Json object) {
  const std::string name = name_of(object);
  const std::string path = kube::object_path(kube::Resource<kube::ConfigMap>::kPath, target.deployment.ns, name);
  Result<kube::ObjectMeta> written = co_await client_.replace(path, std::move(object), target.options);
  if (!written) {
    note_refusal(target, "ConfigMap " + name, written.error(), false);
    co_return written.error();
  }
  remember(target.written, "ConfigMap", *written);
  log::info("Published", {{"namespace", target.deployment.ns},
                          {"configmap", name},
                          {"generation", written->annotation(kube::kGenerationAnnotation)}});
  co_return Ok{};
}

boost::asio::awaitable<Status> Applier::patch(const Target& target, plan::PatchObject patch) {
  const std::string path = kube::object_path(path_of(patch.kind), target.deployment.ns, patch.name);
  Json body = std::move(patch.patch);
  body["metadata"]["uid"] = patch.uid;
  body["metadata"]["resourceVersion"] = patch.resource_version;
  Result<kube::ObjectMeta> written = co_await client_.merge_patch(path, std::move(body), target.options);
  if (!written) {
    note_refusal(target, patch.kind + " " + patch.name, written.error(), false);
    co_return written.error();
  }
  remember(target.written, patch.kind, *written);
  co_return Ok{};
}

boost::asio::awaitable<Status> Applier::remove(const Target& target, plan::DeleteObject object) {
  const std::string path = kube::object_path(path_of(object.kind), target.deployment.ns, object.name);
  kube::Preconditions preconditions{object.uid, object.resource_version};
  Result<kube::ObjectMeta> deleted = co_await client_.remove(path, std::move(preconditions), target.options);
  if (!deleted && deleted.error().code != Code::kNotFound) co_return deleted.error();
  if (!deleted) co_return Ok{};  // somebody was faster
  remember(target.written, object.kind, *deleted);
  log::info("Deleted", {{"kind", object.kind}, {"namespace", target.deployment.ns}, {"name", object.name}});
  co_return Ok{};
}

boost::asio::awaitable<Status> Applier::try_pod(std::string ns, Json pod, StopToken stop) {
  kube::CallOptions options{std::chrono::seconds(15), std::move(stop), /*dry_run=*/true};
  std::string path = kube::list_path(kube::Resource<kube::Pod>::kPath, ns);
  Result<kube::ObjectMeta> taken = co_await client_.create(std::move(path), std::move(pod), std::move(options));
  if (!taken) co_return taken.error();
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
  if (!written) {
    note_refusal(target, std::string(kube::kKind) + " " + target.deployment.name, written.error(), false);
    co_return written.error();
  }
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
