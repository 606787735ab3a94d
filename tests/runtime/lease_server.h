// The one Lease of an API server, behind a network that a test owns, in virtual time; and what competes for it.
//
//   LeaseServer server(time);
//   server.fate = [](const kube::HttpRequest& request) { return LeaseServer::Fate{.answers = request.method != "PUT"};
//   }; Candidate a(context, server, "a", {}); pass(context, time, std::chrono::minutes(1));
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "kube/resource.h"
#include "runtime/leader_election.h"
#include "runtime/spawn.h"
#include "tests/support/fake_clock.h"
#include "tests/support/pass_time.h"
#include "tests/support/run_to_end.h"

namespace pd::test {

namespace asio = boost::asio;

inline const std::string kLeases = "/apis/coordination.k8s.io/v1/namespaces/pd-system/leases";

class LeaseServer final : public kube::Transport {
 public:
  // What happens to a request. It arrives even when its sender has given up.
  struct Fate {
    Duration before = Duration::zero();  // until it arrives
    Duration after = Duration::zero();   // until its answer does
    bool arrives = true;
    bool answers = true;
    bool twice = false;  // sent again by the HTTP library; the second answer is the one that is had
    int refusal = 0;     // refused with this status
  };
  std::function<Fate(const kube::HttpRequest&)> fate = [](const kube::HttpRequest&) { return Fate{}; };

  explicit LeaseServer(runtime::TimeService& time) : time_(time) {}

  const std::optional<kube::Lease>& lease() const { return lease_; }
  // By hand.
  void put(kube::Lease lease) {
    lease.meta.ns = "pd-system";
    lease.meta.name = "pd-operator";
    lease.meta.uid = "uid-" + std::to_string(next_);
    store(std::move(lease));
  }
  void edit(const std::function<void(kube::Lease&)>& change) {
    kube::Lease lease = lease_.value();
    change(lease);
    store(std::move(lease));
  }
  void remove() { lease_.reset(); }

  std::vector<std::string> requests;  // "PUT 1 a": the method, the version it carried, the holder it names

  asio::awaitable<Result<kube::HttpResponse>> send(kube::HttpRequest request, Duration timeout,
                                                   StopToken stop) override {
    note(request);
    const Fate fated = fate(request);
    const auto answer = std::make_shared<std::optional<kube::HttpResponse>>();
    if (fated.arrives) {
      arrivals_.push_back(time_.call_at(time_.now() + fated.before, [this, request, fated, answer] {
        for (int i = 0; i < (fated.twice ? 2 : 1); ++i) *answer = handle(request, fated.refusal);
      }));
    }
    const Duration needed = fated.before + fated.after;
    const bool is_answered = fated.arrives && fated.answers && needed < timeout;
    const bool slept = co_await runtime::sleep_for(is_answered ? needed : timeout, stop);
    if (!slept) co_return Error{Code::kCancelled, "stopped"};
    if (!is_answered) co_return Error{Code::kTimeout, "did not answer in time"};
    co_return answer->value();
  }
  asio::awaitable<Result<kube::StreamResponse>> open(kube::HttpRequest, Duration, StopToken) override {
    co_return Error{Code::kInternal, "an election watches nothing"};
  }

 private:
  static kube::HttpResponse refuse(int status, const std::string& reason) {
    const Json body = {{"kind", "Status"}, {"code", status}, {"reason", reason}, {"message", "refused: " + reason}};
    return {status, body.dump(), std::nullopt};
  }
  void store(kube::Lease lease) {
    lease.meta.resource_version = std::to_string(next_++);
    lease_ = std::move(lease);
  }
  kube::HttpResponse shown(int status) const { return {status, kube::encode_lease(*lease_).dump(), std::nullopt}; }

  kube::HttpResponse handle(const kube::HttpRequest& request, int refusal) {
    if (refusal != 0) return refuse(refusal, "Whatever");
    if (request.method == "GET") return lease_ ? shown(200) : refuse(404, "NotFound");
    kube::Lease lease = *kube::decode_lease(with_version(Json::parse(request.body)));
    if (request.method == "POST") {
      if (lease_) return refuse(409, "AlreadyExists");
      put(std::move(lease));
      return shown(201);
    }
    const bool is_newest =
        lease_ && lease.meta.uid == lease_->meta.uid && lease.meta.resource_version == lease_->meta.resource_version;
    if (!is_newest) return refuse(409, "Conflict");
    store(std::move(lease));
    return shown(200);
  }

  static Json with_version(Json object) {
    if (!object["metadata"].contains("resourceVersion")) object["metadata"]["resourceVersion"] = "0";
    return object;
  }

  void note(const kube::HttpRequest& request) {
    std::string line = request.method;
    if (!request.body.empty()) {
      const Json object = Json::parse(request.body);
      line +=
          " " + object["metadata"].value("resourceVersion", "-") + " " + object["spec"].value("holderIdentity", "-");
    }
    requests.push_back(std::move(line));
  }

  runtime::TimeService& time_;
  std::optional<kube::Lease> lease_;
  int next_ = 1;
  std::vector<runtime::TimeService::Call> arrivals_;
};

// One process that wants to lead.
struct Candidate {
  Candidate(asio::io_context& context, kube::Transport& transport, const std::string& name,
            runtime::ElectionTiming timing = {}, std::uint64_t seed = 1)
      : rng(seed),
        client(transport),
        lock(client, "pd-system", "pd-operator"),
        elector(context, lock, clock, rng, {name, timing},
                {[this] { told.emplace_back("started"); }, [this](const std::string& why) { told.push_back(why); },
                 [this](bool leading) { told.emplace_back(leading ? "leading" : "not leading"); }}) {
    runtime::spawn(context, run());
  }

  asio::awaitable<void> run() {
    co_await elector.run(stop.token());
    ended = true;
  }

  std::vector<std::string> told;
  bool ended = false;
  StopSource stop;
  FakeClock clock;
  runtime::Rng rng;
  kube::Client client;
  runtime::LeaseLock lock;
  runtime::LeaderElector elector;
};

}  // namespace pd::test
