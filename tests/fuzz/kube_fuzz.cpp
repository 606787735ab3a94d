// The API server's objects: projected while they are read, then decoded; alone and in a list. What the projection
// leaves out changes nothing that is decoded.
#include <cstddef>
#include <cstdint>

#include "kube/resource.h"
#include "tests/fuzz/require.h"

namespace pd::kube {
namespace {

using fuzz::require;

void check_meta(const ObjectMeta& meta) {
  require(!meta.name.empty() && !meta.resource_version.empty(), "an object has a name and a version");
}

void check_decoded(const Pod& pod) {
  check_meta(pod.meta);
  require(pod.restarts >= 0, "restarts are counted from none");
  for (const auto& [name, count] : pod.npu_requests) require(count >= 0, "a request is no debt", name.str());
}

void check_decoded(const PDDeployment& deployment) {
  check_meta(deployment.meta);
  // The first encoding gives a condition without a time one; from then on it stays.
  Json object = {{"metadata", {{"name", "n"}, {"resourceVersion", "1"}}}, {"status", encode_status(deployment.status)}};
  const Result<PDDeployment> again = decode_pddeployment(object);
  require(again.ok(), "a status that was written is read");
  require(encode_status(again->status) == object["status"], "a status is written as it was read",
          dump_json(object["status"]));
}

template <typename T>
void check_decoded(const T& object) {
  check_meta(object.meta);
}

template <typename T>
void check_object(const Json& object) {
  const Result<T> decoded = Resource<T>::decode(object);
  if (!decoded) return require(!decoded.error().message.empty(), "an error says what is wrong");
  check_decoded(*decoded);
}

template <typename T>
void check_kind(std::string_view text) {
  const Result<Json> object = parse_projected(text, Resource<T>::projection());
  if (!object) return fuzz::require_message(object.error());
  check_object<T>(*object);
  const Result<Json> list = parse_projected(text, Resource<T>::projection(), "items");
  if (!list || !list->is_object()) return;
  const auto items = list->find("items");
  if (items == list->end() || !items->is_array()) return;
  for (const Json& item : *items) check_object<T>(item);
}

// An integer of more than 64 bits beside it makes the second parser read the same text: it says the same.
void check_parsers(std::string_view text) {
  const Projection& fields = Resource<Pod>::projection();
  const std::string rest = R"(,"object":)" + std::string(text) + "}";
  Result<Json> first = parse_projected(R"({"x":1)" + rest, fields, "object");
  Result<Json> second = parse_projected(R"({"x":100000000000000000000)" + rest, fields, "object");
  require(first.ok() == second.ok(), "both parsers take the same texts");
  if (!first || !first->is_object() || !second->is_object()) return;
  first->erase("x");
  second->erase("x");
  require(*first == *second, "both parsers read the same", dump_json(*first) + " and " + dump_json(*second));
}

void check(std::string_view text) {
  check_parsers(text);
  check_kind<Pod>(text);
  check_kind<PDDeployment>(text);
  check_kind<ConfigMap>(text);
  check_kind<Node>(text);
  check_kind<Service>(text);
  check_kind<PodDisruptionBudget>(text);
  check_kind<Lease>(text);
}

}  // namespace
}  // namespace pd::kube

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {  // NOLINT: libFuzzer's name
  pd::kube::check(pd::fuzz::text_of(data, size));
  return 0;
}
