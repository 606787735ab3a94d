#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/conformance/behaviour.h"

namespace pd::test {
namespace {

void unknown_resource_is_not_found(Api& api) {
  const Reply refused = api.get("/api/v1/namespaces/" + api.ns() + "/nonsense");
  EXPECT_EQ(refused.status, 404);
  EXPECT_EQ(refused.reason(), "NotFound");
}

void unknown_group_is_not_found(Api& api) {
  const Reply refused = api.get("/apis/nonsense.io/v1/namespaces/" + api.ns() + "/nonsense");
  EXPECT_EQ(refused.status, 404);
  EXPECT_EQ(refused.reason(), "");  // plain text
}

void wrong_method_is_not_allowed(Api& api) {
  for (const Reply& refused : {api.post(api.maps() + "/a", config_map("a")), api.put(api.maps(), config_map("a")),
                               api.merge(api.maps(), Json::object()), api.put("/api/v1/configmaps", config_map("a"))}) {
    EXPECT_EQ(refused.status, 405);
    EXPECT_EQ(refused.reason(), "MethodNotAllowed");
  }
}

void unknown_content_is_refused(Api& api) {
  api.post(api.maps(), config_map("a"));
  const std::string body = config_map("b").dump();
  EXPECT_EQ(api.send({"POST", api.maps(), "application/json", "text/plain", body}).status, 415);
  const Reply refused = api.send({"PATCH", api.maps() + "/a", "application/json", "text/plain", "{}"});
  EXPECT_EQ(refused.status, 415);
  EXPECT_EQ(refused.reason(), "UnsupportedMediaType");
}

void custom_resource_takes_no_strategic_merge(Api& api) {
  api.post(api.deployments(), deployment("d"));
  const Reply refused =
      api.send({"PATCH", api.deployments() + "/d", "application/json", "application/strategic-merge-patch+json", "{}"});
  EXPECT_EQ(refused.status, 415);
}

void unknown_accept_is_refused(Api& api) {
  api.post(api.maps(), config_map("a"));
  const Reply refused = api.get(api.maps() + "/a", "text/plain");
  EXPECT_EQ(refused.status, 406);
  EXPECT_EQ(refused.reason(), "NotAcceptable");
}

void refusal_is_a_status(Api& api) {
  const Reply refused = api.get(api.deployments() + "/d");
  EXPECT_EQ(refused.status, 404);
  EXPECT_EQ(refused.text("/kind"), "Status");
  EXPECT_EQ(refused.text("/apiVersion"), "v1");
  EXPECT_EQ(refused.text("/status"), "Failure");
  EXPECT_EQ(refused.at("/code"), 404);
  EXPECT_EQ(refused.text("/details/name"), "d");
  EXPECT_EQ(refused.text("/details/group"), "pd-operator.io");
  EXPECT_EQ(refused.text("/details/kind"), "pddeployments");
  EXPECT_EQ(refused.text("/message"), "pddeployments.pd-operator.io \"d\" not found");
}

void cluster_scoped_in_a_namespace_is_not_found(Api& api) {
  EXPECT_EQ(api.get("/api/v1/namespaces/" + api.ns() + "/nodes").status, 404);
}

}  // namespace

BehaviourGroup refusal_behaviours() {
  return {
      "Refusals",
      {
          {"UnknownResourceIsNotFound", "A resource that the group does not have is 404 NotFound.",
           unknown_resource_is_not_found},
          {"UnknownGroupIsNotFound", "A group that is not served is 404 in plain text.", unknown_group_is_not_found},
          {"WrongMethodIsNotAllowed", "POST of an object, PUT and PATCH of a collection are 405.",
           wrong_method_is_not_allowed},
          {"UnknownContentTypeIsRefused", "A body or patch of an unknown type is 415.", unknown_content_is_refused},
          {"CustomResourceTakesNoStrategicMerge", "A strategic merge patch of a custom resource is 415.",
           custom_resource_takes_no_strategic_merge},
          {"UnknownAcceptIsRefused", "An answer in an unknown type can't be had: 406.", unknown_accept_is_refused},
          {"RefusalIsAStatus", "A refusal is a Status with code, reason, message and details.", refusal_is_a_status},
          {"NodesAreInNoNamespace", "A cluster-scoped kind has no path within a namespace: 404.",
           cluster_scoped_in_a_namespace_is_not_found},
      }};
}

}  // namespace pd::test
