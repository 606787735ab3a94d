#include "cli/yaml.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <set>

namespace pd::cli {
namespace {

constexpr int kMostDepth = 64;
constexpr int kMostValues = 1'000'000;  // of all documents; ten thousand pods have less

std::optional<Json> word(const std::string& text) {
  static const std::set<std::string> nulls = {"", "~", "null", "Null", "NULL"};
  static const std::set<std::string> yes = {"y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"};
  static const std::set<std::string> no = {"n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"};
  if (nulls.contains(text)) return Json();
  if (yes.contains(text)) return Json(true);
  if (no.contains(text)) return Json(false);
  return std::nullopt;
}

template <typename Number>
std::optional<Number> whole(std::string_view digits, int base) {
  Number number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number, base);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return number;
}

std::optional<Json> integer(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  int base = 10;
  if (text.starts_with("0x")) base = 16;
  if (text.starts_with("0b")) base = 2;
  if (text.starts_with("0o")) base = 8;
  if (base != 10) {
    text.remove_prefix(2);
  } else if (text.size() > 1 && text.front() == '0') {
    base = 8;
  }
  if (text.empty() || text.front() == '-') return std::nullopt;
  const std::optional<std::uint64_t> number = whole<std::uint64_t>(text, base);
  if (!number) return std::nullopt;
  if (!negative) return Json(*number);
  if (*number > std::uint64_t{1} << 63U) return std::nullopt;
  return Json(static_cast<std::int64_t>(~*number + 1));
}

std::optional<Json> fraction(std::string_view text) {
  if (text.find_first_not_of("+-.0123456789eE") != std::string_view::npos) return std::nullopt;
  if (text.find_first_of("0123456789") == std::string_view::npos) return std::nullopt;
  if (text.starts_with('+')) text.remove_prefix(1);
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(number)) return std::nullopt;
  return Json(number);
}

// What a plain scalar is.
Json typed(const std::string& text) {
  if (std::optional<Json> value = word(text)) return *value;
  if (text.empty() || text.find_first_of("0123456789") == std::string::npos) return text;
  if (std::optional<Json> value = integer(text)) return *value;
  if (std::optional<Json> value = fraction(text)) return *value;
  return text;
}

class Converter {
 public:
  Result<Json> convert(const YAML::Node& node, int depth = 0) {
    if (++values_ > kMostValues) return wrong(node, "there are more than " + std::to_string(kMostValues) + " values");
    if (depth > kMostDepth) return wrong(node, "it is nested deeper than " + std::to_string(kMostDepth) + " levels");
    if (node.IsMap()) return map(node, depth);
    if (node.IsSequence()) return sequence(node, depth);
    return node.IsScalar() ? scalar(node) : Result<Json>(Json());
  }

 private:
  static Error wrong(const YAML::Node& node, const std::string& problem) {
    const YAML::Mark mark = node.Mark();
    return invalid("line " + std::to_string(mark.line + 1) + ", column " + std::to_string(mark.column + 1) + ": " +
                   problem);
  }

  static Result<Json> scalar(const YAML::Node& node) {
    const std::string& tag = node.Tag();
    if (tag == "!" || tag == "tag:yaml.org,2002:str") return Json(node.Scalar());  // "!": it is quoted
    if (tag.empty() || tag == "?") return typed(node.Scalar());
    if (tag != "tag:yaml.org,2002:int" && tag != "tag:yaml.org,2002:bool" && tag != "tag:yaml.org,2002:float") {
      return wrong(node, "the tag " + shown(tag) + " is not known to Kubernetes");
    }
    return typed(node.Scalar());
  }

  Result<Json> sequence(const YAML::Node& node, int depth) {
    Json list = Json::array();
    for (const YAML::Node& element : node) {
      Result<Json> value = convert(element, depth + 1);
      if (!value) return value;
      list.push_back(std::move(*value));
    }
    return list;
  }

  Result<Json> map(const YAML::Node& node, int depth) {
    Json object = Json::object();
    Json merged = Json::object();
    for (const auto& entry : node) {
      const YAML::Node& key = entry.first;
      const YAML::Node& value = entry.second;
      if (!key.IsScalar()) return wrong(key, "a key should be a text");
      Result<Json> member = convert(value, depth + 1);
      if (!member) return member;
      const bool is_merge = key.Scalar() == "<<" && key.Tag() != "!";
      if (is_merge) {
        const Status done = merge(merged, *member);
        if (!done) return wrong(value, done.error().message);
        continue;
      }
      if (object.contains(key.Scalar())) return wrong(key, "the key " + shown(key.Scalar()) + " occurs twice");
      object[key.Scalar()] = std::move(*member);
    }
    object.insert(merged.begin(), merged.end());  // keys of its own win
    return object;
  }

  // Of several merged maps the first one's keys win.
  static Status merge(Json& merged, const Json& value) {
    const Json maps = value.is_array() ? value : Json::array({value});
    for (const Json& one : maps) {
      if (!one.is_object()) return invalid("what << merges should be a map");
      merged.insert(one.begin(), one.end());
    }
    return Ok{};
  }

  int values_ = 0;
};

// A text of several lines that a block shows as it is.
bool is_block(const std::string& text) {
  if (text.size() < 2 || text.front() == ' ' || text.front() == '\n' || !text.ends_with('\n')) return false;
  if (text.ends_with("\n\n") || text.find(" \n") != std::string::npos) return false;
  return std::all_of(text.begin(), text.end(), [](char c) { return c == '\n' || (c >= ' ' && c < 0x7f); });
}

// Nothing but a text to any reader: it begins as a word, a path or a flag does, and no version of YAML has that word.
bool is_plain(const std::string& text) {
  const std::size_t first = text.find_first_not_of('-');
  if (first == std::string::npos || first > 2) return false;
  const char c = text[first];
  const bool begins = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '/' || c == '$';
  return begins && !text.ends_with(':') && typed(text).is_string();
}

void emit(YAML::Emitter& yaml, const std::string& text) {
  if (is_block(text)) {
    yaml << YAML::Literal << text;
  } else if (is_plain(text)) {
    yaml << text;  // quoted where its characters ask for it
  } else {
    yaml << YAML::DoubleQuoted << text;
  }
}

void emit(YAML::Emitter& yaml, const OrderedJson& value) {
  if (value.is_object()) {
    if (value.empty()) yaml << YAML::Flow;
    yaml << YAML::BeginMap;
    for (const auto& [key, member] : value.items()) {
      yaml << YAML::Key;
      emit(yaml, key);
      yaml << YAML::Value;
      emit(yaml, member);
    }
    yaml << YAML::EndMap;
  } else if (value.is_array()) {
    if (value.empty()) yaml << YAML::Flow;
    yaml << YAML::BeginSeq;
    for (const OrderedJson& element : value) emit(yaml, element);
    yaml << YAML::EndSeq;
  } else if (value.is_string()) {
    emit(yaml, value.get_ref<const std::string&>());
  } else if (value.is_null()) {
    yaml << YAML::Null;
  } else {
    yaml << value.dump();  // a number or a truth value
  }
}

}  // namespace

Result<std::vector<Json>> parse_yaml(std::string_view text) {
  std::vector<Json> documents;
  try {
    Converter converter;
    for (const YAML::Node& document : YAML::LoadAll(std::string(text))) {
      Result<Json> value = converter.convert(document);
      if (!value) return value.error();
      if (!value->is_null()) documents.push_back(std::move(*value));
    }
  } catch (const YAML::Exception& error) {
    return invalid("line " + std::to_string(error.mark.line + 1) + ", column " + std::to_string(error.mark.column + 1) +
                   ": " + error.msg);
  }
  return documents;
}

std::string format_yaml(const OrderedJson& value) {
  YAML::Emitter yaml;
  emit(yaml, OrderedJson::parse(dump_json(value)));  // JSON's writer replaces what is no UTF-8
  return yaml.c_str();
}

}  // namespace pd::cli
