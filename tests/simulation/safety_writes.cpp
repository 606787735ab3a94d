// SafetyChecks of what is done: against what the API server holds and what the nodes really are.
#include <algorithm>

#include "kube/json_members.h"
#include "ranktable/profile.h"
#include "ranktable/validate.h"
#include "tests/simulation/safety_checks.h"

namespace pd::test {
namespace {

using kube::array_member;
using kube::object_member;
using kube::text_member;

const char* const kGlobalKey = "global_ranktable.json";

Json controller_of(const Json& object) {
  for (const Json& owner : array_member(object_member(object, "metadata"), "ownerReferences")) {
    if (owner.value("controller", false)) return owner;
  }
  return Json::object();
}

std::string annotation_of(const Json& object, const char* key) {
  return text_member(object_member(object_member(object, "metadata"), "annotations"), key);
}

std::string label_of(const Json& object, const char* key) {
  return text_member(object_member(object_member(object, "metadata"), "labels"), key);
}

// Without what every write changes, and without our annotations.
Json without_ours(const Json& object) {
  Json rest = object;
  Json& metadata = rest["metadata"];
  metadata.erase("resourceVersion");
  metadata.erase("managedFields");
  if (!metadata.contains("annotations")) return rest;
  Json& annotations = metadata["annotations"];
  for (auto one = annotations.begin(); one != annotations.end();) {
    one = one.key().starts_with("pd-operator.io/") ? annotations.erase(one) : std::next(one);
  }
  if (annotations.empty()) metadata.erase("annotations");
  return rest;
}

// The same table, epoch, labels and annotations under another generation; where nobody has edited that.
bool says_the_same(Json before, Json after) {
  const std::string generation = annotation_of(before, "pd-operator.io/generation");
  if (text_member(object_member(before, "data"), "generation") != generation) return false;
  for (Json* map : {&before, &after}) {
    (*map)["metadata"].erase("resourceVersion");
    (*map)["metadata"].erase("managedFields");
    (*map)["metadata"]["annotations"].erase("pd-operator.io/generation");
    (*map)["data"].erase("generation");
  }
  return before == after;
}

std::map<std::string, std::string> content_of(const Json& map) {
  std::map<std::string, std::string> content;
  for (const auto& [key, value] : object_member(map, "data").items()) {
    if (key != "generation") content[key] = value.get<std::string>();
  }
  return content;
}

}  // namespace

int SafetyChecks::Written::all() const {
  int sum = tables + statuses + created + others;
  for (const auto& [uid, count] : touches) sum += count;
  return sum;
}

// The PDDeployment that owns the object, unless it is gone.
ObjectPtr SafetyChecks::owner_of(const Json& object) const {
  const Json owner = controller_of(object);
  const std::string ns = text_member(object_member(object, "metadata"), "namespace");
  const ObjectPtr found = world_.etcd().find(kind_of("pddeployments"), ns + "/" + text_member(owner, "name"));
  return found && found->meta_text("uid") == text_member(owner, "uid") ? found : nullptr;
}

void SafetyChecks::violated(const std::string& what) {
  if (violation_.empty()) violation_ = what;
}

void SafetyChecks::committed(const Commit& commit) {
  remember_pods();
  const ParsedRequest parsed = parse_request(commit.request);
  if (parsed.refusal) return;
  const SimKind& kind = *parsed.request.kind;
  Change change{commit, nullptr, nullptr, Json::parse(commit.request.body, nullptr, false)};
  std::string name = parsed.request.name;
  if (name.empty()) name = Json::parse(commit.response.body)["metadata"]["name"];
  const std::string key = object_key(kind, parsed.request.ns, name);
  // A write can make several changes of one object: marked as terminating, and gone.
  const std::vector<SimChange>& changes = world_.etcd().changes(kind);
  for (auto one = changes.rbegin(); one != changes.rend() && one->revision > revision_; ++one) {
    const SimObject& object = one->after ? *one->after : *one->before;
    if (object_key(kind, object.meta_text("namespace"), object.meta_text("name")) != key) continue;
    if (!change.after) change.after = one->after;
    change.before = one->before;
  }
  revision_ = commit.revision;
  if (commit.process >= operators_) agent_wrote(change, parsed.request);
  if (commit.process >= 0 && commit.process < operators_) operator_wrote(change, parsed.request);
}

void SafetyChecks::remember_pods() {
  const std::vector<SimChange>& changes = world_.etcd().changes(kind_of("pods"));
  for (; seen_pods_ < changes.size(); ++seen_pods_) {
    const ObjectPtr& pod = changes[seen_pods_].after;
    if (!pod) continue;
    PodEver& ever = pods_ever_[pod->meta_text("uid")];
    ever.name = pod->meta_text("name");
    ever.owner = text_member(controller_of(pod->json()), "uid");
    ever.addresses.insert(text_member(object_member(pod->json(), "status"), "podIP"));
  }
}

// S8: its own Node, and of that its own annotations.
void SafetyChecks::agent_wrote(const Change& change, const SimRequest& request) {
  const auto node = static_cast<std::size_t>(change.commit.process - operators_);
  if (request.kind->plural != "nodes" || request.name != cluster_.nodes().at(node)->name() || !change.before ||
      !change.after) {
    return violated("S8: an agent writes " + change.commit.request.target);
  }
  if (without_ours(change.before->json()) != without_ours(change.after->json())) {
    violated("S8: an agent changes more than its annotations of " + request.name);
  }
}

void SafetyChecks::operator_wrote(const Change& change, const SimRequest& request) {
  const std::string_view plural = request.kind->plural;
  if (plural == "leases" || plural == "events") return;
  last_write_ = world_.now();
  const std::string& method = change.commit.request.method;
  if (method != "POST") is_fenced(change);
  if (plural == "pddeployments") {
    ++written_[request.ns + "/" + request.name].statuses;
    if (request.subresource != "status" || method != "PATCH") violated("S8: a PDDeployment is changed by " + method);
    return;
  }
  is_own(change);
  const ObjectPtr& object = change.after ? change.after : change.before;
  Written& written = written_[request.ns + "/" + label_of(object->json(), "pd-operator.io/deployment")];
  if (plural == "configmaps") {
    ++written.tables;
    table_written(change);
  } else if (plural == "pods" && method == "PATCH") {
    ++written.touches[object->meta_text("uid")];
    pod_written(change);
  } else if (plural == "pods" && method == "DELETE") {
    ++written.others;
    pod_deleted(change);
  } else if (plural == "pods" && method == "POST") {
    ++written.created;
    pod_created(change);
  } else {
    ++written.others;
    if (method != "POST") violated("S8: the operator does a " + method + " of " + change.commit.request.target);
  }
}

// S7: who is behind is refused.
void SafetyChecks::is_fenced(const Change& change) {
  if (!change.before) return violated("S7: " + change.commit.request.target + " is changed and was not there");
  const bool deletes = change.commit.request.method == "DELETE";
  const Json& holder = object_member(change.body, deletes ? "preconditions" : "metadata");
  if (text_member(holder, "resourceVersion") != change.before->meta_text("resourceVersion")) {
    violated("S7: " + change.commit.request.target + " is written without the resourceVersion that was seen");
  }
}

// S8: what is there is ours by its owner's UID and by its label.
void SafetyChecks::is_own(const Change& change) {
  for (const ObjectPtr& object : {change.before, change.after}) {
    if (!object) continue;
    const Json owner = controller_of(object->json());
    const std::string name = text_member(owner, "name");
    const bool ours = text_member(owner, "kind") == "PDDeployment" &&
                      label_of(object->json(), "pd-operator.io/deployment") == name &&
                      object->meta_text("name").starts_with(name + "-");
    // The label of a ConfigMap that somebody took off is put on again.
    const bool mended = object == change.before && text_member(owner, "kind") == "PDDeployment" &&
                        object->meta_text("name") == name + "-ranktable";
    if (!ours && !mended) violated("S8: an object of somebody else's is written: " + change.commit.request.target);
  }
}

// ---- Tables.

void SafetyChecks::table_written(const Change& change) {
  if (!change.after) return violated("S5: a ConfigMap is deleted");
  const Json& map = change.after->json();
  const Content content = content_of(map);
  const Json owner = controller_of(map);
  const std::string uid = text_member(owner, "uid");
  const std::string deployment = text_member(owner, "name");
  if (!known_[uid].planned.contains(content)) violated("S7: a table is written that nobody planned");
  generation_counts_on(change, content);
  const auto global = content.find(kGlobalKey);
  if (global == content.end()) return violated("S5: a table without " + std::string(kGlobalKey));
  if (!says_completed(global->second)) return;
  const ObjectPtr made_for = owner_of(change.after->json());
  if (!made_for) return;  // it is collected soon
  const Json& spec = object_member(made_for->json(), "spec");
  const std::string profile = text_member(object_member(spec, "ranktable"), "profile", "AscendCloud");
  table_is_well_formed(content, profile);
  table_is_one_cut(map, content, profile);
  table_is_true(uid, deployment, content, profile);
  for (const char* role : {"prefill", "decode"}) {
    const int wanted = object_member(spec, role).value("instances", 1);
    for (int i = 0; i < wanted; ++i) {
      const auto local = content.find(local_key_of(std::string(role) + "-" + std::to_string(i)));
      if (local != content.end() && says_completed(local->second)) continue;
      ++written_[change.after->meta_text("namespace") + "/" + deployment].partial;
      return;
    }
  }
}

void SafetyChecks::table_is_well_formed(const Content& content, const std::string& profile) {
  for (const auto& [key, text] : content) {
    std::vector<ranktable::Finding> findings;
    if (key == kGlobalKey) findings = ranktable::validate_global(text, profile);
    if (key.starts_with("local_") && says_completed(text)) {
      findings = key == local_key_of("scheduler") ? ranktable::validate_host(text, profile)
                                                  : ranktable::validate_local(text, profile);
    }
    if (!findings.empty()) return violated("S1: " + key + ": " + ranktable::to_string(findings.front()));
  }
}

void SafetyChecks::table_is_one_cut(const Json& map, const Content& content, const std::string& profile) {
  const std::string& global = content.at(kGlobalKey);
  std::size_t locals = 0;
  for (const auto& [key, text] : content) {
    if (!key.starts_with("local_") || !says_completed(text)) continue;
    if (key != local_key_of("scheduler")) ++locals;
    const std::vector<ranktable::Finding> findings = ranktable::validate_mirror(global, text, profile);
    if (!findings.empty()) return violated("S2: " + key + ": " + ranktable::to_string(findings.front()));
  }
  const Result<ranktable::Document> document = ranktable::parse_document(global);
  const Result<ranktable::Membership> listed = ranktable::find_profile(profile)->read_global(document->root());
  // Not every layout tells the roles apart.
  if (!listed || listed->prefill.size() + listed->decode.size() + listed->unassigned.size() != locals) {
    violated("S2: the global table lists not as many instances as there are local tables");
  }
  if (text_member(object_member(map, "data"), "generation") != annotation_of(map, "pd-operator.io/generation")) {
    violated("S2: the generation is not that of the annotation");
  }
}

// S3, by what kubelets have really given.
void SafetyChecks::table_is_true(const std::string& uid, const std::string& deployment, const Content& content,
                                 const std::string& profile) {
  for (const auto& [key, text] : content) {
    if (!key.starts_with("local_") || key == local_key_of("scheduler") || !says_completed(text)) continue;
    const std::string instance = key.substr(16, key.size() - 16 - 5);
    for (const ranktable::Server& server : listed_servers(text, profile)) {
      if (!is_held(uid, deployment, instance, server)) {
        return violated("S3: no pod of " + instance + " at " + server.ip + " was ever given the listed NPUs");
      }
    }
  }
}

bool SafetyChecks::is_held(const std::string& owner, const std::string& deployment, const std::string& instance,
                           const ranktable::Server& server) {
  for (const auto& [uid, pod] : pods_ever_) {
    const std::optional<SlotName> slot = slot_of(deployment, pod.name);
    if (pod.owner != owner || !slot || slot->instance_name() != instance || !pod.addresses.contains(server.ip))
      continue;
    const SimNode* node = nullptr;
    const SimNode::Held* held = cluster_.ever_held(uid, &node);
    if (held == nullptr || held->devices.size() != server.devices.size()) continue;
    bool same = true;
    for (std::size_t i = 0; i < held->devices.size(); ++i) {
      const ranktable::Device& device = server.devices[i];
      same = same && device.id == held->devices[i] && node->ever_had(device.id, device.ip);
    }
    if (same) return true;
  }
  return false;
}

// S4.
void SafetyChecks::generation_counts_on(const Change& change, const Content& content) {
  const Json& map = change.after->json();
  const Json owner = controller_of(map);
  std::map<std::int64_t, Content>& seen = known_[text_member(owner, "uid")].by_generation;
  const std::int64_t generation = std::stoll(text_member(object_member(map, "data"), "generation", "-1"));
  const std::string number = "generation " + std::to_string(generation);
  const auto known = seen.find(generation);
  if (known != seen.end() && known->second != content) violated("S4: " + number + " is used again for other content");
  const bool behind = known == seen.end() && !seen.empty() && generation < seen.rbegin()->first;
  if (behind) violated("S4: " + number + " comes after " + std::to_string(seen.rbegin()->first));
  if (change.before && says_the_same(change.before->json(), map)) {
    violated("S4: " + number + " is written though nothing has changed");
  }
  seen[generation] = content;
  const ObjectPtr deployment = owner_of(map);
  if (!deployment) return;
  const Json& status = object_member(object_member(deployment->json(), "status"), "ranktable");
  if (generation > status.value("generationCeiling", std::int64_t{0})) violated("S4: " + number + " is not reserved");
}

// ---- Pods.

// S6: no pod before its incarnation is recorded.
void SafetyChecks::pod_created(const Change& change) {
  const ObjectPtr deployment = owner_of(change.after->json());
  const std::string name = change.after->meta_text("name");
  if (!deployment) return;
  const std::optional<SlotName> slot = slot_of(deployment->meta_text("name"), name);
  if (!slot) return violated("S6: a pod for no slot: " + name);
  std::int64_t recorded = 1;
  for (const Json& known : array_member(object_member(deployment->json(), "status"), "incarnations")) {
    const bool its =
        known.value("slot", "") == slot->role + "-" + std::to_string(slot->instance) + "-" + std::to_string(slot->pod);
    if (its) recorded = known.value("last", std::int64_t{0});
  }
  if (slot->incarnation > recorded) violated("S6: the incarnation of " + name + " is not recorded");
}

void SafetyChecks::pod_written(const Change& change) {
  if (!change.before || !change.after) return violated("S8: a pod is changed that is not there");
  if (without_ours(change.before->json()) != without_ours(change.after->json())) {
    violated("S8: more of a pod is changed than our annotations: " + change.commit.request.target);
  }
}

void SafetyChecks::pod_deleted(const Change& change) {
  const Json& pod = change.before->json();
  const Json owner = controller_of(pod);
  const std::string name = change.before->meta_text("name");
  const std::map<std::string, bool>& deletes = known_[text_member(owner, "uid")].deletes;
  const auto doomed = deletes.find(change.before->meta_text("uid"));
  if (doomed == deletes.end()) return violated("S10: a pod is deleted that no plan names: " + name);
  // S11: an instance that nobody wants any more leaves the table first, if that lists this pod and not one before it.
  const ObjectPtr deployment = owner_of(pod);
  const std::optional<SlotName> slot = slot_of(text_member(owner, "name"), name);
  if (!doomed->second || !deployment || !slot || slot->role == "scheduler" || change.before->terminating() ||
      is_over(pod))
    return;
  const Json& role = object_member(object_member(deployment->json(), "spec"), slot->role.c_str());
  const ObjectPtr map = world_.etcd().find(
      kind_of("configmaps"), change.before->meta_text("namespace") + "/" + text_member(owner, "name") + "-ranktable");
  if (slot->instance < role.value("instances", 1) || !map) return;
  const Content content = content_of(map->json());
  const auto local = content.find(local_key_of(slot->instance_name()));
  const bool listed =
      local != content.end() && lists_address(local->second, text_member(object_member(pod, "status"), "podIP"));
  for (const auto& [generation, written] : known_[text_member(owner, "uid")].by_generation) {
    if (listed && written == content) violated("S11: " + name + " is deleted while the table lists it");
  }
}

}  // namespace pd::test
