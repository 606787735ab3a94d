#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kube/resource.h"
#include "tests/conformance/behaviour.h"
#include "tests/simulation/sim_request.h"

namespace pd::test {
namespace {

std::vector<std::string> names(const Reply& list) {
  std::vector<std::string> found;
  const Json items = list.at("/items");
  for (const Json& item : items) found.push_back(item.at("metadata").at("name"));
  return found;
}

// Leases a, b, c, ...: nobody else makes leases here.
std::string make_leases(Api& api, int count) {
  std::string version;
  for (int i = 0; i < count; ++i) {
    version = api.post(api.leases(), lease(std::string(1, static_cast<char>('a' + i)), "one")).version();
  }
  return version;
}

std::string beyond(const std::string& version) { return std::to_string(std::stoull(version) + 1'000'000); }

void list_is_ordered_and_dated(Api& api) {
  for (const char* name : {"b", "a", "c"}) api.post(api.leases(), lease(name, "one"));
  const Reply list = api.get(api.leases());
  EXPECT_EQ(list.status, 200);
  EXPECT_EQ(list.text("/kind"), "LeaseList");
  EXPECT_THAT(names(list), testing::ElementsAre("a", "b", "c"));
  EXPECT_GE(std::stoull(list.version()), std::stoull(list.text("/items/2/metadata/resourceVersion")));
}

void list_without_version_is_the_newest(Api& api) {
  for (int i = 0; i < 20; ++i) {
    const std::string name = "l" + std::to_string(i);
    const std::string version = api.post(api.leases(), lease(name, "one")).version();
    EXPECT_GE(std::stoull(api.get(api.leases()).version()), std::stoull(version));
    EXPECT_EQ(api.get(api.leases()).at("/items").size(), static_cast<std::size_t>(i + 1));
  }
}

void pages_are_one_snapshot(Api& api) {
  make_leases(api, 5);
  const Reply first = api.get(api.leases() + "?limit=2");
  EXPECT_THAT(names(first), testing::ElementsAre("a", "b"));
  EXPECT_EQ(first.at("/metadata/remainingItemCount"), 3);
  api.remove(api.leases() + "/c");
  api.post(api.leases(), lease("bb", "one"));
  const Reply second =
      api.get(api.leases() + "?limit=2&continue=" + kube::query_escape(first.text("/metadata/continue")));
  EXPECT_THAT(names(second), testing::ElementsAre("c", "d"));
  EXPECT_EQ(second.version(), first.version());
  const Reply third =
      api.get(api.leases() + "?limit=2&continue=" + kube::query_escape(second.text("/metadata/continue")));
  EXPECT_THAT(names(third), testing::ElementsAre("e"));
  EXPECT_FALSE(third.has("/metadata/continue"));
  EXPECT_FALSE(third.has("/metadata/remainingItemCount"));
}

void pages_follow_the_selector(Api& api) {
  for (const char* name : {"a", "b", "c", "d"}) {
    api.post(api.leases(), labelled(lease(name, "one"), "x", name == std::string("b") ? "no" : "yes"));
  }
  const Reply first = api.get(api.leases() + "?limit=2&labelSelector=x%3Dyes");
  EXPECT_THAT(names(first), testing::ElementsAre("a", "c"));
  EXPECT_FALSE(first.has("/metadata/remainingItemCount"));
  const Reply second = api.get(
      api.leases() + "?limit=2&labelSelector=x%3Dyes&continue=" + kube::query_escape(first.text("/metadata/continue")));
  EXPECT_THAT(names(second), testing::ElementsAre("d"));
}

// A token of a history that is compacted away, and before any that the API server's caches can know of.
std::string old_token(Api& api) {
  const std::string version = api.post(api.deployments(), deployment("d")).version();
  api.powers().compact(std::stoull(version));
  return encode_base64(R"({"v":"meta.k8s.io/v1","rv":2,"start":"a\u0000"})");
}

void expired_continue_is_gone(Api& api) {
  if (!api.powers().compact) GTEST_SKIP() << "etcd can't be reached";
  const Reply refused = api.get(api.deployments() + "?limit=1&continue=" + old_token(api));
  EXPECT_EQ(refused.status, 410);
  EXPECT_EQ(refused.reason(), "Expired");
  const std::string fresh = refused.text("/metadata/continue");
  EXPECT_NE(fresh, "");
  EXPECT_THAT(names(api.get(api.deployments() + "?limit=1&continue=" + kube::query_escape(fresh))),
              testing::ElementsAre("d"));
}

void compacted_version_is_gone(Api& api) {
  if (!api.powers().compact) GTEST_SKIP() << "etcd can't be reached";
  old_token(api);
  const Reply refused = api.get(api.deployments() + "?resourceVersion=2&resourceVersionMatch=Exact");
  EXPECT_EQ(refused.status, 410);
  EXPECT_EQ(refused.reason(), "Expired");
}

void malformed_continue_is_refused(Api& api) {
  EXPECT_EQ(api.get(api.leases() + "?limit=1&continue=zzz").reason(), "BadRequest");
}

void continue_takes_no_version(Api& api) {
  const std::string version = make_leases(api, 2);
  const Reply first = api.get(api.leases() + "?limit=1");
  const Reply refused = api.get(api.leases() + "?limit=1&resourceVersion=" + version +
                                "&continue=" + kube::query_escape(first.text("/metadata/continue")));
  EXPECT_EQ(refused.status, 400);
}

void not_older_than_is_at_least_as_new(Api& api) {
  const std::string version = make_leases(api, 2);
  const Reply list = api.get(api.leases() + "?resourceVersionMatch=NotOlderThan&resourceVersion=" + version);
  EXPECT_EQ(list.status, 200);
  EXPECT_GE(std::stoull(list.version()), std::stoull(version));
  EXPECT_THAT(names(list), testing::ElementsAre("a", "b"));
  EXPECT_THAT(names(api.get(api.leases() + "?resourceVersion=" + version)), testing::ElementsAre("a", "b"));
  EXPECT_EQ(api.get(api.leases() + "/a?resourceVersion=" + version).status, 200);
}

void version_zero_is_served_whole(Api& api) {
  const std::string version = make_leases(api, 3);
  api.get(api.leases() + "?resourceVersion=" + version);  // the caches have seen it
  const Reply list = api.get(api.leases() + "?resourceVersion=0&limit=1");
  EXPECT_EQ(list.status, 200);
  EXPECT_THAT(names(list), testing::ElementsAre("a", "b", "c"));
}

void too_large_version_times_out(Api& api) {
  const std::string version = make_leases(api, 1);
  const Reply refused = api.get(api.leases() + "?resourceVersion=" + beyond(version));
  EXPECT_EQ(refused.status, 504);
  EXPECT_EQ(refused.reason(), "Timeout");
  EXPECT_EQ(refused.text("/details/causes/0/reason"), "ResourceVersionTooLarge");
  EXPECT_EQ(refused.at("/details/retryAfterSeconds"), 1);
}

void too_large_version_of_an_object_times_out(Api& api) {
  const std::string version = make_leases(api, 1);
  const Reply refused = api.get(api.leases() + "/a?resourceVersion=" + beyond(version));
  EXPECT_EQ(refused.status, 504);
  EXPECT_EQ(refused.text("/details/causes/0/reason"), "ResourceVersionTooLarge");
}

void exact_reads_the_past(Api& api) {
  const std::string version = make_leases(api, 2);
  api.remove(api.leases() + "/a");
  api.post(api.leases(), lease("c", "one"));
  const Reply past = api.get(api.leases() + "?resourceVersionMatch=Exact&resourceVersion=" + version);
  EXPECT_EQ(past.version(), version);
  EXPECT_THAT(names(past), testing::ElementsAre("a", "b"));
}

void match_is_checked(Api& api) {
  for (const char* query : {"?resourceVersionMatch=NotOlderThan", "?resourceVersion=5&resourceVersionMatch=Nonsense",
                            "?resourceVersion=0&resourceVersionMatch=Exact"}) {
    const Reply refused = api.get(api.leases() + query);
    EXPECT_EQ(refused.status, 422) << query;
    EXPECT_EQ(refused.text("/details/causes/0/field"), "resourceVersionMatch") << query;
  }
}

void malformed_version_is_refused(Api& api) {
  const Reply refused = api.get(api.leases() + "?resourceVersion=abc");
  EXPECT_THAT(refused.status, testing::AnyOf(400, 500));
  EXPECT_EQ(refused.text("/kind"), "Status");
}

void malformed_version_is_a_bad_request(Api& api) {
  const Reply refused = api.get(api.leases() + "?resourceVersion=abc");
  EXPECT_EQ(refused.status, 400);
  EXPECT_EQ(refused.reason(), "BadRequest");
}

void label_selectors_select(Api& api) {
  api.post(api.leases(), labelled(lease("a", "one"), "x", "1"));
  api.post(api.leases(), labelled(labelled(lease("b", "one"), "x", "2"), "y", ""));
  api.post(api.leases(), lease("c", "one"));
  const std::vector<std::pair<std::string, std::vector<std::string>>> cases = {{"x=1", {"a"}},
                                                                               {"x==2", {"b"}},
                                                                               {"x!=1", {"b", "c"}},
                                                                               {"x", {"a", "b"}},
                                                                               {"!x", {"c"}},
                                                                               {"x in (1,3)", {"a"}},
                                                                               {"x notin (1)", {"b", "c"}},
                                                                               {"x,y", {"b"}},
                                                                               {"y=", {"b"}},
                                                                               {"x in (1, 2),x!=2", {"a"}}};
  for (const auto& [selector, expected] : cases) {
    EXPECT_EQ(names(api.get(api.leases() + "?labelSelector=" + kube::query_escape(selector))), expected) << selector;
  }
}

void malformed_selectors_are_refused(Api& api) {
  for (const char* selector : {"a===b", "a in b", "a in (b", "!a=b", "=b"}) {
    const Reply refused = api.get(api.leases() + "?labelSelector=" + kube::query_escape(selector));
    EXPECT_EQ(refused.status, 400) << selector;
    EXPECT_EQ(refused.reason(), "BadRequest") << selector;
  }
}

void field_selectors_select(Api& api) {
  make_leases(api, 2);
  EXPECT_THAT(names(api.get(api.leases() + "?fieldSelector=metadata.name%3Db")), testing::ElementsAre("b"));
  EXPECT_THAT(names(api.get(api.leases() + "?fieldSelector=metadata.name%21%3Db")), testing::ElementsAre("a"));
  api.make_pod("p");
  api.make_pod("q");
  api.bind("q", "n1");
  EXPECT_THAT(names(api.get(api.pods() + "?fieldSelector=spec.nodeName%3Dn1")), testing::ElementsAre("q"));
  EXPECT_THAT(names(api.get(api.pods() + "?fieldSelector=spec.nodeName%3D")), testing::ElementsAre("p"));
}

void unknown_fields_are_refused(Api& api) {
  const Reply refused = api.get(api.leases() + "?fieldSelector=spec.nonsense%3Db");
  EXPECT_EQ(refused.status, 400);
  EXPECT_EQ(refused.reason(), "BadRequest");
}

void metadata_only(Api& api) {
  api.post(api.maps(), labelled(config_map("a"), "x", "y"));
  const Reply object = api.get(api.maps() + "/a", kMetadataOnly);
  EXPECT_EQ(object.status, 200);
  EXPECT_EQ(object.text("/kind"), "PartialObjectMetadata");
  EXPECT_EQ(object.text("/apiVersion"), "meta.k8s.io/v1");
  EXPECT_EQ(object.text("/metadata/labels/x"), "y");
  EXPECT_FALSE(object.has("/data"));
  const Reply list = api.get(api.maps() + "?labelSelector=x", kMetadataOnlyList);
  EXPECT_EQ(list.text("/kind"), "PartialObjectMetadataList");
  EXPECT_THAT(names(list), testing::ElementsAre("a"));
  EXPECT_FALSE(list.has("/items/0/data"));
}

void metadata_only_writes(Api& api) {
  api.post(api.maps(), config_map("a"));
  const Reply patched =
      api.send({"PATCH", api.maps() + "/a", kMetadataOnly, "application/merge-patch+json", R"({"data":{"a":"2"}})"});
  EXPECT_EQ(patched.status, 200);
  EXPECT_EQ(patched.text("/kind"), "PartialObjectMetadata");
  EXPECT_NE(patched.version(), "");
  EXPECT_FALSE(patched.has("/data"));
}

void all_namespaces_are_listed(Api& api) {
  api.post(api.maps(), labelled(config_map("a"), "of", api.ns()));
  const Reply list = api.get("/api/v1/configmaps?labelSelector=of%3D" + api.ns());
  EXPECT_THAT(names(list), testing::ElementsAre("a"));
  EXPECT_EQ(list.text("/items/0/metadata/namespace"), api.ns());
}

void empty_list_has_items(Api& api) {
  const Reply list = api.get(api.leases());
  EXPECT_EQ(list.at("/items"), Json::array());
  EXPECT_EQ(api.get("/apis/coordination.k8s.io/v1/namespaces/no-such-namespace/leases").status, 200);
}

}  // namespace

BehaviourGroup read_behaviours() {
  return {
      "Get and list",
      {
          {"ListIsOrderedAndDated", "A list is in the order of the names, and at least as new as its items.",
           list_is_ordered_and_dated},
          {"ListWithoutVersionIsTheNewest", "Without a resourceVersion a list has all that was written before.",
           list_without_version_is_the_newest},
          {"PagesAreOneSnapshot", "All pages are of the first page's version, whatever happens between.",
           pages_are_one_snapshot},
          {"PagesFollowTheSelector", "limit counts what is selected; with a selector nothing is said of the rest.",
           pages_follow_the_selector},
          {"ExpiredContinueIsGone", "A continue token of a compacted version is 410 Expired, with one to go on.",
           expired_continue_is_gone},
          {"CompactedVersionIsGone", "So is an exact list of it.", compacted_version_is_gone},
          {"MalformedContinueIsRefused", "A continue token that can't be read is 400.", malformed_continue_is_refused},
          {"ContinueTakesNoVersion", "continue and resourceVersion together are 400.", continue_takes_no_version},
          {"NotOlderThanIsAtLeastAsNew", "resourceVersion=N, also with NotOlderThan, is N or newer.",
           not_older_than_is_at_least_as_new},
          {"VersionZeroIsServedWhole", "resourceVersion=0 is served from the cache, whole in spite of limit.",
           version_zero_is_served_whole},
          {"TooLargeVersionTimesOut", "A list at a version to come is 504 Timeout, cause ResourceVersionTooLarge.",
           too_large_version_times_out},
          {"TooLargeVersionOfAnObjectTimesOut", "So is a GET of an object.", too_large_version_of_an_object_times_out},
          {"ExactReadsThePast", "resourceVersionMatch=Exact reads the list as it was.", exact_reads_the_past},
          {"MatchIsChecked", "A resourceVersionMatch without version, of nonsense, or Exact of 0 is 422.",
           match_is_checked},
          {"MalformedVersionIsRefused", "A resourceVersion that is no number is 400 or 500.",
           malformed_version_is_refused},
          {"MalformedVersionIsABadRequest", "It is 400 BadRequest.", malformed_version_is_a_bad_request, kChecksLists},
          {"LabelSelectorsSelect", "=, ==, !=, exists, !exists, in, notin and their conjunction.",
           label_selectors_select},
          {"MalformedSelectorsAreRefused", "A label selector that can't be read is 400.",
           malformed_selectors_are_refused},
          {"FieldSelectorsSelect", "metadata.name selects, and spec.nodeName for pods.", field_selectors_select},
          {"UnknownFieldsAreRefused", "A field selector of another field is 400.", unknown_fields_are_refused},
          {"MetadataOnly", "PartialObjectMetadata and its list have metadata and nothing else.", metadata_only},
          {"MetadataOnlyWrites", "A write can be answered so, too.", metadata_only_writes},
          {"AllNamespacesAreListed", "Without a namespace in the path all are listed.", all_namespaces_are_listed},
          {"EmptyListHasItems", "An empty list has items: []; a namespace that is not there has an empty list.",
           empty_list_has_items},
      }};
}

}  // namespace pd::test
