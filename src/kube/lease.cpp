#include "kube/lease.h"

#include "kube/json_members.h"
#include "kube/resource.h"

namespace pd::kube {

Result<Lease> decode_lease(const Json& object) {
  Result<ObjectMeta> meta = decode_meta(object);
  if (!meta) return meta.error();
  Lease lease;
  lease.meta = std::move(*meta);
  const Json& spec = object_member(object, "spec");
  lease.holder = text_member(spec, "holderIdentity");
  lease.duration_seconds = small_member(spec, "leaseDurationSeconds", 0);
  lease.acquired = text_member(spec, "acquireTime");
  lease.renewed = text_member(spec, "renewTime");
  lease.transitions = small_member(spec, "leaseTransitions", 0);
  return lease;
}

Json encode_lease(const Lease& lease) {
  Json metadata = {{"name", lease.meta.name}, {"namespace", lease.meta.ns}};
  if (!lease.meta.uid.empty()) metadata["uid"] = lease.meta.uid;
  if (!lease.meta.resource_version.empty()) metadata["resourceVersion"] = lease.meta.resource_version;
  for (const auto& [key, value] : lease.meta.labels) metadata["labels"][key.str()] = value.str();
  for (const auto& [key, value] : lease.meta.annotations) metadata["annotations"][key.str()] = value.str();
  Json spec = {{"leaseTransitions", lease.transitions}};
  if (!lease.holder.empty()) spec["holderIdentity"] = lease.holder;
  if (lease.duration_seconds > 0) spec["leaseDurationSeconds"] = lease.duration_seconds;
  if (!lease.acquired.empty()) spec["acquireTime"] = lease.acquired;
  if (!lease.renewed.empty()) spec["renewTime"] = lease.renewed;
  return {{"apiVersion", "coordination.k8s.io/v1"}, {"kind", "Lease"}, {"metadata", metadata}, {"spec", spec}};
}

}  // namespace pd::kube
