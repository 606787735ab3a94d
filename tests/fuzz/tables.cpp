#include "tests/fuzz/tables.h"

#include "ranktable/diff.h"
#include "ranktable/validate.h"
#include "tests/fuzz/require.h"

namespace pd::fuzz {
namespace {

using namespace pd::ranktable;  // NOLINT(google-build-using-namespace): every line is about it

Document parse_rendered(const std::string& text) {
  Result<Document> document = parse_document(text);
  require(document.ok(), "a rendered table is parsed", document ? "" : document.error().message + " in " + text);
  return *std::move(document);
}

void require_read_back(const Profile& profile, const Documents& documents) {
  if (documents.global.empty() || profile.read_global == nullptr) return;
  const Document global = parse_rendered(documents.global);
  const Result<Membership> read = profile.read_global(global.root());
  require(read.ok(), "a rendered table is read back", read ? "" : read.error().message + " in " + documents.global);
  const Result<Documents> again = profile.render(*read);
  require(again.ok(), "what was read back is rendered", again ? "" : again.error().message + " in " + documents.global);
  require(again->global == documents.global, "it is rendered as it was", documents.global + " and " + again->global);
  // Whoever is content with the global table is content with those that go with it.
  if (!validate(global, profile, Part::kGlobal, profile.rules).empty()) return;
  const std::vector<Finding> findings = validate_documents(*again, profile, profile.rules);
  require(findings.empty(), "the local tables of a right global table are right",
          findings.empty() ? "" : to_string(findings.front()) + " in " + documents.global);
}

// Read as a decode instance: a layout may put the servers of prefill ones in an order of its own.
void require_local_read_back(const Profile& profile, const Membership& membership, const std::string& text) {
  if (profile.read_local == nullptr) return;
  Result<Instance> read = profile.read_local(parse_rendered(text).root());
  require(read.ok(), "a rendered local table is read back", read ? "" : read.error().message + " in " + text);
  Membership alone;
  alone.schedulers = membership.schedulers;
  alone.decode.push_back(*std::move(read));
  name_instances(alone);
  const Result<Documents> again = profile.render(alone);
  require(again.ok(), "what was read back is rendered", again ? "" : again.error().message + " in " + text);
  const std::string& written = again->locals.at("decode-0");
  require(written == text, "a local table is rendered as it was", text + " and " + written);
}

void require_parsed(const Profile& profile, const Documents& documents) {
  std::vector<Document> locals;
  locals.reserve(documents.locals.size() + 1);
  for (const auto& [name, text] : documents.locals) locals.push_back(parse_rendered(text));
  if (!documents.host.empty()) locals.push_back(parse_rendered(documents.host));
  std::vector<const Document*> mirrors;
  for (const Document& local : locals) {
    mirrors.push_back(&local);
    require_showable(validate(local, profile, Part::kLocal, profile.rules));
  }
  if (documents.global.empty()) return;
  const Document global = parse_rendered(documents.global);
  for (const MirrorFinding& found : validate_mirrors(global, mirrors, profile, profile.rules)) {
    require(found.local < mirrors.size(), "a finding names its table");
    require_showable({found.finding});
  }
}

}  // namespace

void require_showable(const std::vector<Finding>& findings) {
  require(findings.size() <= Findings::kMost, "nobody is told more than can be read");
  for (const Finding& finding : findings) {
    const std::string line = to_string(finding);
    require(!finding.message.empty() && is_showable(line), "a finding can be shown", line);
  }
}

int require_rendered(const Membership& membership) {
  require(diff(membership, membership).empty(), "a membership is no other than itself");
  for (const Change& change : diff(membership, {}))
    require(is_showable(change.text), "a change can be shown", change.text);
  int rendered = 0;
  for (const std::string_view name : profile_names()) {
    const Profile& profile = *find_profile(name);
    const Result<Documents> documents = profile.render(membership);
    if (!documents) {
      require_message(documents.error());
      continue;
    }
    ++rendered;
    require_parsed(profile, *documents);
    for (const auto& [local, text] : documents->locals) require_local_read_back(profile, membership, text);
    require_read_back(profile, *documents);
  }
  return rendered;
}

}  // namespace pd::fuzz
