// The agent's own Node in the API: its annotations, and a patch of them. The real one is kube_node.h, tests have
// theirs. Thread: the io_context's one thread.
#pragma once

#include <utility>  // before awaitable.hpp: Boost 1.74 with g++ 12

#include <boost/asio/awaitable.hpp>
#include <map>
#include <optional>
#include <string>

#include "base/result.h"

namespace pd::agent {

namespace asio = boost::asio;

using Annotations = std::map<std::string, std::string>;
using AnnotationPatch = std::map<std::string, std::optional<std::string>>;  // nothing: remove it

class NodeApi {
 public:
  virtual ~NodeApi() = default;
  virtual asio::awaitable<Result<Annotations>> annotations() = 0;
  // One merge patch.
  virtual asio::awaitable<Status> patch_annotations(AnnotationPatch patch) = 0;
};

}  // namespace pd::agent
