#include "runtime/leader_election.h"

#include <array>
#include <cstdio>
#include <limits>

#include "base/log.h"

namespace pd::runtime {
namespace {

using std::chrono::seconds;

constexpr double kJitter = 1.2;  // of an attempt to become the leader: retry to 2.2 retry

std::string text_of(Duration duration) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%gs", std::chrono::duration<double>(duration).count());
  return text.data();
}

}  // namespace

Status check(const ElectionTiming& timing) {
  if (timing.retry <= Duration::zero()) return invalid("the retry period must be more than 0");
  if (timing.lease < seconds(1) || timing.lease % seconds(1) != Duration::zero()) {
    return invalid("the lease duration must be whole seconds, at least one, not " + text_of(timing.lease));
  }
  if (timing.lease <= timing.renew_deadline) {
    return invalid("the lease duration (" + text_of(timing.lease) + ") must be longer than the renew deadline (" +
                   text_of(timing.renew_deadline) + ")");
  }
  if (timing.renew_deadline <= std::chrono::duration_cast<Duration>(kJitter * timing.retry)) {
    return invalid("the renew deadline (" + text_of(timing.renew_deadline) +
                   ") must be longer than 1.2 times the retry period (" + text_of(timing.retry) + ")");
  }
  return Ok{};
}

std::string unique_identity(const std::string& host) {
  std::random_device device;
  std::array<char, 40> text{};
  const auto part = [&device] { return static_cast<unsigned>(device() & 0xffffU); };
  // A version 4 UUID.
  std::snprintf(text.data(), text.size(), "%04x%04x-%04x-%04x-%04x-%04x%04x%04x", part(), part(), part(),
                0x4000U | (part() & 0x0fffU), 0x8000U | (part() & 0x3fffU), part(), part(), part());
  return host + "_" + text.data();
}

LeaderElector::LeaderElector(asio::io_context& context, LeaseLock& lock, const Clock& clock, Rng& rng, Options options,
                             Callbacks callbacks)
    : time_(TimeService::of(context)),
      lock_(lock),
      clock_(clock),
      rng_(rng),
      options_(std::move(options)),
      callbacks_(std::move(callbacks)) {}

asio::awaitable<void> LeaderElector::run(StopToken stop) {
  const auto registration = stop.on_stop([this] { ended_.stop(); });
  while (!ended_.stopped()) {
    const Instant started = time_.now();
    const Status outcome = co_await attempt();
    tell(outcome);
    co_await sleep_for(pause(started), ended_.token());
  }
}

asio::awaitable<Status> LeaderElector::attempt() {
  if (!leading_) co_return co_await contend();
  if (!may_write()) {  // the watchdog is due as well; whoever comes first
    lose("the renew deadline has passed");
    co_return Ok{};
  }
  // Nobody should have touched it: one request is enough.
  kube::Lease renewal = claim(seen_->lease);
  Status renewed = co_await write(std::move(renewal));
  if (renewed || renewed.error().code != Code::kConflict || ended_.stopped()) co_return renewed;
  co_return co_await contend();
}

// Looks before it writes: as a candidate, and as a leader whose Lease was touched by somebody.
asio::awaitable<Status> LeaderElector::contend() {
  kube::CallOptions options = call_options();
  options.stop = ended_.token();
  Result<kube::Lease> found = co_await lock_.get(options);
  if (ended_.stopped()) co_return Ok{};
  if (!found && found.error().code == Code::kNotFound) {
    if (leading_) log::warn("The lease was deleted; making it anew", {{"lease", lock_.place()}});
    kube::Lease fresh = claim(kube::Lease{});
    co_return co_await write(std::move(fresh));
  }
  if (!found) co_return found.error();
  observe(*found);
  if (leading_ && !is_ours(*found)) {
    lose(found->holder.empty() ? "the lease was taken away" : "the lease is held by " + found->holder);
    co_return Ok{};
  }
  if (!is_ours(*found) && time_.now() < expiry()) co_return Ok{};
  kube::Lease wanted = claim(std::move(*found));
  co_return co_await write(std::move(wanted));
}

// A create or an update; as the holder afterwards, when it succeeded. Not cancelled by a stop: its outcome matters.
asio::awaitable<Status> LeaderElector::write(kube::Lease lease) {
  const Instant sent = time_.now();
  kube::CallOptions options = call_options();
  const bool is_new = lease.meta.resource_version.empty();
  asio::awaitable<Result<kube::Lease>> request =
      is_new ? lock_.create(std::move(lease), options) : lock_.update(std::move(lease), options);
  unsure_ = true;  // until an answer says what became of it: a refusal may be that of a repetition
  Result<kube::Lease> written = co_await std::move(request);
  if (!written) co_return written.error();
  hold(std::move(*written), sent);
  co_return Ok{};
}

void LeaderElector::hold(kube::Lease lease, Instant sent) {
  if (lost_) return;  // by the watchdog, while this was under way
  seen_ = Observation{std::move(lease), time_.now()};
  const Instant until = sent + options_.timing.renew_deadline;
  if (until <= time_.now()) return;  // the answer was so slow that nothing is left: the next attempt renews first
  unsure_ = false;
  valid_until_ = until;
  watchdog_ =
      time_.call_at(until, [this] { lose("it was not renewed within " + text_of(options_.timing.renew_deadline)); });
  if (std::exchange(leading_, true) || ended_.stopped()) return;
  log::info("Leading", {{"lease", lock_.place()}, {"identity", options_.identity}});
  callbacks_.on_change(true);
  callbacks_.started();
}

void LeaderElector::lose(const std::string& why) {
  if (!std::exchange(leading_, false)) return;
  lost_ = true;
  watchdog_.cancel();
  ended_.stop();
  log::error("Leader election lost", {{"lease", lock_.place()}, {"because", why}});
  callbacks_.on_change(false);
  callbacks_.lost(why);
}

asio::awaitable<Status> LeaderElector::release() {
  if (std::exchange(leading_, false)) {
    watchdog_.cancel();
    callbacks_.on_change(false);
    co_return co_await give_away(seen_->lease);
  }
  if (lost_ || !unsure_) co_return Ok{};
  kube::CallOptions options = call_options();
  Result<kube::Lease> found = co_await lock_.get(options);
  if (!found && found.error().code != Code::kNotFound) co_return found.error();
  if (!found || !is_ours(*found)) co_return Ok{};
  co_return co_await give_away(std::move(*found));
}

asio::awaitable<Status> LeaderElector::give_away(kube::Lease known) {
  Result<kube::Lease> lease = std::move(known);
  // Twice: the answer to the last renewal may have been lost, and what is remembered be old.
  for (int attempt = 0; attempt < 2 && lease && is_ours(*lease); ++attempt) {
    lease->holder.clear();
    lease->duration_seconds = 1;
    lease->acquired = lease->renewed = next_moment();
    kube::CallOptions options = call_options();
    const Result<kube::Lease> released = co_await lock_.update(std::move(*lease), options);
    if (released) log::info("Released the lease", {{"lease", lock_.place()}});
    if (released) co_return Ok{};
    if (released.error().code != Code::kConflict) co_return released.error();
    lease = co_await lock_.get(options);
  }
  if (!lease) co_return lease.error();
  co_return Error{Code::kConflict, "Lease " + lock_.place() + " is held by \"" + lease->holder + "\""};
}

// Stamps a change with the time of here. What others wrote of time into it is only compared with what they wrote
// before.
void LeaderElector::observe(const kube::Lease& lease) {
  const auto same = [](const kube::Lease& a, const kube::Lease& b) {
    return a.meta.uid == b.meta.uid && a.holder == b.holder && a.renewed == b.renewed && a.acquired == b.acquired &&
           a.duration_seconds == b.duration_seconds && a.transitions == b.transitions;
  };
  if (seen_ && same(seen_->lease, lease)) {
    seen_->lease.meta = lease.meta;
    return;
  }
  const bool is_news = !seen_ || seen_->lease.holder != lease.holder;
  seen_ = Observation{lease, time_.now()};
  if (is_news && !is_ours(lease) && !lease.holder.empty()) {
    log::info("Another process leads", {{"lease", lock_.place()}, {"holder", lease.holder}});
  }
}

// From when the holder's claim no longer counts.
Instant LeaderElector::expiry() const {
  if (!seen_ || seen_->lease.holder.empty()) return Instant::min();
  const int said = seen_->lease.duration_seconds;
  return seen_->at + (said > 0 ? seconds(said) : options_.timing.lease);
}

// Until the next attempt. A leader's counts from when the last one started: after a renewal that hung, each second is
// one less before the deadline. A candidate looks as soon as the holder's claim ends, rather than up to 2.2 retry
// periods later; a little jitter keeps two of them apart.
Duration LeaderElector::pause(Instant started) {
  const Duration retry = options_.timing.retry;
  if (leading_) return std::max<Duration>(retry / 10, retry - (time_.now() - started));
  const Duration usual = jittered(retry, kJitter, rng_);
  const Duration left = expiry() - std::min(time_.now(), expiry());
  if (left <= Duration::zero() || left >= usual) return usual;
  std::uniform_real_distribution<double> share(0.0, 0.1);
  return left + std::chrono::duration_cast<Duration>(retry * share(rng_));
}

// The Lease as this process wants it.
kube::Lease LeaderElector::claim(kube::Lease lease) {
  const std::string moment = next_moment();
  const bool is_new = lease.meta.resource_version.empty();
  if (!is_ours(lease)) {
    const bool is_last = lease.transitions == std::numeric_limits<int>::max();
    if (!is_new) lease.transitions = is_last ? 0 : lease.transitions + 1;
    lease.holder = options_.identity;
    lease.acquired = moment;
  }
  lease.duration_seconds = static_cast<int>(options_.timing.lease / seconds(1));
  lease.renewed = moment;
  return lease;
}

// For people, and different each time, whatever the wall clock does: what changes nothing would be no renewal to
// others. So the fraction counts.
std::string LeaderElector::next_moment() {
  return kube::format_micro_time(clock_.wall_now(), std::chrono::microseconds(++moments_ % 1000000));
}

kube::CallOptions LeaderElector::call_options() const {
  return {std::max<Duration>(seconds(1), options_.timing.renew_deadline / 2), {}};
}

// Once for each new trouble: while the API server is away, an attempt fails every few seconds. A race that another
// candidate has won is none.
void LeaderElector::tell(const Status& outcome) {
  std::string error = outcome ? "" : outcome.error().message;
  if (!outcome && !leading_ &&
      (outcome.error().code == Code::kConflict || outcome.error().code == Code::kAlreadyExists)) {
    error.clear();
  }
  if (error == last_error_) return;
  last_error_ = error;
  if (error.empty()) return;
  const std::string_view what = leading_ ? "Did not renew the lease" : "Did not get at the lease";
  log::warn(what, {{"lease", lock_.place()}, {"error", error}});
}

}  // namespace pd::runtime
