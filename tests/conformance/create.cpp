#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/conformance/behaviour.h"

namespace pd::test {
namespace {

Json owner(const Reply& made, bool controller) {
  return {{"apiVersion", "v1"},
          {"kind", "ConfigMap"},
          {"name", made.text("/metadata/name")},
          {"uid", made.uid()},
          {"controller", controller}};
}

void answers_the_stored_object(Api& api) {
  const Reply made = api.post(api.maps(), config_map("a"));
  EXPECT_EQ(made.status, 201);
  EXPECT_EQ(made.text("/kind"), "ConfigMap");
  EXPECT_EQ(made.text("/metadata/namespace"), api.ns());
  EXPECT_NE(made.uid(), "");
  EXPECT_NE(made.version(), "");
  EXPECT_NE(made.text("/metadata/creationTimestamp"), "");
  EXPECT_EQ(api.get(api.maps() + "/a").body, made.body);
}

void existing_name_is_refused(Api& api) {
  api.post(api.maps(), config_map("a"));
  const Reply again = api.post(api.maps(), config_map("a"));
  EXPECT_EQ(again.status, 409);
  EXPECT_EQ(again.reason(), "AlreadyExists");
  EXPECT_EQ(again.text("/details/name"), "a");
  EXPECT_EQ(again.text("/details/kind"), "configmaps");
}

void version_is_refused(Api& api) {
  const Reply refused = api.post(api.maps(), with_version(config_map("a"), "5"));
  EXPECT_EQ(refused.status, 500);
  EXPECT_EQ(refused.reason(), "");
  EXPECT_EQ(api.get(api.maps() + "/a").status, 404);
}

void missing_namespace_is_not_found(Api& api) {
  const Reply refused = api.post("/api/v1/namespaces/no-such-namespace/configmaps", config_map("a"));
  EXPECT_EQ(refused.status, 404);
  EXPECT_EQ(refused.reason(), "NotFound");
  EXPECT_EQ(refused.text("/details/kind"), "namespaces");
}

void terminating_namespace_is_forbidden(Api& api) {
  Json held = config_map("held");
  held["metadata"]["finalizers"] = Json::array({"pd-operator.io/test"});
  api.post(api.maps(), held);
  EXPECT_EQ(api.remove("/api/v1/namespaces/" + api.ns()).text("/status/phase"), "Terminating");
  const Reply refused = api.post(api.maps(), config_map("a"));
  EXPECT_EQ(refused.status, 403);
  EXPECT_EQ(refused.reason(), "Forbidden");
  EXPECT_EQ(refused.text("/details/causes/0/reason"), "NamespaceTerminating");
  EXPECT_EQ(api.merge(api.maps() + "/held", {{"metadata", {{"finalizers", nullptr}}}}).status, 200);
}

void invalid_names_are_refused(Api& api) {
  for (const char* name : {"Upper", "under_score", "-a", "a-", "a..b", "a.-b"}) {
    const Reply refused = api.post(api.maps(), config_map(name));
    EXPECT_EQ(refused.status, 422) << name;
    EXPECT_EQ(refused.reason(), "Invalid") << name;
    EXPECT_EQ(refused.text("/details/causes/0/reason"), "FieldValueInvalid") << name;
    EXPECT_EQ(refused.text("/details/causes/0/field"), "metadata.name") << name;
  }
  EXPECT_EQ(api.post(api.maps(), config_map("0.a-b.9")).status, 201);
}

void name_is_required(Api& api) {
  const Reply refused = api.post(api.maps(), {{"metadata", Json::object()}});
  EXPECT_EQ(refused.status, 422);
  EXPECT_EQ(refused.text("/details/causes/0/reason"), "FieldValueRequired");
}

void generated_name_has_a_suffix(Api& api) {
  const Json object = {{"metadata", {{"generateName", "gen-"}}}};
  const std::string first = api.post(api.maps(), object).text("/metadata/name");
  const std::string second = api.post(api.maps(), object).text("/metadata/name");
  EXPECT_THAT(first, testing::MatchesRegex("gen-[a-z0-9][a-z0-9][a-z0-9][a-z0-9][a-z0-9]"));
  EXPECT_NE(first, second);
}

void another_kind_is_refused(Api& api) {
  Json object = config_map("a");
  object["kind"] = "Pod";
  EXPECT_EQ(api.post(api.maps(), object).reason(), "BadRequest");
  object = config_map("a");
  object["apiVersion"] = "v2";
  EXPECT_EQ(api.post(api.maps(), object).status, 400);
}

void kind_and_version_may_be_left_out(Api& api) {
  const Reply made = api.post(api.maps(), {{"metadata", {{"name", "a"}}}});
  EXPECT_EQ(made.status, 201);
  EXPECT_EQ(made.text("/kind"), "ConfigMap");
  EXPECT_EQ(made.text("/apiVersion"), "v1");
}

void malformed_body_is_refused(Api& api) {
  const Reply refused = api.send({"POST", api.maps(), "application/json", "application/json", "{bad"});
  EXPECT_EQ(refused.status, 400);
  EXPECT_EQ(refused.reason(), "BadRequest");
}

void wrong_types_are_refused(Api& api) {
  EXPECT_EQ(api.post(api.maps(), config_map("a", {{"a", 1}})).status, 400);
  Json object = config_map("a");
  object["metadata"]["labels"] = {{"a", 1}};
  EXPECT_EQ(api.post(api.maps(), object).reason(), "BadRequest");
}

void other_namespace_is_refused(Api& api) {
  Json object = config_map("a");
  object["metadata"]["namespace"] = "default";
  const Reply refused = api.post(api.maps(), object);
  EXPECT_EQ(refused.status, 400);
  EXPECT_EQ(refused.reason(), "BadRequest");
}

void dry_run_stores_nothing(Api& api) {
  const Reply tried = api.post(api.maps() + "?dryRun=All", config_map("a"));
  EXPECT_EQ(tried.status, 201);
  EXPECT_NE(tried.uid(), "");
  EXPECT_EQ(tried.version(), "");
  EXPECT_EQ(api.get(api.maps() + "/a").status, 404);
  api.post(api.maps(), config_map("a"));
  EXPECT_EQ(api.post(api.maps() + "?dryRun=All", config_map("a")).reason(), "AlreadyExists");
}

void unknown_dry_run_is_invalid(Api& api) {
  const Reply refused = api.post(api.maps() + "?dryRun=Some", config_map("a"));
  EXPECT_EQ(refused.status, 422);
  EXPECT_EQ(refused.text("/details/causes/0/reason"), "FieldValueNotSupported");
}

void owners_are_kept(Api& api) {
  const Reply made = api.post(api.maps(), config_map("owner"));
  Json dependent = config_map("dependent");
  dependent["metadata"]["ownerReferences"] = Json::array({owner(made, true)});
  EXPECT_EQ(api.post(api.maps(), dependent).status, 201);
  const Reply kept = api.get(api.maps() + "/dependent");
  EXPECT_EQ(kept.at("/metadata/ownerReferences"), dependent["metadata"]["ownerReferences"]);
}

void two_controllers_are_refused(Api& api) {
  const Reply first = api.post(api.maps(), config_map("first"));
  const Reply second = api.post(api.maps(), config_map("second"));
  Json dependent = config_map("dependent");
  dependent["metadata"]["ownerReferences"] = Json::array({owner(first, true), owner(second, true)});
  const Reply refused = api.post(api.maps(), dependent);
  EXPECT_EQ(refused.status, 422);
  EXPECT_EQ(refused.text("/details/causes/0/field"), "metadata.ownerReferences");
}

void owner_needs_a_uid(Api& api) {
  Json dependent = config_map("dependent");
  dependent["metadata"]["ownerReferences"] =
      Json::array({{{"apiVersion", "v1"}, {"kind", "ConfigMap"}, {"name", "a"}, {"uid", ""}}});
  EXPECT_EQ(api.post(api.maps(), dependent).reason(), "Invalid");
}

void empty_collections_are_not_stored(Api& api) {
  Json object = config_map("a", Json::object());
  object["metadata"]["labels"] = Json::object();
  object["metadata"]["annotations"] = nullptr;
  object["metadata"]["finalizers"] = Json::array();
  const Reply made = api.post(api.maps(), object);
  for (const char* member : {"/data", "/metadata/labels", "/metadata/annotations", "/metadata/finalizers"}) {
    EXPECT_FALSE(made.has(member)) << member;
  }
}

void too_large_config_map_is_refused(Api& api) {
  const Reply refused = api.post(api.maps(), config_map("a", {{"a", std::string((1 << 20) + 1, 'x')}}));
  EXPECT_EQ(refused.status, 422);
  EXPECT_EQ(refused.reason(), "Invalid");
  EXPECT_EQ(api.post(api.maps(), config_map("b", {{"a", std::string((1 << 20) - 1, 'x')}})).status, 201);
}

void generation_starts_at_one(Api& api) {
  Json object = deployment("d");
  object["metadata"]["generation"] = 7;
  EXPECT_EQ(api.post(api.deployments(), object).at("/metadata/generation"), 1);
  EXPECT_FALSE(api.post(api.maps(), config_map("a")).has("/metadata/generation"));
}

void status_is_dropped(Api& api) {
  Json object = deployment("d");
  object["status"] = {{"observedGeneration", 7}};
  EXPECT_EQ(api.post(api.deployments(), object).status, 201);
  EXPECT_FALSE(api.get(api.deployments() + "/d").has("/status"));
}

void same_name_gets_a_new_uid(Api& api) {
  const std::string first = api.post(api.maps(), config_map("a")).uid();
  api.remove(api.maps() + "/a");
  EXPECT_NE(api.post(api.maps(), config_map("a")).uid(), first);
}

void new_pod_is_pending(Api& api) {
  const Reply made = api.make_pod("p");
  EXPECT_EQ(made.status, 201);
  EXPECT_EQ(made.text("/status/phase"), "Pending");
  EXPECT_EQ(made.text("/spec/restartPolicy"), "Always");
  EXPECT_EQ(made.at("/spec/terminationGracePeriodSeconds"), 30);
}

}  // namespace

BehaviourGroup create_behaviours() {
  return {
      "Create",
      {
          {"CreateAnswersTheStoredObject",
           "POST answers 201 with the object as it is stored: uid, resourceVersion, creationTimestamp.",
           answers_the_stored_object},
          {"CreateOfAnExistingNameIsRefused", "A name that exists is 409 AlreadyExists, with the name in its details.",
           existing_name_is_refused},
          {"CreateWithAResourceVersionIsRefused", "A new object may not carry a resourceVersion: 500, no reason.",
           version_is_refused},
          {"CreateInAMissingNamespaceIsNotFound", "A namespace that is not there is 404, about the namespace.",
           missing_namespace_is_not_found},
          {"CreateInATerminatingNamespaceIsForbidden",
           "A namespace that is being deleted takes nothing new: 403 with the cause NamespaceTerminating.",
           terminating_namespace_is_forbidden},
          {"CreateWithAnInvalidNameIsRefused", "A name that is no DNS subdomain is 422 Invalid, cause metadata.name.",
           invalid_names_are_refused},
          {"CreateNeedsAName", "Neither name nor generateName is 422, cause FieldValueRequired.", name_is_required},
          {"CreateGeneratesNames", "generateName gets a suffix of five letters and digits, another one each time.",
           generated_name_has_a_suffix},
          {"CreateOfAnotherKindIsRefused", "A body of another kind or version than the path's is 400.",
           another_kind_is_refused},
          {"CreateFillsInKindAndVersion", "A body may leave out kind and apiVersion.",
           kind_and_version_may_be_left_out},
          {"CreateFromMalformedJsonIsRefused", "A body that is no JSON is 400 BadRequest.", malformed_body_is_refused},
          {"CreateWithWrongTypesIsRefused", "A number where a string belongs (data, labels) is 400 BadRequest.",
           wrong_types_are_refused},
          {"CreateForAnotherNamespaceIsRefused", "A body with another namespace than the path's is 400.",
           other_namespace_is_refused},
          {"CreateDryRunStoresNothing",
           "dryRun=All answers 201 with a uid and no resourceVersion, and stores nothing; an existing name is 409.",
           dry_run_stores_nothing},
          {"CreateWithAnUnknownDryRunIsInvalid", "A dryRun other than All is 422.", unknown_dry_run_is_invalid},
          {"CreateKeepsOwnerReferences", "ownerReferences are stored as they were sent.", owners_are_kept},
          {"CreateWithTwoControllersIsRefused", "Two owners that are both the controller are 422.",
           two_controllers_are_refused},
          {"CreateWithAnOwnerWithoutUidIsRefused", "An owner with an empty uid is 422.", owner_needs_a_uid},
          {"CreateDropsEmptyCollections", "Empty or null labels, annotations, finalizers and data are not stored.",
           empty_collections_are_not_stored},
          {"CreateOfATooLargeConfigMapIsRefused", "More than 1 MiB of data in a ConfigMap is 422.",
           too_large_config_map_is_refused},
          {"CreateStartsTheGeneration",
           "A PDDeployment begins with generation 1, whatever was sent; a ConfigMap has none.",
           generation_starts_at_one},
          {"CreateDropsTheStatus", "A status in the body of a new PDDeployment is dropped.", status_is_dropped},
          {"CreateAgainGivesANewUid", "A name that is deleted and created again has another uid.",
           same_name_gets_a_new_uid},
          {"CreatePodFillsInDefaults", "A new pod is Pending, with restartPolicy Always and 30 s to terminate.",
           new_pod_is_pending},
      }};
}

}  // namespace pd::test
