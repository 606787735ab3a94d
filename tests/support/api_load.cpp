// api-load: writes to a live API server, as much as a test or a benchmark needs.
//
//   api-load --kubeconfig FILE [--namespace NS] [--clients 16]
//
// It answers commands on stdin:
//
//   pods PREFIX COUNT BYTES NODES    creates PREFIX-0, ... of about BYTES bytes each, which run on node-0 ... NODES-1
//   (0: on none) nodes COUNT                      creates node-0, ... touch PREFIX COUNT               changes a label
//   of pods PREFIX-0, ...: {"writes": 1000, "seconds": 1.2} churn RATE SEED                  from now on creates,
//   changes and deletes pods, config maps and nodes, RATE times a second calm                             no more of
//   that, once the last write was answered: {"writes": 812, "failed": 7} mark                             a last change
//   of each kind, whose versions it answers: {"Pod": "812", ...}
//
// It ends with stdin.
#include <CLI/CLI.hpp>
#include <array>

#include "base/log.h"
#include "kube/client.h"
#include "kube/cpprest_transport.h"
#include "runtime/flow.h"
#include "runtime/timing.h"
#include "tests/support/command_lines.h"
#include "tests/support/load_objects.h"

namespace {

using namespace pd;
using kube::Resource;
using test::CommandLines;
using test::Words;
namespace asio = boost::asio;
using Seconds = std::chrono::duration<double>;

constexpr int kSlots = 100;                              // objects of each kind that the churn may make
constexpr auto kRetry = std::chrono::milliseconds(100);  // of a mark that was not answered
constexpr auto kMarkLimit = std::chrono::seconds(60);

struct Options {
  std::string kubeconfig;
  std::string ns = "default";
  int clients = 16;
};

Json label_patch(const std::string& value) { return {{"metadata", {{"labels", {{"turn", value}}}}}}; }

class Load {
 public:
  Load(asio::io_context& context, kube::Transport& transport, const Options& options)
      : context_(context), client_(transport), options_(options), churn_(context) {}

  asio::awaitable<void> serve() {
    CommandLines commands(context_);
    while (std::optional<Words> words = co_await commands.next()) {
      Json answered = co_await answer(std::move(*words));
      CommandLines::answer(answered);
    }
    Json ended = co_await calm();
  }

 private:
  using Write = std::function<asio::awaitable<Status>(int index)>;

  asio::awaitable<Json> answer(Words words) {
    words.resize(std::max<std::size_t>(words.size(), 5), "0");  // what is missing counts as nothing
    const std::string& command = words[0];
    if (command == "pods")
      co_return co_await create_pods(words[1], std::stoi(words[2]), std::stoul(words[3]), std::stoi(words[4]));
    if (command == "nodes") co_return co_await create_nodes(std::stoi(words[1]));
    if (command == "touch") co_return co_await touch(words[1], std::stoi(words[2]));
    if (command == "churn") {
      start_churn(std::stod(words[1]), std::stoull(words[2]));
      co_return Json{{"churning", true}};
    }
    if (command == "wait") co_return co_await wait_writes(std::stoi(words[1]));
    if (command == "calm") co_return co_await calm();
    if (command == "mark") co_return co_await mark();
    co_return Json{{"error", "api-load does not know this command"}};
  }

  // All of them, by several clients at once.
  asio::awaitable<Json> write_all(int count, Write write) {
    const Instant begun = std::chrono::steady_clock::now();
    int next = 0;
    std::string failure;
    std::vector<std::unique_ptr<runtime::Flow>> flows;
    for (int n = 0; n < options_.clients; ++n) {
      flows.push_back(std::make_unique<runtime::Flow>(context_));
      flows.back()->start(write_some(count, write, next, failure));
    }
    for (const auto& flow : flows) co_await flow->ended();
    Json answer = {{"writes", next}, {"seconds", Seconds(std::chrono::steady_clock::now() - begun).count()}};
    if (!failure.empty()) answer["error"] = failure;
    co_return answer;
  }

  static asio::awaitable<void> write_some(int count, Write write, int& next, std::string& failure) {
    while (next < count && failure.empty()) {
      const Status written = co_await write(next++);
      if (!written) failure = written.error().message;
    }
  }

  static Status outcome(const Result<kube::ObjectMeta>& written) { return written ? Status(Ok{}) : written.error(); }

  asio::awaitable<Json> create_pods(std::string prefix, int count, std::size_t bytes, int nodes) {
    const Write write = [this, prefix, bytes, nodes](int index) { return create_pod(prefix, index, bytes, nodes); };
    return write_all(count, write);
  }

  asio::awaitable<Status> create_pod(std::string prefix, int index, std::size_t bytes, int nodes) {
    const std::string name = prefix + "-" + std::to_string(index);
    const std::string node = nodes == 0 ? "" : "node-" + std::to_string(index % nodes);
    const Result<kube::ObjectMeta> created = co_await client_.create(
        kube::list_path(Resource<kube::Pod>::kPath, options_.ns), test::pod_to_create(name, node, bytes));
    if (!created) co_return created.error();
    Json status = {{"status", test::pod_status(index)}};
    const Result<kube::ObjectMeta> running = co_await client_.merge_patch(path<kube::Pod>(name) + "/status", status);
    co_return outcome(running);
  }

  asio::awaitable<Json> create_nodes(int count) {
    const Write write = [this](int index) { return create_node(index); };
    return write_all(count, write);
  }

  asio::awaitable<Status> create_node(int index) {
    const std::string name = "node-" + std::to_string(index);
    const Result<kube::ObjectMeta> created =
        co_await client_.create(kube::list_path(Resource<kube::Node>::kPath, ""), test::node_to_create(name, index));
    co_return outcome(created);
  }

  asio::awaitable<Json> touch(std::string prefix, int count) {
    const std::string value = std::to_string(++turn_);
    const Write write = [this, prefix, value](int index) { return touch_one(prefix, index, value); };
    return write_all(count, write);
  }

  asio::awaitable<Status> touch_one(std::string prefix, int index, std::string value) {
    const Result<kube::ObjectMeta> touched =
        co_await client_.merge_patch(path<kube::Pod>(prefix + "-" + std::to_string(index)), label_patch(value));
    co_return outcome(touched);
  }

  template <typename T>
  std::string path(const std::string& name) const {
    return kube::object_path(Resource<T>::kPath, ns_of<T>(), name);
  }
  template <typename T>
  std::string ns_of() const {
    return std::is_same_v<T, kube::Node> ? "" : options_.ns;
  }

  void start_churn(double rate, std::uint64_t seed) {
    stop_churn_ = StopSource();
    writes_ = failed_ = 0;
    churn_.start(churn(Seconds(1 / rate), runtime::Rng(seed), stop_churn_.token()));
  }

  // The pace is that of the moments at which a write is due: one that took long is made up for.
  asio::awaitable<void> churn(Seconds pace, runtime::Rng rng, StopToken stop) {
    Instant due = std::chrono::steady_clock::now();
    std::uniform_int_distribution<int> kinds(0, 9);
    while (!stop.stopped()) {
      const int kind = kinds(rng);
      Status written = Ok{};
      if (kind < 5) {
        written = co_await change<kube::Pod>(rng);
      } else if (kind < 9) {
        written = co_await change<kube::ConfigMap>(rng);
      } else {
        written = co_await change<kube::Node>(rng);
      }
      ++writes_;
      if (!written) ++failed_;
      changed_.notify_all();
      due = std::max(due + std::chrono::duration_cast<Duration>(pace), std::chrono::steady_clock::now() - kCatchUp);
      const Duration left = due - std::chrono::steady_clock::now();
      if (left > Duration::zero()) co_await runtime::sleep_for(left, stop);
    }
  }

  template <typename T>
  Json object(const std::string& name) {
    if constexpr (std::is_same_v<T, kube::Pod>) return test::pod_to_create(name, "", 0);
    if constexpr (std::is_same_v<T, kube::Node>) return test::node_to_create(name, turn_);
    if constexpr (std::is_same_v<T, kube::ConfigMap>) return test::config_map_to_create(name, turn_);
  }

  // One of the kind's slots: what is not there is created, what is there is changed or deleted. The same names come
  // again and again. Of a write that was not answered nobody knows; the next one on that slot finds out.
  template <typename T>
  asio::awaitable<Status> change(runtime::Rng& rng) {
    // Named: g++ 12 destroys a braced temporary of a co_await expression twice.
    const kube::CallOptions quick{.timeout = std::chrono::seconds(5)};
    const kube::Preconditions whatever_it_is;
    const int slot = std::uniform_int_distribution<int>(0, kSlots - 1)(rng);
    const bool remove = std::uniform_int_distribution<int>(0, 2)(rng) == 0;
    const std::string name = "churn-" + std::to_string(slot);
    bool& there = there_[std::string(Resource<T>::kKind)][slot];
    ++turn_;
    Status written = Ok{};
    if (!there) {
      written =
          outcome(co_await client_.create(kube::list_path(Resource<T>::kPath, ns_of<T>()), object<T>(name), quick));
    } else if (remove) {
      written = outcome(co_await client_.remove(path<T>(name), whatever_it_is, quick));
    } else {
      written = outcome(co_await client_.merge_patch(path<T>(name), label_patch(std::to_string(turn_)), quick));
    }
    if (written) {
      there = !there || !remove;
    } else if (written.error().code == Code::kAlreadyExists || written.error().code == Code::kNotFound) {
      there = written.error().code == Code::kAlreadyExists;
    }
    co_return written;
  }

  asio::awaitable<Json> wait_writes(int more) {
    const int enough = writes_ - failed_ + more;
    while (churn_.running() && writes_ - failed_ < enough) co_await changed_.wait();
    co_return Json{{"succeeded", writes_ - failed_}};
  }

  asio::awaitable<Json> calm() {
    stop_churn_.stop();
    co_await churn_.ended();
    co_return Json{{"writes", writes_}, {"failed", failed_}};
  }

  asio::awaitable<Json> mark() {
    Json versions = Json::object();
    versions["Pod"] = co_await mark_kind<kube::Pod>();
    versions["Node"] = co_await mark_kind<kube::Node>();
    versions["ConfigMap"] = co_await mark_kind<kube::ConfigMap>();
    co_return versions;
  }

  template <typename T>
  asio::awaitable<std::string> mark_kind() {
    const Instant deadline = std::chrono::steady_clock::now() + kMarkLimit;
    while (true) {
      const std::string value = std::to_string(++turn_);
      Result<kube::ObjectMeta> marked = co_await client_.merge_patch(path<T>("mark"), label_patch(value));
      if (!marked && marked.error().code == Code::kNotFound)
        marked = co_await client_.create(kube::list_path(Resource<T>::kPath, ns_of<T>()), object<T>("mark"));
      if (marked) co_return marked->resource_version;
      if (std::chrono::steady_clock::now() >= deadline) co_return "";
      const StopToken never;
      co_await runtime::sleep_for(kRetry, never);
    }
  }

  static constexpr auto kCatchUp = std::chrono::seconds(1);

  asio::io_context& context_;
  kube::Client client_;
  Options options_;
  runtime::Flow churn_;
  StopSource stop_churn_;
  runtime::Signal changed_;  // a write of the churn has ended
  std::map<std::string, std::array<bool, kSlots>> there_;
  int turn_ = 0;
  int writes_ = 0;
  int failed_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("Writes to a live API server, as much as a test or a benchmark needs.");
  app.add_option("--kubeconfig", options.kubeconfig, "how to reach the cluster");
  app.add_option("--namespace", options.ns, "of pods and config maps")->capture_default_str();
  app.add_option("--clients", options.clients, "writes at a time")->check(CLI::Range(1, 64))->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  log::init({"api-load", true, log::Level::kInfo});
  const Result<kube::Config> config = kube::load_config(options.kubeconfig);
  if (!config) {
    log::error("No way to the cluster", {{"error", config.error().message}});
    return 1;
  }
  asio::io_context context;
  kube::CpprestTransport transport(context, *config, "api-load/1");
  Load load(context, transport, options);
  runtime::spawn(context, load.serve());
  context.run();
  return 0;
}
