#include "runtime/probe_pages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pd::runtime {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class ProbePagesTest : public ::testing::Test {
 protected:
  ProbePagesTest() {
    pages_.liveness().add("event-loop", [this] { return loop_; });
    pages_.readiness().add("caches", [this] { return caches_; });
    pages_.readiness().add("lease", [this] { return lease_; });
  }
  ProbePages::Page get(const std::string& target) { return pages_.answer("GET", target); }

  ProbePages pages_;
  Status loop_ = Ok{};
  Status caches_ = Ok{};
  Status lease_ = Ok{};
};

TEST_F(ProbePagesTest, SayOk) {
  for (const char* path : {"/healthz", "/livez", "/readyz", "/readyz/", "/readyz/caches", "/livez/event-loop"}) {
    const ProbePages::Page page = get(path);
    EXPECT_EQ(page.status, 200) << path;
    EXPECT_EQ(page.body, "ok") << path;
  }
}

TEST_F(ProbePagesTest, AProgramWithoutChecksIsWell) {
  EXPECT_EQ(ProbePages().answer("GET", "/readyz").body, "ok");
  EXPECT_EQ(ProbePages().answer("GET", "/healthz").status, 200);
}

TEST_F(ProbePagesTest, SayWhatFailedAndWhy) {
  caches_ = Error{Code::kUnavailable, "pods are not listed yet"};
  const ProbePages::Page page = get("/readyz");
  EXPECT_EQ(page.status, 500);
  EXPECT_EQ(page.body, "[-]caches failed: pods are not listed yet\n[+]lease ok\nreadyz check failed\n");
  EXPECT_EQ(get("/livez").status, 200) << "what readiness waits for is no reason to be restarted";
}

TEST_F(ProbePagesTest, HealthzIsLivez) {
  loop_ = Error{Code::kInternal, "hangs"};
  EXPECT_EQ(get("/healthz").status, 500);
  EXPECT_EQ(get("/livez").status, 500);
  EXPECT_THAT(get("/livez").body, HasSubstr("livez check failed"));
  EXPECT_EQ(get("/readyz").status, 200);
}

TEST_F(ProbePagesTest, ListAllWhenAskedTo) {
  EXPECT_EQ(get("/readyz?verbose").body, "[+]caches ok\n[+]lease ok\nreadyz check passed\n");
  EXPECT_EQ(get("/readyz?verbose=true").body, get("/readyz?verbose").body);
  EXPECT_EQ(get("/readyz/lease?verbose").body, "[+]lease ok\nreadyz check passed\n");
}

TEST_F(ProbePagesTest, LeaveOutWhatIsExcluded) {
  caches_ = Error{Code::kUnavailable, "pods are not listed yet"};
  EXPECT_EQ(get("/readyz?exclude=caches").body, "ok");
  EXPECT_EQ(get("/readyz?verbose&exclude=caches").body, "[+]caches excluded: ok\n[+]lease ok\nreadyz check passed\n");
  EXPECT_EQ(get("/readyz?exclude=lease").status, 500);
  lease_ = Error{Code::kUnavailable, "old"};
  EXPECT_EQ(get("/readyz?exclude=caches").status, 500);
  EXPECT_EQ(get("/readyz?exclude=lease&exclude=caches").status, 200);
}

TEST_F(ProbePagesTest, ASingleCheckIsAskedAlone) {
  caches_ = Error{Code::kUnavailable, "pods are not listed yet"};
  EXPECT_EQ(get("/readyz/lease").status, 200);
  EXPECT_EQ(get("/readyz/caches").status, 500);
  EXPECT_THAT(get("/readyz/caches").body, Not(HasSubstr("lease")));
  EXPECT_EQ(get("/readyz/caches?exclude=caches").status, 500) << "it was asked for by name";
}

TEST_F(ProbePagesTest, KnowWhatThereIs) {
  pages_.set_metrics([] { return "up 1\n"; });
  for (const char* path : {"/", "", "/readyz/other", "/readyz/caches/more", "/metrics/", "//readyz", "readyz", "*",
                           "/readyzz", "/livez/caches", "http://host/readyz"}) {
    const ProbePages::Page page = get(path);
    EXPECT_EQ(page.status, 404) << path;
    EXPECT_EQ(page.body,
              "There is no such page. There are:\n/healthz\n/healthz/event-loop\n/livez\n/livez/event-loop\n/readyz\n"
              "/readyz/caches\n/readyz/lease\n/metrics\n")
        << path;
  }
}

TEST_F(ProbePagesTest, TellMetrics) {
  EXPECT_EQ(get("/metrics").status, 404);
  EXPECT_THAT(get("/metrics").body, Not(HasSubstr("/metrics")));
  pages_.set_metrics([] { return "up 1\n"; });
  EXPECT_EQ(get("/metrics").body, "up 1\n");
  EXPECT_EQ(get("/metrics?name[]=up").body, "up 1\n");
  EXPECT_THAT(std::string(get("/metrics").content_type), StartsWith("text/plain; version=0.0.4"));
}

TEST_F(ProbePagesTest, OnlyReading) {
  for (const char* method : {"POST", "PUT", "DELETE", "OPTIONS", "TRACE", "get", ""}) {
    EXPECT_EQ(pages_.answer(method, "/readyz").status, 405) << method;
  }
  EXPECT_EQ(pages_.answer("HEAD", "/readyz").status, 200);
}

}  // namespace
}  // namespace pd::runtime
