#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/conformance/behaviour.h"

namespace pd::test {
namespace {

const char* const kOtherUid = "11111111-2222-3333-4444-555555555555";

Json operation(const std::string& op, const std::string& path, const Json& value = Json()) {
  Json made = {{"op", op}, {"path", path}};
  if (!value.is_null()) made["value"] = value;
  return made;
}

Json event(const std::string& name, const std::string& ns) {
  return {{"apiVersion", "events.k8s.io/v1"},
          {"kind", "Event"},
          {"metadata", {{"name", name}}},
          {"eventTime", "2026-01-01T00:00:00.000000Z"},
          {"reportingController", "pd-operator.io/pd-operator"},
          {"reportingInstance", "one"},
          {"action", "Test"},
          {"reason", "Tested"},
          {"note", "A test."},
          {"type", "Normal"},
          {"regarding", {{"apiVersion", "v1"}, {"kind", "ConfigMap"}, {"namespace", ns}, {"name", "a"}}}};
}

void merges_and_removes(Api& api) {
  api.post(api.maps(), labelled(config_map("a", {{"a", "1"}, {"b", "1"}}), "x", "y"));
  const Reply patched = api.merge(api.maps() + "/a", {{"data", {{"a", nullptr}, {"c", "1"}}}});
  EXPECT_EQ(patched.status, 200);
  EXPECT_EQ(patched.at("/data"), Json({{"b", "1"}, {"c", "1"}}));
  EXPECT_EQ(patched.text("/metadata/labels/x"), "y");
}

void stale_version_conflicts(Api& api) {
  const std::string version = api.post(api.maps(), config_map("a")).version();
  api.merge(api.maps() + "/a", {{"data", {{"a", "2"}}}});
  const Reply stale =
      api.merge(api.maps() + "/a", {{"metadata", {{"resourceVersion", version}}}, {"data", {{"a", "3"}}}});
  EXPECT_EQ(stale.status, 409);
  EXPECT_EQ(stale.reason(), "Conflict");
}

void other_uid_is_invalid(Api& api) {
  api.post(api.maps(), config_map("a"));
  const Reply refused = api.merge(api.maps() + "/a", {{"metadata", {{"uid", kOtherUid}}}});
  EXPECT_EQ(refused.status, 422);
  EXPECT_EQ(refused.text("/details/causes/0/field"), "metadata.uid");
}

void conflict_comes_before_the_uid(Api& api) {
  const std::string version = api.post(api.maps(), config_map("a")).version();
  api.merge(api.maps() + "/a", {{"data", {{"a", "2"}}}});
  const Json patch = {{"metadata", {{"uid", kOtherUid}, {"resourceVersion", version}}}};
  EXPECT_EQ(api.merge(api.maps() + "/a", patch).status, 409);
}

void no_change_keeps_the_version(Api& api) {
  const std::string version = api.post(api.maps(), config_map("a")).version();
  EXPECT_EQ(api.merge(api.maps() + "/a", {{"data", {{"a", "1"}}}}).version(), version);
  EXPECT_EQ(api.merge(api.maps() + "/a", Json::object()).version(), version);
}

void missing_object_is_not_found(Api& api) {
  EXPECT_EQ(api.merge(api.maps() + "/a", Json::object()).reason(), "NotFound");
  EXPECT_EQ(api.json_patch(api.maps() + "/a", Json::array()).status, 404);
}

void cannot_rename(Api& api) {
  api.post(api.maps(), config_map("a"));
  EXPECT_EQ(api.merge(api.maps() + "/a", {{"metadata", {{"name", "b"}}}}).status, 400);
}

void dry_run_changes_nothing(Api& api) {
  const std::string version = api.post(api.maps(), config_map("a")).version();
  const Reply tried = api.merge(api.maps() + "/a?dryRun=All", {{"data", {{"a", "2"}}}});
  EXPECT_EQ(tried.status, 200);
  EXPECT_EQ(tried.text("/data/a"), "2");
  EXPECT_EQ(api.get(api.maps() + "/a").version(), version);
}

void json_patch_edits(Api& api) {
  api.post(api.maps(), config_map("a", {{"a", "1"}, {"b", "1"}}));
  const Reply patched = api.json_patch(
      api.maps() + "/a", Json::array({operation("test", "/data/a", "1"), operation("replace", "/data/a", "2"),
                                      operation("remove", "/data/b"), operation("add", "/data/c", "1")}));
  EXPECT_EQ(patched.status, 200);
  EXPECT_EQ(patched.at("/data"), Json({{"a", "2"}, {"c", "1"}}));
}

void failing_test_writes_nothing(Api& api) {
  api.post(api.maps(), config_map("a"));
  const Reply refused = api.json_patch(
      api.maps() + "/a", Json::array({operation("replace", "/data/a", "2"), operation("test", "/data/a", "1")}));
  EXPECT_EQ(refused.status, 422);
  EXPECT_EQ(refused.reason(), "Invalid");
  EXPECT_EQ(api.get(api.maps() + "/a").text("/data/a"), "1");
}

void missing_place_is_refused(Api& api) {
  api.post(api.maps(), config_map("a"));
  EXPECT_EQ(api.json_patch(api.maps() + "/a", Json::array({operation("remove", "/data/b")})).status, 422);
  EXPECT_EQ(api.json_patch(api.maps() + "/a", Json::array({operation("replace", "/x/y", "1")})).status, 422);
  EXPECT_EQ(api.json_patch(api.maps() + "/a", Json::array({operation("add", "/x/y/z", "1")})).status, 422);
}

void replace_sets_a_new_member(Api& api) {
  api.post(api.maps(), config_map("a"));
  const Reply patched = api.json_patch(api.maps() + "/a", Json::array({operation("replace", "/data/b", "2")}));
  EXPECT_EQ(patched.status, 200);
  EXPECT_EQ(patched.at("/data"), Json({{"a", "1"}, {"b", "2"}}));
}

void tested_version_guards(Api& api) {
  const std::string version = api.post(api.maps(), config_map("a")).version();
  const Json guarded = {operation("test", "/metadata/resourceVersion", version), operation("replace", "/data/a", "2")};
  EXPECT_EQ(api.json_patch(api.maps() + "/a", guarded).status, 200);
  EXPECT_EQ(api.json_patch(api.maps() + "/a", guarded).status, 422);
}

void malformed_patch_is_refused(Api& api) {
  api.post(api.maps(), config_map("a"));
  const std::string target = api.maps() + "/a";
  EXPECT_EQ(api.send({"PATCH", target, "application/json", "application/merge-patch+json", "{bad"}).status, 400);
  EXPECT_EQ(api.json_patch(target, operation("remove", "/data/a")).status, 400);
}

void patched_to_wrong_types_is_refused(Api& api) {
  api.post(api.maps(), config_map("a"));
  for (const Json& patch : {Json{{"data", {{"a", 1}}}}, Json{{"kind", "Pod"}}}) {
    const Reply refused = api.merge(api.maps() + "/a", patch);
    EXPECT_EQ(refused.status, 422) << patch;
    EXPECT_EQ(refused.reason(), "Invalid") << patch;
  }
  EXPECT_EQ(api.get(api.maps() + "/a").text("/data/a"), "1");
}

void force_is_for_apply_only(Api& api) {
  api.post(api.maps(), config_map("a"));
  const Reply refused = api.merge(api.maps() + "/a?force=true", Json::object());
  EXPECT_EQ(refused.status, 422);
  EXPECT_EQ(refused.text("/details/causes/0/field"), "force");
}

void event_series_is_patched(Api& api) {
  EXPECT_EQ(api.post(api.events(), event("e", api.ns())).status, 201);
  const Json series = {{"series", {{"count", 2}, {"lastObservedTime", "2026-01-01T00:01:00.000000Z"}}}};
  const Reply patched = api.merge(api.events() + "/e", series);
  EXPECT_EQ(patched.status, 200);
  EXPECT_EQ(patched.at("/series/count"), 2);
  EXPECT_EQ(api.merge(api.events() + "/e", {{"series", {{"count", 3}}}}).at("/series/count"), 3);
}

void event_is_fixed(Api& api) {
  api.post(api.events(), event("e", api.ns()));
  const Reply refused = api.merge(api.events() + "/e", {{"reason", "Other"}});
  EXPECT_EQ(refused.status, 422);
  EXPECT_EQ(refused.text("/details/causes/0/field"), "reason");
}

void event_twice_is_refused(Api& api) {
  api.post(api.events(), event("e", api.ns()));
  EXPECT_EQ(api.post(api.events(), event("e", api.ns())).reason(), "AlreadyExists");
}

Reply touch_pod(Api& api) {
  api.make_pod("p");
  return api.merge(api.pods() + "/p", {{"metadata", {{"annotations", {{"pd-operator.io/x", "1"}}}}}});
}

void pod_annotations_may_change(Api& api) {
  const Reply touched = touch_pod(api);
  EXPECT_EQ(touched.status, 200);
  EXPECT_EQ(touched.text("/metadata/annotations/pd-operator.io~1x"), "1");
}

void annotations_keep_the_generation(Api& api) { EXPECT_EQ(touch_pod(api).at("/metadata/generation"), 1); }

}  // namespace

BehaviourGroup patch_behaviours() {
  return {"Merge patch and JSON patch",
          {
              {"MergePatchMerges", "A merge patch changes what it names, null removes, the rest stays.",
               merges_and_removes},
              {"MergePatchWithAStaleVersionConflicts", "With an old metadata.resourceVersion it is 409 Conflict.",
               stale_version_conflicts},
              {"MergePatchWithAnotherUidIsInvalid", "With another metadata.uid it is 422.", other_uid_is_invalid},
              {"MergePatchConflictsBeforeTheUid", "Where both are wrong (a pod of the same name), 409 is answered.",
               conflict_comes_before_the_uid},
              {"MergePatchWithoutChangeKeepsTheVersion", "A patch that changes nothing writes nothing.",
               no_change_keeps_the_version},
              {"PatchOfAMissingObjectIsNotFound", "Neither kind of patch creates: 404.", missing_object_is_not_found},
              {"PatchCannotRename", "Another metadata.name is 400.", cannot_rename},
              {"MergePatchDryRunChangesNothing", "dryRun=All answers the patched object and stores nothing.",
               dry_run_changes_nothing},
              {"JsonPatchEdits", "test, replace, remove and add work in their order.", json_patch_edits},
              {"JsonPatchWithAFailingTestIsRefused", "A test that fails is 422 Invalid, and nothing is written.",
               failing_test_writes_nothing},
              {"JsonPatchOfAMissingPlaceIsRefused",
               "remove of what is not there, and add or replace below it, are 422.", missing_place_is_refused},
              {"JsonPatchReplaceSetsANewMember", "replace of a member that is not there adds it, against the RFC.",
               replace_sets_a_new_member},
              {"JsonPatchTestsTheVersion", "A test of /metadata/resourceVersion guards a patch: 422 when it is old.",
               tested_version_guards},
              {"MalformedPatchIsRefused", "A patch that is no JSON, or a JSON patch that is no list, is 400.",
               malformed_patch_is_refused},
              {"PatchToWrongTypesIsRefused", "A patch to another kind, or that makes a number of a string, is 422.",
               patched_to_wrong_types_is_refused},
              {"ForceIsForApplyOnly", "force with another patch than apply is 422.", force_is_for_apply_only},
              {"EventSeriesIsPatched", "An Event's series can be patched, its count raised.", event_series_is_patched},
              {"EventIsFixed", "What an Event says can't be changed: 422.", event_is_fixed},
              {"EventTwiceIsRefused", "A replayed Event is 409 AlreadyExists.", event_twice_is_refused},
              {"PodAnnotationsMayChange", "A pod's annotations can be changed.", pod_annotations_may_change},
              {"AnnotationsKeepTheGeneration", "Touching a pod's annotations does not count its generation.",
               annotations_keep_the_generation, kCountsPods},
          }};
}

}  // namespace pd::test
