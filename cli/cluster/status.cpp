#include "cli/cluster/status.h"

#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <ostream>
#include <random>

#include "base/log.h"
#include "cli/cluster/look.h"
#include "kube/config.h"
#include "kube/cpprest_transport.h"
#include "runtime/wakeup.h"

namespace pd::cli {
namespace {

using boost::asio::awaitable;

constexpr std::chrono::milliseconds kPause(100);  // between two views: changes come in bursts

std::string explained(const Error& error, const StatusRequest& request) {
  if (error.code != Code::kNotFound) return error.message;
  if (error.message.find("could not find the requested resource") != std::string::npos) {
    return "the cluster knows no PDDeployments: install pd-operator with its CRD (" + error.message + ")";
  }
  return "there is no PDDeployment " + request.name + " in the namespace " + request.ns + ": see pdctl status -n " +
         request.ns;
}

Answer answer_of(const Seen& seen, const StatusRequest& request) {
  if (seen.one) return describe(*seen.one);
  if (!request.name.empty()) return {.lines = {request.ns + "/" + request.name + ": gone"}};
  Answer answer = list(seen.all);
  if (seen.all.empty()) answer.lines = {"There is no PDDeployment in the namespace " + request.ns + "."};
  return answer;
}

// Prints what changes, in the way that was asked for.
class Screen {
 public:
  Screen(const StatusRequest& request, Format format, const Streams& streams)
      : request_(request), format_(format), streams_(streams) {}

  // False when nobody takes it any more.
  bool show(const Seen& seen) {
    Facts facts = seen.one ? facts_of(*seen.one) : facts_of(seen.all);
    const std::vector<std::string> changed = changes(shown_, facts);
    if (changed.empty() && drawn_) return true;
    shown_ = std::move(facts);
    Answer answer = answer_of(seen, request_);
    if (format_ == Format::kTable && request_.redraw) {
      streams_.out << "\x1b[H\x1b[2J";  // the cursor home, and all cleared
    } else if (format_ == Format::kTable) {
      answer.lines = with_time(changed);
    } else if (format_ == Format::kYaml) {
      streams_.out << "---\n";
    }
    drawn_ = true;
    return print(answer, format_, "pdctl status", streams_.out, streams_.err);
  }

 private:
  static std::vector<std::string> with_time(std::vector<std::string> lines) {
    const std::string time = format_rfc3339(SystemClock().wall_now());
    for (std::string& line : lines) line.insert(0, time + " ");
    return lines;
  }

  const StatusRequest& request_;
  Format format_;
  Streams streams_;
  Facts shown_;
  bool drawn_ = false;
};

struct Viewer {
  Watch& watch;
  Screen& screen;
  runtime::Wakeup& changed;
};

awaitable<void> keep_showing(Viewer viewer, bool& taken, StopSource& stop) {
  const auto wake = stop.token().on_stop([&viewer] { viewer.changed.notify(); });
  while (!stop.token().stopped() && taken) {
    co_await viewer.changed.wait_until(runtime::TimeService::kNever);
    if (stop.token().stopped()) break;
    taken = viewer.screen.show(viewer.watch.seen());
    if (taken) co_await runtime::sleep_for(kPause, stop.token());
  }
  stop.stop();
}

awaitable<void> look(kube::Client& client, const StatusRequest& request, std::optional<Result<Seen>>& seen) {
  seen = co_await look_once(client, request.ns, request.name);
}

Answer watch_until_signal(boost::asio::io_context& context, kube::Client& client, const StatusRequest& request,
                          Format format, const Streams& streams) {
  runtime::Rng rng(std::random_device{}());
  Watch watch(client, request.ns, request.name, rng);
  Screen screen(request, format, streams);
  runtime::Wakeup changed;
  StopSource stop;
  boost::asio::signal_set signals(context, SIGINT, SIGTERM);
  signals.async_wait([&stop](const boost::system::error_code& error, int) {
    if (!error) stop.stop();
  });
  const auto quiet = stop.token().on_stop([&signals] { signals.cancel(); });
  bool taken = true;
  watch.start(context, stop.token(), [&changed] { changed.notify(); });
  const Viewer viewer{watch, screen, changed};
  runtime::spawn(context, keep_showing(viewer, taken, stop));
  context.restart();  // it has stopped when nothing was left to do after the first look
  context.run();      // ends when every coroutine has seen its stop
  return {.status = taken ? kDone : kRefused};
}

}  // namespace

Answer status_of(boost::asio::io_context& context, kube::Transport& transport, const StatusRequest& request,
                 Format format, const Streams& streams) {
  kube::Client client(transport);
  std::optional<Result<Seen>> seen;
  runtime::spawn(context, look(client, request, seen));
  while (!seen) context.run_one();
  if (!*seen) return refusal(explained(seen->error(), request));
  if (!request.watch) return answer_of(**seen, request);
  return watch_until_signal(context, client, request, format, streams);
}

Answer status(const StatusRequest& request, Format format, const std::string& version, const Streams& streams) {
  log::init({"pdctl", false, log::Level::kWarning});
  const Result<kube::Config> config = kube::load_config(request.kubeconfig, request.context);
  if (!config) return refusal(config.error().message);
  StatusRequest known = request;
  if (known.ns.empty()) known.ns = config->ns.empty() ? "default" : config->ns;
  boost::asio::io_context context;
  kube::CpprestTransport transport(context, *config, "pdctl/" + version);
  return status_of(context, transport, known, format, streams);
}

}  // namespace pd::cli
