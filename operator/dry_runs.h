// Asks the API server whether it would take the pods of each template of which there is none yet: once, when it accepts
// them. Where it does not, it is asked again with growing pauses, for no event tells that a policy or a quota has
// changed. The answers are kept here alone, go into the next snapshot, and cause a new plan when they change.
//
//   DryRuns dry_runs(context, rng, [&](std::string ns, Json pod, StopToken stop) { ... }, [&](const std::string& key) {
//   queue.add(key); });
//   dry_runs.follow(key, "llm", plan.dry_runs);
//   snapshot.dry_runs = dry_runs.answers(key);
//
// Owner: the operator. Thread: the io_context's.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "plan/plan.h"
#include "runtime/signal.h"
#include "runtime/timing.h"

namespace pd::op {

// What an answer of the API server to the creation of a pod says of its template. A refusal counts where it would be
// the same whenever the pod came: it is invalid, or a policy denies it. No code tells that from a quota that is used up
// or a namespace that is going: they are 403 alike, and told apart by their words (the admission plugins of
// kube-apiserver).
plan::DryRun judge(const Status& answer, const std::string& pod);

class DryRuns {
 public:
  using Try = std::function<boost::asio::awaitable<Status>(std::string ns, Json pod, StopToken stop)>;
  using Changed = std::function<void(const std::string& key)>;

  static constexpr int kAtATime = 8;

  DryRuns(boost::asio::io_context& context, runtime::Rng& rng, Try try_pod, Changed changed);

  // All pods that are to be tried for the deployment; those that were tried are not tried again.
  void follow(const std::string& key, const std::string& ns, std::vector<plan::DryRunTarget> targets);
  void forget(const std::string& key) { follow(key, "", {}); }
  // What came of really making a pod of the role: a refusal counts, also of a template that was accepted once.
  void learn(const std::string& key, const std::string& role, plan::DryRun answer);
  std::map<std::string, plan::DryRun> answers(const std::string& key) const;

  // Nothing is tried any more; ended() when the last has been let go.
  void stop();
  boost::asio::awaitable<void> ended();

 private:
  struct Template {
    plan::DryRunTarget target;  // its pod is kept while it is to be tried
    std::string ns;
    plan::DryRun answer;
    runtime::Backoff pauses;
    bool tried = false;    // a flow does
    bool dropped = false;  // nobody wants to know any more
  };
  using Templates = std::map<std::string, std::shared_ptr<Template>>;  // by role

  static bool is_open(const Template& one);
  boost::asio::awaitable<void> try_until_accepted(std::string key, std::shared_ptr<Template> one);
  boost::asio::awaitable<void> try_once(const std::string& key, Template& one);
  void take(const std::string& key, Template& one, plan::DryRun answer);

  boost::asio::io_context& context_;
  runtime::Rng& rng_;
  Try try_;
  Changed changed_;
  std::map<std::string, Templates> followed_;  // by deployment
  StopSource stop_;
  int trying_ = 0;
  int flows_ = 0;
  runtime::Signal freed_;  // a turn to try, or a flow has ended
};

}  // namespace pd::op
