// Answers that are none, or other ones than were asked for. The peer has shown a certificate of the cluster's CA, so
// this is about a broken server or a proxy in between, but whatever comes ends one request and not the process.
#include <gmock/gmock.h>

#include "tests/kube/tls_fixture.h"

namespace pd::kube {
namespace {

using test::Connection;
using test::RawRequest;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr auto kSoon = std::chrono::milliseconds(200);
const std::string kChunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

class CpprestMalformed : public test::TlsTest {
 protected:
  // Sends `bytes` as the answer to everything but /good, and then waits or closes.
  void answer_with(const std::string& bytes, bool close) {
    serve_tls("IP:127.0.0.1", [bytes, close](Connection& connection) -> asio::awaitable<void> {
      while (true) {
        const RawRequest request = co_await connection.read_request();
        if (request.head.starts_with("GET /good ")) {
          co_await connection.answer("200 OK", "good");
          continue;
        }
        co_await connection.write(bytes);
        if (close) co_return;
        co_await connection.wait_for_close();
      }
    });
  }
  void expect_error(const std::string& bytes) {
    for (const bool close : {true, false}) {
      transport_.reset();
      answer_with(bytes, close);
      const Result<HttpResponse> answer = get("/", kSoon);
      ASSERT_FALSE(answer) << bytes << answer->status << answer->body;
      EXPECT_THAT(answer.error().code, ::testing::AnyOf(Code::kUnavailable, Code::kTimeout)) << bytes;
      EXPECT_THAT(answer.error().message, HasSubstr(config_.server));
      const Result<HttpResponse> next = get("/good");
      ASSERT_TRUE(next) << bytes << next.error().message;
      EXPECT_EQ(next->body, "good") << bytes;
    }
  }
};

TEST_F(CpprestMalformed, AHeadThatIsNone) {
  for (const char* bytes :
       {"\r\n\r\n", "nothing of HTTP\r\n\r\n", "HTTP/1.1 abc OK\r\n\r\n", "HTTP/1.1\r\n\r\n", "\x16\x03\x01\r\n\r\n"})
    expect_error(bytes);
}

// The library takes it for a size of nearly 2^64, and would throw on a thread where nobody of its own catches it.
TEST_F(CpprestMalformed, AChunkOfNegativeSize) {
  for (const char* size : {"-1", "-2", "-3", "-80000000"})
    expect_error(kChunked + size + "\r\n" + std::string(100, 'x'));
  expect_error(kChunked + "ffffffff\r\n");
  expect_error(kChunked + "7fffffff\r\nab");
}

TEST_F(CpprestMalformed, AChunkThatIsNone) {
  expect_error(kChunked + "zz\r\n");
  expect_error(kChunked + "2\r\n{}");
  expect_error(kChunked + "2\r\n{}\r\n2\r\n");
}

TEST_F(CpprestMalformed, ABodyShorterThanItsLength) {
  expect_error("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01234");
}

TEST_F(CpprestMalformed, AStreamMeetsThemToo) {
  for (const char* chunk : {"-1\r\nabcd", "-2\r\nabcd", "-3\r\nabcd", "zz\r\n", "ffffffff\r\n", "5\r\nab"}) {
    transport_.reset();
    answer_with(kChunked + "6\r\nfirst\n\r\n" + chunk, true);
    Result<StreamResponse> stream = open("/watch");
    ASSERT_TRUE(stream) << stream.error().message;
    const Line first = next(*stream);
    ASSERT_TRUE(first && *first) << chunk;
    EXPECT_EQ(**first, "first");
    const Line second = next(*stream, kSoon);
    ASSERT_FALSE(second) << chunk;
    EXPECT_THAT(second.error().code, ::testing::AnyOf(Code::kUnavailable, Code::kTimeout)) << chunk;
  }
}

// The library takes it for the answer; the true one would then be taken for that of the next request.
TEST_F(CpprestMalformed, AnInterimAnswerIsNone) {
  for (const char* interim : {"HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"})
    expect_error(std::string(interim) + "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbad");
}

TEST_F(CpprestMalformed, AServerThatHalfCloses) {
  expect_error("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01");
  // A whole answer is one, whatever the connection does after it.
  transport_.reset();
  answer_with("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", true);
  const Result<HttpResponse> answer = get("/");
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->body, "{}");
}

// It was asked for identity. Whoever reads the bytes finds no JSON in them; nothing is unpacked.
TEST_F(CpprestMalformed, ACompressedAnswerIsNotUnpacked) {
  const std::string gzip("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xab\xae\x05\x00\x43\xbf\xa6\xa3\x02\x00\x00\x00",
                         22);
  answer_with("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 22\r\n\r\n" + gzip, false);
  const Result<HttpResponse> answer = get("/");
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->body, gzip);
}

TEST_F(CpprestMalformed, AnAnswerOverTheLimitOfItsRequest) {
  const std::string body(5000, 'x');
  answer_with("HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + body, false);
  HttpRequest request{"GET", "/"};
  request.answer_limit = 5000;
  ASSERT_TRUE(send(request));
  transport_.reset();
  request.answer_limit = 4999;
  const Result<HttpResponse> answer = send(request);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::kUnavailable);
  EXPECT_EQ(answer.error().reason, kTooLarge);
  EXPECT_THAT(answer.error().message, HasSubstr("larger than is accepted"));
}

TEST_F(CpprestMalformed, ALongHeadIsStillOne) {
  answer_with("HTTP/1.1 200 OK\r\nX-Padding: " + std::string(200000, 'x') + "\r\nContent-Length: 2\r\n\r\n{}", false);
  const Result<HttpResponse> answer = get("/");
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->body, "{}");
}

}  // namespace
}  // namespace pd::kube
