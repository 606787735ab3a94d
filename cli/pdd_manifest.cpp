#include "cli/pdd_manifest.h"

#include <array>

#include "cli/manifests.h"
#include "kube/json_members.h"

namespace pd::cli {
namespace {

struct Bound {
  const char* field;
  bool required;
  int least;
  int most;
};
// As in charts/pd-operator/files/pddeployments.yaml: numbers of which the planner makes that many of something.
constexpr std::array kBounds = {Bound{"instances", true, 0, 2048}, Bound{"podsPerInstance", false, 1, 256},
                                Bound{"npusPerPod", true, 1, 64}};

Status check_role(const Json& spec, const char* name, bool with_numbers) {
  const std::string place = std::string("/spec/") + name;
  const Json& role = kube::object_member(spec, name);
  if (role.contains("template") == role.contains("adopt")) {
    return invalid(place + " needs either a template or adopt");
  }
  if (!with_numbers) return Ok{};
  for (const auto& [field, required, least, most] : kBounds) {
    const auto value = role.find(field);
    if (value == role.end() && !required) continue;
    if (value == role.end()) return invalid(place + "/" + field + " is missing");
    const int number = kube::small_member(role, field, least - 1);
    if (number < least || number > most) {
      return invalid(place + "/" + field + " should be a whole number from " + std::to_string(least) + " to " +
                     std::to_string(most) + ", not " + shown(*value));
    }
  }
  return Ok{};
}

Status check(const Json& object) {
  const Json& spec = kube::object_member(object, "spec");
  for (const auto& [role, with_numbers] : {std::pair("scheduler", false), {"prefill", true}, {"decode", true}}) {
    const Status checked = check_role(spec, role, with_numbers);
    if (!checked) return checked;
  }
  return Ok{};
}

}  // namespace

bool is_pddeployment(const Json& object) {
  return kube::text_member(object, "kind") == kube::kKind &&
         kube::text_member(object, "apiVersion").starts_with(std::string(kube::kGroup) + "/");
}

Result<kube::PDDeployment> only_pddeployment(const std::vector<Json>& objects) {
  const Json* found = nullptr;
  for (const Json& object : objects) {
    if (!is_pddeployment(object)) continue;
    if (found != nullptr) {
      return invalid("there are several PDDeployments (" + name_of(*found) + ", " + name_of(object) + "): give one");
    }
    found = &object;
  }
  if (found == nullptr) return invalid("there is no PDDeployment");
  const Status checked = check(*found);
  if (!checked) return checked.error().with_context(name_of(*found));
  return kube::decode_pddeployment(as_stored(*found));
}

}  // namespace pd::cli
