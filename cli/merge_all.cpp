#include "cli/merge_all.h"

#include "cli/judgement.h"
#include "cli/merge_rules.h"
#include "cli/table_input.h"
#include "ranktable/validate.h"

namespace pd::cli {
namespace {

using ranktable::Source;

constexpr std::size_t kServersWithOrder = 3;  // the first stays in its place

// The layout orders an instance's servers as its reader does; then a local table of another order is of no use beside
// the global one.
std::vector<std::string> compare_with_inputs(const std::string& global, const std::vector<Source>& sources,
                                             const ranktable::Profile& profile) {
  const Result<ranktable::Document> document = ranktable::parse_document(global);
  if (!document) return {document.error().message};
  std::vector<const ranktable::Document*> locals;
  for (const Source& source : sources) locals.push_back(source.document);
  std::vector<std::string> complaints;
  for (const ranktable::MirrorFinding& mirror :
       ranktable::validate_mirrors(*document, locals, profile, profile.rules)) {
    const bool has_order = locals[mirror.local]->root().find("server_list").size() >= kServersWithOrder;
    complaints.push_back(
        sources[mirror.local].name + " would not match the global table: " + to_string(mirror.finding) +
        (has_order ? " (after its first server, a prefill instance lists them by address as text: make this file "
                     "again with merge-local in that order)"
                   : ""));
  }
  return complaints;
}

}  // namespace

Answer merge_all(const MergeAllRequest& request, std::istream& in) {
  if (request.prefill.empty() || request.decode.empty()) {
    return usage_error("both --prefill-server-list and --decode-server-list are needed, each with local tables");
  }
  const ranktable::Profile& profile = *ranktable::find_profile("PerInstance");
  std::vector<std::string> paths = request.prefill;
  paths.insert(paths.end(), request.decode.begin(), request.decode.end());
  TableInput input;
  const Status read = input.read(paths, in);
  if (!read) return refusal(read.error().message);
  const std::vector<Source> sources = input.sources();
  const auto first_decode = sources.begin() + static_cast<std::ptrdiff_t>(request.prefill.size());
  const Result<ranktable::Membership> membership =
      ranktable::merge_all({sources.begin(), first_decode}, {first_decode, sources.end()}, request.options);
  if (!membership) return refusal(membership.error().message);
  Result<Judgement> tables = render_and_judge(*membership, profile, merge_rules(profile, *membership, request.options));
  if (!tables) return refusal(tables.error().message);
  if (!tables->complaints.empty()) return refusal(std::move(tables->complaints));
  std::vector<std::string> differing = compare_with_inputs(tables->documents.global, sources, profile);
  if (!differing.empty()) return refusal(std::move(differing));
  return save_tables({{"global_ranktable_merge.json", tables->documents.global, ranktable::Part::kGlobal}},
                     request.save, paths);
}

}  // namespace pd::cli
