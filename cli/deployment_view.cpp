#include "cli/deployment_view.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "plan/membership.h"
#include "ranktable/document.h"
#include "ranktable/profile.h"

namespace pd::cli {
namespace {

using kube::PDDeployment;
using kube::Pod;
using Row = std::vector<std::string>;

std::string or_dash(const std::string& text) { return text.empty() ? "-" : text; }

std::string joined(const std::vector<std::string>& texts, const std::string& between) {
  std::string all;
  for (const std::string& text : texts) {
    if (!text.empty()) all.append(all.empty() ? "" : between).append(text);
  }
  return all;
}

struct PodView {
  std::string instance;  // "prefill-1"; of an adopted pod its role
  std::string name;
  std::string node;
  std::string address;
  std::string state;  // "Running, Ready"
  std::vector<int> npus;
  std::string generation;  // of the tables, that it was told to expect
};

std::string state_of(const Pod& pod) {
  if (pod.meta.deleted) return "Terminating";
  if (!pod.reason.empty()) return pod.phase + ", " + pod.reason;
  return pod.phase + (pod.ready ? ", Ready" : "");
}

const std::string* find_data(const Observed& observed, const std::string& key) {
  if (!observed.config_map) return nullptr;
  const auto found = observed.config_map->data.find(key);
  return found == observed.config_map->data.end() ? nullptr : &found->second;
}

// By its labels; an adopted pod has no number there, but the table may give it one.
std::string instance_of(const Observed& observed, const Pod& pod) {
  const std::string& role = pod.meta.label(kube::kRoleLabel);
  const std::string& index = pod.meta.label(kube::kInstanceLabel);
  if (role != "scheduler" && !index.empty()) return role + "-" + index;
  constexpr std::string_view kVariable = "PD_INSTANCE=";
  const std::string* env = find_data(observed, "instance_" + pod.meta.name + ".env");
  if (env == nullptr || !env->starts_with(kVariable)) return role;
  return env->substr(kVariable.size(), env->find('\n') - kVariable.size());
}

// The pod's own table: by its name where it is adopted, else by its instance.
const std::string* local_table(const Observed& observed, const Pod& pod) {
  const std::string instance = instance_of(observed, pod);
  const std::string* by_name = find_data(observed, "local_ranktable_" + pod.meta.name + ".json");
  if (by_name != nullptr) return by_name;
  return find_data(observed, "local_ranktable_" + (instance == "scheduler" ? "host" : instance) + ".json");
}

std::vector<int> npus_of(const Observed& observed, const Pod& pod) {
  const ranktable::Profile* profile = ranktable::find_profile(observed.deployment.ranktable.profile);
  const std::string* text = local_table(observed, pod);
  if (text == nullptr || profile == nullptr || profile->read_local == nullptr) return {};
  const Result<ranktable::Document> document = ranktable::parse_document(*text);
  if (!document) return {};
  const Result<ranktable::Instance> instance = profile->read_local(document->root());
  std::vector<int> ids;
  if (!instance) return ids;
  for (const ranktable::Server& server : instance->servers) {
    if (server.ip != pod.pod_ip && server.ip != pod.host_ip) continue;
    for (const ranktable::Device& device : server.devices) ids.push_back(device.id);
  }
  return ids;
}

PodView view_of(const Observed& observed, const Pod& pod) {
  return {instance_of(observed, pod),
          pod.meta.name,
          pod.node,
          pod.pod_ip,
          state_of(pod),
          npus_of(observed, pod),
          pod.meta.annotation(kube::kPodGenerationAnnotation)};
}

// By role, instance and pod, numbers as numbers.
std::vector<PodView> pods_of(const Observed& observed) {
  const auto order = [](const Pod& pod) {
    const std::string role = pod.meta.label(kube::kRoleLabel);
    const auto number = [&](std::string_view label) { return plan::parse_number(pod.meta.label(label)).value_or(0); };
    const int place = role == "scheduler" ? 0 : role == "prefill" ? 1 : 2;
    return std::tuple(place, number(kube::kInstanceLabel), number(kube::kPodIndexLabel), pod.meta.name);
  };
  std::vector<const Pod*> pods;
  for (const Pod& pod : observed.pods) pods.push_back(&pod);
  std::sort(pods.begin(), pods.end(), [&](const Pod* a, const Pod* b) { return order(*a) < order(*b); });
  std::vector<PodView> views;
  views.reserve(pods.size());
  for (const Pod* pod : pods) views.push_back(view_of(observed, *pod));
  return views;
}

std::string numbers(const std::vector<int>& values) {
  std::string text;
  for (const int value : values) text.append(text.empty() ? "" : ",").append(std::to_string(value));
  return text;
}

std::string table_text(const kube::RanktableStatus& table) {
  if (table.state.empty()) return "no table yet";
  return joined({table.state, "generation " + std::to_string(table.generation), std::to_string(table.npus) + " NPUs"},
                ", ");
}

using Roles = std::vector<std::pair<std::string, const kube::RoleStatus*>>;
Roles roles_of(const PDDeployment& deployment) {
  const kube::PDDeploymentStatus& status = deployment.status;
  return {{"scheduler", &status.scheduler}, {"prefill", &status.prefill}, {"decode", &status.decode}};
}

const kube::Condition* ready_condition(const PDDeployment& deployment) {
  for (const kube::Condition& condition : deployment.status.conditions) {
    if (condition.type == "Ready") return &condition;
  }
  return nullptr;
}

void append_table(const std::vector<Row>& rows, std::vector<std::string>& lines) {
  if (rows.size() == 1) return;  // the heading
  if (!lines.empty()) lines.emplace_back();
  const std::vector<std::string> made = columns(rows);
  lines.insert(lines.end(), made.begin(), made.end());
}

std::vector<std::string> lines_of(const Observed& observed, const std::vector<PodView>& pods) {
  const PDDeployment& deployment = observed.deployment;
  const kube::RanktableStatus& table = deployment.status.ranktable;
  std::vector<std::string> lines = {deployment.meta.key() + ": " + deployment.ranktable.profile + ", " +
                                    joined({table_text(table), table.config_map.empty() ? "" : "in " + table.config_map,
                                            deployment.paused ? "paused" : ""},
                                           ", ")};
  std::vector<Row> rows = {{"ROLE", "READY", "UPDATED"}};
  for (const auto& [name, role] : roles_of(deployment)) {
    rows.push_back({name, or_dash(role->summary), std::to_string(role->updated)});
  }
  append_table(rows, lines);
  rows = {{"INSTANCE", "POD", "STATE", "NODE", "ADDRESS", "NPUS", "GENERATION"}};
  for (const PodView& pod : pods) {
    rows.push_back({or_dash(pod.instance), pod.name, or_dash(pod.state), or_dash(pod.node), or_dash(pod.address),
                    or_dash(numbers(pod.npus)), or_dash(pod.generation)});
  }
  append_table(rows, lines);
  rows = {{"CONDITION", "STATUS", "REASON", "MESSAGE"}};
  for (const kube::Condition& condition : deployment.status.conditions) {
    rows.push_back({condition.type, condition.status, condition.reason, condition.message});
  }
  append_table(rows, lines);
  return lines;
}

OrderedJson table_value(const kube::RanktableStatus& table) {
  OrderedJson missing = OrderedJson::array();
  for (const kube::MissingInstance& one : table.missing) missing.push_back(one.instance);
  return {{"state", table.state},
          {"generation", table.generation},
          {"npus", table.npus},
          {"configMap", table.config_map},
          {"missing", std::move(missing)}};
}

OrderedJson value_of(const Observed& observed, const std::vector<PodView>& views) {
  const PDDeployment& deployment = observed.deployment;
  OrderedJson roles = OrderedJson::object();
  for (const auto& [name, role] : roles_of(deployment)) {
    roles[name] = {
        {"instances", role->instances}, {"ready", role->ready}, {"updated", role->updated}, {"summary", role->summary}};
  }
  OrderedJson pods = OrderedJson::array();
  for (const PodView& pod : views) {
    pods.push_back({{"instance", pod.instance},
                    {"name", pod.name},
                    {"state", pod.state},
                    {"node", pod.node},
                    {"address", pod.address},
                    {"npus", pod.npus},
                    {"generation", plan::parse_number(pod.generation).value_or(0)}});
  }
  OrderedJson conditions = OrderedJson::array();
  for (const kube::Condition& condition : deployment.status.conditions) {
    conditions.push_back({{"type", condition.type},
                          {"status", condition.status},
                          {"reason", condition.reason},
                          {"message", condition.message}});
  }
  return {{"name", deployment.meta.name},
          {"namespace", deployment.meta.ns},
          {"profile", deployment.ranktable.profile},
          {"ranktable", table_value(deployment.status.ranktable)},
          {"roles", std::move(roles)},
          {"pods", std::move(pods)},
          {"conditions", std::move(conditions)}};
}

}  // namespace

Answer describe(const Observed& observed) {
  const std::vector<PodView> pods = pods_of(observed);
  Answer answer;
  answer.lines = lines_of(observed, pods);
  answer.value = value_of(observed, pods);
  return answer;
}

Answer list(const std::vector<PDDeployment>& deployments) {
  std::vector<Row> rows = {{"NAME", "TABLE", "GEN", "PREFILL", "DECODE", "READY", "MESSAGE"}};
  OrderedJson values = OrderedJson::array();
  for (const PDDeployment& deployment : deployments) {
    const kube::PDDeploymentStatus& status = deployment.status;
    const kube::Condition* ready = ready_condition(deployment);
    rows.push_back({deployment.meta.name, or_dash(status.ranktable.state), std::to_string(status.ranktable.generation),
                    or_dash(status.prefill.summary), or_dash(status.decode.summary),
                    ready == nullptr ? "Unknown" : ready->status, ready == nullptr ? "" : ready->message});
    values.push_back(value_of({deployment}, {}));
    values.back().erase("pods");
  }
  Answer answer;
  if (rows.size() > 1) answer.lines = columns(rows);
  answer.value = {{"deployments", std::move(values)}};
  return answer;
}

Facts facts_of(const Observed& observed) {
  const PDDeployment& deployment = observed.deployment;
  Facts facts = {{"table", table_text(deployment.status.ranktable)}};
  for (const auto& [name, role] : roles_of(deployment)) {
    if (!role->summary.empty()) facts.emplace_back(name, role->summary + " ready");
  }
  for (const PodView& pod : pods_of(observed)) {
    const std::string npus = numbers(pod.npus);
    facts.emplace_back("pod " + pod.name, joined({pod.instance, pod.state, pod.node.empty() ? "" : "on " + pod.node,
                                                  pod.address, npus.empty() ? "" : "NPUs " + npus,
                                                  pod.generation.empty() ? "" : "generation " + pod.generation},
                                                 "; "));
  }
  for (const kube::Condition& condition : deployment.status.conditions) {
    facts.emplace_back(condition.type, condition.status + ", " + condition.reason + ": " + condition.message);
  }
  return facts;
}

Facts facts_of(const std::vector<PDDeployment>& deployments) {
  Facts facts;
  for (const PDDeployment& deployment : deployments) {
    const kube::PDDeploymentStatus& status = deployment.status;
    const kube::Condition* ready = ready_condition(deployment);
    facts.emplace_back(deployment.meta.name,
                       joined({table_text(status.ranktable), "prefill " + or_dash(status.prefill.summary),
                               "decode " + or_dash(status.decode.summary),
                               "Ready " + (ready == nullptr ? "Unknown" : ready->status + ": " + ready->message)},
                              "; "));
  }
  return facts;
}

std::vector<std::string> changes(const Facts& before, const Facts& after) {
  const std::map<std::string, std::string> known(before.begin(), before.end());
  const std::map<std::string, std::string> now(after.begin(), after.end());
  std::vector<std::string> lines;
  for (const auto& [subject, text] : after) {
    const auto found = known.find(subject);
    if (found == known.end() || found->second != text) lines.push_back(std::string(subject).append(": ").append(text));
  }
  for (const auto& [subject, text] : before) {
    if (!now.contains(subject)) lines.push_back(subject + ": gone");
  }
  return lines;
}

}  // namespace pd::cli
