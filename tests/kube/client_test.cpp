#include "kube/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/run_to_end.h"
#include "tests/support/scripted_transport.h"

namespace pd::kube {
namespace {

using test::json_reply;
using test::run_to_end;
using test::status_reply;
using ::testing::HasSubstr;

const Json kObject = {{"kind", "Pod"}, {"metadata", {{"name", "a"}, {"namespace", "llm"}}}};
const Json kStored = {{"metadata", {{"name", "a"}, {"namespace", "llm"}, {"resourceVersion", "9"}, {"uid", "u"}}}};

class ClientTest : public ::testing::Test {
 protected:
  template <typename T>
  T run(asio::awaitable<T> work) {
    return run_to_end(context_, std::move(work));
  }
  const HttpRequest& sent() const { return transport_.requests().back().request; }

  asio::io_context context_;
  test::ScriptedTransport transport_;
  Client client_{transport_};
};

TEST_F(ClientTest, CreatesByPost) {
  transport_.reply("POST /pods", json_reply(201, kStored));
  const Result<ObjectMeta> made = run(client_.create("/pods", kObject));
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(made->resource_version, "9");
  EXPECT_EQ(made->uid, "u");
  EXPECT_EQ(sent().content_type, "application/json");
  EXPECT_EQ(sent().accept, kAcceptMetadata);
  EXPECT_EQ(Json::parse(sent().body), kObject);
}

TEST_F(ClientTest, ReplacesByPut) {
  transport_.reply("PUT /pods/a", json_reply(200, kStored));
  const Result<ObjectMeta> made = run(client_.replace("/pods/a", kObject));
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(sent().content_type, "application/json");
  EXPECT_EQ(sent().accept, kAcceptMetadata);
  EXPECT_EQ(Json::parse(sent().body), kObject);
}

TEST_F(ClientTest, PatchesByMerge) {
  transport_.reply("PATCH /pods/a", json_reply(200, kStored));
  const Result<ObjectMeta> made = run(client_.merge_patch("/pods/a", kObject));
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(sent().content_type, "application/merge-patch+json");
  EXPECT_EQ(sent().accept, kAcceptMetadata);
  EXPECT_EQ(Json::parse(sent().body), kObject);
}

TEST_F(ClientTest, AppliesWithForceAndAManager) {
  transport_.reply("PATCH /pods/a/status", json_reply(200, kStored));
  const Result<ObjectMeta> made = run(client_.apply("/pods/a/status", kObject, "some manager"));
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(sent().target, "/pods/a/status?fieldManager=some%20manager&force=true");
  EXPECT_EQ(sent().content_type, "application/apply-patch+yaml");
  EXPECT_EQ(sent().accept, kAcceptMetadata);
  EXPECT_EQ(Json::parse(sent().body), kObject);
}

TEST_F(ClientTest, DeletesOnlyWhatWasSeen) {
  transport_.reply("DELETE /pods/a", json_reply(200, kStored));
  const Result<ObjectMeta> gone = run(client_.remove("/pods/a", Preconditions{"u", "8"}));
  ASSERT_TRUE(gone) << gone.error().message;
  EXPECT_EQ(gone->resource_version, "9");
  EXPECT_EQ(Json::parse(sent().body), Json::parse(R"({"apiVersion":"v1","kind":"DeleteOptions",
                            "preconditions":{"uid":"u","resourceVersion":"8"}})"));
}

TEST_F(ClientTest, ADeleteMayBeAnsweredByAStatus) {
  transport_.reply("DELETE /pods/a", json_reply(200, {{"kind", "Status"}, {"status", "Success"}, {"metadata", {}}}));
  const Result<ObjectMeta> gone = run(client_.remove("/pods/a", Preconditions{"u", ""}));
  ASSERT_TRUE(gone) << gone.error().message;
  EXPECT_EQ(gone->resource_version, "");
  EXPECT_EQ(Json::parse(sent().body)["preconditions"], (Json{{"uid", "u"}}));
}

TEST_F(ClientTest, GetsAnObjectWhole) {
  const Json object = {{"metadata", {{"name", "a"}}}, {"spec", {{"deep", {{"er", 1}}}}}};
  transport_.reply("GET /pods/a", json_reply(200, object));
  const Result<Json> got = run(client_.get("/pods/a"));
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(*got, object);
  EXPECT_EQ(sent().body, "");
  EXPECT_EQ(sent().content_type, "");
}

TEST_F(ClientTest, GetsMetadataAlone) {
  transport_.reply("GET /pods/a", json_reply(200, kStored));
  const Result<ObjectMeta> got = run(client_.get_metadata("/pods/a"));
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(got->name, "a");
  EXPECT_EQ(sent().accept, kAcceptMetadata);
}

TEST_F(ClientTest, GetsAnObjectTyped) {
  Json lease = kStored;
  lease["spec"] = {{"holderIdentity", "pod-1"}};
  transport_.reply("GET /leases/a", json_reply(200, lease));
  const Result<Lease> got = run(client_.get<Lease>("/leases/a"));
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(got->holder, "pod-1");
  EXPECT_EQ(got->meta.resource_version, "9");
  EXPECT_EQ(sent().accept, kAcceptJson);
  EXPECT_EQ(sent().answer_limit, kObjectLimit);

  transport_.reply("GET /nodes/a", json_reply(200, kStored));
  ASSERT_TRUE(run(client_.get<Node>("/nodes/a")));
  EXPECT_EQ(sent().accept, kAcceptMetadata);

  transport_.reply("GET /leases/a", json_reply(200, Json::object()));
  EXPECT_EQ(run(client_.get<Lease>("/leases/a")).error().code, Code::kUnavailable);
  transport_.reply("GET /leases/a", status_reply(404, "NotFound"));
  EXPECT_EQ(run(client_.get<Lease>("/leases/a")).error().code, Code::kNotFound);
}

TEST_F(ClientTest, PatchesByOperations) {
  const Json operations = {{{"op", "test"}, {"path", "/metadata/finalizers/0"}, {"value", "x"}},
                           {{"op", "remove"}, {"path", "/metadata/finalizers/0"}}};
  transport_.reply("PATCH /pods/a", json_reply(200, kStored));
  ASSERT_TRUE(run(client_.json_patch("/pods/a", operations)));
  EXPECT_EQ(sent().content_type, "application/json-patch+json");
  EXPECT_EQ(Json::parse(sent().body), operations);
  transport_.reply("PATCH /pods/a", status_reply(422, "Invalid", "the test failed"));
  EXPECT_EQ(run(client_.json_patch("/pods/a", operations)).error().code, Code::kInvalid);
}

TEST_F(ClientTest, ADryRunIsAsked) {
  CallOptions options;
  options.dry_run = true;
  // What would be created has no resourceVersion.
  transport_.reply("POST /pods", json_reply(201, {{"metadata", {{"name", "a"}, {"uid", "u"}}}}));
  ASSERT_TRUE(run(client_.create("/pods", kObject, options)));
  EXPECT_EQ(sent().target, "/pods?dryRun=All");
  transport_.reply("PATCH /pods/a", json_reply(200, kStored));
  ASSERT_TRUE(run(client_.apply("/pods/a", kObject, "m", options)));
  EXPECT_EQ(sent().target, "/pods/a?fieldManager=m&force=true&dryRun=All");
  transport_.reply("DELETE /pods/a", json_reply(200, kStored));
  ASSERT_TRUE(run(client_.remove("/pods/a", Preconditions{"u", ""}, options)));
  EXPECT_EQ(sent().target, "/pods/a?dryRun=All");
  transport_.reply("GET /pods/a", json_reply(200, kStored));
  ASSERT_TRUE(run(client_.get("/pods/a", options)));
  EXPECT_EQ(sent().target, "/pods/a");
}

TEST_F(ClientTest, AnErrorHasTheServersWordsAndThePlace) {
  transport_.reply("POST /pods", status_reply(403, "Forbidden", "pods is forbidden: exceeded quota"));
  const Result<ObjectMeta> made = run(client_.create("/pods", kObject));
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, Code::kForbidden);
  EXPECT_EQ(made.error().reason, "Forbidden");
  EXPECT_THAT(made.error().message, HasSubstr("POST /pods"));
  EXPECT_THAT(made.error().message, HasSubstr("exceeded quota"));
}

TEST_F(ClientTest, KnowsWhatEachStatusMeans) {
  const std::vector<std::pair<int, Code>> meanings = {
      {400, Code::kInvalid},   {401, Code::kForbidden},   {403, Code::kForbidden},   {404, Code::kNotFound},
      {409, Code::kConflict},  {410, Code::kGone},        {422, Code::kInvalid},     {413, Code::kInvalid},
      {429, Code::kThrottled}, {500, Code::kUnavailable}, {503, Code::kUnavailable}, {504, Code::kUnavailable},
      {302, Code::kInternal},  {103, Code::kInternal},    {418, Code::kInternal}};
  for (const auto& [status, code] : meanings) {
    transport_.reply("PUT /pods/a", HttpResponse{status, "not JSON", std::nullopt});
    const Result<ObjectMeta> made = run(client_.replace("/pods/a", kObject));
    ASSERT_FALSE(made) << status;
    EXPECT_EQ(made.error().code, code) << status;
    EXPECT_THAT(made.error().message, HasSubstr(std::to_string(status)));
  }
}

TEST_F(ClientTest, TellsAnObjectThatExistsFromAConflict) {
  transport_.reply("POST /pods", status_reply(409, "AlreadyExists"));
  EXPECT_EQ(run(client_.create("/pods", kObject)).error().code, Code::kAlreadyExists);
  transport_.reply("PUT /pods/a", status_reply(409, "Conflict"));
  EXPECT_EQ(run(client_.replace("/pods/a", kObject)).error().code, Code::kConflict);
}

TEST_F(ClientTest, PassesOnWhatTheServerAsksToWait) {
  HttpResponse by_header = status_reply(429, "TooManyRequests");
  by_header.retry_after = std::chrono::seconds(7);
  transport_.reply("GET /pods/a", by_header);
  const Result<Json> first = run(client_.get("/pods/a"));
  EXPECT_EQ(first.error().code, Code::kThrottled);
  EXPECT_EQ(first.error().retry_after, std::chrono::seconds(7));

  transport_.reply("GET /pods/a", json_reply(500, {{"code", 500}, {"details", {{"retryAfterSeconds", 3}}}}));
  EXPECT_EQ(run(client_.get("/pods/a")).error().retry_after, std::chrono::seconds(3));
}

TEST_F(ClientTest, AnAnswerThatCannotBeReadSaysNothingOfTheWrite) {
  for (const char* body : {"", "<html>", "{\"metadata\":{\"name\":\"a\""}) {
    transport_.reply("POST /pods", HttpResponse{201, body, std::nullopt});
    const Result<ObjectMeta> made = run(client_.create("/pods", kObject));
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code, Code::kUnavailable) << body;
  }
}

TEST_F(ClientTest, AnAnswerWithoutItsVersionSaysNothingOfTheWrite) {
  transport_.reply("POST /pods", json_reply(201, {{"metadata", {{"name", "a"}}}}));
  EXPECT_EQ(run(client_.create("/pods", kObject)).error().code, Code::kUnavailable);
}

TEST_F(ClientTest, PassesOnWhatTheTransportSays) {
  transport_.reply("GET /pods/a", Error{Code::kTimeout, "did not answer in time"});
  EXPECT_EQ(run(client_.get("/pods/a")).error().code, Code::kTimeout);
}

TEST_F(ClientTest, SendsNoBytesThatAreNoUtf8) {
  transport_.reply("POST /pods", json_reply(201, kStored));
  const Json object = {{"note", "a\xff"}};
  ASSERT_TRUE(run(client_.create("/pods", object)));
  EXPECT_EQ(sent().body, "{\"note\":\"a\xef\xbf\xbd\"}");
}

TEST(StatusError, SurvivesAnyStatus) {
  for (const char* text : {"null", "5", "[]", "{}", R"({"code":"410","message":5,"details":[]})",
                           R"({"code":99999999999999999999,"details":{"retryAfterSeconds":-5}})"}) {
    const Error error = status_error(Json::parse(text));
    EXPECT_EQ(error.code, Code::kInternal) << text;
    EXPECT_FALSE(error.message.empty());
    EXPECT_EQ(error.retry_after, std::nullopt);
  }
  EXPECT_EQ(status_error(Json{{"code", 410}, {"reason", "Expired"}}).code, Code::kGone);
}

TEST(StatusError, NobodyIsKeptAwayForLong) {
  HttpResponse busy{503, "", std::chrono::seconds(3600)};
  EXPECT_EQ(status_error(busy).retry_after, std::chrono::seconds(60));
  const Json far = {{"code", 429}, {"details", {{"retryAfterSeconds", 9'000'000'000'000'000'000}}}};
  EXPECT_EQ(status_error(far).retry_after, std::chrono::seconds(60));
}

}  // namespace
}  // namespace pd::kube
