#include "cli/validate.h"

#include <algorithm>
#include <optional>

#include "cli/table_files.h"
#include "cli/table_input.h"
#include "ranktable/validate.h"

namespace pd::cli {
namespace {

using ranktable::Document;
using ranktable::Finding;
using ranktable::Part;
using ranktable::Profile;

struct Table {
  std::string file;
  std::optional<Document> document;  // none: it could not be read
  const Profile* profile = nullptr;  // null: it has no layout that is known
  Part part = Part::kGlobal;
  std::vector<Finding> findings;
  bool truncated = false;                 // there may be more findings
  std::vector<std::string_view> missing;  // groups of an AscendCloud table that a host contributes

  bool judged() const { return document && profile != nullptr; }
};

// What a part of an AscendCloud table lacks, as a host without all roles writes it. Empty for a whole one, and for one
// that can't be read.
std::vector<std::string_view> missing_groups(const Table& table) {
  if (table.document->root().find("server_group_list").size() >= 3) return {};
  const Result<ranktable::Membership> part = table.profile->read_global(table.document->root());
  std::vector<std::string_view> missing;
  if (!part) return missing;
  if (part->schedulers.empty()) missing.emplace_back("scheduler");
  if (part->prefill.empty()) missing.emplace_back("prefill");
  if (part->decode.empty()) missing.emplace_back("decode");
  return missing.size() == 3 ? std::vector<std::string_view>() : missing;
}

// Several layouts have local tables that look like AscendCloud's, and MindIE's look like HCCL's.
bool may_be_of(const Table& table, const Profile& global) {
  if (table.part == Part::kHost) return global.check_host != nullptr;
  if (global.check_local == nullptr) return false;
  return table.document->root().find("group_id") || (table.profile->name == "Hccl10" && global.name == "MindIE");
}

Result<int> rule_of(const std::string& text) {
  for (int rule = 1; rule <= ranktable::kRules; ++rule) {
    if (text == std::to_string(rule) || text == ranktable::text_of(rule).name) return rule;
  }
  return invalid("there is no rule \"" + text + "\"; pdctl validate --list-rules shows them");
}

// The place stands at the end of the message: "... (at /server_list/0)".
Finding unreadable(std::string message) {
  constexpr std::string_view kPlace = " (at ";
  const std::size_t place = message.rfind(kPlace);
  std::string pointer;
  if (place != std::string::npos && message.ends_with(')')) {
    pointer = message.substr(place + kPlace.size(), message.size() - place - kPlace.size() - 1);
    message.resize(place);
  }
  return {ranktable::kReadable, pointer == "/" ? "" : pointer, "the table can't be read: " + message};
}

class Validation {
 public:
  explicit Validation(std::vector<int> skipped) : skipped_(std::move(skipped)) {}

  void read(const std::string& file, std::istream& in) {
    Table& table = tables_.emplace_back();
    table.file = file == "-" ? "standard input" : file;
    const Result<std::string> text = read_text(file, in);
    if (!text) {
      table.findings.push_back({ranktable::kReadable, "", text.error().message});
      return;
    }
    Result<Document> document = ranktable::parse_document(*text);
    if (document) {
      table.document = std::move(*document);
    } else {
      table.findings.push_back(unreadable(document.error().message));
    }
  }

  // Empty: each table's own. The local tables of several layouts look alike: the one global table decides for them.
  void choose_layouts(const std::string& name) {
    const Profile* const wanted = name.empty() ? nullptr : ranktable::find_profile(name);
    for (Table& table : tables_) {
      if (!table.document) continue;
      const ranktable::Recognised recognised = ranktable::recognise(table.document->root());
      table.profile = wanted != nullptr ? wanted : recognised.profile;
      table.part = recognised.part;
      // What stands in a table's place before there is one shows no layout.
      if (table.profile == nullptr && table.document->root().find("status").text() == "initializing") {
        table.profile = ranktable::find_profile("AscendCloud");
      }
      if (wanted != nullptr) table.part = ranktable::part_of(table.document->root(), *wanted);
    }
    may_be_parts_ = wanted == nullptr;
    const Table* const global = only_global();
    for (Table& table : tables_) {
      if (wanted != nullptr || global == nullptr || !table.judged() || table.part == Part::kGlobal) continue;
      if (may_be_of(table, *global->profile)) table.profile = global->profile;
    }
  }

  void judge() {
    for (Table& table : tables_) {
      if (table.judged()) {
        table.findings = ranktable::validate(*table.document, *table.profile, table.part, rules_of(*table.profile));
        table.truncated = table.findings.size() >= ranktable::Findings::kMost;
        if (may_be_parts_) judge_as_part(table);
      } else if (table.document) {
        table.findings.push_back({ranktable::kReadable, "",
                                  "this has none of the layouts that are known (pdctl validate --list-profiles); "
                                  "--profile says which one it should have"});
      }
    }
    compare_with_global();
    judge_size();
  }

  Answer answer() const {
    Answer answer;
    OrderedJson files = OrderedJson::array();
    OrderedJson findings = OrderedJson::array();
    bool truncated = false;
    const Table* const global = only_global();
    for (const Table& table : tables_) {
      files.push_back(describe(table));
      for (const Finding& finding : table.findings) {
        answer.lines.push_back(table.file + ": " + to_string(finding));
        findings.push_back(describe(table.file, finding));
      }
      if (table.truncated) answer.lines.push_back(table.file + ": further findings are not shown");
      if (table.findings.empty()) answer.lines.push_back(table.file + ": valid " + layout_of(table));
      truncated = truncated || table.truncated;
      if (!table.findings.empty() && table.judged()) {
        answer.complaints.push_back(table.file + " was judged as " + layout_of(table));
      }
    }
    for (const Table& table : tables_) {
      if (!table.judged() || global == nullptr || table.profile == global->profile) continue;
      answer.complaints.push_back(table.file + " was not compared with " + global->file +
                                  ", which is of another layout");
    }
    for (const Finding& finding : together_) {
      answer.lines.push_back("all files together: " + to_string(finding));
      findings.push_back(describe("", finding));
    }
    if (locals_without_global()) {
      answer.complaints.emplace_back(
          "local tables are compared with the global one only where exactly one global table is given");
    }
    answer.status = findings.empty() ? kDone : kRefused;
    answer.value = {{"valid", findings.empty()}, {"files", std::move(files)}, {"findings", std::move(findings)}};
    if (truncated) answer.value["truncated"] = true;
    return answer;
  }

 private:
  static std::string layout_of(const Table& table) {
    if (!table.missing.empty()) {
      std::string lacks;
      for (const std::string_view group : table.missing)
        lacks += (lacks.empty() ? "no " : ", no ") + std::string(group);
      return "part of an AscendCloud table: " + lacks + "; merge it with the other hosts' tables";
    }
    return std::string(table.profile->name) + " " + std::string(name_of(table.part)) + " table";
  }

  static OrderedJson describe(const Table& table) {
    OrderedJson described = {{"file", table.file}, {"valid", table.findings.empty()}};
    if (table.judged()) {
      described["profile"] = table.profile->name;
      described["table"] = name_of(table.part);
    }
    if (!table.missing.empty()) described["missing_groups"] = table.missing;
    if (table.truncated) described["truncated"] = true;
    return described;
  }

  static OrderedJson describe(const std::string& file, const Finding& finding) {
    OrderedJson described = OrderedJson::object();
    if (!file.empty()) described["file"] = file;
    described["rule"] = finding.rule;
    described["name"] = ranktable::text_of(finding.rule).name;
    described["pointer"] = finding.pointer;
    described["message"] = finding.message;
    return described;
  }

  // What gen writes on a host that has not all roles is no table of a deployment yet, and none that is wrong.
  static void judge_as_part(Table& table) {
    if (table.profile->name != "AscendCloud" || table.part != Part::kGlobal) return;
    table.missing = missing_groups(table);
    if (table.missing.empty()) return;
    std::erase_if(table.findings, [](const Finding& finding) {
      return finding.rule == ranktable::kLayout && finding.pointer == "/server_group_list";
    });
  }

  ranktable::RuleSet rules_of(const Profile& profile) const {
    ranktable::RuleSet rules = profile.rules;
    for (const int rule : skipped_) rules = rules.without(rule);
    return rules;
  }

  std::size_t globals() const {
    return static_cast<std::size_t>(std::count_if(
        tables_.begin(), tables_.end(), [](const Table& t) { return t.judged() && t.part == Part::kGlobal; }));
  }

  bool locals_without_global() const {
    const bool locals = std::any_of(tables_.begin(), tables_.end(),
                                    [](const Table& t) { return t.judged() && t.part != Part::kGlobal; });
    return locals && globals() > 1;
  }

  const Table* only_global() const {
    if (globals() != 1) return nullptr;
    return &*std::find_if(tables_.begin(), tables_.end(),
                          [](const Table& t) { return t.judged() && t.part == Part::kGlobal; });
  }

  void compare_with_global() {
    const Table* const global = only_global();
    if (global == nullptr) return;
    std::vector<const Document*> locals;
    std::vector<Table*> owners;
    for (Table& table : tables_) {
      if (!table.judged() || table.part == Part::kGlobal || table.profile != global->profile) continue;
      locals.push_back(&*table.document);
      owners.push_back(&table);
    }
    if (locals.empty()) return;
    for (ranktable::MirrorFinding& mirror :
         ranktable::validate_mirrors(*global->document, locals, *global->profile, rules_of(*global->profile))) {
      std::vector<Finding>& found = owners[mirror.local]->findings;
      found.push_back(std::move(mirror.finding));
      if (found.size() >= ranktable::Findings::kMost) owners[mirror.local]->truncated = true;
    }
  }

  void judge_size() {
    std::size_t bytes = 0;
    const Profile* profile = nullptr;
    for (const Table& table : tables_) {
      if (!table.judged()) continue;
      bytes += table.document->bytes();
      profile = table.profile;
    }
    if (profile != nullptr) together_ = ranktable::validate_size(bytes, rules_of(*profile));
  }

  std::vector<int> skipped_;
  bool may_be_parts_ = false;
  std::vector<Table> tables_;
  std::vector<Finding> together_;
};

}  // namespace

Answer validate(const ValidateRequest& request, std::istream& in) {
  if (request.files.empty()) return usage_error("which tables? Give files, or - for standard input");
  std::vector<int> skipped;
  for (const std::string& text : request.skip_rules) {
    const Result<int> rule = rule_of(text);
    if (!rule) return usage_error(rule.error().message);
    skipped.push_back(*rule);
  }
  Validation validation(std::move(skipped));
  for (const std::string& file : request.files) validation.read(file, in);
  validation.choose_layouts(request.profile);
  validation.judge();
  return validation.answer();
}

Answer list_rules() {
  Answer answer;
  std::vector<std::vector<std::string>> rows = {{"RULE", "NAME", "A TABLE KEEPS IT WHEN"}};
  OrderedJson list = OrderedJson::array();
  for (int rule = 1; rule <= ranktable::kRules; ++rule) {
    const auto& [name, sentence] = ranktable::text_of(rule);
    rows.push_back({std::to_string(rule), std::string(name), std::string(sentence)});
    list.push_back({{"rule", rule}, {"name", name}, {"sentence", sentence}});
  }
  answer.lines = columns(rows);
  answer.value = {{"rules", std::move(list)}};
  return answer;
}

Answer list_profiles() {
  Answer answer;
  std::vector<std::vector<std::string>> rows = {{"PROFILE", "RULES", "WHO READS IT"}};
  OrderedJson list = OrderedJson::array();
  for (const std::string_view name : ranktable::profile_names()) {
    const Profile& profile = *ranktable::find_profile(name);
    std::string rules;
    OrderedJson numbers = OrderedJson::array();
    for (int rule = 1; rule <= ranktable::kRules; ++rule) {
      if (!profile.rules.has(rule)) continue;
      rules += (rules.empty() ? "" : ",") + std::to_string(rule);
      numbers.push_back(rule);
    }
    rows.push_back({std::string(name), rules, std::string(profile.summary)});
    list.push_back({{"profile", name}, {"rules", std::move(numbers)}, {"summary", profile.summary}});
  }
  answer.lines = columns(rows);
  answer.value = {{"profiles", std::move(list)}};
  return answer;
}

}  // namespace pd::cli
