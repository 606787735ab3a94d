#include "operator/check.h"

#include <algorithm>
#include <set>

#include "kube/json_members.h"

namespace pd::op {
namespace {

using boost::asio::awaitable;

constexpr auto kTimeout = std::chrono::seconds(15);
constexpr const char* kReviews = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";

// An error of the connection, or of something on the way; the API server itself says why it refuses.
bool answered(const Error& error) { return error.code != Code::kTimeout && error.code != Code::kUnavailable; }

awaitable<Finding> check_definition(kube::Client& client) {
  const std::string version(kube::Resource<kube::PDDeployment>::kPath.prefix);
  const Result<Json> served = co_await client.get(version);
  if (!served && served.error().code == Code::kNotFound)
    co_return Finding{false,
                      "the API server knows no PDDeployments: install the CRD (values crds.install of the chart)"};
  if (!served)
    co_return Finding{false, "can't see whether PDDeployments are served: " + served.error().message,
                      answered(served.error())};
  std::set<std::string> names;
  for (const Json& resource : kube::array_member(*served, "resources"))
    names.insert(kube::text_member(resource, "name"));
  for (const char* needed : {"pddeployments", "pddeployments/status"}) {
    if (!names.contains(needed))
      co_return Finding{false, version + " has no " + needed + ": another CRD is installed under this name"};
  }
  co_return Finding{true, "PDDeployments are served (" + version + ")"};
}

Json review_of(const Permission& permission, const std::string& verb) {
  const std::size_t slash = permission.resource.find('/');
  Json attributes = {{"verb", verb}, {"group", permission.group}, {"resource", permission.resource.substr(0, slash)}};
  if (slash != std::string::npos) attributes["subresource"] = permission.resource.substr(slash + 1);
  if (!permission.ns.empty()) attributes["namespace"] = permission.ns;
  if (!permission.name.empty()) attributes["name"] = permission.name;
  return {{"apiVersion", "authorization.k8s.io/v1"},
          {"kind", "SelfSubjectAccessReview"},
          {"spec", {{"resourceAttributes", std::move(attributes)}}}};
}

// The review with the server's answer in it; it is kept nowhere.
awaitable<Result<Json>> ask(kube::Transport& transport, Json review) {
  kube::HttpRequest request{"POST", kReviews, std::string(kube::kAcceptJson), "application/json", dump_json(review)};
  request.answer_limit = kube::kObjectLimit;
  const Result<kube::HttpResponse> response = co_await transport.send(std::move(request), kTimeout, {});
  if (!response) co_return response.error();
  if (response->status < 200 || response->status > 299) co_return kube::status_error(*response);
  co_return parse_json(response->body);
}

awaitable<Finding> check_permission(kube::Client& client, Permission permission) {
  std::vector<std::string> missing;
  for (const std::string& verb : permission.verbs) {
    const Result<Json> answer = co_await ask(client.transport(), review_of(permission, verb));
    if (!answer) {
      const std::string what = describe(permission, std::vector<std::string>(1, verb));
      co_return Finding{false, "can't see whether this identity may " + what + ": " + answer.error().message,
                        answered(answer.error())};
    }
    const Json& status = kube::object_member(*answer, "status");
    const auto allowed = status.find("allowed");
    if (allowed == status.end() || *allowed != true) missing.push_back(verb);
  }
  if (missing.empty()) co_return Finding{true, "may " + describe(permission, permission.verbs)};
  co_return Finding{false, "may not " + describe(permission, missing) + ": no role grants it to this identity"};
}

}  // namespace

awaitable<Findings> check(kube::Client& client, Options options, std::function<void(const Finding&)> found) {
  Findings findings(1, co_await check_definition(client));
  found(findings.back());
  for (const Permission& permission : needed_permissions(options)) {
    if (!findings.back().reached) break;
    findings.push_back(co_await check_permission(client, permission));
    found(findings.back());
  }
  co_return findings;
}

bool all_well(const Findings& findings) {
  return std::all_of(findings.begin(), findings.end(), [](const Finding& finding) { return finding.ok; });
}

std::string to_line(const Finding& finding) { return (finding.ok ? "ok       " : "MISSING  ") + finding.what + "\n"; }

std::string to_sum(const Findings& findings) {
  if (!findings.empty() && !findings.back().reached)
    return "the rest was not asked: the API server can't be reached; look at the network and at NetworkPolicies\n";
  const auto bad = std::count_if(findings.begin(), findings.end(), [](const Finding& finding) { return !finding.ok; });
  if (bad == 0) return "all of it is there\n";
  return std::to_string(bad) + " of " + std::to_string(findings.size()) + " are missing\n";
}

}  // namespace pd::op
