// What the client and the reflectors have to know of a kind: its path, what of it is read, and its decoder.
//
//   list_path(Resource<Pod>::kPath, "llm")   ->  /api/v1/namespaces/llm/pods
//
// Thread: constants and pure functions.
#pragma once

#include <string>
#include <string_view>

#include "kube/event.h"
#include "kube/lease.h"
#include "kube/objects.h"
#include "kube/pddeployment.h"
#include "kube/projection.h"

namespace pd::kube {

struct ResourcePath {
  std::string_view prefix;  // "/api/v1" or "/apis/<group>/<version>"
  std::string_view plural;
};

// The collection; all namespaces (or a cluster-scoped kind) with an empty namespace.
std::string list_path(const ResourcePath& resource, std::string_view ns);
std::string object_path(const ResourcePath& resource, std::string_view ns, std::string_view name);
// Percent-encodes one value of a query.
std::string query_escape(std::string_view value);

// metadata, with its resourceVersion; errors name the member.
Result<ObjectMeta> decode_meta(const Json& object);
// Name, namespace and uid alone, also where the rest can't be read.
ObjectMeta decode_identity(const Json& object);

// A Service's spec, stored or about to be: what is left out has the API server's default.
ServiceSpec decode_service_spec(const Json& spec);

inline constexpr std::string_view kAcceptJson = "application/json";
inline constexpr std::string_view kAcceptMetadata = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
inline constexpr std::string_view kAcceptMetadataList =
    "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";

template <typename T>
struct Resource;

template <>
struct Resource<Pod> {
  static constexpr ResourcePath kPath{"/api/v1", "pods"};
  static constexpr std::string_view kKind = "Pod";
  static constexpr bool kMetadataOnly = false;
  static const Projection& projection();
  static Result<Pod> decode(const Json& object);
};

template <>
struct Resource<Node> {
  static constexpr ResourcePath kPath{"/api/v1", "nodes"};
  static constexpr std::string_view kKind = "Node";
  static constexpr bool kMetadataOnly = true;
  static const Projection& projection();
  static Result<Node> decode(const Json& object);
};

template <>
struct Resource<ConfigMap> {
  static constexpr ResourcePath kPath{"/api/v1", "configmaps"};
  static constexpr std::string_view kKind = "ConfigMap";
  static constexpr bool kMetadataOnly = false;
  static const Projection& projection();
  static Result<ConfigMap> decode(const Json& object);
};

template <>
struct Resource<Service> {
  static constexpr ResourcePath kPath{"/api/v1", "services"};
  static constexpr std::string_view kKind = "Service";
  static constexpr bool kMetadataOnly = false;
  static const Projection& projection();
  static Result<Service> decode(const Json& object);
};

template <>
struct Resource<PodDisruptionBudget> {
  static constexpr ResourcePath kPath{"/apis/policy/v1", "poddisruptionbudgets"};
  static constexpr std::string_view kKind = "PodDisruptionBudget";
  static constexpr bool kMetadataOnly = false;
  static const Projection& projection();
  static Result<PodDisruptionBudget> decode(const Json& object);
};

template <>
struct Resource<PDDeployment> {
  static constexpr ResourcePath kPath{"/apis/pd-operator.io/v1alpha1", "pddeployments"};
  static constexpr std::string_view kKind = "PDDeployment";
  static constexpr bool kMetadataOnly = false;
  static const Projection& projection();
  static Result<PDDeployment> decode(const Json& object) { return decode_pddeployment(object); }
};

template <>
struct Resource<Lease> {
  static constexpr ResourcePath kPath{"/apis/coordination.k8s.io/v1", "leases"};
  static constexpr std::string_view kKind = "Lease";
  static constexpr bool kMetadataOnly = false;
  static const Projection& projection();
  static Result<Lease> decode(const Json& object) { return decode_lease(object); }
};

// Written, never read.
template <>
struct Resource<Event> {
  static constexpr ResourcePath kPath{"/apis/events.k8s.io/v1", "events"};
  static constexpr std::string_view kKind = "Event";
};

}  // namespace pd::kube
