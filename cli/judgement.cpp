#include "cli/judgement.h"

#include "ranktable/validate.h"

namespace pd::cli {

Result<Judgement> render_and_judge(const ranktable::Membership& membership, const ranktable::Profile& profile,
                                   ranktable::RuleSet rules) {
  Result<ranktable::Documents> documents = profile.render(membership);
  if (!documents) return documents.error();
  std::vector<std::string> complaints;
  for (const ranktable::Finding& finding : ranktable::validate_documents(*documents, profile, rules)) {
    complaints.push_back("it would not be valid: " + to_string(finding));
  }
  return Judgement{std::move(*documents), std::move(complaints)};
}

}  // namespace pd::cli
