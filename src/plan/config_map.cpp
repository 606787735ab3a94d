#include "plan/config_map.h"

#include <set>

#include "base/digest.h"

namespace pd::plan {
namespace {

// What an instance learns only after placement, in a form that a shell can source. One line each, no value needs
// quoting:
//   PD_INSTANCE     its name; for adopted pods, whose environment is not ours
//   SERVER_ID       server_id of its first pod
//   SERVER_IP       server_ip of its first pod
//   SERVER_IP_LIST  server_ip of all its pods, in pod order; only where there are several
//   DEVICE_IDS      physical NPU ids in rank order (not for the scheduler)
//   DEVICE_IPS      their addresses, in the same order (not for the scheduler)
// The generation is not among them: it has a file of its own, and here it would change content that is the same.
std::string env_file(const std::vector<ranktable::Server>& servers) {
  std::string addresses;
  std::string ids;
  std::string ips;
  const auto append = [](std::string& list, const std::string& value) { list += (list.empty() ? "" : ",") + value; };
  for (const ranktable::Server& server : servers) {
    append(addresses, server.ip);
    for (const ranktable::Device& device : server.devices) {
      append(ids, std::to_string(device.id));
      append(ips, device.ip);
    }
  }
  std::string text = "SERVER_ID=" + servers.front().id + "\nSERVER_IP=" + servers.front().ip + "\n";
  if (servers.size() > 1) text += "SERVER_IP_LIST=" + addresses + "\n";
  if (!ids.empty()) text += "DEVICE_IDS=" + ids + "\nDEVICE_IPS=" + ips + "\n";
  return text;
}

// Below what the status knows, or above what it reserved: not a number of ours, or a former leader's late write.
bool may_be_ours(std::optional<std::int64_t> generation, const kube::RanktableStatus& known) {
  return generation && *generation >= known.generation && *generation <= known.generation_ceiling;
}

// The status remembers the digest of the generation it knows. A later generation was written just before a crash kept
// us from recording it: its own annotation vouches for the content, and one of the two places that have the number for
// its being later. Somebody may have edited the other one.
bool is_genuine(const kube::ConfigMap& map, const std::string& digest, const kube::RanktableStatus& known) {
  if (!known.digest.empty() && digest == known.digest) return true;
  const auto is_later = [&known](const std::string& number) {
    const std::optional<std::int64_t> generation = parse_number(number);
    return may_be_ours(generation, known) && *generation > known.generation;
  };
  const auto key = map.data.find(kGenerationKey);
  const bool unrecorded = known.digest.empty() || is_later(map.meta.annotation(kube::kGenerationAnnotation)) ||
                          (key != map.data.end() && is_later(key->second));
  return unrecorded && digest == map.meta.annotation(kube::kDigestAnnotation);
}

constexpr std::string_view kLocalPrefix = "local_ranktable_";
constexpr std::string_view kLocalSuffix = ".json";
constexpr std::string_view kInstanceVariable = "PD_INSTANCE=";

std::string instance_of(const TableContent& content, const std::string& reader) {
  const auto env = content.find(env_key(reader));
  if (env == content.end() || !env->second.starts_with(kInstanceVariable)) return reader;
  const std::size_t begin = kInstanceVariable.size();
  return env->second.substr(begin, env->second.find('\n') - begin);
}

// For content of ours, which knows two kinds of tables.
bool is_completed(const TableContent& content, const std::string& key) {
  const auto found = content.find(key);
  return found != content.end() && found->second != ranktable::initializing_document();
}

}  // namespace

std::string config_map_name(const kube::PDDeployment& deployment) { return deployment.meta.name + "-ranktable"; }

std::string local_key(const std::string& reader) {
  return std::string(kLocalPrefix).append(reader).append(kLocalSuffix);
}

std::string env_key(const std::string& reader) { return "instance_" + reader + ".env"; }

std::string local_key(const Instance& instance) {
  return local_key(instance.role == Role::kScheduler ? "host" : name_of(instance));
}

std::string env_key(const Instance& instance) { return env_key(name_of(instance)); }

TableContent initializing_content(const kube::PDDeployment& deployment) {
  TableContent content;
  content[std::string(kGlobalKey)] = ranktable::initializing_document();
  for (const Instance& instance : wanted(deployment)) {
    if (instance.role != Role::kScheduler && adopts(deployment, instance.role)) continue;
    content[local_key(instance)] = ranktable::initializing_document();
  }
  return content;
}

TableContent completed_content(const kube::PDDeployment& deployment, const ranktable::Membership& membership,
                               const ranktable::Documents& documents, const AdoptedNames& adopted) {
  TableContent content = initializing_content(deployment);
  content[std::string(kGlobalKey)] = documents.global;
  const auto add_adopted = [&](const std::string& instance, const std::string& local, const std::string& env) {
    const auto pods = adopted.find(instance);
    if (pods == adopted.end()) return false;
    for (const std::string& pod : pods->second) {
      content[local_key(pod)] = local;
      content[env_key(pod)] = std::string(kInstanceVariable).append(instance).append("\n").append(env);
    }
    return true;
  };
  const Instance scheduler{Role::kScheduler, 0};
  const std::string scheduler_env = env_file(membership.schedulers);
  content[local_key(scheduler)] = documents.host;
  content[env_key(scheduler)] = scheduler_env;
  add_adopted(name_of(scheduler), documents.host, scheduler_env);
  for (const auto* instances : {&membership.prefill, &membership.decode}) {
    for (const ranktable::Instance& instance : *instances) {
      const std::string& local = documents.locals.at(instance.name);
      const std::string env = env_file(instance.servers);
      if (add_adopted(instance.name, local, env)) continue;
      content[local_key(instance.name)] = local;
      content[env_key(instance.name)] = env;
    }
  }
  return content;
}

ranktable::Membership membership_of(const TableContent& content, const TableContent& known) {
  ranktable::Membership membership;
  std::set<std::string> seen;  // each of an instance's adopted pods has a copy of its table
  for (const auto& [key, text] : content) {
    if (!key.starts_with(kLocalPrefix) || !key.ends_with(kLocalSuffix)) continue;
    if (const auto same = known.find(key); same != known.end() && same->second == text) continue;
    const std::string reader = key.substr(kLocalPrefix.size(), key.size() - kLocalPrefix.size() - kLocalSuffix.size());
    const Result<ranktable::Document> document = ranktable::parse_document(text);
    if (!document || document->root().find("status").text() != "completed") continue;
    const ranktable::Recognised found = ranktable::recognise(document->root());
    if (found.profile == nullptr || found.profile->read_local == nullptr) continue;
    Result<ranktable::Instance> instance = found.profile->read_local(document->root());
    if (!instance) continue;
    instance->name = instance_of(content, reader);
    if (!seen.insert(instance->name).second) continue;
    if (found.part == ranktable::Part::kHost) {
      membership.schedulers = std::move(instance->servers);
    } else {
      (instance->name.starts_with("prefill-") ? membership.prefill : membership.decode).push_back(std::move(*instance));
    }
  }
  ranktable::sort_numerically(membership);
  return membership;
}

TableContent content_of(const kube::ConfigMap& map) {
  TableContent content(map.data.begin(), map.data.end());
  content.erase(std::string(kGenerationKey));
  return content;
}

std::string digest_of(const TableContent& content) { return sha256(dump_json(Json(content))); }

std::size_t bytes_of(const TableContent& content) {
  std::size_t bytes = 0;
  for (const auto& [key, value] : content) bytes += key.size() + value.size();
  return bytes;
}

int npus_of(const TableContent& content) {
  const auto found = content.find(std::string(kGlobalKey));
  if (found == content.end()) return 0;
  int count = 0;
  constexpr std::string_view kMember = "\"device_id\"";
  for (std::size_t at = found->second.find(kMember); at != std::string::npos;
       at = found->second.find(kMember, at + kMember.size())) {
    ++count;
  }
  return count;
}

bool StoredTable::lists(const Instance& instance, const kube::Pod& pod) const {
  if (!is_completed(content, local_key(instance))) return false;
  const std::string& local = content.at(local_key(instance));
  // A crash may come between the table and the touch. Every layout has addresses as strings.
  const auto has = [&](const std::string& address) {
    return !address.empty() && local.find('"' + address + '"') != std::string::npos;
  };
  return had_table(pod) || has(pod.pod_ip) || has(pod.host_ip);
}

StoredTable read_stored(const Snapshot& snapshot) {
  StoredTable stored;
  if (!snapshot.config_map) return stored;
  const kube::ConfigMap& map = *snapshot.config_map;
  const kube::RanktableStatus& known = snapshot.deployment.status.ranktable;
  stored.exists = true;
  stored.foreign = !is_ours(map.meta, snapshot.deployment);
  if (stored.foreign) return stored;
  stored.content = content_of(map);
  stored.digest = snapshot.table_digest.empty() ? digest_of(stored.content) : snapshot.table_digest;
  const std::string& text = map.meta.annotation(kube::kGenerationAnnotation);
  const std::optional<std::int64_t> written = parse_number(text);
  stored.epoch = parse_number(map.meta.annotation(kube::kEpochAnnotation));
  if (stored.epoch && *stored.epoch > known.epoch) stored.epoch.reset();
  // We write the number in two places. Where they differ somebody edited one, and the status may not know the number
  // yet: the operator may have ended between both writes.
  const auto key = map.data.find(kGenerationKey);
  const bool same = key != map.data.end() && key->second == text;
  if (same && may_be_ours(written, known)) stored.generation = written;
  stored.genuine = is_genuine(map, stored.digest, known);
  stored.intact = stored.genuine && stored.generation && stored.epoch &&
                  map.meta.annotation(kube::kDigestAnnotation) == stored.digest &&
                  has_our_labels(map.meta, snapshot.deployment);
  stored.completed = stored.genuine && is_completed(stored.content, std::string(kGlobalKey));
  return stored;
}

Json object_metadata(const kube::PDDeployment& deployment, const std::string& name) {
  return {
      {"name", name},
      {"namespace", deployment.meta.ns},
      {"labels", {{kube::kManagedByLabel, kube::kManagedBy}, {kube::kDeploymentLabel, deployment.meta.name}}},
      {"ownerReferences", Json::array({{{"apiVersion", std::string(kube::kGroup) + "/" + std::string(kube::kVersion)},
                                        {"kind", kube::kKind},
                                        {"name", deployment.meta.name},
                                        {"uid", deployment.meta.uid},
                                        {"controller", true}}})}};
}

bool has_our_labels(const kube::ObjectMeta& meta, const kube::PDDeployment& deployment) {
  return meta.label(kube::kManagedByLabel) == kube::kManagedBy &&
         meta.label(kube::kDeploymentLabel) == deployment.meta.name;
}

Json config_map_object(const kube::PDDeployment& deployment, const TableContent& content, const TableMarks& marks,
                       const std::string& resource_version) {
  const std::string generation = std::to_string(marks.generation);
  Json metadata = object_metadata(deployment, config_map_name(deployment));
  metadata["annotations"] = {{kube::kGenerationAnnotation, generation},
                             {kube::kDigestAnnotation, marks.digest},
                             {kube::kEpochAnnotation, std::to_string(marks.epoch)}};
  if (!resource_version.empty()) metadata["resourceVersion"] = resource_version;
  Json data = content;
  data[std::string(kGenerationKey)] = generation;
  return {{"apiVersion", "v1"}, {"kind", "ConfigMap"}, {"metadata", std::move(metadata)}, {"data", std::move(data)}};
}

}  // namespace pd::plan
