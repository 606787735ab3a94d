// The initial events of a watch and a paged list, over TLS from a server of bare bytes in another process: what the
// transport, the decoding and the keeping of 10,000 pods and 1,000 nodes cost, apart from what a real API server costs.
#include <malloc.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <iostream>
#include <map>

#include "kube/cpprest_transport.h"
#include "kube/json_members.h"
#include "kube/resource.h"
#include "tests/bench/measure.h"
#include "tests/bench/sample_objects.h"
#include "tests/kube/certificates.h"
#include "tests/kube/raw_server.h"

namespace {

using namespace pd;
using kube::Resource;
namespace asio = boost::asio;

constexpr int kPods = 10000;
constexpr int kNodes = 1000;
constexpr int kPage = 500;
constexpr int kReplays = 5;
constexpr std::size_t kPodBytes = 3000;

std::string page_of(const std::vector<std::string>& objects, std::size_t first) {
  const std::size_t end = std::min(objects.size(), first + kPage);
  std::string page = R"({"kind":"List","metadata":{"resourceVersion":"9")";
  if (end < objects.size()) page += R"(,"continue":")" + std::to_string(end) + "\"";
  page += R"(},"items":[)";
  for (std::size_t i = first; i < end; ++i) page += (i == first ? "" : ",") + objects[i];
  return page + "]}";
}

class ApiImitation {
 public:
  ApiImitation() {
    for (int i = 0; i < kPods; ++i) pods_.push_back(bench::pod_object(i, kPodBytes).dump());
    for (int i = 0; i < kNodes; ++i) nodes_.push_back(bench::node_object(i).dump());
  }

  asio::awaitable<void> serve(test::Connection& connection) const {
    while (true) {
      const test::RawRequest request = co_await connection.read_request();
      const bool is_pods = request.head.find("/pods") != std::string::npos;
      const std::vector<std::string>& objects = is_pods ? pods_ : nodes_;
      if (request.head.find("watch=1") != std::string::npos) {
        co_await replay(connection, objects);
      } else {
        const std::size_t mark = request.head.find("continue=");
        const std::size_t first = mark == std::string::npos ? 0 : std::stoul(request.head.substr(mark + 9));
        const std::string page = page_of(objects, first);
        co_await connection.answer("200 OK", page);
      }
    }
  }

 private:
  static asio::awaitable<void> replay(test::Connection& connection, const std::vector<std::string>& objects) {
    co_await connection.start_stream();
    for (int n = 0; n < kReplays; ++n) {
      for (const std::string& object : objects) {
        const std::string line = R"({"type":"ADDED","object":)" + object + "}\n";
        co_await connection.chunk(line);
      }
    }
    co_await connection.end_stream();
  }

  std::vector<std::string> pods_;
  std::vector<std::string> nodes_;
};

// Serves until it is ended, and tells its parent where.
int run_server(int told) {
  const test::Certificate ca = test::Certificate::authority("bench");
  const test::Certificate certificate = ca.issue("server", "IP:127.0.0.1");
  auto tls = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_server);
  tls->use_certificate_chain(asio::buffer(certificate.pem()));
  tls->use_private_key(asio::buffer(certificate.key_pem()), asio::ssl::context::pem);
  asio::io_context context;
  const ApiImitation api;
  const test::RawServer server(
      context, [&api](test::Connection& connection) { return api.serve(connection); }, tls);
  const std::string line = Json({{"url", server.url()}, {"ca", ca.pem()}}).dump() + "\n";
  if (write(told, line.data(), line.size()) < 0) return 1;
  context.run();
  return 0;
}

std::size_t resident_kb(const std::string& field) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(field + ":")) return std::stoul(line.substr(field.size() + 1));
  }
  return 0;
}

// Of all threads, in user and kernel mode: on a busy machine it says more than the time that has passed.
double cpu_seconds() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

template <typename T>
using Cache = std::map<std::string, std::shared_ptr<const T>>;

template <typename T>
void keep(const Json& json, Cache<T>& cache) {
  Result<T> object = Resource<T>::decode(json);
  std::string key = object->meta.key();
  cache[std::move(key)] = std::make_shared<const T>(std::move(*object));
}

template <typename T>
asio::awaitable<Result<Ok>> list(kube::Transport& transport, Cache<T>& cache) {
  std::string token;
  do {
    kube::HttpRequest request{"GET", "/api/v1/" + std::string(Resource<T>::kPath.plural) + "?continue=" + token};
    if (token.empty()) request.target.erase(request.target.find('?'));
    const Result<kube::HttpResponse> answer = co_await transport.send(std::move(request), std::chrono::minutes(1), {});
    if (!answer) co_return answer.error();
    const Result<Json> page = kube::parse_projected(answer->body, Resource<T>::projection(), "items");
    if (!page) co_return page.error();
    for (const Json& item : (*page)["items"]) keep<T>(item, cache);
    token = kube::text_member((*page)["metadata"], "continue");
  } while (!token.empty());
  co_return Ok{};
}

asio::awaitable<Result<Ok>> replay(kube::Transport& transport, Cache<kube::Pod>& cache, std::size_t& bytes) {
  kube::HttpRequest request{"GET", "/api/v1/pods?watch=1"};
  Result<kube::StreamResponse> stream = co_await transport.open(std::move(request), std::chrono::minutes(1), {});
  if (!stream) co_return stream.error();
  while (true) {
    Result<std::optional<std::string>> line = co_await stream->lines->next(std::chrono::minutes(1));
    if (!line) co_return line.error();
    if (!*line) co_return Ok{};
    bytes += (*line)->size();
    const Result<Json> event = kube::parse_projected(**line, Resource<kube::Pod>::projection(), "object");
    if (!event) co_return event.error();
    keep<kube::Pod>((*event)["object"], cache);
  }
}

void print(const std::string& name, const std::string& unit, double value) {
  std::cout << Json({{"bench", name}, {"unit", unit}, {"median", bench::rounded(value)}}).dump() << '\n';
}

asio::awaitable<void> measure(asio::io_context& context, const kube::Config& config, bool& right) {
  using Clock = std::chrono::steady_clock;
  using Seconds = std::chrono::duration<double>;
  kube::CpprestTransport transport(context, config, "pd-bench/1");
  Cache<kube::Pod> pods;
  Cache<kube::Node> nodes;
  print("replay.rss_before", "kB", static_cast<double>(resident_kb("VmRSS")));
  const auto begun = Clock::now();
  const Status listed_pods = co_await list<kube::Pod>(transport, pods);
  const Status listed_nodes = co_await list<kube::Node>(transport, nodes);
  print("replay.cold_list_10000_pods_1000_nodes", "s", Seconds(Clock::now() - begun).count());
  print("replay.rss_after_list", "kB", static_cast<double>(resident_kb("VmRSS")));
  malloc_trim(0);
  print("replay.rss_after_list_trimmed", "kB", static_cast<double>(resident_kb("VmRSS")));
  std::size_t bytes = 0;
  const double cpu_before = cpu_seconds();
  const auto started = Clock::now();
  const Status replayed = co_await replay(transport, pods, bytes);
  const double seconds = Seconds(Clock::now() - started).count();
  print("replay.events", "1/s", kReplays * kPods / seconds);
  print("replay.cpu_per_event", "us", (cpu_seconds() - cpu_before) * 1e6 / (kReplays * kPods));
  print("replay.bytes", "MB/s", static_cast<double>(bytes) / 1e6 / seconds);
  print("replay.rss_after_replay", "kB", static_cast<double>(resident_kb("VmRSS")));
  print("replay.rss_peak", "kB", static_cast<double>(resident_kb("VmHWM")));
  right = listed_pods && listed_nodes && replayed && pods.size() == kPods && nodes.size() == kNodes;
}

int run_client(std::istream& told) {
  std::string line;
  std::getline(told, line);
  const Json where = Json::parse(line);
  kube::Config config;
  config.server = where["url"];
  config.ca_pem = where["ca"];
  asio::io_context context;
  bool right = false;
  asio::co_spawn(context, measure(context, config, right), asio::detached);
  context.run();
  if (!right) std::cerr << "replay_bench: not all objects came: the numbers mean nothing\n";
  return right ? 0 : 1;
}

}  // namespace

int main() {
  std::array<int, 2> ends{};
  if (pipe(ends.data()) != 0) return 1;
  const pid_t server = fork();
  if (server == 0) return run_server(ends[1]);
  std::ifstream told("/proc/self/fd/" + std::to_string(ends[0]));
  const int status = run_client(told);
  kill(server, SIGTERM);
  waitpid(server, nullptr, 0);
  return status;
}
