// The ranktable ConfigMap as an object: its keys, what it holds now, and whether that is what we wrote.
// Keys: global_ranktable.json, local_ranktable_<instance>.json, local_ranktable_host.json, instance_<instance>.env,
// generation. Where a role adopts its pods, <pod name> stands for <instance>, since a pod that somebody else makes
// knows no other name of its own, and PD_INSTANCE in its .env says which instance it is. Thread: pure functions.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "plan/membership.h"
#include "plan/snapshot.h"
#include "ranktable/membership.h"
#include "ranktable/profile.h"

namespace pd::plan {

// The data but for the key `generation`: what the digest is made of. The same content is never written twice (invariant
// S4).
using TableContent = std::map<std::string, std::string>;

inline constexpr std::string_view kGlobalKey = "global_ranktable.json";
inline constexpr std::string_view kGenerationKey = "generation";
inline constexpr std::size_t kMaxTableBytes = 900 * 1024;  // keys and values; the API server refuses more than 1 MiB

std::string config_map_name(const kube::PDDeployment& deployment);
// By what its pods look for: the instance's name, or their own.
std::string local_key(const std::string& reader);
std::string env_key(const std::string& reader);
std::string local_key(const Instance& instance);  // the scheduler's is local_ranktable_host.json
std::string env_key(const Instance& instance);

// The names of the pods of each instance of an adopting role, by its name.
using AdoptedNames = std::map<std::string, std::vector<std::string>>;

// "initializing" in the global table and in the local one of every wanted instance whose pods we make.
TableContent initializing_content(const kube::PDDeployment& deployment);
// The rendered tables. Wanted instances that the table does not list keep an "initializing" local table, so that their
// pods wait.
TableContent completed_content(const kube::PDDeployment& deployment, const ranktable::Membership& membership,
                               const ranktable::Documents& documents, const AdoptedNames& adopted);
// What completed tables list, by the names of their keys. Tables that can't be read are left out, and those that
// `known` holds the same.
ranktable::Membership membership_of(const TableContent& content, const TableContent& known = {});
TableContent content_of(const kube::ConfigMap& map);
std::string digest_of(const TableContent& content);
std::size_t bytes_of(const TableContent& content);
int npus_of(const TableContent& content);

// What is there now. Anybody who may write ConfigMaps can have edited it, so it is compared with what we remember of
// it.
struct StoredTable {
  bool exists = false;
  bool foreign = false;                    // somebody else's object holds the name; it is never touched
  bool genuine = false;                    // the content is the one we wrote last
  bool intact = false;                     // genuine, and so are generation, epoch, annotations and labels
  bool completed = false;                  // genuine, and the global table says so
  std::optional<std::int64_t> generation;  // when it can be one of ours
  std::optional<std::int64_t> epoch;       // of the table, when it can be one of ours
  TableContent content;
  std::string digest;  // of the content

  // Whether the table that pods see now lists this pod of the instance. Only for genuine content.
  bool lists(const Instance& instance, const kube::Pod& pod) const;
};
StoredTable read_stored(const Snapshot& snapshot);

// What it is to say of itself.
struct TableMarks {
  std::int64_t generation = 0;
  std::int64_t epoch = 0;
  std::string digest;
};
Json config_map_object(const kube::PDDeployment& deployment, const TableContent& content, const TableMarks& marks,
                       const std::string& resource_version);

// Labels and owner of everything that we create for a deployment.
Json object_metadata(const kube::PDDeployment& deployment, const std::string& name);
bool has_our_labels(const kube::ObjectMeta& meta, const kube::PDDeployment& deployment);

}  // namespace pd::plan
