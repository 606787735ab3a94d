// store-probe: keeps stores of a live API server's pods, nodes and config maps, as the operator does, and says what is
// in them. Tests compare that with what the API server says; benchmarks and the soak look at what it costs.
//
//   store-probe --kubeconfig FILE [--server https://127.0.0.1:PORT] [--kinds Pod,Node,ConfigMap] ...
//
// It answers commands on stdin (SECONDS: how long it waits at most):
//
//   wait synced SECONDS              {"reached": true, "seconds": 1.9, "kinds": {"Pod": {"seconds": ..., ...}}}
//   wait version KIND VERSION SECONDS   until the watch has come so far: {"reached": true, "version": "812"}
//   digest KIND                      {"objects": 812, "digest": "sha256:..."} over the lines KEY@RESOURCEVERSION
//   objects KIND                     {"NAMESPACE/NAME": "RESOURCEVERSION", ...}
//   counts                           events, bytes and restarts of the watches by kind
//   usage                            memory in kB, CPU in seconds, open files
//   trim                             gives free memory back to the system, and answers as usage does
//
// It ends with stdin.
#include <malloc.h>
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <fstream>

#include "base/digest.h"
#include "base/log.h"
#include "kube/cpprest_transport.h"
#include "runtime/reflector.h"
#include "tests/support/command_lines.h"
#include "tests/support/metered_transport.h"

namespace {

using namespace pd;
using test::CommandLines;
using test::Words;
namespace asio = boost::asio;
using Seconds = std::chrono::duration<double>;

struct Options {
  std::string kubeconfig;
  std::string server;
  std::string ns;
  std::string selector;
  std::vector<std::string> kinds{"Pod", "Node", "ConfigMap"};
  bool by_pages = false;
  int silence = 150;
};

double since(Instant begun) { return Seconds(std::chrono::steady_clock::now() - begun).count(); }

// Wakes the command that waits whenever something has changed; it looks for itself whether that is what it waits for.
class Changes {
 public:
  void tell() { next_.stop(); }
  asio::awaitable<bool> until(std::function<bool()> holds, Duration limit) {
    const Instant deadline = std::chrono::steady_clock::now() + limit;
    while (!holds()) {
      const Instant now = std::chrono::steady_clock::now();
      if (now >= deadline) co_return false;
      next_ = StopSource();
      co_await runtime::sleep_for(deadline - now, next_.token());
    }
    co_return true;
  }

 private:
  StopSource next_;
};

// One kind: its watch, its store and what was counted.
class Watched {
 public:
  virtual ~Watched() = default;
  virtual runtime::ReflectorBase& reflector() = 0;
  virtual std::map<std::string, std::string> versions() const = 0;

  Json counts() const {
    const test::Meter& meter = transport_.meter();
    Json counts = {{"objects", versions().size()},
                   {"changes", changes_},
                   {"requests", meter.requests},
                   {"lines", meter.lines},
                   {"bytes", meter.bytes},
                   {"restarts", restarts_},
                   {"replay", replay_},
                   {"seconds", synced_after_}};
    return counts;
  }
  std::string version() { return reflector().version(""); }
  double synced_after() const { return synced_after_; }

 protected:
  Watched(kube::Transport& real, const Options& options, Changes& changes)
      : changed_(changes), transport_(real, options.by_pages), client_(transport_) {}

  void follow(const Instant begun) {
    reflector().on_restart([this](std::string_view reason) { ++restarts_[std::string(reason)]; });
    reflector().on_listed([this, begun] {
      if (synced_after_ == 0) {
        synced_after_ = since(begun);
        replay_ = {{"lines", transport_.meter().lines}, {"bytes", transport_.meter().bytes}};
      }
      changed_.tell();
    });
  }
  void on_change() {
    ++changes_;
    changed_.tell();
  }

  kube::Client& client() { return client_; }

 private:
  Changes& changed_;
  test::MeteredTransport transport_;
  kube::Client client_;
  std::uint64_t changes_ = 0;
  std::map<std::string, int> restarts_;
  double synced_after_ = 0;  // seconds
  Json replay_;              // what had come until then
};

template <typename T>
class WatchedKind final : public Watched {
 public:
  WatchedKind(kube::Transport& real, const Options& options, runtime::Selection selection, runtime::Rng& rng,
              Changes& changes, Instant begun)
      : Watched(real, options, changes), reflector_(client(), std::move(selection), rng, timing(options)) {
    reflector_.store().on_change([this](const auto&, const auto&) { on_change(); });
    follow(begun);
  }
  runtime::ReflectorBase& reflector() override { return reflector_; }
  std::map<std::string, std::string> versions() const override {
    std::map<std::string, std::string> versions;
    for (const auto& object : reflector_.store().all()) versions[object->meta.key()] = object->meta.resource_version;
    return versions;
  }

 private:
  static runtime::Watcher::Timing timing(const Options& options) {
    runtime::Watcher::Timing timing;
    timing.silence = std::chrono::seconds(options.silence);
    return timing;
  }

  runtime::Reflector<T> reflector_;
};

Json usage() {
  Json usage;
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:")) usage["rss_kb"] = std::stoul(line.substr(6));
    if (line.starts_with("VmHWM:")) usage["peak_kb"] = std::stoul(line.substr(6));
  }
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  usage["cpu_seconds"] = seconds(used.ru_utime) + seconds(used.ru_stime);
  const std::filesystem::directory_iterator files("/proc/self/fd");
  usage["files"] = std::distance(begin(files), end(files)) - 1;  // without the one that reads the folder
  usage["heap_kb"] = (mallinfo2().uordblks + mallinfo2().hblkhd) / 1024;
  return usage;
}

class Probe {
 public:
  Probe(asio::io_context& context, kube::Transport& transport, const Options& options, Instant begun)
      : context_(context), begun_(begun) {
    const std::vector<std::string> namespaces =
        options.ns.empty() ? std::vector<std::string>() : std::vector{options.ns};
    for (const std::string& kind : options.kinds) {
      const runtime::Selection selection{namespaces, options.selector};
      if (kind == "Pod") add<kube::Pod>(transport, options, selection);
      if (kind == "Node") add<kube::Node>(transport, options, {});
      if (kind == "ConfigMap") add<kube::ConfigMap>(transport, options, selection);
    }
  }

  void start() {
    for (const auto& [kind, watched] : kinds_) runtime::spawn(context_, watched->reflector().run(stop_.token()));
    runtime::spawn(context_, serve());
  }

 private:
  template <typename T>
  void add(kube::Transport& transport, const Options& options, const runtime::Selection& selection) {
    kinds_[std::string(kube::Resource<T>::kKind)] =
        std::make_unique<WatchedKind<T>>(transport, options, selection, rng_, changes_, begun_);
  }

  asio::awaitable<void> serve() {
    CommandLines commands(context_);
    while (const std::optional<Words> words = co_await commands.next()) {
      Json answered = co_await answer(*words);
      CommandLines::answer(answered);
    }
    stop_.stop();
  }

  asio::awaitable<Json> answer(Words words) {
    words.resize(std::max<std::size_t>(words.size(), 5));  // what is missing is empty
    if (words[0] == "wait" && words[1] == "synced") co_return co_await wait_synced(words[2]);
    if (words[0] == "counts") co_return counts();
    if (words[0] == "usage") co_return usage();
    if (words[0] == "trim") {
      malloc_trim(0);
      co_return usage();
    }
    const bool is_wait = words[0] == "wait" && words[1] == "version";
    const auto kind = kinds_.find(is_wait ? words[2] : words[1]);
    if (kind == kinds_.end()) co_return Json{{"error", "store-probe does not know this command or kind"}};
    if (is_wait) co_return co_await wait_version(*kind->second, words[3], words[4]);
    if (words[0] == "objects") co_return Json(kind->second->versions());
    co_return digest(*kind->second);
  }

  static Duration limit(const std::string& seconds) { return std::chrono::seconds(std::stoi(seconds)); }

  asio::awaitable<Json> wait_synced(std::string seconds) {
    const std::function<bool()> synced = [this] {
      return std::all_of(kinds_.begin(), kinds_.end(), [](auto& kind) { return kind.second->reflector().synced(""); });
    };
    const bool reached = co_await changes_.until(synced, limit(seconds));
    double slowest = 0;
    for (const auto& [kind, watched] : kinds_) slowest = std::max(slowest, watched->synced_after());
    co_return Json{{"reached", reached}, {"kinds", counts()}, {"seconds", slowest}};
  }

  asio::awaitable<Json> wait_version(Watched& watched, std::string version, std::string seconds) {
    const std::function<bool()> passed = [&watched, &version] {
      return !runtime::version_less(watched.version(), version);
    };
    const bool reached = co_await changes_.until(passed, limit(seconds));
    co_return Json{{"reached", reached}, {"version", watched.version()}};
  }

  static Json digest(const Watched& watched) {
    const std::map<std::string, std::string> versions = watched.versions();
    std::string lines;
    for (const auto& [key, version] : versions) lines += key + "@" + version + "\n";
    return {{"objects", versions.size()}, {"digest", sha256(lines)}};
  }

  Json counts() const {
    Json counts = Json::object();
    for (const auto& [kind, watched] : kinds_) counts[kind] = watched->counts();
    return counts;
  }

  asio::io_context& context_;
  Instant begun_;
  runtime::Rng rng_{std::random_device{}()};
  Changes changes_;
  std::map<std::string, std::unique_ptr<Watched>> kinds_;
  StopSource stop_;
};

}  // namespace

int main(int argc, char** argv) {
  const Instant begun = std::chrono::steady_clock::now();
  Options options;
  CLI::App app("Keeps stores of a live API server's objects, and says what is in them.");
  app.add_option("--kubeconfig", options.kubeconfig, "how to reach the cluster");
  app.add_option("--server", options.server, "another address of that API server: a proxy's");
  app.add_option("--kinds", options.kinds, "what is watched")
      ->delimiter(',')
      ->check(CLI::IsMember({"Pod", "Node", "ConfigMap"}));
  app.add_option("--namespace", options.ns, "of pods and config maps; default: all");
  app.add_option("--selector", options.selector, "labels of pods and config maps");
  app.add_flag("--by-pages", options.by_pages, "list as from an API server without streaming lists");
  app.add_option("--silence", options.silence, "seconds after which a silent watch is given up")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  log::init({"store-probe", true, log::Level::kInfo});
  Result<kube::Config> config = kube::load_config(options.kubeconfig);
  if (!config) {
    log::error("No way to the cluster", {{"error", config.error().message}});
    return 1;
  }
  if (!options.server.empty()) config->server = options.server;
  asio::io_context context;
  kube::CpprestTransport transport(context, *config, "store-probe/1");
  Probe probe(context, transport, options, begun);
  probe.start();
  context.run();
  return 0;
}
