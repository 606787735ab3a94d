// The sidecar, run in the test's own thread: one step at a time until what is expected has happened.
#include "gate/watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/streambuf.hpp>
#include <boost/asio/write.hpp>
#include <functional>

#include "gate/generation_server.h"
#include "gate/ready.h"
#include "tests/gate/mounted_directory.h"
#include "tests/support/child.h"

namespace pd::gate {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using test::Child;
using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

// Runs handlers until the condition holds; false when it does not within a minute.
bool run_until(asio::io_context& io, const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + 60s;
  while (!condition() && std::chrono::steady_clock::now() < deadline) {
    io.restart();
    io.run_one_for(100ms);
  }
  return condition();
}

// An engine that answers each connection with the next of its statuses (the last one again and again).
class Engine {
 public:
  Engine(asio::io_context& io, std::vector<int> statuses, std::chrono::milliseconds takes = 0ms)
      : acceptor_(io, {tcp::v4(), 0}), statuses_(std::move(statuses)), takes_(takes) {
    accept();
  }
  std::string url() const {
    return "http://127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port()) + "/reload";
  }
  const std::vector<std::string>& requests() const { return requests_; }

 private:
  struct Call {
    explicit Call(tcp::socket accepted) : socket(std::move(accepted)), timer(socket.get_executor()) {}
    tcp::socket socket;
    asio::steady_timer timer;
    asio::streambuf request;
    std::string answer;
  };
  void accept() {
    acceptor_.async_accept([this](const boost::system::error_code& error, tcp::socket socket) {
      if (error) return;
      const auto call = std::make_shared<Call>(std::move(socket));
      asio::async_read_until(call->socket, call->request, "\r\n\r\n",
                             [this, call](const boost::system::error_code&, std::size_t) { answer(call); });
      accept();
    });
  }
  void answer(const std::shared_ptr<Call>& call) {
    requests_.emplace_back(asio::buffers_begin(call->request.data()), asio::buffers_end(call->request.data()));
    const int status = statuses_[std::min(requests_.size(), statuses_.size()) - 1];
    call->answer = "HTTP/1.1 " + std::to_string(status) + " X\r\nContent-Length: 0\r\n\r\n";
    call->timer.expires_after(takes_);
    call->timer.async_wait([call](const boost::system::error_code&) {
      asio::async_write(call->socket, asio::buffer(call->answer),
                        [call](const boost::system::error_code&, std::size_t) {});
    });
  }

  tcp::acceptor acceptor_;
  std::vector<int> statuses_;
  std::chrono::milliseconds takes_;
  std::vector<std::string> requests_;
};

// A client that sends its text and collects all that comes back.
class Client {
 public:
  Client(asio::io_context& io, const tcp::endpoint& server, std::string text) : socket_(io), text_(std::move(text)) {
    boost::system::error_code error;
    socket_.connect(server, error);
    if (!error) asio::write(socket_, asio::buffer(text_), error);
    asio::async_read(socket_, received_, [this](const boost::system::error_code&, std::size_t) { done_ = true; });
  }
  bool done() const { return done_; }
  std::string received() const { return {asio::buffers_begin(received_.data()), asio::buffers_end(received_.data())}; }

 private:
  tcp::socket socket_;
  std::string text_;
  asio::streambuf received_;
  bool done_ = false;
};

class Watch : public ::testing::Test {
 protected:
  WatchOptions options(const std::string& reload_url = {}) {
    WatchOptions options;
    options.subject = {.directory = directory_.path(), .address = kPodAddress, .profile = "AscendCloud"};
    options.state_file = directory_.beside("state");
    options.uid = "6f0e3c9a";
    if (!reload_url.empty()) options.reload = *parse_reload_url(reload_url);
    return options;
  }
  std::int64_t state() {
    const auto generation = read_state(directory_.beside("state"));
    return generation ? *generation : -1;
  }
  bool sees(const TableFollower& follower, int generation) {
    const std::string answer = R"({"uid":"6f0e3c9a","generation":)" + std::to_string(generation) + "}";
    return run_until(io_, [&] { return follower.answer() == answer; });
  }

  MountedDirectory directory_;
  asio::io_context io_;
};

TEST_F(Watch, TellsTheGenerationThatIsMounted) {
  TableFollower follower(io_, options());
  EXPECT_EQ(follower.answer(), R"({"uid":"6f0e3c9a","generation":0})");
  follower.start();
  directory_.publish(initializing_files("3", ""));
  EXPECT_TRUE(sees(follower, 3));
  EXPECT_EQ(state(), -1) << "an initializing table makes nobody ready";
  directory_.publish(prefill_files("7", "7"));
  EXPECT_TRUE(sees(follower, 7));
  EXPECT_EQ(state(), 7);
}

TEST_F(Watch, ARefusedOrForeignTableIsNotDelivered) {
  Files broken = prefill_files("9", "9");
  broken["global_ranktable.json"] = "{";
  Files unlisted = prefill_files("9", "9");
  unlisted.erase("local_ranktable.json");
  for (const Files& files : {scheduler_files("9", "9"), broken, unlisted}) {
    directory_.publish(files);
    asio::io_context io;  // a follower ends with its own
    TableFollower follower(io, options());
    follower.start();
    io.poll();  // it has looked once
    EXPECT_EQ(follower.answer(), R"({"uid":"6f0e3c9a","generation":0})");
    EXPECT_EQ(state(), -1);
  }
}

TEST_F(Watch, ReadinessStaysWhenTheTableGoesBackToInitializing) {
  directory_.publish(prefill_files("7", "7"));
  TableFollower follower(io_, options());
  follower.start();
  EXPECT_TRUE(sees(follower, 7));
  directory_.publish(initializing_files("8", "8"));
  EXPECT_TRUE(sees(follower, 8));
  EXPECT_EQ(state(), 7);
}

TEST_F(Watch, CallsTheEngineOnAChangeButNotAtFirst) {
  Engine engine(io_, {204});
  directory_.publish(prefill_files("7", "7"));
  TableFollower follower(io_, options(engine.url()));
  follower.start();
  EXPECT_TRUE(sees(follower, 7));
  EXPECT_THAT(engine.requests(), IsEmpty());
  directory_.publish(prefill_files("8", "8"));
  EXPECT_TRUE(run_until(io_, [&] { return state() == 8; }));
  EXPECT_THAT(engine.requests(), ElementsAre(StartsWith("POST /reload HTTP/1.1\r\nHost: 127.0.0.1:")));
}

// A pod on the host's network is listed by the address of the one before, with the other's devices.
TEST_F(Watch, TheEngineDoesNotStartWithTheTableOfThePodBefore) {
  Engine engine(io_, {200});
  directory_.publish(prefill_files("5", ""));
  TableFollower follower(io_, options(engine.url()));
  follower.start();
  EXPECT_TRUE(sees(follower, 5));
  EXPECT_EQ(state(), -1);
  directory_.publish(prefill_files("6", "6"));
  EXPECT_TRUE(run_until(io_, [&] { return state() == 6; }));
  EXPECT_THAT(engine.requests(), IsEmpty());
  directory_.publish(prefill_files("7", "6"));
  EXPECT_TRUE(run_until(io_, [&] { return state() == 7; }));
  EXPECT_EQ(engine.requests().size(), 1u);
}

TEST_F(Watch, TriesAgainUntilTheEngineHasReloaded) {
  Engine engine(io_, {503, 200});
  directory_.publish(prefill_files("7", "7"));
  TableFollower follower(io_, options(engine.url()));
  follower.start();
  EXPECT_TRUE(sees(follower, 7));
  directory_.publish(prefill_files("8", "8"));
  EXPECT_TRUE(run_until(io_, [&] { return engine.requests().size() == 1; }));
  EXPECT_EQ(state(), 7);
  EXPECT_TRUE(run_until(io_, [&] { return state() == 8; }));
  EXPECT_EQ(engine.requests().size(), 2u);
}

TEST_F(Watch, AnEngineThatRefusesIsAskedOncePerGeneration) {
  Engine engine(io_, {404});
  directory_.publish(prefill_files("7", "7"));
  TableFollower follower(io_, options(engine.url()));
  follower.start();
  EXPECT_TRUE(sees(follower, 7));
  directory_.publish(prefill_files("8", "8"));
  EXPECT_TRUE(run_until(io_, [&] { return state() == 8; }));
  directory_.publish(prefill_files("9", "9"));
  EXPECT_TRUE(run_until(io_, [&] { return state() == 9; }));
  EXPECT_EQ(engine.requests().size(), 2u);
}

TEST_F(Watch, AfterARestartItCallsForWhatTheEngineMissed) {
  Engine engine(io_, {200});
  ASSERT_TRUE(write_state(directory_.beside("state"), 7));
  directory_.publish(prefill_files("9", "9"));
  TableFollower follower(io_, options(engine.url()));
  follower.start();
  EXPECT_TRUE(run_until(io_, [&] { return state() == 9; }));
  EXPECT_EQ(engine.requests().size(), 1u);
}

class Server : public ::testing::Test {
 protected:
  std::uint16_t listen(GenerationServer& server) {
    std::uint16_t port = 0;
    server.start([&](std::uint16_t bound) { port = bound; });
    EXPECT_TRUE(run_until(io_, [&] { return port != 0; }));
    return port;
  }
  std::string ask(const tcp::endpoint& endpoint, const std::string& text) {
    Client client(io_, endpoint, text);
    EXPECT_TRUE(run_until(io_, [&] { return client.done(); }));
    return client.received();
  }
  static tcp::endpoint local(std::uint16_t port) { return {asio::ip::make_address("127.0.0.1"), port}; }

  asio::io_context io_;
};

constexpr const char* kAsk = "GET /generation HTTP/1.1\r\nHost: x\r\n\r\n";

TEST_F(Server, AnswersOverBothFamilies) {
  GenerationServer server(io_, 0, [] { return "{}"; });
  const std::uint16_t port = listen(server);
  EXPECT_THAT(ask(local(port), kAsk), AllOf(StartsWith("HTTP/1.1 200 OK\r\n"), EndsWith("\r\n\r\n{}")));
  boost::system::error_code error;
  tcp::socket probe(io_);
  probe.connect({asio::ip::make_address("::1"), port}, error);
  if (error) GTEST_SKIP() << "no IPv6 here: " << error.message();
  EXPECT_THAT(ask({asio::ip::make_address("::1"), port}, kAsk), StartsWith("HTTP/1.1 200 OK\r\n"));
}

TEST_F(Server, RefusesWhatIsNotItsOneQuestion) {
  GenerationServer server(io_, 0, [] { return "{}"; });
  const tcp::endpoint endpoint = local(listen(server));
  EXPECT_THAT(ask(endpoint, "GET / HTTP/1.1\r\n\r\n"), StartsWith("HTTP/1.1 404"));
  EXPECT_THAT(ask(endpoint, "POST /generation HTTP/1.1\r\nContent-Length: 0\r\n\r\n"), StartsWith("HTTP/1.1 405"));
  EXPECT_THAT(ask(endpoint, "garbage\r\n\r\n"), IsEmpty());
  EXPECT_THAT(ask(endpoint, "GET /generation HTTP/1.1\r\nX: " + std::string(20000, 'x') + "\r\n\r\n"), IsEmpty());
  EXPECT_THAT(ask(endpoint, "PUT /generation HTTP/1.1\r\nContent-Length: 99999999\r\n\r\nx"), IsEmpty());
  EXPECT_THAT(ask(endpoint, kAsk), StartsWith("HTTP/1.1 200"));
}

TEST_F(Server, ServesSixteenConnectionsAndClosesMore) {
  GenerationServer server(io_, 0, [] { return "{}"; });
  const tcp::endpoint endpoint = local(listen(server));
  std::vector<std::unique_ptr<Client>> idle;
  for (int i = 0; i < 17; ++i) idle.push_back(std::make_unique<Client>(io_, endpoint, "GET"));
  EXPECT_TRUE(run_until(io_, [&] { return idle.back()->done(); }));
  EXPECT_FALSE(idle.front()->done());
  // The silent ones are closed after their five seconds, and then there is room again.
  EXPECT_TRUE(run_until(
      io_, [&] { return std::all_of(idle.begin(), idle.end(), [](const auto& client) { return client->done(); }); }));
  EXPECT_THAT(ask(endpoint, kAsk), StartsWith("HTTP/1.1 200"));
}

TEST_F(Server, ATakenPortIsTriedAgain) {
  auto holder = std::make_unique<tcp::acceptor>(io_, tcp::endpoint(tcp::v6(), 0));
  const std::uint16_t port = holder->local_endpoint().port();
  GenerationServer server(io_, port, [] { return "{}"; });
  std::uint16_t bound = 0;
  server.start([&](std::uint16_t number) { bound = number; });
  io_.run_for(50ms);
  EXPECT_EQ(bound, 0);
  holder.reset();
  EXPECT_TRUE(run_until(io_, [&] { return bound == port; }));
}

std::optional<Status> reload_of(Engine& engine, asio::io_context& io, ReloadDeadlines deadlines) {
  std::optional<Status> outcome;
  const ReloadTarget target = *parse_reload_url(engine.url());
  const auto call = [&]() -> asio::awaitable<void> { outcome = co_await post_reload(target, deadlines); };
  asio::co_spawn(io, call, asio::detached);
  run_until(io, [&] { return outcome.has_value(); });
  return outcome;
}

// It may build all of its links anew before it answers.
TEST(Reload, WaitsLongerForTheAnswerThanForTheConnection) {
  asio::io_context io;
  Engine engine(io, {200}, 2200ms);
  EXPECT_TRUE(*reload_of(engine, io, {.sent = 2s, .answered = 60s}));
  Engine silent(io, {200}, 3600s);
  EXPECT_EQ(reload_of(silent, io, {.sent = 60s, .answered = 50ms})->error().code, Code::kUnavailable);
}

TEST(Reload, AnEngineThatIsBusyHasNotRefused) {
  asio::io_context io;
  for (const int status : {408, 425, 429, 500, 503}) {
    Engine engine(io, {status});
    EXPECT_EQ(reload_of(engine, io, {})->error().code, Code::kUnavailable) << status;
  }
  Engine engine(io, {404});
  EXPECT_EQ(reload_of(engine, io, {})->error().code, Code::kInvalid);
}

TEST(ReloadUrl, TakesAddressesOfThePodItself) {
  const auto target = parse_reload_url("http://127.0.0.1:8000/reload?all=1");
  ASSERT_TRUE(target);
  EXPECT_EQ(target->endpoint.port(), 8000);
  EXPECT_EQ(target->host, "127.0.0.1:8000");
  EXPECT_EQ(target->path, "/reload?all=1");
  EXPECT_EQ(parse_reload_url("http://[::1]:80")->path, "/");
  EXPECT_TRUE(parse_reload_url("http://localhost:80/x")->endpoint.address().is_loopback());
  for (const char* url : {"", "http://", "https://127.0.0.1:80/", "http://127.0.0.1/x", "http://127.0.0.1:0/x",
                          "http://127.0.0.1:65536/", "http://engine:80/", "http://127.0.0.1:80x/", "http://:80/",
                          "http://127.0.0.1:80/a b", "http://127.0.0.1:80/\r\nX: y"}) {
    EXPECT_FALSE(parse_reload_url(url)) << url;
  }
}

TEST(State, IsWrittenWholeAndNeverThroughALink) {
  MountedDirectory directory;
  const std::string path = directory.beside("state");
  EXPECT_EQ(read_state(path).error().code, Code::kNotFound);
  std::filesystem::create_symlink(directory.beside("elsewhere"), path + ".new");
  ASSERT_TRUE(write_state(path, 7));
  ASSERT_TRUE(write_state(path, 8));
  EXPECT_EQ(*read_state(path), 8);
  EXPECT_FALSE(std::filesystem::exists(directory.beside("elsewhere")));
  EXPECT_FALSE(write_state(directory.beside("none/state"), 7));
  EXPECT_EQ(default_state_file("6f-1"), "/dev/shm/pd-gate-6f-1");
  EXPECT_EQ(default_state_file("../x"), "/dev/shm/pd-gate");
}

TEST(GateWatch, EndsCleanlyWhenTerminated) {
  MountedDirectory directory;
  directory.publish(prefill_files("7", "7"));
  Child gate("pd-gate", {"watch", "--dir", directory.path(), "--port", "0", "--state-file", directory.beside("state")},
             {"POD_IP=10.0.0.18", "POD_UID=6f0e3c9a"});
  EXPECT_THAT(gate.err_line(), HasSubstr("A generation has arrived"));
  EXPECT_THAT(gate.err_line(), HasSubstr("Listening"));
  Child ready("pd-gate", {"ready", "--state-file", directory.beside("state")});
  EXPECT_EQ(ready.exit_code(), 0);
  gate.terminate();
  EXPECT_EQ(gate.exit_code(), 0);
}

}  // namespace
}  // namespace pd::gate
