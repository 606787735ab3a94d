#include "cli/render.h"

#include <filesystem>

#include "cli/deployment_view.h"
#include "cli/manifests.h"
#include "cli/offline_cluster.h"
#include "cli/whole_files.h"

namespace pd::cli {
namespace {

namespace fs = std::filesystem;

Result<std::vector<Json>> read_all(const RenderRequest& request, std::istream& in) {
  std::vector<std::string> paths = request.files;
  for (const std::string& path : {request.nodes, request.pods}) {
    if (!path.empty()) paths.push_back(path);
  }
  std::vector<Json> objects;
  for (const std::string& path : paths) {
    Result<std::vector<Json>> read = read_manifests(path, in);
    if (!read) return read;
    objects.insert(objects.end(), std::make_move_iterator(read->begin()), std::make_move_iterator(read->end()));
  }
  return objects;
}

struct PodWork {
  OrderedJson creates = OrderedJson::array();  // whole objects
  OrderedJson deletes = OrderedJson::array();  // names
};

PodWork pod_work(const plan::Plan& planned) {
  PodWork work;
  for (const plan::Action& action : planned.actions) {
    if (const auto* create = std::get_if<plan::CreatePod>(&action)) work.creates.emplace_back(create->object);
    if (const auto* remove = std::get_if<plan::DeletePod>(&action)) work.deletes.emplace_back(remove->name);
  }
  return work;
}

// The files of the ConfigMap, as a pod that mounts all of it sees them. Empty folders and the same content are no
// reason to refuse.
Status save(const kube::ConfigMap& map, const RenderRequest& request) {
  std::vector<WholeFile> files;
  for (const auto& [key, content] : map.data) {
    const std::string path = (fs::path(request.save_dir) / key.str()).string();
    std::error_code ignored;
    if (!request.force && fs::exists(path, ignored)) {
      return Error{Code::kAlreadyExists, path + " is there: choose another --save-dir, or --force to replace it"};
    }
    files.push_back({path, content});
  }
  return write_whole(request.save_dir, files);
}

Answer tell(const plan::Snapshot& snapshot, const plan::Plan& planned) {
  Answer answer = describe({snapshot.deployment, {snapshot.pods.begin(), snapshot.pods.end()}, snapshot.config_map});
  const PodWork work = pod_work(planned);
  if (!work.creates.empty() || !work.deletes.empty()) answer.lines.emplace_back();
  for (const OrderedJson& pod : work.creates) {
    answer.lines.push_back("would create pod " + pod["metadata"]["name"].get<std::string>());
  }
  for (const OrderedJson& name : work.deletes) answer.lines.push_back("would delete pod " + name.get<std::string>());
  OrderedJson data = OrderedJson::object();
  if (snapshot.config_map) {
    for (const auto& [key, content] : snapshot.config_map->data) data[key.str()] = content;
  }
  answer.value["data"] = std::move(data);
  answer.value["createPods"] = work.creates;
  answer.value["deletePods"] = work.deletes;
  answer.status = snapshot.deployment.status.ranktable.state == "Completed" ? kDone : kRefused;
  return answer;
}

}  // namespace

Answer render(const RenderRequest& request, std::istream& in) {
  const Result<std::vector<Json>> objects = read_all(request, in);
  if (!objects) return refusal(objects.error().message);
  Result<plan::Snapshot> snapshot = offline_snapshot(*objects, {request.gate_image, ""});
  if (!snapshot) return refusal(snapshot.error().message);
  const plan::Plan planned = settle(*snapshot, SystemClock().wall_now());
  Answer answer = tell(*snapshot, planned);
  if (request.save_dir.empty() || answer.status != kDone) return answer;
  const Status saved = save(*snapshot->config_map, request);
  return saved ? answer : refusal(saved.error().message);
}

}  // namespace pd::cli
