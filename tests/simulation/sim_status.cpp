#include "tests/simulation/sim_status.h"

namespace pd::test {
namespace {

Json details_of(const SimKind& kind, const std::string& name) {
  Json details = {{"name", name}, {"kind", kind.plural}};
  if (!kind.group.empty()) details["group"] = kind.group;
  return details;
}

std::string quoted(const std::string& name) { return "\"" + name + "\""; }

}  // namespace

Json status_object(int code, const std::string& reason, const std::string& message, Json details) {
  Json status = {{"kind", "Status"},    {"apiVersion", "v1"}, {"metadata", Json::object()},
                 {"status", "Failure"}, {"message", message}, {"code", code}};
  if (!reason.empty()) status["reason"] = reason;
  if (!details.empty()) status["details"] = std::move(details);
  return status;
}

kube::HttpResponse refuse(int code, const std::string& reason, const std::string& message, Json details) {
  return {code, dump_json(status_object(code, reason, message, std::move(details))), std::nullopt};
}

kube::HttpResponse not_found(const SimKind& kind, const std::string& name) {
  return refuse(404, "NotFound", kind.qualified_name() + " " + quoted(name) + " not found", details_of(kind, name));
}

kube::HttpResponse already_exists(const SimKind& kind, const std::string& name) {
  return refuse(409, "AlreadyExists", kind.qualified_name() + " " + quoted(name) + " already exists",
                details_of(kind, name));
}

kube::HttpResponse conflict(const SimKind& kind, const std::string& name, const std::string& why) {
  return refuse(409, "Conflict",
                "Operation cannot be fulfilled on " + kind.qualified_name() + " " + quoted(name) + ": " + why,
                details_of(kind, name));
}

kube::HttpResponse modified(const SimKind& kind, const std::string& name) {
  return conflict(kind, name,
                  "the object has been modified; please apply your changes to the latest version and try again");
}

kube::HttpResponse bad_request(const std::string& message) { return refuse(400, "BadRequest", message); }

kube::HttpResponse invalid_field(const std::string& kind, const std::string& name, const std::string& field,
                                 const std::string& cause, const std::string& message) {
  const Json causes = {{{"reason", cause}, {"message", message}, {"field", field}}};
  return refuse(422, "Invalid", kind + " " + quoted(name) + " is invalid: " + field + ": " + message,
                {{"name", name}, {"kind", kind}, {"causes", causes}});
}

kube::HttpResponse method_not_allowed() {
  return refuse(405, "MethodNotAllowed", "the server does not allow this method on the requested resource");
}

kube::HttpResponse too_large_revision(std::uint64_t asked, std::uint64_t current) {
  const Json cause = {{"reason", "ResourceVersionTooLarge"}, {"message", "Too large resource version"}};
  kube::HttpResponse response = refuse(
      504, "Timeout", "Too large resource version: " + std::to_string(asked) + ", current: " + std::to_string(current),
      {{"causes", Json::array({cause})}, {"retryAfterSeconds", 1}});
  response.retry_after = std::chrono::seconds(1);
  return response;
}

}  // namespace pd::test
