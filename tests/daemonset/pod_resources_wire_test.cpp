// What the client makes of answers that no gRPC server would give, or only rarely.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemonset/sources/pod_resources.h"
#include "pod_resources.pb.h"
#include "tests/daemonset/fixture.h"
#include "tests/daemonset/frame_server.h"

namespace pd::agent {
namespace {

using test::data;
using test::headers;
using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr std::chrono::seconds kLong(30);  // nothing here takes as long

std::string message(const std::string& content) { return '\0' + test::big_endian(content.size(), 4) + content; }

std::string pods() {
  v1::ListPodResourcesResponse response;
  v1::PodResources* pod = response.add_pod_resources();
  pod->set_name("p");
  pod->add_containers()->set_name("main");
  return response.SerializeAsString();
}

std::string head() { return headers({{":status", "200"}, {"content-type", "application/grpc"}}); }

std::string trailers(const std::string& status, const std::string& said = "") {
  return headers({{"grpc-status", status}, {"grpc-message", said}}, test::kEndStream);
}

// All of an answer in one frame.
std::string trailers_only(const std::string& status, const std::string& said) {
  return headers({{":status", "200"}, {"grpc-status", status}, {"grpc-message", said}}, test::kEndStream);
}

class PodResourcesWire : public ::testing::Test {
 protected:
  Result<std::vector<ContainerDevices>> list() { return run(io_, client_->list()); }

  // What comes of it when kubelet answers with these bytes.
  Result<std::vector<ContainerDevices>> list_from(const std::string& bytes, bool closes = false) {
    TempDir dir;
    const test::FrameServer kubelet(io_, dir.path("kubelet.sock"), {[bytes] { return bytes; }, closes});
    client_ = make_pod_resources(io_, dir.path("kubelet.sock"));
    return list();
  }

  Error error_from(const std::string& bytes, bool closes = false) {
    const Result<std::vector<ContainerDevices>> found = list_from(bytes, closes);
    return found ? Error{Code::kInternal, "it was taken for good"} : found.error();
  }

  TempDir dir_;
  std::string socket_ = dir_.path("kubelet.sock");
  asio::io_context io_;
  std::unique_ptr<PodResources> client_;
};

TEST_F(PodResourcesWire, ReadsAMessageThatComesInPieces) {
  const std::string bytes = message(pods());
  const Result<std::vector<ContainerDevices>> found =
      list_from(head() + data(bytes.substr(0, 3)) + data(bytes.substr(3, 4)) + data(bytes.substr(7)) + trailers("0"));
  ASSERT_TRUE(found) << found.error().message;
  ASSERT_THAT(*found, SizeIs(1));
  EXPECT_EQ((*found)[0].container, "main");
}

TEST_F(PodResourcesWire, AnEmptyMessageIsNoPods) {
  const Result<std::vector<ContainerDevices>> found = list_from(head() + data(message("")) + trailers("0"));
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_THAT(*found, SizeIs(0));
}

TEST_F(PodResourcesWire, TellsWhatTheStatusSays) {
  const std::vector<std::pair<std::string, Code>> codes = {
      {"1", Code::kCancelled}, {"2", Code::kUnavailable}, {"4", Code::kTimeout},      {"7", Code::kForbidden},
      {"8", Code::kInvalid},   {"12", Code::kInvalid},    {"14", Code::kUnavailable}, {"nonsense", Code::kUnavailable}};
  for (const auto& [status, code] : codes) {
    const Error alone = error_from(trailers_only(status, "no%20such%0Aservice, 100%"));
    EXPECT_EQ(alone.code, code) << status << ": " << alone.message;
    EXPECT_THAT(alone.message, HasSubstr("no such?service, 100%"));
    const Error after_a_message = error_from(head() + data(message(pods())) + trailers(status, "too late"));
    EXPECT_EQ(after_a_message.code, code) << status << ": " << after_a_message.message;
    EXPECT_THAT(after_a_message.message, HasSubstr("too late"));
  }
}

TEST_F(PodResourcesWire, NoLaterStatusMakesAFailureGood) {
  const std::string failed = headers({{":status", "200"}, {"grpc-status", "13"}, {"grpc-message", "first"}});
  EXPECT_EQ(error_from(failed + data(message(pods())) + trailers("0")).code, Code::kUnavailable);
  EXPECT_EQ(error_from(head() + data(message(pods())) + trailers("0junk")).code, Code::kUnavailable);
}

TEST_F(PodResourcesWire, RefusesWhatIsNoMessage) {
  const std::string good = message(pods());
  std::string compressed = good;
  compressed[0] = 1;
  const std::vector<std::pair<std::string, std::string>> bodies = {
      {"", "without a message"},
      {std::string("\0\0", 2), "without a message"},
      {compressed, "compressed"},
      {good + good, "not as long as it says"},
      {good + "x", "not as long as it says"},
      {good.substr(0, good.size() - 1), "not as long as it says"},
      {message("\xff\xff\xff"), "not of this service"},
      {"<html></html>", "compressed"}};
  for (const auto& [body, reason] : bodies) {
    const Error error = error_from(head() + data(body) + trailers("0"));
    EXPECT_EQ(error.code, Code::kInvalid) << ::testing::PrintToString(body);
    EXPECT_THAT(error.message, HasSubstr(reason)) << ::testing::PrintToString(body);
  }
  EXPECT_THAT(error_from(head() + trailers("0")).message, HasSubstr("without a message"));
}

TEST_F(PodResourcesWire, RefusesAnAnswerThatIsNotGrpc) {
  const std::string end = headers({{"x-end", "1"}}, test::kEndStream);
  EXPECT_EQ(error_from(head() + data(message(pods())) + end).code, Code::kInvalid);
  const Error not_found = error_from(headers({{":status", "404"}}, test::kEndStream));
  EXPECT_EQ(not_found.code, Code::kUnavailable);
  EXPECT_THAT(not_found.message, HasSubstr("404"));
}

TEST_F(PodResourcesWire, AConnectionThatBreaksIsNoAnswer) {
  const std::string all = head() + data(message(pods())) + trailers("0");
  for (const std::size_t sent : {std::size_t{0}, std::size_t{5}, head().size(), all.size() - 1}) {
    const Error error = error_from(all.substr(0, sent), true);
    EXPECT_EQ(error.code, Code::kUnavailable) << sent << ": " << error.message;
  }
  EXPECT_EQ(error_from("HTTP/1.1 400 Bad Request\r\n\r\n" + std::string(4096, 'x')).code, Code::kUnavailable);
  EXPECT_EQ(error_from(std::string(100000, '\0')).code, Code::kUnavailable);
}

TEST_F(PodResourcesWire, DoesNotWaitForAnEndThatNeverComes) {
  for (const std::string& begun : {std::string(), head(), head() + data(message(pods()))}) {
    const TempDir dir;
    const test::FrameServer kubelet(io_, dir.path("kubelet.sock"), {[begun = begun] { return begun; }});
    client_ = make_pod_resources(io_, dir.path("kubelet.sock"), std::chrono::milliseconds(200));
    const Result<std::vector<ContainerDevices>> found = list();
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().code, Code::kTimeout) << found.error().message;
  }
}

TEST_F(PodResourcesWire, EndsACallThatIsUnderWayWhenStopped) {
  const test::FrameServer kubelet(io_, socket_, {[this] {
                                    client_->stop();
                                    return std::string();
                                  }});
  client_ = make_pod_resources(io_, socket_, kLong);
  const Result<std::vector<ContainerDevices>> found = list();
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, Code::kCancelled);
  EXPECT_EQ(list().error().code, Code::kCancelled);
}

TEST_F(PodResourcesWire, EndsACallThatIsUnderWayWhenDestroyed) {
  bool asked = false;
  const test::FrameServer kubelet(io_, socket_, {[this, &asked] {
                                    asked = true;
                                    io_.stop();
                                    return std::string();
                                  }});
  client_ = make_pod_resources(io_, socket_, kLong);
  asio::co_spawn(
      io_, [this]() -> asio::awaitable<void> { static_cast<void>((co_await client_->list()).ok()); }, asio::detached);
  io_.run();
  EXPECT_TRUE(asked);
  client_.reset();
}

TEST_F(PodResourcesWire, SaysWhatToDoWhereThereIsNoSocket) {
  client_ = make_pod_resources(io_, socket_);
  const Error missing = list().error();
  EXPECT_EQ(missing.code, Code::kUnavailable);
  EXPECT_THAT(missing.message, HasSubstr(socket_));
  EXPECT_THAT(missing.message, HasSubstr("mount its folder"));
  dir_.write("kubelet.sock", "");  // what a kubelet that is gone leaves behind refuses, too
  const Error refused = list().error();
  EXPECT_EQ(refused.code, Code::kUnavailable);
  EXPECT_THAT(refused.message, HasSubstr("Connection refused"));
  EXPECT_EQ(run(io_, make_pod_resources(io_, "/" + std::string(200, 'x'))->list()).error().code, Code::kUnavailable);
}

}  // namespace
}  // namespace pd::agent
