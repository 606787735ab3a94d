#include "cli/merge.h"

#include "cli/judgement.h"
#include "cli/merge_rules.h"
#include "cli/table_input.h"

namespace pd::cli {
namespace {

using ranktable::Membership;
using ranktable::Part;

// The local tables too where the inputs' own ones are of another form.
std::vector<TableFile> files_of(const ranktable::Documents& documents, const ranktable::Profile& profile) {
  std::vector<TableFile> files;
  if (!documents.global.empty()) {
    files.push_back({"global_ranktable_merge.json", documents.global, Part::kGlobal});
    if (profile.name != "MindIE") return files;
  }
  for (const auto& [instance, content] : documents.locals) {
    files.push_back({"local_ranktable_" + instance + ".json", content, Part::kLocal, instance});
  }
  return files;
}

}  // namespace

Answer merge(const MergeRequest& request, std::istream& in) {
  if (request.globals.size() < 2) {
    return usage_error("--global-ranktable-list needs at least two files: a global table of each host");
  }
  const ranktable::Profile& profile = *ranktable::find_profile(request.profile);
  TableInput input;
  const Status read = input.read(request.globals, in);
  if (!read) return refusal(read.error().message);
  const Result<Membership> membership = ranktable::merge_global(input.sources(), request.options);
  if (!membership) return refusal(membership.error().message);
  Result<Judgement> tables = render_and_judge(*membership, profile, merge_rules(profile, *membership, request.options));
  if (!tables) return refusal(tables.error().message);
  if (!tables->complaints.empty()) return refusal(std::move(tables->complaints));
  return save_tables(files_of(tables->documents, profile), request.save, request.globals);
}

}  // namespace pd::cli
