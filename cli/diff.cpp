#include "cli/diff.h"

#include "cli/table_files.h"
#include "cli/table_input.h"
#include "ranktable/diff.h"

namespace pd::cli {
namespace {

using ranktable::Membership;

Result<Membership> membership_of(const ranktable::Source& source) {
  const ranktable::Value root = source.document->root();
  const ranktable::Recognised recognised = ranktable::recognise(root);
  if (recognised.profile == nullptr) {
    return invalid(source.name + " has none of the layouts that are known; pdctl validate says what is wrong with it");
  }
  if (recognised.part != ranktable::Part::kGlobal || recognised.profile->read_global == nullptr) {
    return invalid(source.name + " is a " + std::string(name_of(recognised.part)) +
                   " table; diff compares global ones");
  }
  Result<Membership> membership = recognised.profile->read_global(root);
  if (!membership) return membership.error().with_context(source.name);
  return membership;
}

// A layout that does not tell the roles apart takes them from the other one.
Status share_roles(Membership& without, const std::string& name, const Membership& with) {
  if (without.unassigned.empty() || !with.unassigned.empty()) return Ok{};
  const Status assigned = ranktable::assign_roles(without, with.prefill.size());
  if (!assigned) return assigned.error().with_context(name);
  return Ok{};
}

}  // namespace

Answer diff(const DiffRequest& request, std::istream& in) {
  TableInput input;
  const Status read = input.read({request.before, request.after}, in);
  if (!read) return usage_error(read.error().message);
  const std::vector<ranktable::Source> sources = input.sources();
  Result<Membership> before = membership_of(sources[0]);
  if (!before) return usage_error(before.error().message);
  Result<Membership> after = membership_of(sources[1]);
  if (!after) return usage_error(after.error().message);
  for (const Status& shared :
       {share_roles(*before, request.before, *after), share_roles(*after, request.after, *before)}) {
    if (!shared) return usage_error(shared.error().message);
  }
  Answer answer;
  OrderedJson changes = OrderedJson::array();
  for (const ranktable::Change& change : ranktable::diff(*before, *after)) {
    answer.lines.push_back(change.text);
    changes.push_back({{"kind", to_string(change.kind)}, {"subject", change.subject}, {"text", change.text}});
  }
  answer.status = changes.empty() ? kDone : kRefused;
  answer.value = {{"same", changes.empty()}, {"changes", std::move(changes)}};
  return answer;
}

}  // namespace pd::cli
