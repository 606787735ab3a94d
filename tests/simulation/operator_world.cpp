#include "tests/simulation/operator_world.h"

#include <algorithm>

#include "kube/json_members.h"
#include "tests/simulation/agent_program.h"
#include "tests/simulation/operator_program.h"
#include "tests/simulation/people.h"
#include "tests/simulation/rest_checks.h"
#include "tests/simulation/safety_checks.h"

namespace pd::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr auto kFaultsEnd = seconds(32);  // after the turmoil: the last of those that last
constexpr auto kPatience = seconds(420);  // to come to rest
constexpr auto kScarce = seconds(150);    // then people want less, where NPUs are short
constexpr auto kStill = seconds(45);      // without a write: longer than any pause between two attempts
constexpr auto kQuiet = seconds(60);      // in which nothing may be written
constexpr std::uint64_t kMostSteps = 2'000'000;
// Status writes of one loss are five where all comes together. Here nothing does: the incarnation is recorded and the
// pod made; each pod made anew ends, is bound, has an address, is reported, is Ready; each table is published, and pods
// are asked three times whether they see it.
constexpr int kStatusWrites = 2;
constexpr int kStatusWritesPerPod = 5;
constexpr int kStatusWritesPerTable = 4;

// How large the world is, from its seed alone. Most are small: what goes wrong needs few things to go wrong, and an
// eighth of the seeds has many.
struct Size {
  int operators = 2;
  int servers = 1;
  int nodes = 3;
  int devices = 8;
  int deployments = 1;
  Duration turmoil = seconds(60);  // people and faults
  int faults = 12;                 // at most
  int acts = 16;                   // at most
};

Size size_of(std::uint64_t seed) {
  runtime::Rng rng(seed ^ 0x5851f42d4c957f2dULL);
  const auto draw = [&rng](int least, int most) { return std::uniform_int_distribution<int>(least, most)(rng); };
  Size size{.operators = draw(0, 3) > 0 ? 2 : 1, .servers = draw(1, 2)};
  if (seed % 8 == 0) {
    size.nodes = draw(2, 4);
    size.devices = draw(0, 1) == 0 ? 4 : 8;
    size.deployments = draw(0, 2) > 0 ? 1 : 2;
  } else {
    size.nodes = draw(2, 3);
    size.devices = 8;  // no fewer: where all are in use, a pod may find none on one node
    size.turmoil = seconds(draw(5, 20));
    size.faults = draw(1, 6);
    size.acts = draw(1, 6);
  }
  return size;
}

class OperatorRun {
 public:
  OperatorRun(std::uint64_t seed, const Ills& ills, bool trace)
      : size_(size_of(seed)),
        world_(seed, {.servers = size_.servers}),
        trace_(trace),
        cluster_((make_namespaces(), world_), size_.nodes, size_.devices),
        checks_(world_, cluster_, size_.operators),
        people_(world_, cluster_, size_.operators) {
    world_.on_commit([this](const Commit& commit) { committed(commit); });
    operators_.resize(static_cast<std::size_t>(size_.operators));
    for (int i = 0; i < size_.operators; ++i) {
      world_.add_process([this](SimProcess& process) { return make_operator(process); });
    }
    for (const auto& node : cluster_.nodes()) {
      world_.add_process([this, &node = *node](SimProcess& process) { return make_agent(process, node); });
    }
    people_.make_deployments(size_.deployments);
    for (const Act& act : ills.acts) {
      world_.at(world_.start() + act.at, [this, act] { perform(act); });
    }
    world_.apply(ills.faults);
    for (const Fault& fault : ills.faults) {
      if (fault.kind != FaultKind::kWatchesSilent) continue;
      all_heard_ =
          std::max(all_heard_, world_.start() + fault.at + fault.duration + runtime::Watcher::Timing().silence);
    }
  }

  Outcome run() {
    until(world_.start() + size_.turmoil + kFaultsEnd, [] { return false; });
    people_.put_right();
    last_change_ = world_.now();
    if (trace_) std::fprintf(stderr, "%lld ms: people put right what they did\n", age());
    if (come_to_rest() && stay_at_rest() && lose_a_pod()) outcome_.recovered = true;
    outcome_.violation = checks_.violation().empty() ? "" : std::to_string(failed_at_) + " ms: " + checks_.violation();
    outcome_.steps = world_.steps();
    outcome_.requests = world_.network().requests();
    for (const auto& [name, written] : checks_.written()) outcome_.tables += written.tables;
    return outcome_;
  }

 private:
  using Ended = std::function<bool()>;

  void make_namespaces() { world_.as_user("POST", "/api/v1/namespaces", {{"metadata", {{"name", kNamespace}}}}); }

  long long age() const {
    return static_cast<long long>(std::chrono::duration_cast<milliseconds>(world_.now() - world_.start()).count());
  }

  // ---- What runs.

  std::unique_ptr<SimProgram> make_operator(SimProcess& process) {
    op::Options options;
    options.gate_image = "pd-gate:1";
    options.election.enabled = size_.operators > 1;
    options.election.lease_ns = kNamespace;
    auto program = std::make_unique<OperatorProgram>(
        process, options, [this](plan::DeliveryTarget target) { return ask(std::move(target)); },
        [this, &process](const plan::Snapshot& snapshot, WallTime now) {
          plan::Plan plan = plan::plan(snapshot, now);
          checks_.planned(snapshot, plan, [this, &process](const std::string& node) {
            const auto seen = operators_[static_cast<std::size_t>(process.index())]->parts().stores().node(node);
            return seen ? seen->meta.resource_version : "";
          });
          return plan;
        });
    operators_[static_cast<std::size_t>(process.index())] = program.get();
    return program;
  }

  boost::asio::awaitable<Result<std::int64_t>> ask(plan::DeliveryTarget target) {
    co_await runtime::sleep_for(milliseconds(draw(1, 20)), StopToken());
    for (const auto& node : cluster_.nodes()) {
      const std::optional<std::int64_t> generation = node->answer(target);
      if (generation) co_return *generation;
    }
    co_await runtime::sleep_for(seconds(2), StopToken());
    co_return Error{Code::kTimeout, "nobody answers at " + target.address};
  }

  std::unique_ptr<SimProgram> make_agent(SimProcess& process, SimNode& node) {
    agent::Agent::Sources sources;
    sources.inventory = [&node]() -> boost::asio::awaitable<Result<agent::InventoryReading>> {
      if (!node.up()) co_return Error{Code::kUnavailable, "the node is dead"};
      co_return agent::InventoryReading{node.inventory(), {}};
    };
    sources.allocations = [&node]() -> boost::asio::awaitable<Result<agent::AllocationsReading>> {
      if (!node.kubelet_runs()) co_return Error{Code::kUnavailable, "kubelet does not answer"};
      co_return agent::AllocationsReading{node.allocations(), {}};
    };
    sources.learn = [](const agent::Annotations&) { return false; };
    auto program = std::make_unique<AgentProgram>(process, node.name(), std::move(sources));
    node.on_devices([this, &process] {
      // Mostly it is told soon; at times it finds out when it looks by itself.
      if (draw(0, 9) == 0) return;
      world_.after(milliseconds(draw(1, 300)), [&process] {
        if (!process.running()) return;
        agent::Agent& agent = static_cast<AgentProgram*>(process.program())->agent();
        agent.allocations_changed();
        agent.inventory_changed();
      });
    });
    return program;
  }

  int draw(int least, int most) { return std::uniform_int_distribution<int>(least, most)(world_.rng()); }

  // ---- What is seen of it.

  void perform(const Act& act) {
    if (trace_)
      std::fprintf(stderr, "%lld ms: %s (choice %u)\n", age(), std::string(to_string(act.kind)).c_str(), act.choice);
    people_.perform(act);
  }

  void committed(const Commit& commit) {
    if (trace_) tell(commit);
    checks_.committed(commit);
    cluster_.notice();
  }

  void tell(const Commit& commit) const {
    const bool lease = commit.request.target.find("/leases") != std::string::npos;
    const bool event = commit.request.target.find("/events") != std::string::npos;
    if (lease || event) return;
    std::fprintf(stderr, "%lld ms, revision %llu, process %d: %s %s %s\n", age(),
                 static_cast<unsigned long long>(commit.revision), commit.process, commit.request.method.c_str(),
                 commit.request.target.c_str(), commit.request.body.c_str());
  }

  // Nobody may write while another may. A paused process writes nothing.
  void check_leaders() {
    int leaders = 0;
    for (int i = 0; size_.operators > 1 && i < size_.operators; ++i) {
      const SimProcess& process = world_.process(i);
      if (process.running() && !process.paused() && operators_[static_cast<std::size_t>(i)]->parts().may_write())
        ++leaders;
    }
    if (leaders > 1) checks_.violated("S7: two operators may write");
  }

  // Runs until that time, unless something is violated or `ended` (asked once a second). Answers whether it ended.
  bool until(Instant end, const Ended& ended) {
    bool over = false;
    Instant ask_next = world_.now();
    world_.run_until(end, [&] {
      check_leaders();
      if (world_.steps() > kMostSteps) checks_.violated("L2: it never comes to rest");
      if (!checks_.violation().empty()) {
        failed_at_ = age();
        return false;
      }
      if (world_.now() < ask_next) return true;
      ask_next = world_.now() + seconds(1);
      over = ended();
      return !over;
    });
    return over;
  }

  bool fail(const std::string& what) {
    if (checks_.violation().empty()) failed_at_ = age();
    checks_.violated(what);
    return false;
  }

  // Nobody has changed anything for a while either: of some things the operator is not told, and looks at times.
  bool at_rest() {
    if (!not_at_rest(world_, cluster_).empty()) last_change_ = world_.now();
    return world_.now() >= std::max({checks_.last_write(), last_change_, all_heard_}) + kStill;
  }

  // L1.
  bool come_to_rest() {
    const Instant start = world_.now();
    if (until(start + kScarce, [this] { return at_rest(); })) return true;
    if (!checks_.violation().empty()) return false;
    if (waits_for_npus()) people_.want_little();
    if (until(start + kPatience, [this] { return at_rest(); })) return true;
    const std::string why = not_at_rest(world_, cluster_);
    return fail(why.empty() ? "L2: it goes on writing" : "L1: " + why);
  }

  bool waits_for_npus() const {
    for (const auto& [key, pod] : world_.etcd().all(kind_of("pods"))) {
      if (!kube::object_member(pod->json(), "spec").contains("nodeName")) return true;
    }
    return false;
  }

  // L2. That it forgets old failures is to be expected.
  bool stay_at_rest() {
    const auto count = [this] {
      int all = 0;
      for (const auto& [name, written] : checks_.written()) all += written.all();
      return all;
    };
    int allowed = count();
    for (const auto& [key, deployment] : world_.etcd().all(kind_of("pddeployments"))) {
      if (kube::object_member(deployment->json(), "status").contains("restarts")) allowed += 2;
    }
    until(world_.now() + kQuiet, [] { return false; });
    if (!checks_.violation().empty()) return false;
    if (count() > allowed) return fail("L2: an idle operator writes");
    const std::string why = not_at_rest(world_, cluster_);
    return why.empty() || fail("L1: it did not stay so: " + why);
  }

  // ---- L3: the price of one reschedule.

  using Pods = std::map<std::string, std::string>;  // UID -> key

  Pods pods() const {
    Pods found;
    for (const auto& [key, pod] : world_.etcd().all(kind_of("pods"))) found[pod->meta_text("uid")] = key;
    return found;
  }

  bool lose_a_pod() {
    std::vector<std::pair<std::string, ObjectPtr>> candidates = world_.etcd().all(kind_of("pods"));
    std::erase_if(candidates, [](const auto& pod) {
      return pod.second->terminating() || !pod.second->meta().contains("ownerReferences");
    });
    if (candidates.empty()) return true;
    const auto [key, pod] = candidates[static_cast<std::size_t>(draw(0, static_cast<int>(candidates.size()) - 1))];
    const std::string owner = pod->meta()["ownerReferences"][0]["name"];
    const Json deployment = world_.etcd().find(kind_of("pddeployments"), kNamespace + "/" + owner)->json();
    const std::map<std::string, SafetyChecks::Written> before = checks_.written();
    const Pods pods_before = pods();
    if (trace_) std::fprintf(stderr, "%lld ms: %s is lost\n", age(), key.c_str());
    world_.as_user("DELETE", pod_path(key));
    last_change_ = world_.now();
    if (!until(world_.now() + kPatience, [this] { return at_rest(); })) {
      const std::string why = not_at_rest(world_, cluster_);
      return !checks_.violation().empty()
                 ? false
                 : fail("L1: after the loss of " + key + ": " + (why.empty() ? "it goes on writing" : why));
    }
    for (const auto& [name, written] : checks_.written()) {
      const SafetyChecks::Written none;
      const auto known = before.find(name);
      const SafetyChecks::Written& then = known == before.end() ? none : known->second;
      const bool concerned = name == kNamespace + "/" + owner;
      if (!is_cheap(written, then, concerned))
        return fail("L3: the loss of " + key + " costs too much: " + price(written, then));
    }
    return peers_stay(*pod, deployment, pods_before);
  }

  static int touches_of(const SafetyChecks::Written& written, const std::string& uid) {
    const auto found = written.touches.find(uid);
    return found == written.touches.end() ? 0 : found->second;
  }

  // A table that goes on without the lost instance, since it was away for too long, is one more, and told of.
  static bool is_cheap(const SafetyChecks::Written& now, const SafetyChecks::Written& then, bool concerned) {
    if (!concerned) return now.all() - now.statuses == then.all() - then.statuses;
    const int partial = now.partial - then.partial;
    for (const auto& [uid, count] : now.touches) {
      // A new pod that comes while the last table is kept is touched for that, too.
      const int fresh = then.touches.contains(uid) ? 0 : 1;
      if (count - touches_of(then, uid) > fresh + 2 * (1 + partial)) return false;
    }
    const int tables = now.tables - then.tables;
    const int most =
        kStatusWrites + kStatusWritesPerPod * (now.created - then.created) + kStatusWritesPerTable * tables;
    return tables <= 1 + partial && now.statuses - then.statuses <= most;
  }

  static std::string price(const SafetyChecks::Written& now, const SafetyChecks::Written& then) {
    int touches = 0;
    for (const auto& [uid, count] : now.touches) touches += count - touches_of(then, uid);
    return std::to_string(now.tables - then.tables) + " tables, " + std::to_string(now.statuses - then.statuses) +
           " statuses, " + std::to_string(touches) + " touches, " + std::to_string(now.others - then.others) +
           " others";
  }

  // S10: all others are the same pods as before, where they may be.
  bool peers_stay(const SimObject& lost, const Json& deployment, const Pods& before) {
    const std::string name = deployment["metadata"]["name"];
    const std::optional<SlotName> slot = slot_of(name, lost.meta_text("name"));
    const Pods after = pods();
    for (const auto& [uid, key] : before) {
      if (after.contains(uid) || uid == lost.meta_text("uid")) continue;
      const std::optional<SlotName> other = slot_of(name, key.substr(key.find('/') + 1));
      const bool mate = other && slot && other->instance_name() == slot->instance_name();
      const bool restarts =
          other && other->role != "scheduler" && deployment["spec"][other->role].value("onPeerChange", "") == "Restart";
      if (!mate && !restarts) return fail("S10: the loss of " + lost.meta_text("name") + " cost " + key + " its life");
    }
    return true;
  }

  Size size_;
  World world_;
  bool trace_;
  SimCluster cluster_;
  SafetyChecks checks_;
  People people_;
  std::vector<OperatorProgram*> operators_;  // what runs in each process; dangling where none runs
  Instant all_heard_{};                      // of watches that went silent, when that is noticed
  Instant last_change_;                      // that people made, or when something was not yet as it should be
  Outcome outcome_;
  long long failed_at_ = 0;
};

}  // namespace

std::string to_string(const Ills& ills) { return to_string(ills.faults) + to_string(ills.acts); }

Ills draw_ills(std::uint64_t seed) {
  const Size size = size_of(seed);
  runtime::Rng rng(seed ^ 0x9e3779b97f4a7c15ULL);
  const FaultRanges ranges{
      .processes = size.operators + size.nodes, .servers = size.servers, .span = size.turmoil, .most = size.faults};
  std::vector<Fault> faults = draw_faults(rng, ranges);
  return {std::move(faults), draw_acts(rng, size.turmoil, size.acts)};
}

Outcome run_operators(std::uint64_t seed, const Ills& ills, bool trace) { return OperatorRun(seed, ills, trace).run(); }

Ills shrink_ills(std::uint64_t seed, Ills ills) {
  ills.faults = shrink(std::move(ills.faults), [&](const std::vector<Fault>& fewer) {
    return !run_operators(seed, {fewer, ills.acts}).violation.empty();
  });
  ills.acts = shrink(std::move(ills.acts), [&](const std::vector<Act>& fewer) {
    return !run_operators(seed, {ills.faults, fewer}).violation.empty();
  });
  return ills;
}

}  // namespace pd::test
