#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/conformance/behaviour.h"

namespace pd::test {
namespace {

const std::string kStreamingList =
    "?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";

std::string from(const std::string& version) { return "?watch=true&resourceVersion=" + version; }

void replays_from_the_version(Api& api) {
  const std::string first = api.post(api.leases(), lease("a", "one")).version();
  const std::string second = api.merge(api.leases() + "/a", {{"spec", {{"holderIdentity", "two"}}}}).version();
  const std::string third = api.post(api.leases(), lease("b", "one")).version();
  Watching events = api.watch(api.leases() + from(first));
  EXPECT_EQ(events.next_seen(), seen("MODIFIED", "a", second));
  EXPECT_EQ(events.next_seen(), seen("ADDED", "b", third));
  const std::string fourth = api.post(api.leases(), lease("c", "one")).version();
  EXPECT_EQ(events.next_seen(), seen("ADDED", "c", fourth));
}

void event_has_the_object(Api& api) {
  const std::string version = api.get(api.leases()).version();
  Watching events = api.watch(api.leases() + from(version));
  const Reply made = api.post(api.leases(), lease("a", "one"));
  EXPECT_EQ(events.next().at("object"), made.body);
}

void deletion_has_its_own_version(Api& api) {
  const std::string version = api.post(api.leases(), lease("a", "one")).version();
  Watching events = api.watch(api.leases() + from(version));
  api.remove(api.leases() + "/a");
  const Reply deleted{200, events.next()};
  EXPECT_EQ(deleted.text("/type"), "DELETED");
  EXPECT_GT(std::stoull(deleted.text("/object/metadata/resourceVersion")), std::stoull(version));
  EXPECT_EQ(deleted.text("/object/spec/holderIdentity"), "one");
}

void version_zero_begins_with_the_state(Api& api) {
  const std::string first = api.post(api.leases(), lease("a", "one")).version();
  const std::string second = api.post(api.leases(), lease("b", "one")).version();
  api.get(api.leases() + "?resourceVersion=" + second);  // the caches have seen it
  for (const char* query : {"?watch=true&resourceVersion=0", "?watch=true"}) {
    Watching events = api.watch(api.leases() + query);
    EXPECT_EQ(events.next_seen(), seen("ADDED", "a", first));
    EXPECT_EQ(events.next_seen(), seen("ADDED", "b", second));
  }
}

void streaming_list_ends_with_a_bookmark(Api& api) {
  const std::string first = api.post(api.leases(), lease("a", "one")).version();
  const std::string second = api.post(api.leases(), lease("b", "one")).version();
  Watching events = api.watch(api.leases() + kStreamingList);
  EXPECT_EQ(events.next_seen(), seen("ADDED", "a", first));
  EXPECT_EQ(events.next_seen(), seen("ADDED", "b", second));
  const Reply end{200, events.next()};
  EXPECT_EQ(end.text("/type"), "BOOKMARK");
  EXPECT_EQ(end.text("/object/kind"), "Lease");
  EXPECT_EQ(end.text("/object/metadata/annotations/k8s.io~1initial-events-end"), "true");
  EXPECT_GE(std::stoull(end.text("/object/metadata/resourceVersion")), std::stoull(second));
  const std::string third = api.post(api.leases(), lease("c", "one")).version();
  EXPECT_EQ(events.next_seen(), seen("ADDED", "c", third));
}

void streaming_list_of_nothing_ends_too(Api& api) {
  const Reply end{200, api.watch(api.leases() + kStreamingList).next()};
  EXPECT_EQ(end.text("/type"), "BOOKMARK");
  EXPECT_EQ(end.text("/object/metadata/annotations/k8s.io~1initial-events-end"), "true");
}

void streaming_list_is_fresh(Api& api) {
  for (int i = 0; i < 10; ++i) {
    const std::string version = api.post(api.leases(), lease("l" + std::to_string(i), "one")).version();
    Watching events = api.watch(api.leases() + kStreamingList);
    Reply event{200, events.next()};
    int added = 0;
    for (; event.text("/type") == "ADDED"; event.body = events.next()) ++added;
    EXPECT_EQ(added, i + 1);
    EXPECT_GE(std::stoull(event.text("/object/metadata/resourceVersion")), std::stoull(version));
  }
}

// What a client goes by that would rather have had one.
void streaming_list_is_forbidden(Api& api) {
  const Reply refused = api.refused_watch(api.leases() + kStreamingList);
  EXPECT_EQ(refused.status, 422);
  EXPECT_EQ(refused.reason(), "Invalid");
  EXPECT_EQ(refused.text("/details/causes/0/field"), "sendInitialEvents");
}

void list_and_watch_do_without(Api& api) {
  const std::string first = api.post(api.leases(), lease("a", "one")).version();
  EXPECT_EQ(api.refused_watch(api.leases() + kStreamingList).status, 422);
  const Reply list = api.get(api.leases() + "?limit=500");
  EXPECT_EQ(list.text("/items/0/metadata/resourceVersion"), first);
  Watching events = api.watch(api.leases() + from(list.version()) + "&allowWatchBookmarks=true");
  const std::string second = api.post(api.leases(), lease("b", "one")).version();
  EXPECT_EQ(events.next_seen(), seen("ADDED", "b", second));
}

void streaming_list_needs_the_match(Api& api) {
  const Reply refused = api.refused_watch(api.leases() + "?watch=true&sendInitialEvents=true");
  EXPECT_EQ(refused.status, 422);
  EXPECT_EQ(refused.text("/details/causes/0/field"), "resourceVersionMatch");
}

void match_is_for_streaming_lists(Api& api) {
  const Reply refused =
      api.refused_watch(api.leases() + "?watch=true&resourceVersion=5&resourceVersionMatch=NotOlderThan");
  EXPECT_EQ(refused.status, 422);
}

void streaming_list_is_a_watch(Api& api) {
  EXPECT_EQ(api.get(api.leases() + "?sendInitialEvents=true&resourceVersionMatch=NotOlderThan").status, 422);
}

void old_version_is_gone(Api& api) {
  api.post(api.deployments(), deployment("d"));
  Watching events = api.watch(api.deployments() + from("1"));
  const Reply error{200, events.next()};
  EXPECT_EQ(error.text("/type"), "ERROR");
  EXPECT_EQ(error.text("/object/kind"), "Status");
  EXPECT_EQ(error.at("/object/code"), 410);
  EXPECT_EQ(error.text("/object/reason"), "Expired");
  EXPECT_TRUE(events.ends());
}

void malformed_version_is_refused(Api& api) { EXPECT_EQ(api.refused_watch(api.leases() + from("abc")).status, 500); }

void leaving_the_selector_is_a_deletion(Api& api) {
  const std::string version = api.post(api.leases(), labelled(lease("a", "one"), "x", "1")).version();
  Watching events = api.watch(api.leases() + from(version) + "&labelSelector=x%3D1");
  const std::string left = api.merge(api.leases() + "/a", {{"metadata", {{"labels", {{"x", "2"}}}}}}).version();
  const Reply gone{200, events.next()};
  EXPECT_EQ(gone.text("/type"), "DELETED");
  EXPECT_EQ(gone.text("/object/metadata/resourceVersion"), left);
  EXPECT_EQ(gone.text("/object/metadata/labels/x"), "1");  // as it was
}

void entering_the_selector_is_an_addition(Api& api) {
  const std::string version = api.post(api.leases(), lease("a", "one")).version();
  Watching events = api.watch(api.leases() + from(version) + "&labelSelector=x%3D1");
  api.merge(api.leases() + "/a", {{"spec", {{"holderIdentity", "two"}}}});  // not told
  const std::string entered = api.merge(api.leases() + "/a", {{"metadata", {{"labels", {{"x", "1"}}}}}}).version();
  EXPECT_EQ(events.next_seen(), seen("ADDED", "a", entered));
  const std::string changed = api.merge(api.leases() + "/a", {{"spec", {{"holderIdentity", "three"}}}}).version();
  EXPECT_EQ(events.next_seen(), seen("MODIFIED", "a", changed));
}

void field_selector_filters(Api& api) {
  const std::string version = api.get(api.leases()).version();
  Watching events = api.watch(api.leases() + from(version) + "&fieldSelector=metadata.name%3Db");
  api.post(api.leases(), lease("a", "one"));
  const std::string made = api.post(api.leases(), lease("b", "one")).version();
  EXPECT_EQ(events.next_seen(), seen("ADDED", "b", made));
}

void bound_pod_enters_the_nodes_watch(Api& api) {
  const std::string version = api.make_pod("p").version();
  Watching events = api.watch(api.pods() + from(version) + "&fieldSelector=spec.nodeName%3Dn1");
  api.bind("p", "n1");
  const Reply added{200, events.next()};
  EXPECT_EQ(added.text("/type"), "ADDED");
  EXPECT_EQ(added.text("/object/spec/nodeName"), "n1");
}

void metadata_only_watch(Api& api) {
  const std::string version = api.get(api.leases()).version();
  Watching events = api.watch(api.leases() + from(version), kMetadataOnly);
  const std::string made = api.post(api.leases(), lease("a", "one")).version();
  const Reply added{200, events.next()};
  EXPECT_EQ(added.text("/object/kind"), "PartialObjectMetadata");
  EXPECT_EQ(added.text("/object/metadata/resourceVersion"), made);
  EXPECT_FALSE(added.has("/object/spec"));
}

void metadata_only_bookmark(Api& api) {
  const Reply end{200, api.watch(api.leases() + kStreamingList, kMetadataOnly).next()};
  EXPECT_EQ(end.text("/type"), "BOOKMARK");
  EXPECT_EQ(end.text("/object/kind"), "PartialObjectMetadata");
}

void bookmarks_come(Api& api) {
  const std::string version = api.post(api.leases(), lease("a", "one")).version();
  Watching events = api.watch(api.leases() + from(version) + "&allowWatchBookmarks=true&timeoutSeconds=3");
  api.powers().send_bookmarks();
  const Reply bookmark{200, events.next()};
  EXPECT_EQ(bookmark.text("/type"), "BOOKMARK");
  EXPECT_EQ(bookmark.text("/object/kind"), "Lease");
  EXPECT_GE(std::stoull(bookmark.text("/object/metadata/resourceVersion")), std::stoull(version));
  EXPECT_EQ(bookmark.text("/object/metadata/name"), "");
}

void no_change_is_no_event(Api& api) {
  const std::string path = api.maps() + "/a";
  const std::string version = api.apply(path, "one", config_map("a")).version();
  Watching events = api.watch(api.maps() + from(version) + "&fieldSelector=metadata.name%3Da");
  api.apply(path, "one", config_map("a"));
  api.put(path, config_map("a"));
  api.merge(path, Json::object());
  const std::string changed = api.merge(path, {{"data", {{"a", "2"}}}}).version();
  EXPECT_EQ(events.next_seen(), seen("MODIFIED", "a", changed));
}

void dry_run_is_no_event(Api& api) {
  const std::string version = api.get(api.leases()).version();
  Watching events = api.watch(api.leases() + from(version));
  api.post(api.leases() + "?dryRun=All", lease("a", "one"));
  const std::string made = api.post(api.leases(), lease("b", "one")).version();
  EXPECT_EQ(events.next_seen(), seen("ADDED", "b", made));
}

void finalizer_ends_with_one_deletion(Api& api) {
  Json object = lease("a", "one");
  object["metadata"]["finalizers"] = Json::array({"pd-operator.io/test"});
  const std::string version = api.post(api.leases(), object).version();
  Watching events = api.watch(api.leases() + from(version));
  const std::string terminating = api.remove(api.leases() + "/a").version();
  EXPECT_EQ(events.next_seen(), seen("MODIFIED", "a", terminating));
  api.merge(api.leases() + "/a", {{"metadata", {{"finalizers", nullptr}}}});
  const Reply deleted{200, events.next()};
  EXPECT_EQ(deleted.text("/type"), "DELETED");
  EXPECT_GT(std::stoull(deleted.text("/object/metadata/resourceVersion")), std::stoull(terminating));
}

void pod_is_marked_before_it_goes(Api& api) {
  const std::string version = api.make_pod("p").version();
  Watching events = api.watch(api.pods() + from(version));
  api.remove(api.pods() + "/p");
  const Reply marked{200, events.next()};
  EXPECT_EQ(marked.text("/type"), "MODIFIED");
  EXPECT_TRUE(marked.has("/object/metadata/deletionTimestamp"));
  EXPECT_EQ(marked.at("/object/metadata/deletionGracePeriodSeconds"), 0);
  const Reply deleted{200, events.next()};
  EXPECT_EQ(deleted.text("/type"), "DELETED");
  EXPECT_TRUE(deleted.has("/object/metadata/deletionTimestamp"));
  EXPECT_NE(deleted.text("/object/metadata/resourceVersion"), marked.text("/object/metadata/resourceVersion"));
}

void mark_counts_the_pods_generation(Api& api) {
  const std::string version = api.make_pod("p").version();
  Watching events = api.watch(api.pods() + from(version));
  api.remove(api.pods() + "/p");
  const Reply marked{200, events.next()};
  EXPECT_EQ(marked.text("/type"), "MODIFIED");
  EXPECT_EQ(marked.at("/object/metadata/generation"), 2);
}

void pod_on_a_node_is_told_each_step(Api& api) {
  const std::string version = api.make_pod("p").version();
  Watching events = api.watch(api.pods() + from(version));
  const auto next = [&] {
    const Reply event{200, events.next()};
    return event.text("/type") + " " + event.at("/object/metadata/deletionGracePeriodSeconds").dump();
  };
  api.bind("p", "n1");
  EXPECT_EQ(next(), "MODIFIED null");
  api.remove(api.pods() + "/p");
  EXPECT_EQ(next(), "MODIFIED 30");
  api.remove(api.pods() + "/p?gracePeriodSeconds=0");
  EXPECT_EQ(next(), "MODIFIED 0");
  EXPECT_EQ(next(), "DELETED 0");
}

void deleted_and_made_again(Api& api) {
  const std::string version = api.post(api.leases(), lease("a", "one")).version();
  api.remove(api.leases() + "/a");
  const Reply again = api.post(api.leases(), lease("a", "one"));
  Watching events = api.watch(api.leases() + from(version));
  EXPECT_EQ(events.next().at("type"), "DELETED");
  const Reply added{200, events.next()};
  EXPECT_EQ(added.text("/type"), "ADDED");
  EXPECT_EQ(added.text("/object/metadata/uid"), again.uid());
}

void other_namespaces_are_not_told(Api& api) {
  const std::string version = api.get(api.leases()).version();
  Watching events = api.watch(api.leases() + from(version));
  const std::string elsewhere = "/apis/coordination.k8s.io/v1/namespaces/default/leases";
  EXPECT_EQ(api.post(elsewhere, lease(api.ns(), "one")).status, 201);
  const std::string made = api.post(api.leases(), lease("a", "one")).version();
  EXPECT_EQ(events.next_seen(), seen("ADDED", "a", made));
  api.remove(elsewhere + "/" + api.ns());
}

}  // namespace

BehaviourGroup watch_behaviours() {
  return {
      "Watch",
      {
          {"WatchReplaysFromTheVersion", "All that happened after the resourceVersion is told, in order, then on.",
           replays_from_the_version},
          {"WatchEventHasTheObject", "An event has the object as the write answered it.", event_has_the_object},
          {"DeletionHasItsOwnVersion", "DELETED has the last object, with the resourceVersion of its deletion.",
           deletion_has_its_own_version},
          {"WatchFromZeroBeginsWithTheState", "resourceVersion=0 or none begins with an ADDED for each object.",
           version_zero_begins_with_the_state},
          {"StreamingListEndsWithABookmark",
           "sendInitialEvents tells the state and then a BOOKMARK with k8s.io/initial-events-end; it goes on.",
           streaming_list_ends_with_a_bookmark, kStreamsLists},
          {"StreamingListOfNothingEndsToo", "Where there is nothing, the bookmark comes alone.",
           streaming_list_of_nothing_ends_too, kStreamsLists},
          {"StreamingListIsFresh", "Without a resourceVersion it has all that was written before.",
           streaming_list_is_fresh, kStreamsLists},
          {"StreamingListNeedsTheMatch", "Without resourceVersionMatch=NotOlderThan it is 422.",
           streaming_list_needs_the_match},
          {"WatchTakesNoMatch", "Another watch takes no resourceVersionMatch: 422.", match_is_for_streaming_lists},
          {"ListTakesNoInitialEvents", "A list takes no sendInitialEvents: 422.", streaming_list_is_a_watch},
          {"StreamingListIsForbidden",
           "A server without streaming lists answers one by 422 Invalid, cause sendInitialEvents.",
           streaming_list_is_forbidden, kStreamsNoLists},
          {"ListAndWatchDoWithout", "There a list in pages, and a watch from its version, tell the same.",
           list_and_watch_do_without, kStreamsNoLists},
          {"OldVersionIsGone", "A version before the history is 200, an ERROR event (410 Expired), and the end.",
           old_version_is_gone},
          {"WatchFromAMalformedVersionIsRefused", "A resourceVersion that is no number is 500.",
           malformed_version_is_refused},
          {"LeavingTheSelectorIsADeletion", "It is told as DELETED: the object as it was, the version of the change.",
           leaving_the_selector_is_a_deletion},
          {"EnteringTheSelectorIsAnAddition", "It is told as ADDED; what was before is not told.",
           entering_the_selector_is_an_addition},
          {"WatchOfOneName", "A field selector of metadata.name tells of that object alone.", field_selector_filters},
          {"BoundPodEntersTheNodesWatch", "A watch of spec.nodeName tells of a pod when it is bound.",
           bound_pod_enters_the_nodes_watch},
          {"MetadataOnlyWatch", "A watch of PartialObjectMetadata has metadata and nothing else.", metadata_only_watch},
          {"MetadataOnlyBookmark", "So have its bookmarks.", metadata_only_bookmark, kStreamsLists},
          {"BookmarksCome", "With allowWatchBookmarks a BOOKMARK says how far the watch is.", bookmarks_come},
          {"NoChangeIsNoEvent", "Apply, PUT and patch that change nothing are not told.", no_change_is_no_event},
          {"DryRunIsNoEvent", "Nor are dry runs.", dry_run_is_no_event},
          {"FinalizerEndsWithOneDeletion", "A held deletion is MODIFIED; the last finalizer's removal is DELETED only.",
           finalizer_ends_with_one_deletion},
          {"PodIsMarkedBeforeItGoes",
           "Even a pod that goes at once is MODIFIED, with a deletionTimestamp, and then DELETED.",
           pod_is_marked_before_it_goes},
          {"MarkCountsThePodsGeneration", "That deletionTimestamp counts the pod's generation.",
           mark_counts_the_pods_generation, kCountsPods},
          {"PodOnANodeIsToldStepByStep", "Bound, terminating, without grace, and gone are four events.",
           pod_on_a_node_is_told_each_step},
          {"DeletedAndMadeAgain", "A name that is deleted and made again is DELETED and ADDED, with the new uid.",
           deleted_and_made_again},
          {"OtherNamespacesAreNotTold", "A watch within a namespace tells of no other.", other_namespaces_are_not_told},
      }};
}

}  // namespace pd::test
