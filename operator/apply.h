// Executes a plan: the only writer. It holds no policy. A failed write of the status or the table ends it; one pod that
// can't be touched, deleted or made keeps no other from it. The first error is the answer, and the next plan starts
// afresh. Thread: the io_context's.
#pragma once

#include <map>
#include <string>

#include "kube/client.h"
#include "plan/plan.h"
#include "runtime/event_recorder.h"

namespace pd::op {

// What was written: the newest of each kind, for the read-your-writes gate, and the objects that turned out
// to be someone else's.
struct Written {
  std::map<std::string, kube::ObjectMeta> newest;           // kind -> metadata of what was written last
  std::map<std::string, kube::ObjectMeta> foreign_objects;  // name -> metadata of what holds the name
  std::string refused;  // the API server's words, when it will not have an object as it is
};

class Applier {
 public:
  // Both must outlive the applier.
  Applier(kube::Client& client, runtime::EventRecorder& events) : client_(client), events_(events) {}

  boost::asio::awaitable<Status> apply(const kube::ObjectMeta& deployment, const plan::Plan& plan, Written& written,
                                       StopToken stop);

  // Tells of a deployment, or of one of its pods; never waits.
  void tell(const kube::ObjectMeta& deployment, const plan::EmitEvent& event);

  // What holds a name of ours (a pod's, the ConfigMap's, a Service's) and is not watched; nothing when there is no such
  // object (any more).
  boost::asio::awaitable<Result<std::optional<kube::ObjectMeta>>> find_foreign(kube::ObjectMeta deployment,
                                                                               std::string name, StopToken stop);

 private:
  struct Target {
    const kube::ObjectMeta& deployment;
    Written& written;
    kube::CallOptions options;
  };

  boost::asio::awaitable<Status> act(const Target& target, const plan::Action& action);
  static bool is_ours(const kube::ObjectMeta& deployment, const kube::ObjectMeta& meta);
  boost::asio::awaitable<Status> create(const Target& target, kube::ResourcePath path, std::string kind, Json object);
  boost::asio::awaitable<Status> replace(const Target& target, Json object);
  boost::asio::awaitable<Status> touch(const Target& target, plan::TouchPod touch);
  boost::asio::awaitable<Status> remove(const Target& target, plan::DeletePod pod);
  boost::asio::awaitable<Status> write_status(const Target& target, kube::PDDeploymentStatus status);

  kube::Client& client_;
  runtime::EventRecorder& events_;
};

}  // namespace pd::op
