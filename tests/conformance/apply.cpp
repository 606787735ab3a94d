#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/conformance/behaviour.h"

namespace pd::test {
namespace {

// The manager's entry of this operation in the managed fields; null where there is none.
Json owned_by(const Reply& reply, const std::string& manager, const std::string& operation) {
  for (const Json& entry : reply.at("/metadata/managedFields")) {
    if (entry.at("manager") == manager && entry.at("operation") == operation) return entry;
  }
  return {};
}

Json fields_of(const Reply& reply, const std::string& manager, const std::string& operation = "Apply") {
  const Json entry = owned_by(reply, manager, operation);
  return entry.is_null() ? entry : entry.at("fieldsV1");
}

void makes_what_is_not_there(Api& api) {
  const Reply made = api.apply(api.maps() + "/a", "one", config_map("a"));
  EXPECT_EQ(made.status, 201);
  EXPECT_EQ(made.text("/data/a"), "1");
  EXPECT_EQ(fields_of(made, "one"), Json({{"f:data", {{"f:a", Json::object()}}}}));
}

void no_change_keeps_the_version(Api& api) {
  const std::string version = api.apply(api.maps() + "/a", "one", config_map("a")).version();
  const Reply again = api.apply(api.maps() + "/a", "one", config_map("a"));
  EXPECT_EQ(again.status, 200);
  EXPECT_EQ(again.version(), version);
}

void foreign_field_conflicts(Api& api) {
  api.apply(api.maps() + "/a", "one", config_map("a"));
  const Reply refused = api.apply(api.maps() + "/a", "two", config_map("a", {{"a", "2"}}));
  EXPECT_EQ(refused.status, 409);
  EXPECT_EQ(refused.reason(), "Conflict");
  EXPECT_EQ(refused.text("/details/causes/0/reason"), "FieldManagerConflict");
  EXPECT_EQ(refused.text("/details/causes/0/field"), ".data.a");
  EXPECT_EQ(refused.text("/details/causes/0/message"), "conflict with \"one\"");
  EXPECT_EQ(api.get(api.maps() + "/a").text("/data/a"), "1");
}

void force_takes_the_field(Api& api) {
  api.apply(api.maps() + "/a", "one", config_map("a", {{"a", "1"}, {"b", "1"}}));
  const Reply taken = api.apply(api.maps() + "/a", "two", config_map("a", {{"a", "2"}}), "&force=true");
  EXPECT_EQ(taken.status, 200);
  EXPECT_EQ(taken.at("/data"), Json({{"a", "2"}, {"b", "1"}}));
  EXPECT_EQ(fields_of(taken, "one"), Json({{"f:data", {{"f:b", Json::object()}}}}));
  EXPECT_EQ(fields_of(taken, "two"), Json({{"f:data", {{"f:a", Json::object()}}}}));
}

void dropped_field_is_removed(Api& api) {
  api.apply(api.maps() + "/a", "one", config_map("a", {{"a", "1"}, {"b", "1"}}));
  const Reply applied = api.apply(api.maps() + "/a", "one", config_map("a", {{"b", "1"}}));
  EXPECT_EQ(applied.at("/data"), Json({{"b", "1"}}));
}

void same_value_is_owned_together(Api& api) {
  const std::string version = api.apply(api.maps() + "/a", "one", config_map("a")).version();
  const Reply shared = api.apply(api.maps() + "/a", "two", config_map("a"));
  EXPECT_EQ(shared.status, 200);
  EXPECT_NE(shared.version(), version);  // the ownership is written
  EXPECT_FALSE(fields_of(shared, "one").is_null());
  EXPECT_FALSE(fields_of(shared, "two").is_null());
}

void shared_field_stays_until_all_drop_it(Api& api) {
  const std::string path = api.maps() + "/a";
  api.apply(path, "one", config_map("a", {{"a", "1"}, {"b", "1"}}));
  api.apply(path, "two", config_map("a", {{"a", "1"}}));
  EXPECT_EQ(api.apply(path, "one", config_map("a", {{"b", "1"}})).text("/data/a"), "1");
  EXPECT_FALSE(api.apply(path, "two", config_map("a", Json::object())).has("/data/a"));
}

void foreign_fields_stay(Api& api) {
  api.post(api.maps(), labelled(config_map("a", {{"other", "1"}}), "x", "y"));
  const Reply applied = api.apply(api.maps() + "/a", "one", config_map("a", {{"mine", "1"}}));
  EXPECT_EQ(applied.at("/data"), Json({{"mine", "1"}, {"other", "1"}}));
  EXPECT_EQ(applied.text("/metadata/labels/x"), "y");
}

void fields_of_a_post_conflict(Api& api) {
  api.post(api.maps() + "?fieldManager=maker", config_map("a"));
  const Reply refused = api.apply(api.maps() + "/a", "one", config_map("a", {{"a", "2"}}));
  EXPECT_EQ(refused.status, 409);
  EXPECT_THAT(refused.text("/details/causes/0/message"), testing::StartsWith("conflict with \"maker\" using v1"));
}

void update_takes_the_field(Api& api) {
  api.apply(api.maps() + "/a", "one", config_map("a", {{"a", "1"}, {"b", "1"}}));
  const Reply updated = api.merge(api.maps() + "/a?fieldManager=two", {{"data", {{"a", "2"}}}});
  EXPECT_EQ(fields_of(updated, "one"), Json({{"f:data", {{"f:b", Json::object()}}}}));
  EXPECT_EQ(fields_of(updated, "two", "Update"), Json({{"f:data", {{"f:a", Json::object()}}}}));
  EXPECT_EQ(api.apply(api.maps() + "/a", "one", config_map("a", {{"a", "1"}, {"b", "1"}})).status, 409);
}

void own_update_conflicts_too(Api& api) {
  api.apply(api.maps() + "/a", "one", config_map("a"));
  api.merge(api.maps() + "/a?fieldManager=one", {{"data", {{"a", "2"}}}});
  EXPECT_EQ(api.apply(api.maps() + "/a", "one", config_map("a")).status, 409);
}

void removed_field_is_nobodys(Api& api) {
  api.apply(api.maps() + "/a", "one", config_map("a", {{"a", "1"}, {"b", "1"}}));
  const Reply removed = api.merge(api.maps() + "/a", {{"data", {{"a", nullptr}}}});
  EXPECT_EQ(fields_of(removed, "one"), Json({{"f:data", {{"f:b", Json::object()}}}}));
  EXPECT_EQ(api.apply(api.maps() + "/a", "two", config_map("a", {{"a", "2"}})).status, 200);
}

void manager_is_required(Api& api) {
  const Reply refused = api.send(
      {"PATCH", api.maps() + "/a", "application/json", "application/apply-patch+yaml", config_map("a").dump()});
  EXPECT_EQ(refused.status, 422);
  EXPECT_EQ(refused.text("/details/causes/0/field"), "fieldManager");
}

void managed_fields_are_refused(Api& api) {
  Json object = config_map("a");
  object["metadata"]["managedFields"] = Json::array({{{"manager", "x"}}});
  EXPECT_EQ(api.apply(api.maps() + "/a", "one", object).status, 400);
}

void kind_is_required(Api& api) {
  EXPECT_EQ(api.apply(api.maps() + "/a", "one", {{"metadata", {{"name", "a"}}}}).status, 400);
}

void stale_version_conflicts(Api& api) {
  const std::string version = api.apply(api.maps() + "/a", "one", config_map("a")).version();
  api.apply(api.maps() + "/a", "one", config_map("a", {{"a", "2"}}));
  const Reply stale = api.apply(api.maps() + "/a", "one", with_version(config_map("a", {{"a", "3"}}), version));
  EXPECT_EQ(stale.status, 409);
  EXPECT_EQ(stale.text("/details/name"), "a");
  EXPECT_EQ(api.get(api.maps() + "/a").text("/data/a"), "2");
}

void dry_run_changes_nothing(Api& api) {
  EXPECT_EQ(api.apply(api.maps() + "/a", "one", config_map("a"), "&dryRun=All").status, 201);
  EXPECT_EQ(api.get(api.maps() + "/a").status, 404);
  const std::string version = api.apply(api.maps() + "/a", "one", config_map("a")).version();
  EXPECT_EQ(api.apply(api.maps() + "/a", "one", config_map("a", {{"a", "2"}}), "&dryRun=All").text("/data/a"), "2");
  EXPECT_EQ(api.get(api.maps() + "/a").version(), version);
}

void wrong_types_are_refused(Api& api) {
  const Reply refused = api.apply(api.maps() + "/a", "one", config_map("a", {{"a", 1}}));
  EXPECT_EQ(refused.status, 500);
  EXPECT_EQ(refused.reason(), "");
}

void other_name_is_refused(Api& api) { EXPECT_EQ(api.apply(api.maps() + "/a", "one", config_map("b")).status, 400); }

void status_creates_nothing(Api& api) {
  const Json status = status_of("d", {{"observedGeneration", 1}});
  EXPECT_EQ(api.apply(api.deployments() + "/d/status", "one", status).reason(), "NotFound");
}

void status_leaves_the_rest(Api& api) {
  const Reply made = api.post(api.deployments(), deployment("d"));
  Json object = labelled(status_of("d", {{"observedGeneration", 1}}), "x", "y");
  object["spec"] = {{"paused", true}};
  const Reply applied = api.apply(api.deployments() + "/d/status", "one", object, "&force=true");
  EXPECT_EQ(applied.status, 200);
  EXPECT_EQ(applied.at("/status/observedGeneration"), 1);
  EXPECT_EQ(applied.at("/spec"), made.at("/spec"));
  EXPECT_FALSE(applied.has("/metadata/labels"));
  EXPECT_EQ(applied.at("/metadata/generation"), 1);
  EXPECT_EQ(owned_by(applied, "one", "Apply").at("subresource"), "status");
}

void status_without_change_keeps_the_version(Api& api) {
  api.post(api.deployments(), deployment("d"));
  const std::string path = api.deployments() + "/d/status";
  const Json status =
      status_of("d", {{"observedGeneration", 1}, {"conditions", Json::array({condition("Ready", "True")})}});
  const std::string version = api.apply(path, "one", status, "&force=true").version();
  EXPECT_EQ(api.apply(path, "one", status, "&force=true").version(), version);
}

void stale_status_conflicts(Api& api) {
  const std::string version = api.post(api.deployments(), deployment("d")).version();
  api.merge(api.deployments() + "/d", {{"spec", {{"paused", true}}}});
  const Json status = with_version(status_of("d", {{"observedGeneration", 1}}), version);
  EXPECT_EQ(api.apply(api.deployments() + "/d/status", "one", status, "&force=true").reason(), "Conflict");
}

void conditions_are_merged_by_type(Api& api) {
  api.post(api.deployments(), deployment("d"));
  const std::string path = api.deployments() + "/d/status";
  const auto apply = [&](const std::string& manager, const Json& conditions) {
    return api.apply(path, manager, status_of("d", {{"conditions", conditions}}));
  };
  apply("one", {condition("Ready", "True"), condition("Available", "True")});
  const Reply both = apply("two", Json::array({condition("Extra", "True")}));
  EXPECT_EQ(both.at("/status/conditions").size(), 3U);
  EXPECT_EQ(both.text("/status/conditions/0/type"), "Ready");
  EXPECT_EQ(both.text("/status/conditions/2/type"), "Extra");
  const Reply fewer = apply("one", Json::array({condition("Available", "False")}));
  EXPECT_EQ(fewer.at("/status/conditions"), Json({condition("Available", "False"), condition("Extra", "True")}));
}

void foreign_condition_conflicts(Api& api) {
  api.post(api.deployments(), deployment("d"));
  const std::string path = api.deployments() + "/d/status";
  api.apply(path, "one", status_of("d", {{"conditions", Json::array({condition("Ready", "True")})}}));
  const Reply refused =
      api.apply(path, "two", status_of("d", {{"conditions", Json::array({condition("Ready", "False")})}}));
  EXPECT_EQ(refused.status, 409);
  EXPECT_EQ(refused.text("/details/causes/0/field"), ".status.conditions[type=\"Ready\"].status");
  EXPECT_EQ(refused.text("/details/causes/0/message"), "conflict with \"one\" with subresource \"status\"");
}

void dropped_status_struct_is_gone(Api& api) {
  api.post(api.deployments(), deployment("d"));
  const std::string path = api.deployments() + "/d/status";
  api.apply(path, "one", status_of("d", {{"observedGeneration", 1}, {"ranktable", {{"state", "Completed"}}}}));
  const Reply fewer = api.apply(path, "one", status_of("d", {{"observedGeneration", 1}}));
  EXPECT_EQ(fewer.at("/status"), Json({{"observedGeneration", 1}}));
}

void atomic_list_is_one_field(Api& api) {
  Json object = deployment("d");
  object["spec"]["resourceNames"] = Json::array({"huawei.com/Ascend910"});
  api.apply(api.deployments() + "/d", "one", object);
  object["spec"] = {{"resourceNames", Json::array({"huawei.com/ascend-1980"})}};
  const Reply refused = api.apply(api.deployments() + "/d", "two", object);
  EXPECT_EQ(refused.status, 409);
  EXPECT_EQ(refused.text("/details/causes/0/field"), ".spec.resourceNames");
  const Reply taken = api.apply(api.deployments() + "/d", "two", object, "&force=true");
  EXPECT_EQ(taken.at("/spec/resourceNames"), Json::array({"huawei.com/ascend-1980"}));
}

void update_of_the_status_is_owned_apart(Api& api) {
  api.post(api.deployments() + "?fieldManager=one", deployment("d"));
  const Reply updated =
      api.merge(api.deployments() + "/d/status?fieldManager=one", {{"status", {{"observedGeneration", 1}}}});
  int entries = 0;
  for (const Json& entry : updated.at("/metadata/managedFields")) {
    if (entry.at("manager") != "one") continue;
    ++entries;
    EXPECT_EQ(entry.contains("subresource"), entry.at("fieldsV1").contains("f:status"));
  }
  EXPECT_EQ(entries, 2);
}

void map_list_needs_its_keys(Api& api) {
  api.post(api.deployments(), deployment("d"));
  const Json twice = status_of("d", {{"conditions", {condition("Ready", "True"), condition("Ready", "False")}}});
  const Reply refused = api.apply(api.deployments() + "/d/status", "one", twice);
  EXPECT_EQ(refused.status, 500);
  EXPECT_EQ(refused.reason(), "");
}

}  // namespace

BehaviourGroup apply_behaviours() {
  return {
      "Server-side apply",
      {
          {"ApplyMakesWhatIsNotThere", "An object that is not there is created: 201, its fields owned by the manager.",
           makes_what_is_not_there},
          {"ApplyWithoutChangeKeepsTheVersion", "Applying the same again writes nothing.", no_change_keeps_the_version},
          {"ApplyOfAForeignFieldConflicts",
           "Another value for another manager's field is 409, cause FieldManagerConflict with the field.",
           foreign_field_conflicts},
          {"ApplyWithForceTakesTheField", "With force the field changes its value and its owner.",
           force_takes_the_field},
          {"ApplyRemovesDroppedFields", "A field that is no longer applied is removed.", dropped_field_is_removed},
          {"ApplyOfTheSameValueSharesIt", "The same value is owned by both; the new ownership is a write.",
           same_value_is_owned_together},
          {"ApplyKeepsSharedFields", "A shared field goes only when its last owner drops it.",
           shared_field_stays_until_all_drop_it},
          {"ApplyLeavesForeignFields", "Fields that are not applied stay as they are.", foreign_fields_stay},
          {"ApplyConflictsWithFieldsOfAPost", "The fields of a POST belong to its manager (operation Update).",
           fields_of_a_post_conflict},
          {"UpdateTakesAppliedFields", "A patch that changes an applied field takes it from the applier.",
           update_takes_the_field},
          {"ApplyConflictsWithOnesOwnUpdate", "One name's Update and Apply are two owners.", own_update_conflicts_too},
          {"RemovedFieldIsNobodys", "A field that a patch removed has no owner left.", removed_field_is_nobodys},
          {"ApplyNeedsAManager", "Without fieldManager it is 422.", manager_is_required},
          {"ApplyWithManagedFieldsIsRefused", "An applied object with managedFields is 400.",
           managed_fields_are_refused},
          {"ApplyNeedsAKind", "An applied object without kind and apiVersion is 400.", kind_is_required},
          {"ApplyWithAStaleVersionConflicts", "With an old resourceVersion it is 409, about the object.",
           stale_version_conflicts},
          {"ApplyDryRunChangesNothing", "dryRun=All creates and changes nothing.", dry_run_changes_nothing},
          {"ApplyOfWrongTypesIsRefused", "A number where a string belongs is 500, no reason.", wrong_types_are_refused},
          {"ApplyWithAnotherNameIsRefused", "Another name than the path's is 400.", other_name_is_refused},
          {"ApplyToStatusCreatesNothing", "Applying the status of what is not there is 404.", status_creates_nothing},
          {"ApplyToStatusLeavesTheRest", "It changes neither spec, labels nor generation, even with force.",
           status_leaves_the_rest},
          {"ApplyToStatusWithoutChangeKeepsTheVersion", "Applying the same status again writes nothing.",
           status_without_change_keeps_the_version},
          {"ApplyToStatusWithAStaleVersionConflicts", "With an old resourceVersion it is 409, even with force.",
           stale_status_conflicts},
          {"ApplyMergesConditionsByType", "Conditions of several managers live in one list, each removed by its own.",
           conditions_are_merged_by_type},
          {"ApplyOfAForeignConditionConflicts", "A condition's status is one field: 409 names its type.",
           foreign_condition_conflicts},
          {"ApplyRemovesDroppedStructs", "A struct of which no field is applied any longer is gone as a whole.",
           dropped_status_struct_is_gone},
          {"ApplyOwnsAtomicListsWhole", "A list without keys is one field.", atomic_list_is_one_field},
          {"StatusIsOwnedApart", "One manager's writes of object and status are two entries.",
           update_of_the_status_is_owned_apart},
          {"ApplyOfOneKeyTwiceIsRefused", "Two conditions of one type in one apply are 500, no reason.",
           map_list_needs_its_keys},
      }};
}

}  // namespace pd::test
