#include "daemonset/pods_gone.h"

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

// The name of one that is there; empty: none.
asio::awaitable<Result<std::string>> one_left(kube::Client& client, std::string path, StopToken stop) {
  kube::CallOptions options{kTimeout, stop};
  const Result<Json> list = co_await client.get(std::move(path), std::move(options));
  if (!list) co_return list.error();
  const Json& items = kube::array_member(*list, "items");
  if (items.empty()) co_return std::string();
  co_return kube::text_member(kube::object_member(items.front(), "metadata"), "name", "without a name");
}

}  // namespace

asio::awaitable<Status> wait_until_gone(kube::Client& client, AgentPods pods, Duration limit, StopToken stop) {
  const std::string path = kube::list_path(kube::Resource<kube::Pod>::kPath, pods.ns) +
                           "?limit=1&labelSelector=" + kube::query_escape(pods.selector);
  runtime::TimeService* time = co_await runtime::time_service();
  const Instant deadline = time->now() + limit;
  std::string waits_for;
  while (true) {
    const Result<std::string> left = co_await one_left(client, path, stop);
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
