// What the API server checks of an object that is written, and what it sets itself.
// Thread: pure functions.
#pragma once

#include <optional>
#include <string>

#include "base/json.h"
#include "kube/transport.h"
#include "tests/simulation/kinds.h"
#include "tests/simulation/sim_request.h"

namespace pd::test {

// Kind, version, namespace and name of the body against those of the path, and the types of what is read here; adds
// what the body may leave out. `unreadable`: the status for another kind or a wrong type; it differs with the verb.
std::optional<kube::HttpResponse> check_body(const SimRequest& request, Json& object, int unreadable = 400);
// Without nulls and empty collections where the typed object has none.
void normalise(const SimKind& kind, Json& object);
// What nobody may store. `before` is null for a new object.
std::optional<kube::HttpResponse> validate(const SimKind& kind, const Json& before, const Json& object);

// What a new object gets, and loses.
void prepare_create(const SimKind& kind, Json& object);
// Everything that this endpoint leaves as it is, and the system's own fields; counts the generation.
void prepare_update(const SimKind& kind, const std::string& subresource, const Json& live, Json& next);

}  // namespace pd::test
