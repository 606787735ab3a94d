#include "tests/simulation/selectors.h"

#include <algorithm>

namespace pd::test {
namespace {

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

// At the commas that are not in parentheses.
std::vector<std::string_view> split_requirements(std::string_view text) {
  std::vector<std::string_view> parts;
  int depth = 0;
  std::size_t begin = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    depth += text[i] == '(' ? 1 : text[i] == ')' ? -1 : 0;
    if (text[i] != ',' || depth > 0) continue;
    parts.push_back(trimmed(text.substr(begin, i - begin)));
    begin = i + 1;
  }
  parts.push_back(trimmed(text.substr(begin)));
  return parts;
}

bool is_label_text(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.' || c == '/';
  });
}

// "key=value", "key==value", "key!=value": false where there is no '='.
bool split_equality(std::string_view part, std::string& key, bool& equal, std::string& value) {
  const std::size_t mark = part.find('=');
  if (mark == std::string_view::npos) return false;
  equal = mark == 0 || part[mark - 1] != '!';
  key = trimmed(part.substr(0, equal ? mark : mark - 1));
  std::string_view rest = part.substr(mark + 1);
  if (equal && rest.starts_with('=')) rest.remove_prefix(1);
  value = trimmed(rest);
  return true;
}

// "key in (a,b)", "key notin (a,b)".
bool split_set(std::string_view part, std::string& key, bool& wanted, std::vector<std::string>& values) {
  const std::size_t open = part.find('(');
  if (open == std::string_view::npos || !part.ends_with(')')) return false;
  const std::string_view head = trimmed(part.substr(0, open));
  const std::size_t space = head.rfind(' ');
  if (space == std::string_view::npos) return false;
  const std::string_view word = head.substr(space + 1);
  if (word != "in" && word != "notin") return false;
  wanted = word == "in";
  key = trimmed(head.substr(0, space));
  for (const std::string_view value : split_requirements(part.substr(open + 1, part.size() - open - 2))) {
    values.emplace_back(value);
  }
  return true;
}

}  // namespace

Result<LabelSelector> parse_label_selector(std::string_view text) {
  LabelSelector selector;
  if (trimmed(text).empty()) return selector;
  for (const std::string_view part : split_requirements(text)) {
    LabelSelector::Requirement requirement;
    std::string value;
    if (part.find('(') != std::string_view::npos) {
      if (!split_set(part, requirement.key, requirement.wanted, requirement.values)) {
        return invalid("unable to parse requirement: " + std::string(part));
      }
    } else if (split_equality(part, requirement.key, requirement.wanted, value)) {
      requirement.values = {value};
    } else {
      requirement.wanted = !part.starts_with('!');
      requirement.key = trimmed(requirement.wanted ? part : part.substr(1));
    }
    bool readable = !requirement.key.empty() && is_label_text(requirement.key);
    for (const std::string& each : requirement.values) readable = readable && is_label_text(each);
    if (!readable) return invalid("unable to parse requirement: " + std::string(part));
    selector.requirements_.push_back(std::move(requirement));
  }
  return selector;
}

bool LabelSelector::matches(const Json& object) const {
  if (requirements_.empty()) return true;
  static const Json none = Json::object();
  const Json& metadata = object.at("metadata");
  const auto found = metadata.find("labels");
  const Json& labels = found == metadata.end() ? none : *found;
  for (const Requirement& requirement : requirements_) {
    const auto label = labels.find(requirement.key);
    bool holds = label != labels.end();
    if (holds && !requirement.values.empty()) {
      const std::string& value = label->get_ref<const std::string&>();
      holds = std::find(requirement.values.begin(), requirement.values.end(), value) != requirement.values.end();
    }
    if (holds != requirement.wanted) return false;
  }
  return true;
}

Result<FieldSelector> parse_field_selector(const SimKind& kind, std::string_view text) {
  static const std::vector<std::string> metadata_fields = {"metadata.name", "metadata.namespace"};
  static const std::vector<std::string> pod_fields = {"metadata.name", "metadata.namespace", "spec.nodeName",
                                                      "status.phase"};
  const std::vector<std::string>& known = kind.kind == "Pod" ? pod_fields : metadata_fields;
  FieldSelector selector;
  if (trimmed(text).empty()) return selector;
  for (const std::string_view part : split_requirements(text)) {
    std::string field;
    FieldSelector::Requirement requirement;
    if (!split_equality(part, field, requirement.equal, requirement.value)) {
      return invalid("invalid selector: '" + std::string(part) + "'; can't understand it");
    }
    if (std::find(known.begin(), known.end(), field) == known.end()) {
      return invalid("\"" + field + "\" is not a known field selector");
    }
    std::replace(field.begin(), field.end(), '.', '/');
    requirement.field = Json::json_pointer("/" + field);
    selector.requirements_.push_back(std::move(requirement));
  }
  return selector;
}

bool FieldSelector::matches(const Json& object) const {
  for (const Requirement& requirement : requirements_) {
    std::string value;
    if (object.contains(requirement.field) && object.at(requirement.field).is_string()) {
      value = object.at(requirement.field).get<std::string>();
    }
    if ((value == requirement.value) != requirement.equal) return false;
  }
  return true;
}

}  // namespace pd::test
