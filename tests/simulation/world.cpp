#include "tests/simulation/world.h"

#include <algorithm>

#include "tests/simulation/sim_network.h"
#include "tests/simulation/sim_process.h"

namespace pd::test {
namespace {

class WorldClock final : public Clock {
 public:
  explicit WorldClock(const World& world) : world_(world) {}
  Instant now() const override { return world_.now(); }
  WallTime wall_now() const override {
    return WallTime(std::chrono::seconds(1795502096)) +
           std::chrono::duration_cast<std::chrono::seconds>(world_.now() - world_.start());
  }

 private:
  const World& world_;
};

}  // namespace

World::World(std::uint64_t seed, Options options)
    : rng_(seed), now_(start()), clock_(std::make_unique<WorldClock>(*this)) {
  for (int i = 0; i < options.servers; ++i) servers_.push_back(std::make_unique<SimApiServer>(etcd_, *clock_));
  network_ = std::make_unique<SimNetwork>(*this);
}

World::~World() = default;

SimProcess& World::add_process(ProgramFactory factory) {
  const int index = process_count();
  processes_.push_back(std::make_unique<SimProcess>(*this, index, std::move(factory)));
  network_->connect(index, index % server_count());
  processes_.back()->start();
  return *processes_.back();
}

void World::at(Instant when, std::function<void()> event) {
  events_.emplace(std::pair(std::max(when, now_), next_event_++), std::move(event));
}

kube::HttpResponse World::as_user(const std::string& method, const std::string& path, const Json& body) {
  kube::HttpRequest request{method, path};
  request.content_type = method == "PATCH" ? "application/merge-patch+json" : "application/json";
  if (!body.is_null()) request.body = dump_json(body);
  return network_->serve(-1, 0, request);
}

void World::run_until(Instant end, const std::function<bool()>& after_step) {
  while (true) {
    if (!run_processes() && !advance(end)) return;
    ++steps_;
    if (!after_step()) return;
  }
}

// In another order each time: nobody is always the first to hear of something.
bool World::run_processes() {
  const std::size_t count = processes_.size();
  const std::size_t first = count < 2 ? 0 : std::uniform_int_distribution<std::size_t>(0, count - 1)(rng_);
  bool ran = false;
  for (std::size_t i = 0; i < count; ++i) ran |= processes_[(first + i) % count]->run();
  return ran;
}

// Moves time on to what happens next: an event of the world, or a moment for which a process waits.
bool World::advance(Instant end) {
  Instant next = events_.empty() ? end : std::min(end, events_.begin()->first.first);
  for (const auto& process : processes_) next = std::min(next, process->next().value_or(end));
  if (now_ >= end) return false;
  now_ = std::max(now_, next);
  if (!events_.empty() && events_.begin()->first.first <= now_) {
    const auto event = events_.extract(events_.begin());
    event.mapped()();
  }
  for (const auto& process : processes_) process->advance();
  return true;
}

void World::apply(const std::vector<Fault>& faults) {
  for (const Fault& fault : faults) {
    at(start() + fault.at, [this, fault] { apply(fault); });
  }
}

void World::apply(const Fault& fault) {
  if (concerns_server(fault.kind)) {
    apply_to_server(fault);
  } else {
    apply_to_process(fault);
  }
}

void World::apply_to_server(const Fault& fault) {
  SimApiServer& hit = server(fault.subject);
  switch (fault.kind) {
    case FaultKind::kServerLags:
      hit.view().hold();
      after(fault.duration, [this, &hit] {
        hit.view().follow();
        network_->pump();
      });
      break;
    case FaultKind::kServerRestarted:
      network_->take_down(fault.subject, now_ + fault.duration);
      hit.view().restart();
      break;
    case FaultKind::kNoStreamingLists:
      network_->refuse_streaming_lists(fault.subject, now_ + fault.duration);
      break;
    default:
      etcd_.compact(etcd_.revision());
      for (const auto& each : servers_) each->view().forget_before(etcd_.revision());
  }
}

void World::apply_to_process(const Fault& fault) {
  SimProcess& hit = process(fault.subject);
  switch (fault.kind) {
    case FaultKind::kCrashed:
      hit.kill();
      after(fault.duration, [&hit] { hit.start(); });
      break;
    case FaultKind::kPaused:
      hit.pause();
      after(fault.duration, [&hit] { hit.resume(); });
      break;
    case FaultKind::kStopped:
      hit.terminate();
      break;
    case FaultKind::kMoved:
      network_->connect(fault.subject, std::uniform_int_distribution<int>(0, server_count() - 1)(rng_));
      break;
    case FaultKind::kWallClockJumps:
      hit.set_wall_skew(std::chrono::hours(std::uniform_int_distribution<int>(-48, 48)(rng_)));
      break;
    default:
      network_->apply(fault);
  }
}

}  // namespace pd::test
