#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/conformance/behaviour.h"

namespace pd::test {
namespace {

const char* const kOtherUid = "11111111-2222-3333-4444-555555555555";
const char* const kFinalizer = "pd-operator.io/test";

Json preconditions(const Json& conditions) {
  return {{"apiVersion", "v1"}, {"kind", "DeleteOptions"}, {"preconditions", conditions}};
}

Json held(Json object) {
  object["metadata"]["finalizers"] = Json::array({kFinalizer});
  return object;
}

void release(Api& api, const std::string& path) {
  EXPECT_EQ(api.merge(path, {{"metadata", {{"finalizers", nullptr}}}}).status, 200);
}

void answers_a_status(Api& api) {
  const std::string uid = api.post(api.maps(), config_map("a")).uid();
  const Reply deleted = api.remove(api.maps() + "/a");
  EXPECT_EQ(deleted.status, 200);
  EXPECT_EQ(deleted.text("/kind"), "Status");
  EXPECT_EQ(deleted.text("/status"), "Success");
  EXPECT_EQ(deleted.text("/details/uid"), uid);
  EXPECT_EQ(api.get(api.maps() + "/a").reason(), "NotFound");
}

void missing_object_is_not_found(Api& api) {
  const Reply refused = api.remove(api.maps() + "/a");
  EXPECT_EQ(refused.status, 404);
  EXPECT_EQ(refused.reason(), "NotFound");
  EXPECT_EQ(refused.text("/details/name"), "a");
}

void other_uid_conflicts(Api& api) {
  const Reply made = api.post(api.maps(), config_map("a"));
  const Reply refused = api.remove(api.maps() + "/a", preconditions({{"uid", kOtherUid}}));
  EXPECT_EQ(refused.status, 409);
  EXPECT_EQ(refused.reason(), "Conflict");
  EXPECT_EQ(api.remove(api.maps() + "/a", preconditions({{"uid", made.uid()}})).status, 200);
}

void stale_version_conflicts(Api& api) {
  const std::string version = api.post(api.maps(), config_map("a")).version();
  const std::string newer = api.merge(api.maps() + "/a", {{"data", {{"a", "2"}}}}).version();
  const Reply refused = api.remove(api.maps() + "/a", preconditions({{"resourceVersion", version}}));
  EXPECT_EQ(refused.status, 409);
  EXPECT_EQ(refused.reason(), "Conflict");
  EXPECT_EQ(api.remove(api.maps() + "/a", preconditions({{"resourceVersion", newer}})).status, 200);
}

void preconditions_hold_for_pods(Api& api) {
  const Reply made = api.make_pod("p");
  const Reply refused =
      api.remove(api.pods() + "/p", preconditions({{"uid", kOtherUid}, {"resourceVersion", made.version()}}));
  EXPECT_EQ(refused.status, 409);
  EXPECT_EQ(
      api.remove(api.pods() + "/p", preconditions({{"uid", made.uid()}, {"resourceVersion", made.version()}})).status,
      200);
}

void dry_run_deletes_nothing(Api& api) {
  const std::string version = api.post(api.maps(), config_map("a")).version();
  EXPECT_EQ(api.remove(api.maps() + "/a?dryRun=All").status, 200);
  EXPECT_EQ(api.get(api.maps() + "/a").version(), version);
}

void finalizer_holds_the_object(Api& api) {
  const std::string path = api.maps() + "/a";
  const std::string version = api.post(api.maps(), held(config_map("a"))).version();
  const Reply deleted = api.remove(path);
  EXPECT_EQ(deleted.status, 200);
  EXPECT_EQ(deleted.text("/kind"), "ConfigMap");
  EXPECT_TRUE(deleted.has("/metadata/deletionTimestamp"));
  EXPECT_EQ(deleted.at("/metadata/deletionGracePeriodSeconds"), 0);
  EXPECT_NE(deleted.version(), version);
  EXPECT_EQ(api.remove(path).version(), deleted.version());
  EXPECT_EQ(api.post(api.maps(), config_map("a")).reason(), "AlreadyExists");
  release(api, path);
  EXPECT_EQ(api.get(path).status, 404);
}

void deletion_counts_the_generation(Api& api) {
  const std::string path = api.deployments() + "/d";
  api.post(api.deployments(), held(deployment("d")));
  EXPECT_EQ(api.remove(path).at("/metadata/generation"), 2);
  release(api, path);
  EXPECT_EQ(api.get(path).status, 404);
}

void no_new_finalizers(Api& api) {
  const std::string path = api.maps() + "/a";
  api.post(api.maps(), held(config_map("a")));
  api.remove(path);
  const Reply refused = api.merge(path, {{"metadata", {{"finalizers", {kFinalizer, "pd-operator.io/more"}}}}});
  EXPECT_EQ(refused.status, 422);
  EXPECT_EQ(refused.text("/details/causes/0/field"), "metadata.finalizers");
  EXPECT_EQ(api.merge(path, {{"data", {{"a", "2"}}}}).status, 200);
  release(api, path);
}

void unbound_pod_goes_at_once(Api& api) {
  api.make_pod("p");
  const Reply deleted = api.remove(api.pods() + "/p");
  EXPECT_EQ(deleted.status, 200);
  EXPECT_EQ(deleted.text("/kind"), "Pod");
  EXPECT_EQ(api.get(api.pods() + "/p").status, 404);
}

void bound_pod_terminates(Api& api) {
  const std::string path = api.pods() + "/p";
  api.make_pod("p");
  api.bind("p", "n1");
  const Reply deleted = api.remove(path);
  EXPECT_EQ(deleted.status, 200);
  EXPECT_TRUE(deleted.has("/metadata/deletionTimestamp"));
  EXPECT_EQ(deleted.at("/metadata/deletionGracePeriodSeconds"), 30);
  EXPECT_EQ(api.get(path).version(), deleted.version());
  EXPECT_EQ(api.remove(path).version(), deleted.version());
  EXPECT_EQ(api.remove(path + "?gracePeriodSeconds=0").status, 200);
  EXPECT_EQ(api.get(path).status, 404);
}

void grace_can_be_shortened(Api& api) {
  const std::string path = api.pods() + "/p";
  api.make_pod("p");
  api.bind("p", "n1");
  const Reply first = api.remove(path);
  const Reply shorter = api.remove(path + "?gracePeriodSeconds=5");
  EXPECT_EQ(shorter.at("/metadata/deletionGracePeriodSeconds"), 5);
  EXPECT_LT(shorter.text("/metadata/deletionTimestamp"), first.text("/metadata/deletionTimestamp"));
  EXPECT_EQ(api.remove(path + "?gracePeriodSeconds=60").version(), shorter.version());
  api.remove(path + "?gracePeriodSeconds=0");
}

void pod_deletion_counts_the_generation(Api& api) {
  const std::string path = api.pods() + "/p";
  api.make_pod("p");
  api.bind("p", "n1");
  EXPECT_EQ(api.remove(path).at("/metadata/generation"), 2);
  EXPECT_EQ(api.remove(path + "?gracePeriodSeconds=5").at("/metadata/generation"), 2);
  api.remove(path + "?gracePeriodSeconds=0");
}

void failed_pod_goes_at_once(Api& api) {
  api.make_pod("p");
  api.bind("p", "n1");
  api.merge(api.pods() + "/p/status", {{"status", {{"phase", "Failed"}}}});
  EXPECT_EQ(api.remove(api.pods() + "/p").status, 200);
  EXPECT_EQ(api.get(api.pods() + "/p").status, 404);
}

void kubelet_deletes_by_uid(Api& api) {
  const std::string path = api.pods() + "/p";
  const std::string uid = api.make_pod("p").uid();
  api.bind("p", "n1");
  api.remove(path);
  Json options = preconditions({{"uid", kOtherUid}});
  options["gracePeriodSeconds"] = 0;
  EXPECT_EQ(api.remove(path, options).reason(), "Conflict");
  options["preconditions"]["uid"] = uid;
  EXPECT_EQ(api.remove(path, options).status, 200);
  EXPECT_EQ(api.get(path).status, 404);
}

void terminating_pod_with_finalizer_stays(Api& api) {
  const std::string path = api.pods() + "/p";
  api.make_pod("p");
  api.merge(path, {{"metadata", {{"finalizers", Json::array({kFinalizer})}}}});
  const Reply deleted = api.remove(path + "?gracePeriodSeconds=0");
  EXPECT_EQ(deleted.at("/metadata/deletionGracePeriodSeconds"), 0);
  EXPECT_EQ(api.get(path).status, 200);
  release(api, path);
  EXPECT_EQ(api.get(path).status, 404);
}

void foreground_adds_a_finalizer(Api& api) {
  // Held by a finalizer of ours besides: the garbage collector removes its own at some time.
  api.post(api.maps(), held(config_map("a")));
  const Reply deleted = api.remove(api.maps() + "/a", {{"propagationPolicy", "Foreground"}});
  EXPECT_EQ(deleted.status, 200);
  EXPECT_EQ(deleted.at("/metadata/finalizers"), Json({kFinalizer, "foregroundDeletion"}));
  release(api, api.maps() + "/a");
}

void background_goes_at_once(Api& api) {
  const Reply owner = api.post(api.maps(), config_map("owner"));
  EXPECT_EQ(api.remove(api.maps() + "/owner", {{"propagationPolicy", "Background"}}).status, 200);
  EXPECT_EQ(api.get(api.maps() + "/owner").status, 404);
}

void service_answers_itself(Api& api) {
  const Json object = {{"metadata", {{"name", "s"}}}, {"spec", {{"clusterIP", "None"}}}};
  EXPECT_EQ(api.post(api.services(), object).status, 201);
  EXPECT_EQ(api.remove(api.services() + "/s").text("/kind"), "Service");
}

}  // namespace

BehaviourGroup delete_behaviours() {
  return {
      "Delete",
      {
          {"DeleteAnswersAStatus", "DELETE of a ConfigMap answers a Status with its uid; it is gone.",
           answers_a_status},
          {"DeleteOfAMissingObjectIsNotFound", "What is not there is 404.", missing_object_is_not_found},
          {"DeleteWithAnotherUidConflicts", "A uid precondition that does not hold is 409.", other_uid_conflicts},
          {"DeleteWithAStaleVersionConflicts", "So is one of the resourceVersion.", stale_version_conflicts},
          {"DeletePreconditionsHoldForPods", "Both work for pods, and together.", preconditions_hold_for_pods},
          {"DeleteDryRunDeletesNothing", "dryRun=All answers 200 and deletes nothing.", dry_run_deletes_nothing},
          {"FinalizerHoldsTheObject",
           "With a finalizer the object stays, with deletionTimestamp; again it is no write; its name stays taken.",
           finalizer_holds_the_object},
          {"DeletionCountsTheGeneration", "The deletionTimestamp counts the generation.",
           deletion_counts_the_generation},
          {"NoNewFinalizersWhileDeleting", "A terminating object takes changes, but no new finalizers: 422.",
           no_new_finalizers},
          {"UnboundPodGoesAtOnce", "A pod without a node is gone at once; the pod is answered.",
           unbound_pod_goes_at_once},
          {"BoundPodTerminates", "A pod on a node stays, terminating, until it is deleted with no grace.",
           bound_pod_terminates},
          {"GraceCanBeShortened", "A second DELETE can shorten the grace period, not prolong it.",
           grace_can_be_shortened},
          {"PodDeletionCountsTheGeneration", "Marking a pod counts its generation, shortening its grace does not.",
           pod_deletion_counts_the_generation, kCountsPods},
          {"FailedPodGoesAtOnce", "A pod that failed is gone at once, though it has a node.", failed_pod_goes_at_once},
          {"KubeletDeletesByUid", "Grace 0 with a uid precondition ends that pod and no other.",
           kubelet_deletes_by_uid},
          {"PodWithFinalizerStays", "A finalizer holds a pod even after grace 0.",
           terminating_pod_with_finalizer_stays},
          {"ForegroundAddsAFinalizer", "propagationPolicy Foreground adds foregroundDeletion; the object stays.",
           foreground_adds_a_finalizer},
          {"BackgroundGoesAtOnce", "Background deletes at once.", background_goes_at_once},
          {"DeleteOfAServiceAnswersIt", "DELETE of a Service answers the Service.", service_answers_itself},
      }};
}

}  // namespace pd::test
