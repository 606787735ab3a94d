#include "tests/simulation/copier_program.h"

namespace pd::test {

CopierProgram::CopierProgram(SimProcess& process)
    : process_(process),
      transport_(process),
      lease_transport_(process),
      rng_(process.world().rng()()),
      fenced_(transport_, [this] { return elector_.may_write(); }),
      client_(fenced_),
      lease_client_(lease_transport_),
      lock_(lease_client_, kCopyNamespace, "copier"),
      elector_(process.context(), lock_, process.clock(), rng_,
               {.identity = "copier-" + std::to_string(process.index()) + "_" + std::to_string(rng_() % 1000000)},
               {.started = [this] { work(); }, .lost = [this](const std::string&) { process_.exit(); }}),
      copier_(process.context(), client_, rng_, kSourceNamespace, kCopyNamespace),
      working_(process.context()),
      watching_(process.context()),
      competing_(process.context()) {
  watching_.start(copier_.controller().run_watches(stop_watching_.token()));
  competing_.start(elector_.run(stop_competing_.token()));
}

void CopierProgram::work() {
  working_.start(copier_.controller().run(stop_working_.token()), [this](const Error&) { terminate(); });
}

void CopierProgram::terminate() {
  if (stop_working_.stopped()) return;
  runtime::spawn(process_.context(), end_in_order());
}

// The Lease is given away when nothing of this process can write any more.
boost::asio::awaitable<void> CopierProgram::end_in_order() {
  stop_working_.stop();
  co_await working_.ended();
  stop_watching_.stop();
  co_await watching_.ended();
  stop_competing_.stop();
  co_await competing_.ended();
  (void)co_await elector_.release();
  process_.exit();
}

}  // namespace pd::test
