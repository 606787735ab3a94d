#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/conformance/behaviour.h"

namespace pd::test {
namespace {

void replaces_the_whole(Api& api) {
  api.post(api.maps(), labelled(config_map("a", {{"a", "1"}, {"b", "1"}}), "x", "y"));
  const Reply put = api.put(api.maps() + "/a", config_map("a", {{"b", "2"}}));
  EXPECT_EQ(put.status, 200);
  EXPECT_EQ(put.at("/data"), Json({{"b", "2"}}));
  EXPECT_FALSE(put.has("/metadata/labels"));
}

void stale_version_conflicts(Api& api) {
  const std::string first = api.post(api.maps(), config_map("a")).version();
  const Reply second = api.put(api.maps() + "/a", with_version(config_map("a", {{"a", "2"}}), first));
  EXPECT_EQ(second.status, 200);
  EXPECT_NE(second.version(), first);
  const Reply stale = api.put(api.maps() + "/a", with_version(config_map("a", {{"a", "3"}}), first));
  EXPECT_EQ(stale.status, 409);
  EXPECT_EQ(stale.reason(), "Conflict");
  EXPECT_EQ(stale.text("/details/name"), "a");
  EXPECT_EQ(api.get(api.maps() + "/a").text("/data/a"), "2");
}

void no_version_overwrites_a_config_map(Api& api) {
  api.post(api.maps(), config_map("a"));
  EXPECT_EQ(api.put(api.maps() + "/a", config_map("a", {{"a", "2"}})).text("/data/a"), "2");
}

void lease_needs_a_version(Api& api) {
  api.post(api.leases(), lease("l", "one"));
  const Reply refused = api.put(api.leases() + "/l", lease("l", "two"));
  EXPECT_EQ(refused.status, 422);
  EXPECT_EQ(refused.reason(), "Invalid");
  EXPECT_EQ(refused.text("/details/causes/0/field"), "metadata.resourceVersion");
}

void deployment_needs_a_version(Api& api) {
  api.post(api.deployments(), deployment("d"));
  const Reply refused = api.put(api.deployments() + "/d", deployment("d"));
  EXPECT_EQ(refused.status, 422);
  EXPECT_EQ(refused.text("/details/causes/0/field"), "metadata.resourceVersion");
}

void missing_config_map_is_not_found(Api& api) {
  EXPECT_EQ(api.put(api.maps() + "/a", config_map("a")).reason(), "NotFound");
  EXPECT_EQ(api.put(api.maps() + "/a", with_version(config_map("a"), "5")).status, 404);
}

void missing_lease_is_made(Api& api) {
  EXPECT_EQ(api.put(api.leases() + "/l", lease("l", "one")).status, 201);
  EXPECT_EQ(api.put(api.leases() + "/m", with_version(lease("m", "one"), "5")).status, 201);
  EXPECT_EQ(api.get(api.leases() + "/l").text("/spec/holderIdentity"), "one");
}

void other_uid_conflicts(Api& api) {
  api.post(api.maps(), config_map("a"));
  Json object = config_map("a", {{"a", "2"}});
  object["metadata"]["uid"] = "11111111-2222-3333-4444-555555555555";
  const Reply refused = api.put(api.maps() + "/a", object);
  EXPECT_EQ(refused.status, 409);
  EXPECT_EQ(refused.reason(), "Conflict");
}

void other_name_is_refused(Api& api) {
  api.post(api.maps(), config_map("a"));
  EXPECT_EQ(api.put(api.maps() + "/a", config_map("b")).status, 400);
}

void no_change_keeps_the_version(Api& api) {
  const std::string version = api.post(api.maps(), config_map("a")).version();
  EXPECT_EQ(api.put(api.maps() + "/a", config_map("a")).version(), version);
  EXPECT_EQ(api.put(api.maps() + "/a", with_version(config_map("a"), version)).version(), version);
}

void dry_run_changes_nothing(Api& api) {
  const std::string version = api.post(api.maps(), config_map("a")).version();
  const Reply tried = api.put(api.maps() + "/a?dryRun=All", config_map("a", {{"a", "2"}}));
  EXPECT_EQ(tried.status, 200);
  EXPECT_EQ(tried.text("/data/a"), "2");
  EXPECT_EQ(tried.version(), version);
  EXPECT_EQ(api.get(api.maps() + "/a").text("/data/a"), "1");
}

void one_of_two_holders_wins(Api& api) {
  const std::string version = api.post(api.leases(), lease("l", "")).version();
  EXPECT_EQ(api.put(api.leases() + "/l", with_version(lease("l", "one"), version)).status, 200);
  EXPECT_EQ(api.put(api.leases() + "/l", with_version(lease("l", "two"), version)).reason(), "Conflict");
  EXPECT_EQ(api.get(api.leases() + "/l").text("/spec/holderIdentity"), "one");
}

void system_fields_stay(Api& api) {
  const Reply made = api.post(api.deployments(), deployment("d"));
  Json object = with_version(deployment("d"), made.version());
  object["metadata"]["creationTimestamp"] = "2001-01-01T00:00:00Z";
  object["metadata"]["generation"] = 7;
  object["metadata"]["labels"] = {{"x", "y"}};
  const Reply put = api.put(api.deployments() + "/d", object);
  EXPECT_EQ(put.status, 200);
  EXPECT_EQ(put.text("/metadata/creationTimestamp"), made.text("/metadata/creationTimestamp"));
  EXPECT_EQ(put.at("/metadata/generation"), 1);
  EXPECT_EQ(put.uid(), made.uid());
}

void deletion_cannot_be_set(Api& api) {
  api.post(api.maps(), config_map("a"));
  Json object = config_map("a");
  object["metadata"]["deletionTimestamp"] = "2001-01-01T00:00:00Z";
  for (const Reply& refused : {api.put(api.maps() + "/a", object), api.merge(api.maps() + "/a", object)}) {
    EXPECT_EQ(refused.status, 422);
    EXPECT_EQ(refused.text("/details/causes/0/field"), "metadata.deletionTimestamp");
  }
}

void generation_counts_changes_of_the_spec(Api& api) {
  api.post(api.deployments(), deployment("d"));
  const std::string path = api.deployments() + "/d";
  EXPECT_EQ(api.merge(path, {{"spec", {{"paused", true}}}}).at("/metadata/generation"), 2);
  EXPECT_EQ(api.merge(path, {{"spec", {{"paused", true}}}}).at("/metadata/generation"), 2);
  EXPECT_EQ(api.merge(path, {{"metadata", {{"labels", {{"x", "y"}}}}}}).at("/metadata/generation"), 2);
  EXPECT_EQ(api.merge(path, {{"spec", {{"paused", false}}}}).at("/metadata/generation"), 3);
}

void pod_spec_is_fixed(Api& api) {
  api.make_pod("p");
  const Reply refused = api.merge(api.pods() + "/p", {{"spec", {{"hostNetwork", true}}}});
  EXPECT_EQ(refused.status, 422);
  EXPECT_EQ(refused.text("/details/causes/0/field"), "spec");
  EXPECT_EQ(api.merge(api.pods() + "/p", {{"spec", {{"nodeName", "n1"}}}}).reason(), "Invalid");
}

void pod_image_may_change(Api& api) {
  api.make_pod("p");
  const Json image = {{{"op", "replace"}, {"path", "/spec/containers/0/image"}, {"value", "engine:2"}}};
  const Reply changed = api.json_patch(api.pods() + "/p", image);
  EXPECT_EQ(changed.status, 200);
  EXPECT_EQ(changed.text("/spec/containers/0/image"), "engine:2");
}

void pod_image_counts_the_generation(Api& api) {
  EXPECT_EQ(api.make_pod("p").at("/metadata/generation"), 1);
  const Json image = {{{"op", "replace"}, {"path", "/spec/containers/0/image"}, {"value", "engine:2"}}};
  EXPECT_EQ(api.json_patch(api.pods() + "/p", image).at("/metadata/generation"), 2);
}

void malformed_version_is_refused(Api& api) {
  api.post(api.maps(), config_map("a"));
  EXPECT_EQ(api.put(api.maps() + "/a", with_version(config_map("a"), "abc")).status, 500);
}

void lease_duration_is_positive(Api& api) {
  Json object = lease("l", "one");
  object["spec"]["leaseDurationSeconds"] = 0;
  const Reply refused = api.post(api.leases(), object);
  EXPECT_EQ(refused.status, 422);
  EXPECT_EQ(refused.text("/details/causes/0/field"), "spec.leaseDurationSeconds");
}

}  // namespace

BehaviourGroup update_behaviours() {
  return {
      "Replace (PUT)",
      {
          {"PutReplacesTheWhole", "What the body does not name is gone: labels as well as data.", replaces_the_whole},
          {"PutWithAStaleVersionConflicts", "An old resourceVersion is 409 Conflict, and nothing is written.",
           stale_version_conflicts},
          {"PutWithoutVersionOverwritesAConfigMap", "Without a resourceVersion a ConfigMap is overwritten.",
           no_version_overwrites_a_config_map},
          {"PutWithoutVersionOfALeaseIsRefused",
           "A Lease needs a resourceVersion: 422, cause metadata.resourceVersion.", lease_needs_a_version},
          {"PutWithoutVersionOfAPDDeploymentIsRefused", "So does a custom resource.", deployment_needs_a_version},
          {"PutOfAMissingConfigMapIsNotFound", "A ConfigMap that is not there is 404, with or without a version.",
           missing_config_map_is_not_found},
          {"PutMakesAMissingLease", "A Lease that is not there is created: 201, even with a resourceVersion.",
           missing_lease_is_made},
          {"PutWithAnotherUidConflicts", "Another uid is 409 Conflict.", other_uid_conflicts},
          {"PutWithAnotherNameIsRefused", "Another name than the path's is 400.", other_name_is_refused},
          {"PutWithoutChangeKeepsTheVersion", "A PUT that changes nothing writes nothing.",
           no_change_keeps_the_version},
          {"PutDryRunChangesNothing", "dryRun=All answers the changed object at the old version, and stores nothing.",
           dry_run_changes_nothing},
          {"PutOfALeaseHasOneWinner", "Of two holders with one resourceVersion one wins, the other gets 409.",
           one_of_two_holders_wins},
          {"PutKeepsSystemFields", "creationTimestamp and generation are kept, whatever is sent.", system_fields_stay},
          {"DeletionTimestampCannotBeSet", "Setting a deletionTimestamp is 422.", deletion_cannot_be_set},
          {"GenerationCountsChangesOfTheSpec", "generation grows with changes of the spec, not of labels or nothing.",
           generation_counts_changes_of_the_spec},
          {"PodSpecIsFixed", "A pod's spec (hostNetwork, nodeName) can't be changed: 422.", pod_spec_is_fixed},
          {"PodImageMayChange", "A container's image can.", pod_image_may_change},
          {"PodImageCountsTheGeneration", "A new pod has generation 1; another image counts it.",
           pod_image_counts_the_generation, kCountsPods},
          {"PutWithAMalformedVersionIsRefused", "A resourceVersion that is no number is 500.",
           malformed_version_is_refused},
          {"LeaseDurationIsPositive", "leaseDurationSeconds 0 is 422.", lease_duration_is_positive},
      }};
}

}  // namespace pd::test
