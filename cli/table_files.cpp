#include "cli/table_files.h"

#include <filesystem>

#include "cli/replaced_table.h"
#include "cli/whole_files.h"

namespace pd::cli {
namespace {

namespace fs = std::filesystem;
using ranktable::Part;

Status check_place(const TableFile& file, const std::string& path, const SaveRequest& request,
                   const std::vector<std::string>& inputs) {
  std::error_code ignored;
  if (!fs::exists(path, ignored)) return Ok{};
  if (!fs::is_regular_file(path, ignored)) return Error{Code::kAlreadyExists, path + " is there and is no file"};
  if (request.force) return Ok{};
  for (const std::string& input : inputs) {
    if (!fs::equivalent(path, input, ignored)) continue;
    return Error{Code::kAlreadyExists,
                 "the result would replace " + input +
                     ", which it is made of; choose another --save-dir, or --force to replace it"};
  }
  return check_replaced(file, path);
}

std::string pretty(const std::string& content) { return OrderedJson::parse(content).dump(4) + '\n'; }

}  // namespace

std::string_view name_of(Part part) {
  switch (part) {
    case Part::kGlobal:
      return "global";
    case Part::kLocal:
      return "local";
    case Part::kHost:
      return "host";
  }
  return "";
}

Answer save_tables(const std::vector<TableFile>& files, const SaveRequest& request,
                   const std::vector<std::string>& inputs) {
  std::vector<WholeFile> whole;
  std::vector<std::string> complaints;
  std::vector<std::vector<std::string>> rows = {{"FILE", "TABLE", "INSTANCE", "DONE"}};
  OrderedJson written = OrderedJson::array();
  for (const TableFile& file : files) {
    const std::string path = (fs::path(request.folder) / file.name).string();
    const Status free = check_place(file, path, request, inputs);
    if (!free) complaints.push_back(free.error().message);
    std::error_code ignored;
    const std::string done = fs::exists(path, ignored) ? "replaced" : "created";
    rows.push_back({path, std::string(name_of(file.part)), file.instance.empty() ? "-" : file.instance, done});
    OrderedJson& entry = written.emplace_back(OrderedJson{{"path", path}, {"table", name_of(file.part)}});
    if (!file.instance.empty()) entry["instance"] = file.instance;
    entry["done"] = done;
    whole.push_back({path, request.pretty ? pretty(file.content) : file.content});
  }
  if (!complaints.empty()) return refusal(std::move(complaints));
  const Status saved = write_whole(request.folder, whole);
  if (!saved) return refusal(saved.error().message);
  Answer answer;
  answer.lines = columns(rows);
  answer.value = {{"files", std::move(written)}};
  return answer;
}

}  // namespace pd::cli
