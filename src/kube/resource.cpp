#include "kube/resource.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/excerpt.h"
#include "kube/json_members.h"
#include "kube/pddeployment.h"

namespace pd::kube {
namespace {

// Annotations are the bulk of many objects (a kubectl apply stores the whole manifest in one); only these are kept.
bool keep_annotation(std::string_view key) {
  return key.starts_with("pd-operator.io/") || key.starts_with("huawei.com/") ||
         key.starts_with("ascend.kubectl.kubernetes.io/") || key.starts_with("cce.kubectl.kubernetes.io/") ||
         key == "baseDeviceInfos";
}

TextMap read_texts(const Json& source, bool (*keep)(std::string_view)) {
  TextMap texts;
  for (const auto& [key, value] : source.items()) {
    // They come sorted: each goes to the end.
    if (value.is_string() && keep(key)) texts.emplace_hint(texts.end(), key, value.get_ref<const std::string&>());
  }
  texts.shrink_to_fit();
  return texts;
}

bool keep_all(std::string_view /*key*/) { return true; }

constexpr std::array kOurLabels = {kDeploymentLabel,  kRoleLabel,  kInstanceLabel,     kPodIndexLabel,
                                   kIncarnationLabel, kEpochLabel, kTemplateHashLabel, kPodsPerInstanceLabel,
                                   kManagedByLabel};
constexpr std::array kOurAnnotations = {kGenerationAnnotation, kDigestAnnotation, kEpochAnnotation,
                                        kPodGenerationAnnotation, kRetouchedAnnotation};

enum class Rest { kDropped, kCut };

constexpr std::size_t kRoom = std::size_t{16} << 10;
constexpr std::size_t kMostOfOurs = 128;

template <std::size_t N>
bool is_one_of(const std::array<std::string_view, N>& ours, const Text& key) {
  return std::find(ours.begin(), ours.end(), key.str()) != ours.end();
}

template <std::size_t N>
bool is_within_bounds(const TextMap& texts, const std::array<std::string_view, N>& ours) {
  std::size_t size = 0;
  for (const auto& [key, value] : texts) {
    size += key.str().size() + value.str().size();
    if (size > kRoom || (value.str().size() > kMostOfOurs && is_one_of(ours, key))) return false;
  }
  return true;
}

// Whoever makes a pod chooses these, and the operator keeps them: a few pods must not fill its memory. Ours stay,
// whatever there is beside them. A value that is cut can't be read any more, and is refused for that.
template <std::size_t N>
void bound(TextMap& texts, const std::array<std::string_view, N>& ours, Rest rest) {
  if (is_within_bounds(texts, ours)) return;  // nearly all are
  std::size_t room = kRoom;
  TextMap kept;
  for (const auto& [key, value] : texts) {
    const bool is_ours = is_one_of(ours, key);
    const std::size_t needed = key.str().size() + value.str().size();
    if (is_ours || needed <= room) {
      kept.emplace_hint(kept.end(), key, is_ours ? Text(cut(value.str(), kMostOfOurs)) : value);
      if (!is_ours) room -= needed;
    } else if (rest == Rest::kCut && key.str().size() < room) {
      kept.emplace_hint(kept.end(), key, cut(value.str(), room - key.str().size()));
      room = 0;
    }
  }
  kept.shrink_to_fit();
  texts = std::move(kept);
}

// metadata of an object that the users of a namespace may make.
Result<ObjectMeta> decode_bounded_meta(const Json& object) {
  Result<ObjectMeta> meta = decode_meta(object);
  if (!meta) return meta.error();
  bound(meta->labels, kOurLabels, Rest::kDropped);
  bound(meta->annotations, kOurAnnotations, Rest::kCut);
  return meta;
}

TextMap read_selector(const Json& source) {
  TextMap selector = read_texts(source, keep_all);
  bound(selector, kOurLabels, Rest::kDropped);
  return selector;
}

std::optional<WallTime> read_time(const Json& object, const char* key) {
  const std::string text = text_member(object, key);
  if (text.empty()) return std::nullopt;
  const Result<WallTime> time = parse_rfc3339(text);
  return time ? std::optional<WallTime>(*time) : std::nullopt;
}

constexpr int kMaxCount = 1'000'000;  // far above what a node has; sums stay within an int

int bounded(std::int64_t count) { return static_cast<int>(std::clamp<std::int64_t>(count, 0, kMaxCount)); }

// A whole quantity ("8"; the API server writes 1000 as "1k"); NPUs have no other. 0 for what is none.
int read_quantity(const Json& value) {
  if (value.is_number_unsigned()) return value.get<std::uint64_t>() > kMaxCount ? kMaxCount : value.get<int>();
  if (value.is_number_integer()) return bounded(value.get<std::int64_t>());
  if (!value.is_string()) return 0;
  const std::string& text = value.get_ref<const std::string&>();
  const char* const end = text.data() + text.size();
  std::int64_t count = 0;
  const auto [rest, error] = std::from_chars(text.data(), end, count);
  if (error == std::errc::result_out_of_range) return kMaxCount;
  if (error != std::errc()) return 0;
  const std::string_view suffix(rest, static_cast<std::size_t>(end - rest));
  if (suffix == "k") return bounded(bounded(count) * std::int64_t{1000});
  return suffix.empty() ? bounded(count) : 0;
}

void read_requests(const Json& spec, Pod& pod) {
  for (const Json& container : array_member(spec, "containers")) {
    const Json& limits = object_member(object_member(container, "resources"), "limits");
    for (const auto& [name, value] : limits.items()) {
      if (name.find('/') != std::string::npos) {
        constexpr std::size_t kMostResources = 16;
        if (pod.npu_requests.size() >= kMostResources && !pod.npu_requests.contains(name)) continue;
        int& sum = pod.npu_requests[name];
        sum = bounded(std::int64_t{sum} + read_quantity(value));
      }
    }
  }
}

// As the pod itself says, which an older version of the operator may have made: "--port" and the number behind it.
void read_gate_port(const Json& spec, Pod& pod) {
  for (const Json& container : array_member(spec, "initContainers")) {
    if (text_member(container, "name") != kGateWatchContainer) continue;
    const Json& args = array_member(container, "args");
    const auto flag = std::find(args.begin(), args.end(), "--port");
    if (flag == args.end() || flag + 1 == args.end() || !(flag + 1)->is_string()) continue;
    const std::string& text = (flag + 1)->get_ref<const std::string&>();
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (error == std::errc() && end == text.data() + text.size()) pod.gate_port = port;
  }
}

// "0/2 nodes are available: 2 Insufficient huawei.com/Ascend910. no new claims to deallocate, preemption: 0/2 ...": its
// first sentence, as a clause. In a large cluster it has the counts of many reasons.
std::string words_of_scheduler(const Json& condition) {
  constexpr std::size_t kMostWords = 300;  // bytes
  std::string words = text_member(condition, "message");
  words.resize(std::min(words.size(), words.find(". ")));
  while (words.ends_with('.')) words.pop_back();
  return words.size() > kMostWords ? cut(std::move(words), kMostWords) + " ..." : words;
}

void read_pod_status(const Json& status, Pod& pod) {
  pod.phase = text_member(status, "phase");
  pod.reason = text_member(status, "reason");
  pod.message = text_member(status, "message");
  pod.pod_ip = text_member(status, "podIP");
  pod.host_ip = text_member(status, "hostIP");
  for (const Json& condition : array_member(status, "conditions")) {
    const std::string type = text_member(condition, "type");
    const bool holds = text_member(condition, "status") == "True";
    if (type == "Ready") pod.ready = holds;
    if (type == "PodScheduled" && !holds && pod.node.empty()) pod.unscheduled = words_of_scheduler(condition);
  }
  for (const Json& container : array_member(status, "initContainerStatuses")) {
    if (text_member(container, "name") != kGateWatchContainer) continue;
    const Json& waiting = object_member(object_member(container, "state"), "waiting");
    pod.gate_waiting = cut(text_member(waiting, "reason"), 100);
  }
  for (const Json& container : array_member(status, "containerStatuses")) {
    pod.restarts = bounded(std::int64_t{pod.restarts} + small_member(container, "restartCount", 0));
  }
}

}  // namespace

std::string list_path(const ResourcePath& resource, std::string_view ns) {
  std::string path(resource.prefix);
  if (!ns.empty()) path += "/namespaces/" + std::string(ns);
  return path + "/" + std::string(resource.plural);
}

std::string object_path(const ResourcePath& resource, std::string_view ns, std::string_view name) {
  return list_path(resource, ns) + "/" + std::string(name);
}

std::string query_escape(std::string_view value) {
  static constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string escaped;
  for (const char c : value) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                       c == '_' || c == '.' || c == '~';
    if (plain) {
      escaped += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    escaped += '%';
    escaped += kDigits[byte >> 4];
    escaped += kDigits[byte & 15];
  }
  return escaped;
}

ObjectMeta decode_identity(const Json& object) {
  const Json& source = object_member(object, "metadata");
  ObjectMeta meta;
  meta.name = text_member(source, "name");
  meta.ns = text_member(source, "namespace");
  meta.uid = text_member(source, "uid");
  return meta;
}

Result<ObjectMeta> decode_meta(const Json& object) {
  const Json& source = object_member(object, "metadata");
  ObjectMeta meta = decode_identity(object);
  meta.resource_version = text_member(source, "resourceVersion");
  if (meta.name.empty()) return invalid("an object of the API has no /metadata/name");
  if (object.contains(kTooDeepMember)) return invalid("the object " + meta.key() + " is nested deeper than 64 levels");
  if (object.contains(kTooManyMember))
    return invalid("the object " + meta.key() + " has more than " + std::to_string(kMostValues) + " values");
  if (meta.resource_version.empty()) return invalid("the object " + meta.key() + " has no /metadata/resourceVersion");
  meta.generation = integer_member(source, "generation", 0);
  meta.labels = read_texts(object_member(source, "labels"), keep_all);
  meta.annotations = read_texts(object_member(source, "annotations"), keep_annotation);
  for (const Json& owner : array_member(source, "ownerReferences")) {
    if (meta.owner || !boolean_member(owner, "controller", false)) continue;
    constexpr std::size_t kLongestName = 253;  // of what the API server makes; it takes any text here
    const auto text = [&](const char* key) { return cut(text_member(owner, key), kLongestName); };
    meta.owner = {text("kind"), text("name"), text("uid")};
  }
  meta.created = read_time(source, "creationTimestamp");
  meta.deleted = read_time(source, "deletionTimestamp");
  return meta;
}

const Projection& Resource<Pod>::projection() {
  static const Projection fields({"metadata.name",
                                  "metadata.namespace",
                                  "metadata.uid",
                                  "metadata.resourceVersion",
                                  "metadata.labels",
                                  "metadata.annotations",
                                  "metadata.ownerReferences",
                                  "metadata.creationTimestamp",
                                  "metadata.deletionTimestamp",
                                  "spec.nodeName",
                                  "spec.hostNetwork",
                                  "spec.containers.resources.limits",
                                  "spec.initContainers.name",
                                  "spec.initContainers.args",
                                  "status.phase",
                                  "status.reason",
                                  "status.message",
                                  "status.podIP",
                                  "status.hostIP",
                                  "status.conditions.type",
                                  "status.conditions.status",
                                  "status.conditions.message",
                                  "status.initContainerStatuses.name",
                                  "status.initContainerStatuses.state.waiting.reason",
                                  "status.containerStatuses.restartCount"});
  return fields;
}

Result<Pod> Resource<Pod>::decode(const Json& object) {
  Result<ObjectMeta> meta = decode_bounded_meta(object);
  if (!meta) return meta.error();
  Pod pod;
  pod.meta = std::move(*meta);
  const Json& spec = object_member(object, "spec");
  pod.node = text_member(spec, "nodeName");
  pod.host_network = boolean_member(spec, "hostNetwork", false);
  read_requests(spec, pod);
  read_gate_port(spec, pod);
  read_pod_status(object_member(object, "status"), pod);
  return pod;
}

const Projection& Resource<Node>::projection() {
  static const Projection fields({"metadata.name", "metadata.uid", "metadata.resourceVersion", "metadata.annotations"});
  return fields;
}

Result<Node> Resource<Node>::decode(const Json& object) {
  Result<ObjectMeta> meta = decode_meta(object);
  if (!meta) return meta.error();
  return Node{std::move(*meta)};
}

const Projection& Resource<ConfigMap>::projection() {
  static const Projection fields({"metadata.name", "metadata.namespace", "metadata.uid", "metadata.resourceVersion",
                                  "metadata.labels", "metadata.annotations", "metadata.ownerReferences",
                                  "metadata.deletionTimestamp", "data"});
  return fields;
}

Result<ConfigMap> Resource<ConfigMap>::decode(const Json& object) {
  Result<ObjectMeta> meta = decode_bounded_meta(object);
  if (!meta) return meta.error();
  ConfigMap map;
  map.meta = std::move(*meta);
  for (const auto& [key, value] : object_member(object, "data").items()) {
    // They come sorted: each goes to the end.
    if (value.is_string()) map.data.emplace_hint(map.data.end(), key, value.get_ref<const std::string&>());
  }
  map.data.shrink_to_fit();
  return map;
}

ServiceSpec decode_service_spec(const Json& spec) {
  ServiceSpec read;
  read.headless = text_member(spec, "clusterIP") == "None";
  read.publish_not_ready = boolean_member(spec, "publishNotReadyAddresses", false);
  read.selector = read_selector(object_member(spec, "selector"));
  constexpr std::size_t kMostPorts = 32;
  for (const Json& port : array_member(spec, "ports")) {
    if (read.ports.size() == kMostPorts) break;
    const Json target = port.is_object() ? port.value("targetPort", Json()) : Json();
    read.ports.push_back({text_member(port, "name"), text_member(port, "protocol", "TCP"),
                          small_member(port, "port", 0),
                          target.is_string() ? target.get<std::string>() : dump_json(target)});
  }
  return read;
}

const Projection& Resource<Service>::projection() {
  static const Projection fields({"metadata.name", "metadata.namespace", "metadata.uid", "metadata.resourceVersion",
                                  "metadata.labels", "metadata.ownerReferences", "metadata.deletionTimestamp",
                                  "spec.clusterIP", "spec.publishNotReadyAddresses", "spec.selector", "spec.ports"});
  return fields;
}

Result<Service> Resource<Service>::decode(const Json& object) {
  Result<ObjectMeta> meta = decode_bounded_meta(object);
  if (!meta) return meta.error();
  return Service{std::move(*meta), decode_service_spec(object_member(object, "spec"))};
}

const Projection& Resource<PodDisruptionBudget>::projection() {
  static const Projection fields({"metadata.name", "metadata.namespace", "metadata.uid", "metadata.resourceVersion",
                                  "metadata.labels", "metadata.ownerReferences", "metadata.deletionTimestamp",
                                  "spec.minAvailable", "spec.selector.matchLabels"});
  return fields;
}

Result<PodDisruptionBudget> Resource<PodDisruptionBudget>::decode(const Json& object) {
  Result<ObjectMeta> meta = decode_bounded_meta(object);
  if (!meta) return meta.error();
  PodDisruptionBudget budget;
  budget.meta = std::move(*meta);
  const Json& spec = object_member(object, "spec");
  const int count = small_member(spec, "minAvailable", -1);
  if (count >= 0) budget.min_available = count;
  budget.selector = read_selector(object_member(object_member(spec, "selector"), "matchLabels"));
  return budget;
}

const Projection& Resource<PDDeployment>::projection() {
  static const Projection fields({"metadata.name", "metadata.namespace", "metadata.uid", "metadata.resourceVersion",
                                  "metadata.generation", "metadata.deletionTimestamp", "metadata.creationTimestamp",
                                  "spec", "status"});
  return fields;
}

const Projection& Resource<Lease>::projection() {
  static const Projection fields({"metadata.name", "metadata.namespace", "metadata.uid", "metadata.resourceVersion",
                                  "metadata.labels", "metadata.annotations", "spec"});
  return fields;
}

}  // namespace pd::kube
