#include "cli/judgement.h"

#include "ranktable/validate.h"

namespace pd::cli {
namespace {

using ranktable::Document;
using ranktable::Part;

class Judge {
 public:
  Judge(const ranktable::Profile& profile, ranktable::RuleSet rules) : profile_(profile), rules_(rules) {}

  Status judge(const std::string& text, Part part, const std::string& name) {
    bytes_ += text.size();
    Result<Document> document = ranktable::parse_document(text);
    if (!document) return document.error();
    complain(name, ranktable::validate(*document, profile_, part, rules_));
    tables_.push_back({name, part, std::move(*document)});
    return Ok{};
  }

  // What is wrong with each of them, and with all of them together.
  std::vector<std::string> complaints() {
    if (!tables_.empty() && tables_.front().part == Part::kGlobal) complain_of_mirrors();
    complain("the tables together", ranktable::validate_size(bytes_, rules_));
    return std::move(complaints_);
  }

 private:
  struct Table {
    std::string name;
    Part part;
    Document document;
  };

  void complain(const std::string& name, const std::vector<ranktable::Finding>& findings) {
    for (const ranktable::Finding& finding : findings) {
      complaints_.push_back(name + " would not be valid: " + to_string(finding));
    }
  }

  void complain_of_mirrors() {
    std::vector<const Document*> locals;
    for (std::size_t i = 1; i < tables_.size(); ++i) locals.push_back(&tables_[i].document);
    for (const ranktable::MirrorFinding& mirror :
         ranktable::validate_mirrors(tables_.front().document, locals, profile_, rules_)) {
      complain(tables_[mirror.local + 1].name, {mirror.finding});
    }
  }

  const ranktable::Profile& profile_;
  ranktable::RuleSet rules_;
  std::size_t bytes_ = 0;
  std::vector<Table> tables_;  // the global one first
  std::vector<std::string> complaints_;
};

}  // namespace

Result<Judgement> render_and_judge(const ranktable::Membership& membership, const ranktable::Profile& profile,
                                   ranktable::RuleSet rules) {
  Result<ranktable::Documents> documents = profile.render(membership);
  if (!documents) return documents.error();
  Judge judge(profile, rules);
  if (!documents->global.empty()) {
    const Status read = judge.judge(documents->global, Part::kGlobal, "the global table");
    if (!read) return read.error();
  }
  for (const auto& [instance, text] : documents->locals) {
    const Status read = judge.judge(text, Part::kLocal, "the local table of " + instance);
    if (!read) return read.error();
  }
  if (!documents->host.empty() && profile.check_host != nullptr) {
    const Status read = judge.judge(documents->host, Part::kHost, "the host's local table");
    if (!read) return read.error();
  }
  std::vector<std::string> complaints = judge.complaints();
  return Judgement{std::move(*documents), std::move(complaints)};
}

}  // namespace pd::cli
