// Executes a plan: the only writer. It holds no policy. Actions are done in order, but touches and deletions that
// follow each other side by side: a table is seen once its pod is touched. A failed write of the status or the table
// ends the plan, and so does a server that does not answer or has too much to do; one pod that can't be touched,
// deleted or made keeps no other from it. The first error is the answer, or the one that says when to come back, and
// the next plan starts afresh. Thread: the io_context's.
#pragma once

#include <map>
#include <string>

#include "kube/client.h"
#include "plan/plan.h"
#include "runtime/event_recorder.h"

namespace pd::op {

// What holds a name that an object of ours should have, by kind and name.
using ForeignObjects = std::map<std::pair<std::string, std::string>, kube::ObjectMeta>;

// What was written: the newest of each kind, for the read-your-writes gate, and the objects that turned out
// to be someone else's.
struct Written {
  std::map<std::string, kube::ObjectMeta> newest;  // kind -> metadata of what was written last
  ForeignObjects foreign_objects;
  std::string refused;                        // the API server's words, when it will not have an object as it is
  bool refused_new = false;                   // that one was to be created
  std::map<std::string, plan::DryRun> roles;  // what it said of the last pod that was made for a role
  std::optional<Status> table;                // what came of the write of the ConfigMap, if there was one
};

class Applier {
 public:
  // Both must outlive the applier.
  Applier(kube::Client& client, runtime::EventRecorder& events) : client_(client), events_(events) {}

  boost::asio::awaitable<Status> apply(const kube::ObjectMeta& deployment, const plan::Plan& plan, Written& written,
                                       StopToken stop);

  // Tells of a deployment, or of one of its pods; never waits.
  void tell(const kube::ObjectMeta& deployment, const plan::EmitEvent& event);

  // What holds a name of ours and is not watched; nothing when there is no such object (any more).
  boost::asio::awaitable<Result<std::optional<kube::ObjectMeta>>> find_foreign(kube::ObjectMeta deployment,
                                                                               std::string kind, std::string name,
                                                                               StopToken stop);

  // Whether the API server would take the pod; nothing is stored.
  boost::asio::awaitable<Status> try_pod(std::string ns, Json pod, StopToken stop);

 private:
  struct Target {
    const kube::ObjectMeta& deployment;
    Written& written;
    kube::CallOptions options;
  };

  struct Outcome {
    Status first = Ok{};           // the first error, or the one that says when to come back
    bool all_since_status = true;  // nothing has failed since the last status: the events of its news are true
  };

  // Answers whether the plan goes on.
  boost::asio::awaitable<bool> attempt(const Target& target, const plan::Action& action, Outcome& outcome);
  boost::asio::awaitable<Status> act(const Target& target, const plan::Action& action);
  static void note_refusal(const Target& target, const std::string& object, const Error& error, bool is_new);
  static bool is_ours(const kube::ObjectMeta& deployment, const kube::ObjectMeta& meta);
  boost::asio::awaitable<Status> create(const Target& target, Json object);
  boost::asio::awaitable<Status> create_pod(const Target& target, Json object);
  boost::asio::awaitable<Status> write_table(const Target& target, Json object, bool is_new);
  boost::asio::awaitable<Status> replace(const Target& target, Json object);
  boost::asio::awaitable<Status> patch(const Target& target, plan::PatchObject patch);
  boost::asio::awaitable<Status> remove(const Target& target, plan::DeleteObject object);
  boost::asio::awaitable<Status> write_status(const Target& target, kube::PDDeploymentStatus status);

  kube::Client& client_;
  runtime::EventRecorder& events_;
};

}  // namespace pd::op
