#include "operator/check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/run_to_end.h"
#include "tests/support/scripted_transport.h"

namespace pd::op {
namespace {

using test::json_reply;
using ::testing::HasSubstr;

const char* const kServed = "GET /apis/pd-operator.io/v1alpha1";
const char* const kReview = "POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews";

class CheckTest : public ::testing::Test {
 protected:
  void serve(const std::vector<std::string>& names) {
    Json resources = Json::array();
    for (const std::string& name : names) resources.push_back({{"name", name}});
    transport_.reply(kServed, json_reply(200, {{"resources", std::move(resources)}}));
  }
  // An answer for each verb; those at `refused` are no.
  void review(const std::set<std::size_t>& refused = {}) {
    std::size_t number = 0;
    for (const Permission& permission : needed_permissions(options_)) {
      for (std::size_t verb = 0; verb < permission.verbs.size(); ++verb)
        transport_.reply(kReview, json_reply(201, {{"status", {{"allowed", !refused.contains(number++)}}}}));
    }
  }
  Findings run() {
    std::function<void(const Finding&)> found = [this](const Finding& finding) { said_ += to_line(finding); };
    const Findings findings = test::run_to_end(context_, check(client_, options_, std::move(found)));
    said_ += to_sum(findings);
    return findings;
  }

  boost::asio::io_context context_;
  test::ScriptedTransport transport_;
  kube::Client client_{transport_};
  Options options_;
  std::string said_;
};

TEST_F(CheckTest, SaysALineForEachThatIsThere) {
  serve({"pddeployments", "pddeployments/status"});
  review();
  options_.election.lease_ns = "pd-system";
  const Findings findings = run();
  EXPECT_TRUE(all_well(findings));
  EXPECT_EQ(findings.size(), 1 + needed_permissions(options_).size());
  EXPECT_THAT(said_,
              HasSubstr("ok       may get, update leases.coordination.k8s.io pd-operator in namespace pd-system\n"));
  EXPECT_THAT(said_, HasSubstr("all of it is there\n"));
}

TEST_F(CheckTest, NamesWhatIsNotGranted) {
  options_.namespaces = {"llm"};
  options_.election.enabled = false;
  serve({"pddeployments", "pddeployments/status"});
  review({2, 8});
  const Findings findings = run();
  EXPECT_FALSE(all_well(findings));
  EXPECT_THAT(said_, HasSubstr("MISSING  may not patch pddeployments/status.pd-operator.io in namespace llm"));
  EXPECT_THAT(said_, HasSubstr("MISSING  may not delete pods in namespace llm"));
  EXPECT_THAT(said_, HasSubstr("2 of 9 are missing\n"));
  const Json asked = transport_.requests().at(3).body().at("spec").at("resourceAttributes");
  const Json wanted = {{"verb", "patch"},
                       {"group", "pd-operator.io"},
                       {"resource", "pddeployments"},
                       {"subresource", "status"},
                       {"namespace", "llm"}};
  EXPECT_EQ(asked, wanted);
}

TEST_F(CheckTest, SaysThatThereIsNoDefinition) {
  transport_.reply(kServed, test::status_reply(404, "NotFound"));
  review();
  const Findings findings = run();
  EXPECT_FALSE(findings.front().ok);
  EXPECT_THAT(findings.front().what, HasSubstr("install the CRD"));
}

TEST_F(CheckTest, AsksNoFurtherWhenTheServerIsNotReached) {
  serve({"pddeployments", "pddeployments/status"});
  transport_.reply(kReview, json_reply(201, {{"status", {{"allowed", true}}}}));
  transport_.reply(kReview, test::status_reply(503, "ServiceUnavailable"));
  const Findings findings = run();
  EXPECT_FALSE(all_well(findings));
  EXPECT_EQ(findings.size(), 2U);
  EXPECT_EQ(transport_.count(kReview), 2);
  EXPECT_THAT(said_, HasSubstr("the API server can't be reached"));
}

TEST_F(CheckTest, AsksOnWhenOneReviewIsRefused) {
  serve({"pddeployments", "pddeployments/status"});
  transport_.reply(kReview, test::status_reply(403, "Forbidden"));
  review();
  EXPECT_EQ(run().size(), 1 + needed_permissions(options_).size());
}

TEST_F(CheckTest, SaysThatAnotherDefinitionIsThere) {
  serve({"pddeployments"});
  review();
  EXPECT_THAT(run().front().what, HasSubstr("has no pddeployments/status"));
}

}  // namespace
}  // namespace pd::op
