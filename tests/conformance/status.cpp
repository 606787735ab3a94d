#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/conformance/behaviour.h"

namespace pd::test {
namespace {

void object_leaves_the_status(Api& api) {
  api.post(api.deployments(), deployment("d"));
  const std::string path = api.deployments() + "/d";
  api.merge(path + "/status", {{"status", {{"observedGeneration", 1}}}});
  const Reply patched = api.merge(path, {{"status", {{"observedGeneration", 2}}}, {"spec", {{"paused", true}}}});
  EXPECT_EQ(patched.at("/status/observedGeneration"), 1);
  EXPECT_EQ(patched.at("/spec/paused"), true);
  const Reply put = api.put(path, with_version(deployment("d"), patched.version()));
  EXPECT_EQ(put.status, 200);
  EXPECT_EQ(put.at("/status/observedGeneration"), 1);
}

void status_leaves_the_object(Api& api) {
  api.post(api.deployments(), deployment("d"));
  const Json patch = {{"metadata", {{"labels", {{"x", "y"}}}, {"finalizers", Json::array({"pd-operator.io/test"})}}},
                      {"spec", {{"paused", true}}},
                      {"status", {{"observedGeneration", 1}}}};
  const Reply patched = api.merge(api.deployments() + "/d/status", patch);
  EXPECT_EQ(patched.status, 200);
  EXPECT_EQ(patched.at("/status/observedGeneration"), 1);
  EXPECT_NE(patched.at("/spec/paused"), true);
  EXPECT_FALSE(patched.has("/metadata/labels"));
  EXPECT_FALSE(patched.has("/metadata/finalizers"));
  EXPECT_EQ(patched.at("/metadata/generation"), 1);
}

void status_put_is_optimistic(Api& api) {
  const std::string version = api.post(api.deployments(), deployment("d")).version();
  Json object = with_version(deployment("d"), version);
  object["status"] = {{"observedGeneration", 1}};
  EXPECT_EQ(api.put(api.deployments() + "/d/status", object).status, 200);
  EXPECT_EQ(api.put(api.deployments() + "/d/status", object).reason(), "Conflict");
}

void status_is_read_with_the_object(Api& api) {
  api.post(api.deployments(), deployment("d"));
  const Reply written = api.merge(api.deployments() + "/d/status", {{"status", {{"observedGeneration", 1}}}});
  EXPECT_EQ(api.get(api.deployments() + "/d/status").body, written.body);
  EXPECT_EQ(api.get(api.deployments() + "/d").body, written.body);
}

void pod_keeps_its_status(Api& api) {
  api.make_pod("p");
  EXPECT_EQ(api.merge(api.pods() + "/p", {{"status", {{"phase", "Running"}}}}).text("/status/phase"), "Pending");
  const Reply patched =
      api.merge(api.pods() + "/p/status", {{"status", {{"phase", "Running"}, {"podIP", "10.0.0.1"}}}});
  EXPECT_EQ(patched.status, 200);
  EXPECT_EQ(patched.text("/status/phase"), "Running");
  EXPECT_EQ(patched.text("/status/podIP"), "10.0.0.1");
}

void pod_status_leaves_the_spec(Api& api) {
  api.make_pod("p");
  const Json patch = {
      {"metadata", {{"labels", {{"x", "y"}}}}}, {"spec", {{"hostNetwork", true}}}, {"status", {{"phase", "Running"}}}};
  const Reply patched = api.merge(api.pods() + "/p/status", patch);
  EXPECT_EQ(patched.status, 200);
  EXPECT_FALSE(patched.has("/spec/hostNetwork"));
  EXPECT_EQ(patched.text("/metadata/labels/x"), "y");  // unlike a custom resource's
}

void no_status_no_endpoint(Api& api) {
  api.post(api.maps(), config_map("a"));
  const Reply refused = api.merge(api.maps() + "/a/status", Json::object());
  EXPECT_EQ(refused.status, 404);
  EXPECT_EQ(refused.reason(), "NotFound");
}

void binding_sets_the_node(Api& api) {
  api.make_pod("p");
  EXPECT_EQ(api.bind("p", "n1").status, 201);
  const Reply bound = api.get(api.pods() + "/p");
  EXPECT_EQ(bound.text("/spec/nodeName"), "n1");
  EXPECT_EQ(bound.text("/status/conditions/0/type"), "PodScheduled");
  EXPECT_EQ(bound.text("/status/conditions/0/status"), "True");
}

void binding_twice_conflicts(Api& api) {
  api.make_pod("p");
  api.bind("p", "n1");
  const Reply refused = api.bind("p", "n2");
  EXPECT_EQ(refused.status, 409);
  EXPECT_EQ(refused.reason(), "Conflict");
  EXPECT_EQ(api.bind("missing", "n1").status, 404);
}

}  // namespace

BehaviourGroup status_behaviours() {
  return {
      "Status and binding",
      {
          {"ObjectLeavesTheStatus", "PUT and PATCH of a PDDeployment leave its status.", object_leaves_the_status},
          {"StatusLeavesTheObject", "PATCH of its status leaves spec, labels, finalizers and generation.",
           status_leaves_the_object},
          {"StatusPutIsOptimistic", "PUT of the status with an old resourceVersion is 409.", status_put_is_optimistic},
          {"StatusIsReadWithTheObject", "GET of the status answers the whole object.", status_is_read_with_the_object},
          {"PodKeepsItsStatus", "A pod's status is written through its status alone.", pod_keeps_its_status},
          {"PodStatusLeavesTheSpec", "Writing a pod's status leaves its spec, but takes labels.",
           pod_status_leaves_the_spec},
          {"ConfigMapHasNoStatus", "A kind without status has no such path: 404.", no_status_no_endpoint},
          {"BindingSetsTheNode", "POST of a binding answers 201; the pod has the node and is PodScheduled.",
           binding_sets_the_node},
          {"BindingTwiceConflicts", "A pod that is bound can't be bound again: 409.", binding_twice_conflicts},
      }};
}

}  // namespace pd::test
