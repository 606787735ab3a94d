// The network between the processes of a simulated run and its API servers: each request and each line of a watch takes
// its time, and meets the faults that are on.
//
//   ProcessTransport transport(process);   // what a program in `process` gives to its kube::Client
//
// Thread: one. The world owns it.
#pragma once

#include <array>
#include <deque>
#include <optional>

#include "runtime/signal.h"
#include "tests/simulation/world.h"

namespace pd::test {

// An answer that a flow of a process waits for.
template <typename T>
struct PendingAnswer {
  std::optional<Result<T>> answer;
  runtime::Signal done;

  void finish(Result<T> result) {
    if (answer) return;
    answer = std::move(result);
    done.notify_all();
  }
};

// A watch that is open, seen from both ends.
struct SimStream {
  int process = 0;
  int server = 0;
  std::unique_ptr<SimWatch> watch;
  Instant last_arrival{};
  bool silent = false;  // half-open
  bool closed = false;  // by the client, or by its death
  std::deque<std::string> recent;

  std::deque<Result<std::optional<std::string>>> arrived;
  runtime::Signal changed;
};

class SimNetwork {
 public:
  using PendingResponse = std::shared_ptr<PendingAnswer<kube::HttpResponse>>;
  using OpenedStream = std::pair<kube::HttpResponse, std::shared_ptr<SimStream>>;
  using PendingStream = std::shared_ptr<PendingAnswer<OpenedStream>>;

  explicit SimNetwork(World& world) : world_(world) {}

  // Where the next requests of that process go.
  void connect(int process, int server) { link(process).server = server; }
  void apply(const Fault& fault);
  void take_down(int server, Instant until);
  void refuse_streaming_lists(int server, Instant until) { no_streaming_lists_until_[server] = until; }
  // The process is dead. What it sent is on its way all the same.
  void forget(const SimProcess& process);

  // Lets the API server do it, now. Process -1 is a user.
  kube::HttpResponse serve(int process, int server, const kube::HttpRequest& request);
  // Of processes, watches apart, that an API server has answered.
  std::uint64_t requests() const { return requests_; }
  // Sends what the watches have.
  void pump();

  void send(int process, kube::HttpRequest request, const PendingResponse& pending);
  void open(int process, kube::HttpRequest request, const PendingStream& pending);

 private:
  struct Link {
    int server = 0;
    std::array<Instant, kFaultKinds> until{};  // of the faults that last
    std::optional<Duration> crash_in_write;    // and how long it is away then
  };

  Link& link(int process);
  bool is_hit(int process, FaultKind kind);
  bool is_down(int server);
  bool coin() { return std::uniform_int_distribution<int>(0, 1)(world_.rng()) == 1; }
  Duration latency(int process);
  void arrive(int process, int server, const kube::HttpRequest& request, const PendingResponse& pending);
  bool crash_in_write(int process, int server, const kube::HttpRequest& request);
  std::optional<kube::HttpResponse> refusal(int process, int server, const kube::HttpRequest& request);
  void arrive_open(int process, int server, const kube::HttpRequest& request, const PendingStream& pending);
  void keep(const std::shared_ptr<SimStream>& stream, const kube::HttpRequest& request);
  void tick(const std::shared_ptr<SimStream>& stream);
  void pump(const std::shared_ptr<SimStream>& stream);
  void deliver(const std::shared_ptr<SimStream>& stream, Result<std::optional<std::string>> step);
  void disturb(const std::shared_ptr<SimStream>& stream, FaultKind kind);

  World& world_;
  std::uint64_t requests_ = 0;
  std::map<int, Link> links_;
  std::map<int, Instant> down_until_;
  std::map<int, Instant> no_streaming_lists_until_;
  std::vector<std::shared_ptr<SimStream>> streams_;
};

class ProcessTransport final : public kube::Transport {
 public:
  explicit ProcessTransport(SimProcess& process);

  boost::asio::awaitable<Result<kube::HttpResponse>> send(kube::HttpRequest request, Duration timeout,
                                                          StopToken stop) override;
  boost::asio::awaitable<Result<kube::StreamResponse>> open(kube::HttpRequest request, Duration timeout,
                                                            StopToken stop) override;

 private:
  SimNetwork& network_;
  int process_;
};

}  // namespace pd::test
