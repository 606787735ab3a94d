// A store and an API server in front of it, and the requests of the tests in few words.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/simulation/sim_api_server.h"
#include "tests/support/fake_clock.h"

namespace pd::test {

inline const std::string kMaps = "/api/v1/namespaces/default/configmaps";
inline const std::string kPods = "/api/v1/namespaces/default/pods";

inline Json config_map(const std::string& name, const Json& labels = Json::object()) {
  return {{"metadata", {{"name", name}, {"labels", labels}}}, {"data", {{"a", "1"}}}};
}

inline Json pod(const std::string& name) {
  return {{"metadata", {{"name", name}}}, {"spec", {{"containers", Json::array({{{"name", "c"}, {"image", "i"}}})}}}};
}

struct Answer {
  int status = 0;
  Json body;
  std::string version() const { return body.at("metadata").at("resourceVersion").get<std::string>(); }
  std::string uid() const { return body.at("metadata").at("uid").get<std::string>(); }
  std::string reason() const { return body.value("reason", ""); }
};

inline Answer answer_of(const kube::HttpResponse& response) {
  return {response.status, Json::parse(response.body, nullptr, false)};
}

struct SimApiServerTest : testing::Test {
  FakeClock clock;
  SimStore etcd;
  SimApiServer server{etcd, clock};

  Answer ask(const std::string& method, const std::string& target, const Json& body = Json(),
             const std::string& type = "application/json", const std::string& accept = "application/json") {
    return answer_of(server.handle({method, target, accept, type, body.is_null() ? "" : body.dump()}));
  }
  Answer merge(const std::string& target, const Json& patch) {
    return ask("PATCH", target, patch, "application/merge-patch+json");
  }
  std::unique_ptr<SimWatch> watch(const std::string& target) {
    SimApiServer::Opened opened = server.open_watch({"GET", target});
    EXPECT_EQ(opened.head.status, 200) << opened.head.body;
    return std::move(opened.watch);
  }
};

// "ADDED a@1002", or "BOOKMARK @1002"; "" when nothing comes.
inline std::string next_event(SimWatch& watch) {
  const std::optional<std::string> line = watch.next();
  if (!line) return "";
  const Json event = Json::parse(*line);
  if (event["type"] == "ERROR") return "ERROR " + event["object"]["reason"].get<std::string>();
  const Json& metadata = event["object"]["metadata"];
  return event["type"].get<std::string>() + " " + metadata.value("name", "") + "@" +
         metadata["resourceVersion"].get<std::string>();
}

}  // namespace pd::test
