#include "daemonset/pods_gone.h"

#include "base/clock.h"
#include "base/log.h"
#include "kube/json_members.h"
#include "runtime/timing.h"

namespace pd::agent {
namespace {

constexpr auto kTimeout = std::chrono::seconds(15);
constexpr auto kInterval = std::chrono::seconds(1);

// Trying again would not help: the selector is wrong, or no role grants it.
bool is_final(const Error& error) {
  return error.code == Code::kInvalid || error.code == Code::kForbidden || error.code == Code::kInternal;
}

// A pod of a node that is dead stays in the list for ever, with the time at which its grace was over: by then it was
// killed, or can't reach the API server, and its account went with the release.
bool is_gone(const Json& metadata) {
  const Result<WallTime> deleted = parse_rfc3339(kube::text_member(metadata, "deletionTimestamp"));
  return deleted && *deleted <= SystemClock().wall_now();
}

// The name of one that is there; empty: none.
asio::awaitable<Result<std::string>> one_left(kube::Client& client, AgentPods pods, StopToken stop) {
  static const kube::Projection fields({"metadata"});
  const kube::Collection collection{kube::Resource<kube::Pod>::kPath, true, fields};
  kube::ListOptions options;
  options.ns = std::move(pods.ns);
  options.label_selector = std::move(pods.selector);
  options.call = {kTimeout, stop};
  std::string left;
  std::function<void(const Json&)> take = [&left](const Json& pod) {
    const Json& metadata = kube::object_member(pod, "metadata");
    if (!is_gone(metadata)) left = kube::text_member(metadata, "name", "without a name");
  };
  const Result<std::string> listed = co_await client.list_each(collection, std::move(options), std::move(take));
  if (!listed) co_return listed.error();
  co_return left;
}

}  // namespace

asio::awaitable<Status> wait_until_gone(kube::Client& client, AgentPods pods, Duration limit, StopToken stop) {
  runtime::TimeService* time = co_await runtime::time_service();
  const Instant deadline = time->now() + limit;
  std::string waits_for;
  while (true) {
    const Result<std::string> left = co_await one_left(client, pods, stop);
    if (left && left->empty()) co_return Ok{};
    if (!left && is_final(left.error())) co_return left.error();
    const std::string why = left ? "pod " + pods.ns + "/" + *left + " is still there" : left.error().message;
    if (why != waits_for) log::info("Waiting for the agents' pods to be gone", {{"why", why}});
    waits_for = why;
    if (time->now() + kInterval > deadline)
      co_return Error{Code::kTimeout, "the agents' pods (" + pods.selector + ") are not gone in time: " + why +
                                          "; delete them, or wait longer by --timeout"};
    if (!co_await runtime::sleep_for(kInterval, stop)) co_return Error{Code::kCancelled, "stopped"};
  }
}

}  // namespace pd::agent
