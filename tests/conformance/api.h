// An API server as the behaviours see it, simulated or real: requests that block until they are answered, in a
// namespace that belongs to one behaviour alone.
//
//   Reply made = api.post(api.maps(), config_map("a"));
//   EXPECT_EQ(made.status, 201);
//   Watching events = api.watch(api.maps() + "?watch=true&resourceVersion=" + made.version());
//
// Thread: one; it drives the io_context itself.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/json.h"
#include "kube/transport.h"
#include "tests/support/run_to_end.h"

namespace pd::test {

struct Reply {
  int status = 0;
  Json body;                                           // null where it is no JSON
  std::string text(const std::string& pointer) const;  // "" where there is no string
  std::string reason() const { return text("/reason"); }
  std::string version() const { return text("/metadata/resourceVersion"); }
  std::string uid() const { return text("/metadata/uid"); }
  bool has(const std::string& pointer) const { return body.contains(Json::json_pointer(pointer)); }
  Json at(const std::string& pointer) const;  // null where there is nothing
};

// An open watch. Ending it closes the stream.
class Watching {
 public:
  Watching(boost::asio::io_context& context, std::unique_ptr<kube::LineStream> lines)
      : context_(context), lines_(std::move(lines)) {}
  Json next();              // the next event; fails the test when none comes
  std::string next_seen();  // "ADDED a@1002"; the version is the object's
  bool ends();              // whether the server closes it now

 private:
  boost::asio::io_context& context_;
  std::unique_ptr<kube::LineStream> lines_;
};

// "ADDED a@1002"
std::string seen(const std::string& type, const std::string& name, const std::string& version);

// What can't be had through the API. A real server may lack the first; the behaviour is skipped then.
struct Powers {
  std::function<void(std::uint64_t revision)> compact;  // of the history in etcd
  std::function<void()> send_bookmarks = [] {};         // to the open watches, where it does not happen by itself
};

class Api {
 public:
  // Makes the namespace.
  Api(boost::asio::io_context& context, kube::Transport& transport, std::string ns, Powers powers);
  ~Api();  // deletes it
  Api(const Api&) = delete;
  Api& operator=(const Api&) = delete;

  const std::string& ns() const { return ns_; }
  const Powers& powers() const { return powers_; }
  // Paths of the collections in the namespace.
  std::string maps() const { return "/api/v1/namespaces/" + ns_ + "/configmaps"; }
  std::string pods() const { return "/api/v1/namespaces/" + ns_ + "/pods"; }
  std::string services() const { return "/api/v1/namespaces/" + ns_ + "/services"; }
  std::string leases() const { return "/apis/coordination.k8s.io/v1/namespaces/" + ns_ + "/leases"; }
  std::string events() const { return "/apis/events.k8s.io/v1/namespaces/" + ns_ + "/events"; }
  std::string deployments() const { return "/apis/pd-operator.io/v1alpha1/namespaces/" + ns_ + "/pddeployments"; }

  Reply send(const kube::HttpRequest& request);
  Reply get(const std::string& target, const std::string& accept = "application/json");
  Reply post(const std::string& target, const Json& body);
  Reply put(const std::string& target, const Json& body);
  Reply merge(const std::string& target, const Json& patch);
  Reply json_patch(const std::string& target, const Json& operations);
  // `more`: of the query, "&force=true".
  Reply apply(const std::string& target, const std::string& manager, const Json& object, const std::string& more = "");
  Reply remove(const std::string& target, const Json& options = Json());
  // A pod that no scheduler takes. It waits for the namespace's service account.
  Reply make_pod(const std::string& name);
  Reply bind(const std::string& pod, const std::string& node);

  Watching watch(const std::string& target, const std::string& accept = "application/json");
  // The head of a watch that is not opened.
  Reply refused_watch(const std::string& target);

 private:
  kube::StreamResponse open(const std::string& target, const std::string& accept);
  void pause();

  boost::asio::io_context& context_;
  kube::Transport& transport_;
  std::string ns_;
  Powers powers_;
};

inline constexpr const char* kMetadataOnly = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
inline constexpr const char* kMetadataOnlyList = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";

// Objects of the behaviours.
Json config_map(const std::string& name, const Json& data = {{"a", "1"}});
Json lease(const std::string& name, const std::string& holder);
Json deployment(const std::string& name);
Json pod(const std::string& name);
Json condition(const std::string& type, const std::string& status);
Json labelled(Json object, const std::string& key, const std::string& value);
Json with_version(Json object, const std::string& version);
Json status_of(const std::string& name, const Json& status);  // of a PDDeployment, to be applied

}  // namespace pd::test
