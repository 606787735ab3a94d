// One process of a simulated run: an io_context in virtual time and the program on it. It can be killed at any moment,
// stopped and continued as by signals, and started again.
// Thread: one. The world owns it.
#pragma once

#include <boost/asio/io_context.hpp>

#include "runtime/time_service.h"
#include "tests/simulation/world.h"

namespace pd::test {

class SimProcess {
 public:
  SimProcess(World& world, int index, World::ProgramFactory factory);
  ~SimProcess();
  SimProcess(const SimProcess&) = delete;
  SimProcess& operator=(const SimProcess&) = delete;

  // Of what runs now.
  boost::asio::io_context& context() { return *context_; }
  SimProgram* program() { return program_.get(); }
  World& world() { return world_; }
  int index() const { return index_; }
  // The clock that the program sees: the world's time, by which its host's wall clock is off.
  const Clock& clock() const { return *clock_; }
  void set_wall_skew(std::chrono::hours skew);

  bool running() const { return context_ != nullptr; }
  bool paused() const { return paused_; }

  void start();
  void kill();    // SIGKILL
  void pause();   // SIGSTOP
  void resume();  // SIGCONT
  void terminate();
  // From inside: the process ends as soon as its flows rest, and is started again after a while, as a kubelet does.
  void exit();

  // Lets its flows run up to where they wait. Answers whether anything was there to run.
  bool run();
  // When it has something to do next.
  std::optional<Instant> next() const;
  // Its time is the world's.
  void advance();

 private:
  World& world_;
  int index_;
  World::ProgramFactory factory_;
  std::unique_ptr<Clock> clock_;
  std::unique_ptr<boost::asio::io_context> context_;
  runtime::VirtualTime* time_ = nullptr;
  std::unique_ptr<SimProgram> program_;
  bool paused_ = false;
  bool exiting_ = false;
};

}  // namespace pd::test
