// A deterministic model of a kube-apiserver, as far as a controller can tell it from the real one: tests/conformance
// holds both to one list of behaviours. It is synchronous, has no clock of its own and draws no random numbers.
//
//   SimStore etcd;
//   SimApiServer server(etcd, clock);
//   server.handle({"POST", "/api/v1/namespaces/default/configmaps", "application/json", "application/json", body});
//   SimApiServer::Opened opened = server.open_watch({"GET", "/api/v1/configmaps?watch=true&resourceVersion=1002"});
//   while (std::optional<std::string> line = opened.watch->next()) ...
//   server.view().hold();              // its watch caches lag until they are advanced
//   SimApiServer other(etcd, clock);   // a second API server on the same etcd, with a view of its own
//
// Not modelled: authorization, quotas and admission, defaults of PDDeployments and most of pods, validation of specs,
// strategic merge patches, server-side apply of what this project doesn't apply.
// Thread: one. The store and the clock must outlive it.
#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "kube/transport.h"
#include "tests/simulation/managed_fields.h"
#include "tests/simulation/sim_request.h"
#include "tests/simulation/sim_store.h"
#include "tests/simulation/sim_view.h"
#include "tests/simulation/sim_watch.h"

namespace pd::test {

class SimApiServer {
 public:
  // `user_agent`: owns the fields of writes that name no fieldManager.
  SimApiServer(SimStore& store, const Clock& clock, std::string user_agent = "pd-operator");
  SimApiServer(const SimApiServer&) = delete;
  SimApiServer& operator=(const SimApiServer&) = delete;

  // Everything but watches.
  kube::HttpResponse handle(const kube::HttpRequest& http);

  struct Opened {
    kube::HttpResponse head;
    std::unique_ptr<SimWatch> watch;  // only where the status is 200
  };
  Opened open_watch(const kube::HttpRequest& http);

  // Whether it has streaming lists, as newer ones do.
  void set_streaming_lists(bool has) { streaming_lists_ = has; }
  SimView& view() { return view_; }
  SimStore& store() { return store_; }

 private:
  // A write under way.
  struct Write {
    const SimRequest& request;
    const SimKind& kind;
    std::string key;
    bool is_patch = false;
    bool is_apply = false;
  };

  kube::HttpResponse get(const SimRequest& request) const;
  kube::HttpResponse list(const SimRequest& request) const;
  kube::HttpResponse post(const SimRequest& request, const kube::HttpRequest& http);
  kube::HttpResponse put(const SimRequest& request, const kube::HttpRequest& http);
  kube::HttpResponse patch(const SimRequest& request, const kube::HttpRequest& http);
  kube::HttpResponse remove(const SimRequest& request, const kube::HttpRequest& http);
  kube::HttpResponse bind(const SimRequest& request, const Json& binding);
  kube::HttpResponse apply(Write write, const Json& applied);
  // With an object whose managed fields are those of `live`, unless it is applied.
  kube::HttpResponse create(const Write& write, Json object);
  kube::HttpResponse update(const Write& write, const ObjectPtr& live, Json next);
  kube::HttpResponse store_update(const Write& write, const ObjectPtr& live, Json next);
  FieldWriter writer_of(const Write& write) const;

  SimStore& store_;
  const Clock& clock_;
  std::string user_agent_;
  SimView view_;
  bool streaming_lists_ = true;
};

// The answer with an object, as the request wants it.
kube::HttpResponse object_response(const SimRequest& request, const SimObject& object, int status = 200);

}  // namespace pd::test
