// Objects of Kubernetes in files: YAML or JSON, several documents in one, and Lists, as people write them and as
// `kubectl get -o yaml` prints them.
// Thread: blocking; for small local files.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "base/json.h"

namespace pd::cli {

// Each has a kind; those of Lists come one by one, in their order. `path`: "-" is standard input. The error names the
// file.
Result<std::vector<Json>> read_manifests(const std::string& path, std::istream& in);

// With a resourceVersion, as what the API server has stored; the decoders want one.
Json as_stored(Json object);

// "Deployment llm/qwen", for people.
std::string name_of(const Json& object);

}  // namespace pd::cli
