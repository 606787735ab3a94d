#include "cli/merge_local.h"

#include "cli/table_input.h"
#include "ranktable/merge.h"
#include "ranktable/validate.h"

namespace pd::cli {

Answer merge_local(const MergeLocalRequest& request, std::istream& in) {
  if (request.locals.size() < 2) {
    return usage_error(
        "--local-ranktable-list needs at least two files: a local table of each of the instance's hosts");
  }
  TableInput input;
  const Status read = input.read(request.locals, in);
  if (!read) return refusal(read.error().message);
  Result<ranktable::Instance> instance = ranktable::merge_local(input.sources());
  if (!instance) return refusal(instance.error().message);

  const ranktable::Profile& profile = *ranktable::find_profile("PerInstance");
  const std::string name = "decode-0";  // the role does not show, and the order of a decode instance's servers is kept
  instance->name = name;
  ranktable::Membership membership;
  membership.decode.push_back(std::move(*instance));
  const Result<ranktable::Documents> documents = profile.render(membership);
  if (!documents) return refusal(documents.error().message);
  const std::string& content = documents->locals.at(name);
  std::vector<std::string> complaints;
  for (const ranktable::Finding& finding : ranktable::validate_local(content, profile.name)) {
    complaints.push_back("the local table would not be valid: " + to_string(finding));
  }
  if (!complaints.empty()) return refusal(std::move(complaints));
  return save_tables({{"local_ranktable_merge.json", content, ranktable::Part::kLocal}}, request.save, request.locals);
}

}  // namespace pd::cli
