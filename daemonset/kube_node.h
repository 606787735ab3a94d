// NodeApi on the API server: GET of the Node's metadata and a merge patch of its annotations. Of the Node nothing else
// is read or written, and of no other Node anything. Owner: main. Thread: the io_context's one thread.
#pragma once

#include <string>

#include "base/stop_token.h"
#include "daemonset/node_api.h"
#include "kube/client.h"

namespace pd::agent {

class KubeNode final : public NodeApi {
 public:
  // The client must outlive it. `stop` ends what is under way.
  KubeNode(kube::Client& client, const std::string& node_name, StopToken stop)
      : client_(client), path_("/api/v1/nodes/" + node_name), stop_(std::move(stop)) {}

  asio::awaitable<Result<Annotations>> annotations() override;
  asio::awaitable<Status> patch_annotations(AnnotationPatch patch) override;

 private:
  kube::Client& client_;
  std::string path_;
  StopToken stop_;
};

// A name that a Node can have; anything else would be another path of the API.
bool is_node_name(std::string_view name);

}  // namespace pd::agent
