// Runs the behaviours against the simulated API server, or a real one:
//
//   conformance                                         against SimApiServer
//   conformance --kubeconfig=F [--etcd=127.0.0.1:2379]  against the server of a kubeconfig; etcd to compact its history
//   conformance --list                                  the list, as docs/conformance.md has it
//
// and googletest's own flags. In a real cluster each behaviour makes a namespace and deletes it. One that the server's
// version does not have is skipped.
#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/streambuf.hpp>
#include <boost/asio/write.hpp>
#include <iostream>
#include <set>
#include <sstream>

#include "base/file.h"
#include "kube/config.h"
#include "kube/cpprest_transport.h"
#include "tests/conformance/behaviour.h"
#include "tests/simulation/sim_transport.h"
#include "tests/support/fake_clock.h"

namespace pd::test {
namespace {

struct Options {
  std::string kubeconfig;  // empty: simulated
  std::string etcd;        // address and port
  bool list = false;
};

// etcd's gateway, without TLS as the test cluster has it.
void compact_etcd(const std::string& etcd, std::uint64_t revision) {
  namespace asio = boost::asio;
  const std::size_t colon = etcd.rfind(':');
  asio::io_context context;
  asio::ip::tcp::socket socket(context);
  socket.connect(
      {asio::ip::make_address(etcd.substr(0, colon)), static_cast<unsigned short>(std::stoul(etcd.substr(colon + 1)))});
  const std::string body = R"({"revision":")" + std::to_string(revision) + R"(","physical":true})";
  asio::write(socket, asio::buffer("POST /v3/kv/compaction HTTP/1.1\r\nHost: etcd\r\nConnection: close\r\n"
                                   "Content-Type: application/json\r\nContent-Length: " +
                                   std::to_string(body.size()) + "\r\n\r\n" + body));
  asio::streambuf answer;
  asio::read_until(socket, answer, "\r\n");
  const std::string status(asio::buffers_begin(answer.data()), asio::buffers_begin(answer.data()) + 12);
  // 400: it is compacted already.
  if (status != "HTTP/1.1 200" && status != "HTTP/1.1 400") throw std::runtime_error("etcd answered " + status);
}

// The minor version of a real server: Kubernetes 1.x.
int ask_version(boost::asio::io_context& context, kube::Transport& transport) {
  const Result<kube::HttpResponse> answer =
      run_to_end(context, transport.send({"GET", "/version"}, std::chrono::seconds(20), StopToken()));
  if (!answer) throw std::runtime_error("the server's version: " + answer.error().message);
  return std::stoi(Json::parse(answer->body).at("minor").get<std::string>());  // "36", "36+"
}

class BehaviourTest : public testing::Test {
 public:
  BehaviourTest(const Behaviour& behaviour, const Options& options) : behaviour_(behaviour), options_(options) {}
  void TestBody() override {
    if (options_.kubeconfig.empty()) {
      simulated();
    } else {
      real();
    }
  }

 private:
  void simulated() {
    boost::asio::io_context context;
    FakeClock clock;
    SimStore etcd;
    SimApiServer server(etcd, clock);
    // What only older servers do, one of them has to show.
    server.set_streaming_lists(behaviour_.versions.before == 0);
    SimTransport transport(server);
    Api api(context, transport, "conformance",
            {[&etcd](std::uint64_t revision) { etcd.compact(revision); }, [&] { transport.request_bookmarks(); }});
    behaviour_.check(api);
  }

  void real() {
    const Result<kube::Config> config = kube::load_config(options_.kubeconfig);
    ASSERT_TRUE(config) << config.error().message;
    boost::asio::io_context context;
    kube::CpprestTransport transport(context, *config, "pd-operator/conformance");
    static const int version = ask_version(context, transport);
    if (!behaviour_.versions.include(version)) {
      GTEST_SKIP() << behaviour_.versions.text() << ", and this is 1." << version;
    }
    Powers powers;
    if (!options_.etcd.empty()) {
      powers.compact = [this](std::uint64_t revision) { compact_etcd(options_.etcd, revision); };
    }
    static int count = 0;
    Api api(context, transport, "conformance-" + std::to_string(getpid()) + "-" + std::to_string(++count), powers);
    behaviour_.check(api);
  }

  const Behaviour behaviour_;
  const Options& options_;
};

void print_list(std::ostream& out) {
  std::size_t count = 0;
  const std::vector<BehaviourGroup> groups = all_behaviours();
  for (const BehaviourGroup& group : groups) count += group.behaviours.size();
  out << "# What the API server does\n\n"
         "The "
      << count
      << " behaviours of the Kubernetes API that this project relies on. `tests/conformance` holds the simulated API\n"
         "server (with the unit tests) and real kube-apiservers (with the integration tests) to this list, so that "
         "what\n"
         "the simulator finds is true of a cluster. Where not all versions of Kubernetes behave so, the last column "
         "says\nwhich do, and the others are not held to it. `conformance --list` writes this file.\n";
  for (const BehaviourGroup& group : groups) {
    out << "\n## " << group.title << "\n\n| behaviour | what it says | Kubernetes |\n|---|---|---|\n";
    for (const Behaviour& behaviour : group.behaviours) {
      out << "| `" << behaviour.name << "` | " << behaviour.description << " | " << behaviour.versions.text() << " |\n";
    }
  }
}

TEST(ConformanceDocument, IsTheList) {
  const Result<std::string> document = read_file("docs/conformance.md");
  ASSERT_TRUE(document) << document.error().message;
  std::ostringstream list;
  print_list(list);
  EXPECT_EQ(*document, list.str()) << "write it anew: conformance --list > docs/conformance.md";
}

TEST(ConformanceDocument, NamesEachBehaviourOnce) {
  std::set<std::string_view> names;
  for (const BehaviourGroup& group : all_behaviours()) {
    for (const Behaviour& behaviour : group.behaviours) {
      EXPECT_TRUE(names.insert(behaviour.name).second) << behaviour.name;
      EXPECT_TRUE(behaviour.description.ends_with('.')) << behaviour.name;
    }
  }
}

bool take_option(const std::string& argument, const std::string& name, std::string& value) {
  const std::string prefix = "--" + name + "=";
  if (argument.rfind(prefix, 0) != 0) return false;
  value = argument.substr(prefix.size());
  return true;
}

bool read_options(int argc, char** argv, Options& options) {
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "--list") {
      options.list = true;
    } else if (!take_option(argument, "kubeconfig", options.kubeconfig) &&
               !take_option(argument, "etcd", options.etcd)) {
      std::cerr << "conformance: what is \"" << argument << "\"? --kubeconfig=F, --etcd=ADDRESS:PORT, --list\n";
      return false;
    }
  }
  return true;
}

}  // namespace

std::vector<BehaviourGroup> all_behaviours() {
  return {create_behaviours(), update_behaviours(), patch_behaviours(), apply_behaviours(),  status_behaviours(),
          delete_behaviours(), read_behaviours(),   watch_behaviours(), refusal_behaviours()};
}

}  // namespace pd::test

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  pd::test::Options options;
  if (!pd::test::read_options(argc, argv, options)) return 2;
  if (options.list) {
    pd::test::print_list(std::cout);
    return 0;
  }
  for (const pd::test::BehaviourGroup& group : pd::test::all_behaviours()) {
    for (const pd::test::Behaviour& behaviour : group.behaviours) {
      testing::RegisterTest(
          "Api", std::string(behaviour.name).c_str(), nullptr, nullptr, __FILE__, __LINE__,
          [behaviour, &options]() -> testing::Test* { return new pd::test::BehaviourTest(behaviour, options); });
    }
  }
  return RUN_ALL_TESTS();
}
