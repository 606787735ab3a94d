// A PDDeployment from a file, decoded as the operator decodes what the API server has stored: what the schema defaults
// is filled in (kube/pddeployment.h), and numbers are within its bounds.
// Thread: pure functions.
#pragma once

#include <vector>

#include "kube/pddeployment.h"

namespace pd::cli {

bool is_pddeployment(const Json& object);

// The one PDDeployment among them. Namespace and uid are empty where it names none.
Result<kube::PDDeployment> only_pddeployment(const std::vector<Json>& objects);

}  // namespace pd::cli
