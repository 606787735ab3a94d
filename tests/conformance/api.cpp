#include "tests/conformance/api.h"

#include <boost/asio/steady_timer.hpp>
#include <stdexcept>

namespace pd::test {
namespace {

constexpr auto kTimeout = std::chrono::seconds(20);

Json parse(const std::string& text) {
  Json parsed = Json::parse(text, nullptr, false);
  return parsed.is_discarded() ? Json() : parsed;
}

template <typename T>
T value_of(Result<T> result, const std::string& what) {
  if (!result) throw std::runtime_error(what + ": " + result.error().message);
  return *std::move(result);
}

}  // namespace

std::string Reply::text(const std::string& pointer) const {
  const Json value = at(pointer);
  return value.is_string() ? value.get<std::string>() : "";
}

Json Reply::at(const std::string& pointer) const {
  const Json::json_pointer place(pointer);
  return body.contains(place) ? body.at(place) : Json();
}

Json Watching::next() {
  std::optional<std::string> line =
      value_of(run_to_end(context_, lines_->next(std::chrono::seconds(10))), "the watch has no event");
  if (!line) throw std::runtime_error("the watch ended");
  return parse(*line);
}

std::string Watching::next_seen() {
  const Reply event{200, next()};
  return seen(event.text("/type"), event.text("/object/metadata/name"), event.text("/object/metadata/resourceVersion"));
}

bool Watching::ends() {
  const Result<std::optional<std::string>> line = run_to_end(context_, lines_->next(std::chrono::seconds(10)));
  return line && !line->has_value();
}

std::string seen(const std::string& type, const std::string& name, const std::string& version) {
  return type + " " + name + "@" + version;
}

Api::Api(boost::asio::io_context& context, kube::Transport& transport, std::string ns, Powers powers)
    : context_(context), transport_(transport), ns_(std::move(ns)), powers_(std::move(powers)) {
  const Reply made = post("/api/v1/namespaces", {{"metadata", {{"name", ns_}}}});
  if (made.status != 201) throw std::runtime_error("no namespace " + ns_ + ": " + made.body.dump());
}

Api::~Api() {
  try {
    remove("/api/v1/namespaces/" + ns_);
  } catch (const std::exception&) {  // the test has failed already, and says why
  }
}

Reply Api::send(const kube::HttpRequest& request) {
  const std::string what = request.method + " " + request.target;
  const kube::HttpResponse response =
      value_of(run_to_end(context_, transport_.send(request, kTimeout, StopToken())), what);
  return {response.status, parse(response.body)};
}

Reply Api::get(const std::string& target, const std::string& accept) { return send({"GET", target, accept}); }

Reply Api::post(const std::string& target, const Json& body) {
  return send({"POST", target, "application/json", "application/json", body.dump()});
}

Reply Api::put(const std::string& target, const Json& body) {
  return send({"PUT", target, "application/json", "application/json", body.dump()});
}

Reply Api::merge(const std::string& target, const Json& patch) {
  return send({"PATCH", target, "application/json", "application/merge-patch+json", patch.dump()});
}

Reply Api::json_patch(const std::string& target, const Json& operations) {
  return send({"PATCH", target, "application/json", "application/json-patch+json", operations.dump()});
}

Reply Api::apply(const std::string& target, const std::string& manager, const Json& object, const std::string& more) {
  const std::string query = "?fieldManager=" + manager + more;
  return send({"PATCH", target + query, "application/json", "application/apply-patch+yaml", object.dump()});
}

Reply Api::remove(const std::string& target, const Json& options) {
  if (options.is_null()) return send({"DELETE", target});
  return send({"DELETE", target, "application/json", "application/json", options.dump()});
}

Reply Api::make_pod(const std::string& name) {
  for (int attempt = 0; attempt < 200; ++attempt) {
    Reply made = post(pods(), pod(name));
    if (made.status != 403) return made;
    pause();
  }
  throw std::runtime_error("the namespace got no service account");
}

Reply Api::bind(const std::string& name, const std::string& node) {
  return post(pods() + "/" + name + "/binding", {{"apiVersion", "v1"},
                                                 {"kind", "Binding"},
                                                 {"metadata", {{"name", name}}},
                                                 {"target", {{"kind", "Node"}, {"name", node}}}});
}

void Api::pause() {
  boost::asio::steady_timer timer(context_, std::chrono::milliseconds(50));
  bool over = false;
  timer.async_wait([&over](const boost::system::error_code&) { over = true; });
  run_until(context_, [&over] { return over; });
}

kube::StreamResponse Api::open(const std::string& target, const std::string& accept) {
  const kube::HttpRequest request{"GET", target, accept};
  return value_of(run_to_end(context_, transport_.open(request, kTimeout, StopToken())), "GET " + target);
}

Watching Api::watch(const std::string& target, const std::string& accept) {
  kube::StreamResponse opened = open(target, accept);
  if (!opened.lines) throw std::runtime_error("GET " + target + ": " + opened.head.body);
  return {context_, std::move(opened.lines)};
}

Reply Api::refused_watch(const std::string& target) {
  const kube::StreamResponse opened = open(target, "application/json");
  return {opened.head.status, parse(opened.head.body)};
}

Json config_map(const std::string& name, const Json& data) {
  return {{"apiVersion", "v1"}, {"kind", "ConfigMap"}, {"metadata", {{"name", name}}}, {"data", data}};
}

Json lease(const std::string& name, const std::string& holder) {
  return {{"apiVersion", "coordination.k8s.io/v1"},
          {"kind", "Lease"},
          {"metadata", {{"name", name}}},
          {"spec", {{"holderIdentity", holder}}}};
}

Json deployment(const std::string& name) {
  const Json role = {{"instances", 1}, {"npusPerPod", 2}, {"adopt", Json::object()}};
  return {{"apiVersion", "pd-operator.io/v1alpha1"},
          {"kind", "PDDeployment"},
          {"metadata", {{"name", name}}},
          {"spec", {{"scheduler", {{"adopt", Json::object()}}}, {"prefill", role}, {"decode", role}}}};
}

Json pod(const std::string& name) {
  const Json container = {{"name", "engine"}, {"image", "engine:1"}};
  return {{"apiVersion", "v1"},
          {"kind", "Pod"},
          {"metadata", {{"name", name}}},
          {"spec", {{"schedulerName", "nobody"}, {"containers", Json::array({container})}}}};
}

Json condition(const std::string& type, const std::string& status) {
  return {{"type", type},
          {"status", status},
          {"reason", "Because"},
          {"message", "So."},
          {"lastTransitionTime", "2026-01-01T00:00:00Z"}};
}

Json labelled(Json object, const std::string& key, const std::string& value) {
  object["metadata"]["labels"][key] = value;
  return object;
}

Json with_version(Json object, const std::string& version) {
  object["metadata"]["resourceVersion"] = version;
  return object;
}

Json status_of(const std::string& name, const Json& status) {
  return {{"apiVersion", "pd-operator.io/v1alpha1"},
          {"kind", "PDDeployment"},
          {"metadata", {{"name", name}}},
          {"status", status}};
}

}  // namespace pd::test
