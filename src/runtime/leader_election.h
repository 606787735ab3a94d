// Leader election by a Lease, as client-go does it. Of those that compete, one leads: the holder that renews. Others
// take over when they have not seen the Lease change for as long as it says. Nobody's clock is compared with another's:
// what counts is how long ago the change was seen here, on the monotonic clock; so skewed clocks do no harm, only one
// that runs slow by a third would.
//
// A Lease is no fence. Whoever leads may write until valid_until(), which is counted from when the last successful
// renewal was *sent*, and lies lease - renew_deadline before the moment at which another can take over. A watchdog that
// does not depend on the renewing flow ends the leadership then, also when a request hangs.
//
//   LeaderElector elector(context, lock, clock, rng, {.identity = unique_identity(host_name())},
//                         {.started = [&] { ... }, .lost = [](const std::string&) { std::_Exit(1); }});
//   spawn(context, elector.run(stop));
//   ... later, when run() and all that it guards has ended: co_await elector.release();
//
// Ownership: lock, clock and rng outlive it, and it outlives run(). Thread: the io_context's.
#pragma once

#include "runtime/lease_lock.h"
#include "runtime/timing.h"

namespace pd::runtime {

struct ElectionTiming {
  Duration lease = std::chrono::seconds(15);           // how long others wait after the last change; whole seconds
  Duration renew_deadline = std::chrono::seconds(10);  // without a renewal for so long, the leader leads no more
  Duration retry = std::chrono::seconds(2);            // from one renewal to the next, and between two attempts to lead
};

// lease > renew_deadline > 1.2 retry, or words that say what is wrong.
Status check(const ElectionTiming& timing);

// "<host>_<uuid>": no process has that of another, nor one that it had before a restart.
std::string unique_identity(const std::string& host);

class LeaderElector {
 public:
  struct Options {
    std::string identity;
    ElectionTiming timing = {};
  };
  struct Callbacks {
    std::function<void()> started = [] {};  // this process leads
    // It led and does no longer, against its will. Nothing may be written from here on: a program ends at once.
    std::function<void(const std::string& why)> lost = [](const std::string&) {};
    std::function<void(bool leading)> on_change = [](bool) {};  // for a metric
  };

  LeaderElector(asio::io_context& context, LeaseLock& lock, const Clock& clock, Rng& rng, Options options,
                Callbacks callbacks);

  // Competes and, as the leader, renews. Ends when stopped (then this process is still the holder) or lost. A write
  // that is under way when it is stopped is waited for, so that it is known who holds the Lease.
  asio::awaitable<void> run(StopToken stop);
  // After run() and the end of everything that wrote: gives the Lease away, so that others need not wait. Also one that
  // was won without knowing it, as the answer was lost.
  asio::awaitable<Status> release();

  bool leading() const { return leading_; }
  // To be asked right before each write. A process that was stopped by a signal wakes with its time
  // over; the monotonic clock stands still while a whole machine is suspended, and then only resourceVersions protect.
  bool may_write() const { return leading_ && time_.now() < valid_until_; }
  Instant valid_until() const { return valid_until_; }

 private:
  // What the Lease said when it last changed, and when that was seen here.
  struct Observation {
    kube::Lease lease;
    Instant at;
  };

  asio::awaitable<Status> attempt();
  asio::awaitable<Status> contend();
  asio::awaitable<Status> write(kube::Lease lease);
  asio::awaitable<Status> give_away(kube::Lease known);
  void observe(const kube::Lease& lease);
  void hold(kube::Lease lease, Instant sent);
  void lose(const std::string& why);
  void tell(const Status& outcome);

  bool is_ours(const kube::Lease& lease) const { return lease.holder == options_.identity; }
  Instant expiry() const;
  Duration pause(Instant started);
  kube::Lease claim(kube::Lease lease);
  std::string next_moment();
  kube::CallOptions call_options() const;

  TimeService& time_;
  LeaseLock& lock_;
  const Clock& clock_;
  Rng& rng_;
  Options options_;
  Callbacks callbacks_;
  std::optional<Observation> seen_;
  bool leading_ = false;
  bool lost_ = false;
  bool unsure_ = false;  // a write may have made this process the holder without its knowing
  int moments_ = 0;
  Instant valid_until_ = Instant::min();
  TimeService::Call watchdog_;
  StopSource ended_;        // stopped from outside, or lost
  std::string last_error_;  // told already
};

}  // namespace pd::runtime
