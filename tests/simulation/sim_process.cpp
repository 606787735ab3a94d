#include "tests/simulation/sim_process.h"

#include "tests/simulation/sim_network.h"

namespace pd::test {
namespace {

class SkewedClock final : public Clock {
 public:
  explicit SkewedClock(const World& world) : world_(world) {}
  Instant now() const override { return world_.now(); }
  WallTime wall_now() const override { return world_.clock().wall_now() + skew; }
  std::chrono::hours skew{0};

 private:
  const World& world_;
};

}  // namespace

SimProcess::SimProcess(World& world, int index, World::ProgramFactory factory)
    : world_(world), index_(index), factory_(std::move(factory)), clock_(std::make_unique<SkewedClock>(world)) {}

SimProcess::~SimProcess() { kill(); }

void SimProcess::set_wall_skew(std::chrono::hours skew) { static_cast<SkewedClock&>(*clock_).skew = skew; }

void SimProcess::start() {
  if (running()) return;
  paused_ = exiting_ = false;
  context_ = std::make_unique<boost::asio::io_context>(1);
  time_ = &runtime::VirtualTime::install(*context_, world_.now());
  program_ = factory_(*this);
}

// The flows go first: what they hold may refer to the program.
void SimProcess::kill() {
  if (!running()) return;
  world_.network().forget(*this);
  context_.reset();
  time_ = nullptr;
  program_.reset();
}

void SimProcess::pause() { paused_ = running(); }

void SimProcess::resume() {
  paused_ = false;
  advance();
}

void SimProcess::terminate() {
  if (running() && !paused_ && !exiting_) program_->terminate();
}

void SimProcess::exit() { exiting_ = true; }

bool SimProcess::run() {
  if (!running() || paused_) return false;
  context_->restart();
  const bool ran = context_->poll() > 0;
  if (exiting_) {
    kill();
    const auto delay = std::chrono::milliseconds(std::uniform_int_distribution<int>(500, 5000)(world_.rng()));
    world_.after(delay, [this] { start(); });
  }
  return ran;
}

std::optional<Instant> SimProcess::next() const {
  if (!running() || paused_) return std::nullopt;
  return time_->next();
}

void SimProcess::advance() {
  if (running() && !paused_) time_->advance_to(world_.now());
}

}  // namespace pd::test
