#include "daemonset/kube_node.h"

#include <algorithm>

namespace pd::agent {

asio::awaitable<Result<Annotations>> KubeNode::annotations() {
  kube::CallOptions options;
  options.stop = stop_;
  Result<kube::ObjectMeta> meta = co_await client_.get_metadata(path_, options);
  if (!meta) co_return meta.error().with_context("reading the Node");
  co_return Annotations(meta->annotations.begin(), meta->annotations.end());
}

asio::awaitable<Status> KubeNode::patch_annotations(AnnotationPatch patch) {
  Json annotations = Json::object();
  for (const auto& [key, value] : patch) annotations[key] = value ? Json(*value) : Json(nullptr);
  Json body = Json::object();
  body["metadata"]["annotations"] = std::move(annotations);
  kube::CallOptions options;
  options.stop = stop_;
  const Result<kube::ObjectMeta> written = co_await client_.merge_patch(path_, std::move(body), options);
  if (!written) co_return written.error().with_context("patching the Node");
  co_return Ok{};
}

bool is_node_name(std::string_view name) {
  const auto alphanumeric = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  if (name.empty() || name.size() > 253 || !alphanumeric(name.front()) || !alphanumeric(name.back())) return false;
  return std::all_of(name.begin(), name.end(), [&](char c) { return alphanumeric(c) || c == '-' || c == '.'; });
}

}  // namespace pd::agent
