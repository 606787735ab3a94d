#include "kube/pddeployment.h"

#include "kube/json_members.h"
#include "kube/resource.h"

namespace pd::kube {
namespace {

RanktableSpec decode_ranktable(const Json& source) {
  RanktableSpec spec;
  spec.profile = text_member(source, "profile", spec.profile);
  spec.publish_policy = text_member(source, "publishPolicy", spec.publish_policy);
  spec.lost_grace_seconds = small_member(source, "lostGraceSeconds", spec.lost_grace_seconds);
  spec.server_address = text_member(source, "serverAddress", spec.server_address);
  spec.server_id = text_member(source, "serverID", spec.server_id);
  spec.require_link_up = boolean_member(source, "requireLinkUp", spec.require_link_up);
  spec.mount_path = text_member(source, "mountPath", spec.mount_path);
  return spec;
}

GateSpec decode_gate(const Json& source) {
  GateSpec gate;
  gate.enabled = boolean_member(source, "enabled", gate.enabled);
  gate.sidecar = boolean_member(source, "sidecar", gate.sidecar);
  gate.timeout_seconds = small_member(source, "timeoutSeconds", gate.timeout_seconds);
  gate.port = small_member(source, "port", gate.port);
  gate.image = text_member(source, "image");
  gate.image_pull_policy = text_member(source, "imagePullPolicy");
  if (source.contains("resources") && source["resources"].is_object()) gate.resources = source["resources"];
  return gate;
}

// intstr: 1 or "25%".
std::string decode_int_or_percent(const Json& object, const char* key, std::string otherwise) {
  const auto found = object.find(key);
  if (found == object.end()) return otherwise;
  if (found->is_number_integer()) return std::to_string(found->get<std::int64_t>());
  return found->is_string() ? found->get<std::string>() : otherwise;
}

RoleSpec decode_role(const Json& source) {
  RoleSpec role;
  role.instances = small_member(source, "instances", role.instances);
  role.pods_per_instance = small_member(source, "podsPerInstance", role.pods_per_instance);
  role.npus_per_pod = small_member(source, "npusPerPod", role.npus_per_pod);
  if (const Json& pod_template = object_member(source, "template"); !pod_template.empty())
    role.pod_template = pod_template;
  if (const auto adopt = source.find("adopt"); adopt != source.end() && adopt->is_object()) {  // may be empty
    role.adopt = true;
    role.adopt_instance_label = text_member(*adopt, "instanceLabel");
    role.adopt_pod_index_label = text_member(*adopt, "podIndexLabel");
  }
  role.on_peer_change = text_member(source, "onPeerChange", role.on_peer_change);
  if (const Json& http = object_member(object_member(source, "reload"), "http"); !http.empty()) {
    role.reload = ReloadSpec{small_member(http, "port", 0), text_member(http, "path", "/reload")};
  }
  role.max_unavailable =
      decode_int_or_percent(object_member(source, "rollingUpdate"), "maxUnavailable", role.max_unavailable);
  const Json& restart = object_member(source, "restart");
  role.restart_scope = text_member(restart, "scope");
  role.backoff_seconds = small_member(restart, "backoffSeconds", role.backoff_seconds);
  role.max_backoff_seconds = small_member(restart, "maxBackoffSeconds", role.max_backoff_seconds);
  role.pod_replacement_policy = text_member(source, "podReplacementPolicy", role.pod_replacement_policy);
  const Json& budget = object_member(source, "podDisruptionBudget");
  if (budget.contains("minAvailable")) role.pdb_min_available = small_member(budget, "minAvailable", 0);
  return role;
}

std::optional<WallTime> decode_time(const Json& object, const char* key) {
  const Result<WallTime> time = parse_rfc3339(text_member(object, key));
  return time ? std::optional<WallTime>(*time) : std::nullopt;
}

RanktableStatus decode_ranktable_status(const Json& source) {
  RanktableStatus status;
  status.config_map = text_member(source, "configMap");
  status.state = text_member(source, "state");
  status.generation = integer_member(source, "generation", 0);
  status.generation_ceiling = integer_member(source, "generationCeiling", 0);
  status.epoch = integer_member(source, "epoch", 0);
  status.npus = small_member(source, "npus", 0);
  for (const Json& missing : array_member(source, "missing")) {
    status.missing.push_back({text_member(missing, "instance"), decode_time(missing, "since").value_or(WallTime{}),
                              text_member(missing, "digest")});
  }
  status.published_at = decode_time(source, "publishedAt");
  status.digest = text_member(source, "digest");
  return status;
}

RoleStatus decode_role_status(const Json& source) {
  return {small_member(source, "instances", 0), small_member(source, "ready", 0), small_member(source, "updated", 0),
          text_member(source, "summary")};
}

PDDeploymentStatus decode_status(const Json& source) {
  PDDeploymentStatus status;
  status.observed_generation = integer_member(source, "observedGeneration", 0);
  status.ranktable = decode_ranktable_status(object_member(source, "ranktable"));
  for (const Json& entry : array_member(source, "incarnations")) {
    status.incarnations.push_back({text_member(entry, "slot"), integer_member(entry, "last", 0)});
  }
  for (const Json& entry : array_member(source, "adopted")) {
    status.adopted.push_back({text_member(entry, "slot"), text_member(entry, "pod")});
  }
  status.scheduler = decode_role_status(object_member(source, "scheduler"));
  status.prefill = decode_role_status(object_member(source, "prefill"));
  status.decode = decode_role_status(object_member(source, "decode"));
  for (const Json& entry : array_member(source, "restarts")) {
    status.restarts.push_back(
        {text_member(entry, "instance"), small_member(entry, "count", 0), decode_time(entry, "nextAttempt")});
  }
  for (const Json& entry : array_member(source, "conditions")) {
    status.conditions.push_back({text_member(entry, "type"), text_member(entry, "status"), text_member(entry, "reason"),
                                 text_member(entry, "message"), decode_time(entry, "lastTransitionTime"),
                                 integer_member(entry, "observedGeneration", 0)});
  }
  return status;
}

Json encode_ranktable_status(const RanktableStatus& status) {
  Json object = {{"generation", status.generation},
                 {"generationCeiling", status.generation_ceiling},
                 {"epoch", status.epoch},
                 {"npus", status.npus}};
  if (!status.config_map.empty()) object["configMap"] = status.config_map;
  if (!status.state.empty()) object["state"] = status.state;
  if (status.published_at) object["publishedAt"] = format_rfc3339(*status.published_at);
  if (!status.digest.empty()) object["digest"] = status.digest;
  for (const MissingInstance& missing : status.missing) {
    Json entry = {{"instance", missing.instance}, {"since", format_rfc3339(missing.since)}};
    if (!missing.digest.empty()) entry["digest"] = missing.digest;
    object["missing"].push_back(std::move(entry));
  }
  return object;
}

Json encode_role_status(const RoleStatus& status) {
  return {{"instances", status.instances},
          {"ready", status.ready},
          {"updated", status.updated},
          {"summary", status.summary}};
}

Json encode_condition(const Condition& condition) {
  Json object = {{"type", condition.type},
                 {"status", condition.status},
                 {"reason", condition.reason},
                 {"message", condition.message},
                 {"observedGeneration", condition.observed_generation}};
  object["lastTransitionTime"] = format_rfc3339(condition.since.value_or(WallTime{}));
  return object;
}

}  // namespace

Result<PDDeployment> decode_pddeployment(const Json& object) {
  Result<ObjectMeta> meta = decode_meta(object);
  if (!meta) return meta.error();
  PDDeployment deployment;
  deployment.meta = std::move(*meta);
  const Json& spec = object_member(object, "spec");
  deployment.ranktable = decode_ranktable(object_member(spec, "ranktable"));
  if (const Json& names = array_member(spec, "resourceNames"); !names.empty()) {
    deployment.resource_names.clear();
    for (const Json& name : names) {
      if (name.is_string()) deployment.resource_names.push_back(name.get<std::string>());
    }
  }
  deployment.gate = decode_gate(object_member(spec, "gate"));
  deployment.scheduler = decode_role(object_member(spec, "scheduler"));
  deployment.prefill = decode_role(object_member(spec, "prefill"));
  deployment.decode = decode_role(object_member(spec, "decode"));
  deployment.paused = boolean_member(spec, "paused", false);
  deployment.status = decode_status(object_member(object, "status"));
  return deployment;
}

Json encode_status(const PDDeploymentStatus& status) {
  Json object = {{"observedGeneration", status.observed_generation},
                 {"ranktable", encode_ranktable_status(status.ranktable)},
                 {"scheduler", encode_role_status(status.scheduler)},
                 {"prefill", encode_role_status(status.prefill)},
                 {"decode", encode_role_status(status.decode)}};
  for (const Incarnation& entry : status.incarnations)
    object["incarnations"].push_back({{"slot", entry.slot}, {"last", entry.last}});
  for (const AdoptedPod& entry : status.adopted)
    object["adopted"].push_back({{"slot", entry.slot}, {"pod", entry.pod}});
  for (const InstanceRestarts& entry : status.restarts) {
    Json restarts = {{"instance", entry.instance}, {"count", entry.count}};
    if (entry.next_attempt) restarts["nextAttempt"] = format_rfc3339(*entry.next_attempt);
    object["restarts"].push_back(std::move(restarts));
  }
  for (const Condition& condition : status.conditions) object["conditions"].push_back(encode_condition(condition));
  return object;
}

}  // namespace pd::kube
