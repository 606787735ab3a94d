// A table from anywhere, judged by every profile, read by those that can, rendered by all.
#include <cstddef>
#include <cstdint>

#include "ranktable/validate.h"
#include "tests/fuzz/require.h"
#include "tests/fuzz/tables.h"

namespace pd::ranktable {
namespace {

using fuzz::require;

void judge(const Document& document, const Profile& profile) {
  static_cast<void>(part_of(document.root(), profile));
  for (const Part part : {Part::kGlobal, Part::kLocal, Part::kHost}) {
    const std::vector<Finding> findings = validate(document, profile, part, profile.rules);
    fuzz::require_showable(findings);
    for (const Finding& finding : findings)
      require(finding.rule == kReadable || profile.rules.has(finding.rule), "only the profile's rules are judged");
  }
  for (const MirrorFinding& found : validate_mirrors(document, {&document}, profile, profile.rules))
    fuzz::require_showable({found.finding});
}

void read(Value root, const Profile& profile) {
  if (profile.read_global != nullptr) {
    const Result<Membership> membership = profile.read_global(root);
    if (membership) {
      fuzz::require_rendered(*membership);
    } else {
      fuzz::require_message(membership.error());
    }
  }
  if (profile.read_local != nullptr) {
    Result<Instance> instance = profile.read_local(root);
    if (!instance) return fuzz::require_message(instance.error());
    Membership membership;
    membership.unassigned.push_back(std::move(*instance));
    name_instances(membership);
    fuzz::require_rendered(membership);
    if (assign_roles(membership, 1)) fuzz::require_rendered(membership);
  }
}

// What is right by all rules is read, and says the same when it is written by its own profile. A list or an object
// among a device's members breaks no rule, and a membership can't hold it.
void require_right_is_read(const Document& document) {
  const Recognised found = recognise(document.root());
  if (found.profile == nullptr || found.part != Part::kGlobal || found.profile->read_global == nullptr) return;
  if (!validate(document, *found.profile, Part::kGlobal, found.profile->rules).empty()) return;
  const Result<Membership> membership = found.profile->read_global(document.root());
  if (!membership && membership.error().message.ends_with("members should be strings")) return;
  require(membership.ok(), "a right table is read", membership ? "" : membership.error().message);
  const Result<Documents> documents = found.profile->render(*membership);
  require(documents.ok(), "a right table is rendered", documents ? "" : documents.error().message);
  const std::vector<Finding> findings = validate_global(documents->global, found.profile->name);
  require(findings.empty(), "it is right when it is rendered", findings.empty() ? "" : to_string(findings.front()));
}

void check(std::string_view text) {
  if (const Result<std::string> status = read_status(text); !status) fuzz::require_message(status.error());
  if (const auto ips = read_server_ips(text); !ips) fuzz::require_message(ips.error());
  const Result<Document> document = parse_document(text);
  if (!document) return fuzz::require_message(document.error());
  for (const std::string_view name : profile_names()) {
    judge(*document, *find_profile(name));
    read(document->root(), *find_profile(name));
  }
  require_right_is_read(*document);
}

}  // namespace
}  // namespace pd::ranktable

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {  // NOLINT: libFuzzer's name
  pd::ranktable::check(pd::fuzz::text_of(data, size));
  return 0;
}
