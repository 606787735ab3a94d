// The API server's refusals: Status objects with the code, reason and details that the real one gives.
// Thread: pure functions.
#pragma once

#include <string>
#include <string_view>

#include "base/json.h"
#include "kube/transport.h"
#include "tests/simulation/kinds.h"

namespace pd::test {

Json status_object(int code, const std::string& reason, const std::string& message, Json details = Json::object());
kube::HttpResponse refuse(int code, const std::string& reason, const std::string& message,
                          Json details = Json::object());

kube::HttpResponse not_found(const SimKind& kind, const std::string& name);
kube::HttpResponse already_exists(const SimKind& kind, const std::string& name);
kube::HttpResponse conflict(const SimKind& kind, const std::string& name, const std::string& why);
kube::HttpResponse modified(const SimKind& kind, const std::string& name);  // 409: somebody wrote first
kube::HttpResponse bad_request(const std::string& message);
// 422 with one cause: `cause` is FieldValueInvalid, FieldValueRequired, ...
kube::HttpResponse invalid_field(const std::string& kind, const std::string& name, const std::string& field,
                                 const std::string& cause, const std::string& message);
kube::HttpResponse method_not_allowed();
// 504: not seen yet.
kube::HttpResponse too_large_revision(std::uint64_t asked, std::uint64_t current);

}  // namespace pd::test
