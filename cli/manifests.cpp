#include "cli/manifests.h"

#include "cli/table_input.h"
#include "cli/yaml.h"
#include "kube/resource.h"

namespace pd::cli {
namespace {

constexpr JsonLimits kLimits{.bytes = std::size_t{16} << 20, .depth = 64, .string_bytes = std::size_t{1} << 20};

Result<std::vector<Json>> parse(const std::string& text) {
  if (text.starts_with('{')) {  // much faster; and what is no JSON may still be YAML, which says where it is wrong
    Result<Json> object = parse_json(text, kLimits);
    if (object) return std::vector{std::move(*object)};
  }
  return parse_yaml(text);
}

std::string kind_of(const Json& object) {
  const auto kind = object.find("kind");
  return kind != object.end() && kind->is_string() ? kind->get<std::string>() : "";
}

Status flatten(Json object, std::vector<Json>& objects) {
  if (!object.is_object() || kind_of(object).empty())
    return invalid("it holds something that is no object with a kind");
  const auto metadata = object.find("metadata");
  if (metadata != object.end() && !metadata->is_object()) {
    return invalid(kind_of(object) + ": /metadata should be an object");
  }
  const std::string kind = kind_of(object);
  if (!kind.ends_with("List") || !object.contains("items") || !object["items"].is_array()) {
    objects.push_back(std::move(object));
    return Ok{};
  }
  for (Json& item : object["items"]) {
    // The API itself answers with a PodList whose items have no kind of their own.
    if (item.is_object() && kind != "List") {
      item.emplace("kind", kind.substr(0, kind.size() - std::string_view("List").size()));
      if (object.contains("apiVersion")) item.emplace("apiVersion", object["apiVersion"]);
    }
    const Status flat = flatten(std::move(item), objects);
    if (!flat) return flat;
  }
  return Ok{};
}

}  // namespace

Result<std::vector<Json>> read_manifests(const std::string& path, std::istream& in) {
  const std::string shown_path = path == "-" ? "standard input" : path;
  const Result<std::string> text = read_text(path, in);
  if (!text) return text.error();
  Result<std::vector<Json>> documents = parse(*text);
  if (!documents) return documents.error().with_context(shown_path);
  std::vector<Json> objects;
  for (Json& document : *documents) {
    const Status flat = flatten(std::move(document), objects);
    if (!flat) return flat.error().with_context(shown_path);
  }
  return objects;
}

Json as_stored(Json object) {
  object["metadata"].emplace("resourceVersion", "1");
  return object;
}

std::string name_of(const Json& object) { return kind_of(object) + " " + kube::decode_identity(object).key(); }

}  // namespace pd::cli
