// The fields of a Projection, apart from what reads text by them: codecs have them also where no text is read (pdctl
// for any Linux, which has no simdjson).
#include "kube/projection.h"

namespace pd::kube {

Projection::Projection(std::initializer_list<std::string_view> paths) {
  for (std::string_view path : paths) {
    Node* node = &root_;
    while (!path.empty() && !node->named) {
      const std::size_t dot = path.find('.');
      node = &node->members[std::string(path.substr(0, dot))];
      path = dot == std::string_view::npos ? std::string_view() : path.substr(dot + 1);
    }
    node->named = true;
    node->members.clear();
  }
}

}  // namespace pd::kube
