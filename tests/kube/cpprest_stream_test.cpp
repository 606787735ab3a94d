// CpprestTransport's streams, against a server of bare bytes.
#include <gmock/gmock.h>

#include "tests/kube/transport_fixture.h"

namespace pd::kube {
namespace {

using test::Connection;
using test::run_until;
using ::testing::HasSubstr;

constexpr std::size_t kMiB = std::size_t{1} << 20;

class CpprestStream : public test::TransportTest {
 protected:
  // Opens a stream on which the server does what `then` says; the connection stays open after that.
  Result<StreamResponse> open_stream(test::RawServer::Session then) {
    serve([then = std::move(then)](Connection& connection) -> asio::awaitable<void> {
      (void)co_await connection.read_request();
      co_await connection.start_stream();
      co_await then(connection);
      co_await connection.wait_for_close();
    });
    return open("/watch");
  }
  Result<StreamResponse> open_chunks(std::vector<std::string> chunks) {
    return open_stream([chunks = std::move(chunks)](Connection& connection) -> asio::awaitable<void> {
      for (const std::string& chunk : chunks) co_await connection.chunk(chunk);
      co_await connection.end_stream();
    });
  }
  void expect_line(StreamResponse& stream, const std::string& wanted) {
    const Line line = next(stream);
    ASSERT_TRUE(line) << line.error().message;
    ASSERT_TRUE(*line);
    EXPECT_TRUE(**line == wanted) << (*line)->size() << " bytes, not " << wanted.size();
  }
  void expect_end(StreamResponse& stream) {
    const Line line = next(stream);
    ASSERT_TRUE(line) << line.error().message;
    EXPECT_FALSE(*line);
  }
};

TEST_F(CpprestStream, HasLinesWhateverTheChunks) {
  Result<StreamResponse> stream = open_chunks({"one\ntw", "o\n", "\nth", "r", "ee", "\nfour\nfive\n"});
  ASSERT_TRUE(stream) << stream.error().message;
  EXPECT_EQ(stream->head.status, 200);
  for (const char* line : {"one", "two", "", "three", "four", "five"}) expect_line(*stream, line);
  expect_end(*stream);
  expect_end(*stream);
}

TEST_F(CpprestStream, HasALineAsSoonAsItIsThere) {
  bool go_on = false;
  Result<StreamResponse> stream = open_stream([&](Connection& connection) -> asio::awaitable<void> {
    co_await connection.chunk("first\nsec");
    while (!go_on) co_await asio::post(context_, asio::use_awaitable);
    co_await connection.chunk("ond\n");
  });
  ASSERT_TRUE(stream) << stream.error().message;
  expect_line(*stream, "first");
  go_on = true;
  expect_line(*stream, "second");
}

TEST_F(CpprestStream, EndsCleanlyWithoutALine) {
  Result<StreamResponse> stream = open_chunks({});
  ASSERT_TRUE(stream) << stream.error().message;
  expect_end(*stream);
}

// The buffer holds less than such a line: waiting for room before reading on would wait for ever.
TEST_F(CpprestStream, TakesALineLongerThanItsBuffer) {
  const std::string part(100000, 'x');
  std::vector<std::string> chunks(40, part);
  chunks.insert(chunks.begin(), "before\n");
  chunks.push_back("\nafter\n");
  Result<StreamResponse> stream = open_chunks(std::move(chunks));
  ASSERT_TRUE(stream) << stream.error().message;
  expect_line(*stream, "before");
  expect_line(*stream, std::string(4000000, 'x'));
  expect_line(*stream, "after");
  expect_end(*stream);
}

// A pod of the 1.5 MiB that etcd takes, all of it "<", which is \u003c in JSON. The API server sends it as one chunk.
TEST_F(CpprestStream, TakesTheLargestObject) {
  const std::string line(94 * kMiB / 10, 'x');
  Result<StreamResponse> stream = open_chunks({"before\n", line + "\n", "after\n"});
  ASSERT_TRUE(stream) << stream.error().message;
  expect_line(*stream, "before");
  expect_line(*stream, line);
  expect_line(*stream, "after");
  expect_end(*stream);
}

TEST_F(CpprestStream, RefusesALineWithoutEnd) {
  Result<StreamResponse> stream = open_stream([](Connection& connection) -> asio::awaitable<void> {
    const std::string part(kMiB, 'x');
    co_await connection.flood(part);
  });
  ASSERT_TRUE(stream) << stream.error().message;
  const Line line = next(*stream);
  ASSERT_FALSE(line);
  EXPECT_EQ(line.error().code, Code::kInternal);
  expect_closed();
}

TEST_F(CpprestStream, LetsAFasterServerWait) {
  constexpr int kChunks = 64;
  int written = 0;
  Result<StreamResponse> stream = open_stream([&written](Connection& connection) -> asio::awaitable<void> {
    const std::string part(kMiB - 1, 'x');
    for (; written < kChunks; ++written) co_await connection.chunk(part + "\n");
    co_await connection.end_stream();
  });
  ASSERT_TRUE(stream) << stream.error().message;
  // Nobody reads: after what the buffers on the way hold, the server gets no further.
  int before = -1;
  while (before != written) {
    before = written;
    context_.restart();
    context_.run_for(std::chrono::milliseconds(200));
  }
  EXPECT_LT(written, 32) << "MiB went to a reader who reads nothing";
  for (int i = 0; i < kChunks; ++i) expect_line(*stream, std::string(kMiB - 1, 'x'));
  expect_end(*stream);
}

TEST_F(CpprestStream, HandsOutManySmallLines) {
  std::string lines;
  for (int i = 0; i < 100; ++i) lines += "a line of some length, as an event is\n";
  constexpr int kChunks = 200;
  Result<StreamResponse> stream = open_chunks(std::vector<std::string>(kChunks, lines));
  ASSERT_TRUE(stream) << stream.error().message;
  for (int i = 0; i < kChunks * 100; ++i) expect_line(*stream, "a line of some length, as an event is");
  expect_end(*stream);
}

TEST_F(CpprestStream, SaysThatAChunkBroke) {
  serve([](Connection& connection) -> asio::awaitable<void> {
    (void)co_await connection.read_request();
    co_await connection.start_stream();
    co_await connection.chunk("whole\nhal");
    std::string broken = Connection::chunk_head(100) + "f of a chunk";
    co_await connection.write(std::move(broken));
  });
  Result<StreamResponse> stream = open("/watch");
  ASSERT_TRUE(stream) << stream.error().message;
  expect_line(*stream, "whole");
  const Line line = next(*stream);
  ASSERT_FALSE(line);
  EXPECT_EQ(line.error().code, Code::kUnavailable);
}

TEST_F(CpprestStream, AnEndInTheMiddleOfALineIsNoCleanEnd) {
  Result<StreamResponse> stream = open_chunks({"whole\n", "half"});
  ASSERT_TRUE(stream) << stream.error().message;
  expect_line(*stream, "whole");
  const Line line = next(*stream);
  ASSERT_FALSE(line);
  EXPECT_EQ(line.error().code, Code::kUnavailable);
  EXPECT_THAT(line.error().message, HasSubstr("middle of a line"));
}

TEST_F(CpprestStream, GivesUpASilentStream) {
  Result<StreamResponse> stream =
      open_stream([](Connection& connection) -> asio::awaitable<void> { co_await connection.chunk("first\nhalf"); });
  ASSERT_TRUE(stream) << stream.error().message;
  expect_line(*stream, "first");
  const Line line = next(*stream, std::chrono::milliseconds(50));
  ASSERT_FALSE(line);
  EXPECT_EQ(line.error().code, Code::kTimeout);
  EXPECT_THAT(line.error().message, HasSubstr("silent"));
  expect_closed();
}

TEST_F(CpprestStream, WaitsForTheHeadNoLongerThanSaid) {
  serve([](Connection& connection) -> asio::awaitable<void> { co_await connection.wait_for_close(); });
  const Result<StreamResponse> stream = open("/watch", std::chrono::milliseconds(50));
  ASSERT_FALSE(stream);
  EXPECT_EQ(stream.error().code, Code::kTimeout);
  expect_closed();
}

TEST_F(CpprestStream, StopsWhileItWaitsForTheHead) {
  serve([this](Connection& connection) -> asio::awaitable<void> {
    (void)co_await connection.read_request();
    stop_.stop();
    co_await connection.wait_for_close();
  });
  const Result<StreamResponse> stream = open("/watch");
  ASSERT_FALSE(stream);
  EXPECT_EQ(stream.error().code, Code::kCancelled);
  expect_closed();
}

TEST_F(CpprestStream, StopsWhileItWaitsForALine) {
  Result<StreamResponse> stream =
      open_stream([](Connection& connection) -> asio::awaitable<void> { co_await connection.chunk("first\n"); });
  ASSERT_TRUE(stream) << stream.error().message;
  expect_line(*stream, "first");
  asio::post(context_, [this] { stop_.stop(); });
  const Line line = next(*stream);
  ASSERT_FALSE(line);
  EXPECT_EQ(line.error().code, Code::kCancelled);
  expect_closed();
}

TEST_F(CpprestStream, ClosesWhenNobodyWantsItAnyMore) {
  Result<StreamResponse> stream = open_stream(
      [](Connection& connection) -> asio::awaitable<void> { co_await connection.flood(std::string(kMiB, 'x')); });
  ASSERT_TRUE(stream) << stream.error().message;
  stream->lines.reset();
  expect_closed();
}

TEST_F(CpprestStream, ReadsTheWholeOfARefusal) {
  serve([](Connection& connection) -> asio::awaitable<void> {
    (void)co_await connection.read_request();
    co_await connection.answer("410 Gone", "{\"code\":410}", "Retry-After: 3\r\n");
    co_await connection.wait_for_close();
  });
  const Result<StreamResponse> stream = open("/watch");
  ASSERT_TRUE(stream) << stream.error().message;
  EXPECT_EQ(stream->head.status, 410);
  EXPECT_EQ(stream->head.body, "{\"code\":410}");
  EXPECT_EQ(stream->head.retry_after, std::chrono::seconds(3));
  EXPECT_EQ(stream->lines, nullptr);
}

TEST_F(CpprestStream, ItsTransportMayGoFirst) {
  Result<StreamResponse> stream =
      open_stream([](Connection& connection) -> asio::awaitable<void> { co_await connection.chunk("first\n"); });
  ASSERT_TRUE(stream) << stream.error().message;
  expect_line(*stream, "first");
  std::optional<Line> line;
  std::optional<Result<HttpResponse>> answer;
  std::optional<Result<StreamResponse>> opened;
  HttpRequest request{"GET", "/never"};
  test::start(context_, stream->lines->next(test::kTestLimit), line);
  test::start(context_, transport().send(request, test::kTestLimit, stop_.token()), answer);
  test::start(context_, transport().open(request, test::kTestLimit, stop_.token()), opened);
  run_until(context_, [this] { return server_->connections() >= 2; });
  transport_.reset();
  run_until(context_, [&] { return line && answer && opened; });
  EXPECT_EQ(line->error().code, Code::kCancelled);
  EXPECT_EQ(answer->error().code, Code::kCancelled);
  EXPECT_TRUE(*opened || opened->error().code == Code::kCancelled);  // its head may have come before
  expect_closed();
}

// What waits is destroyed with the io_context instead of being resumed.
TEST_F(CpprestStream, MayBeLeftInTheMiddle) {
  Result<StreamResponse> stream = open_stream([](Connection& connection) -> asio::awaitable<void> {
    co_await connection.flood(std::string(kMiB, 'x') + "\n");
  });
  ASSERT_TRUE(stream) << stream.error().message;
  std::optional<Result<HttpResponse>> answer;
  HttpRequest request{"GET", "/never"};
  test::start(context_, transport().send(std::move(request), test::kTestLimit, stop_.token()), answer);
  run_until(context_, [this] { return server_->connections() >= 2; });
  transport_.reset();
}

}  // namespace
}  // namespace pd::kube
