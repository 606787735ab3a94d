#include "cli/answer.h"

#include <algorithm>
#include <ostream>

#include "cli/yaml.h"

namespace pd::cli {
namespace {

// ASCII's control characters, and those that UTF-8 writes as 0xc2 and a byte below 0xa0.
std::string printable(std::string_view text) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::string shown;
  unsigned char previous = 0;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool is_control = byte < ' ' || byte == 0x7f || (previous == 0xc2 && byte < 0xa0);
    previous = byte;
    if (is_control) {
      shown += {'\\', 'x', kDigits[byte >> 4U], kDigits[byte & 0xfU]};
    } else {
      shown += c;
    }
  }
  return shown;
}

}  // namespace

Answer refusal(std::string complaint) { return {.status = kRefused, .complaints = {std::move(complaint)}}; }

Answer refusal(std::vector<std::string> complaints) {
  return {.status = kRefused, .complaints = std::move(complaints)};
}

Answer usage_error(std::string complaint) { return {.status = kUsage, .complaints = {std::move(complaint)}}; }

Format format_of(std::string_view name) {
  if (name == "json") return Format::kJson;
  return name == "yaml" ? Format::kYaml : Format::kTable;
}

bool print(const Answer& answer, Format format, std::string_view speaker, std::ostream& out, std::ostream& err) {
  if (format == Format::kTable) {
    for (const std::string& line : answer.lines) out << printable(line) << '\n';
  } else if (!answer.value.is_null()) {
    out << (format == Format::kJson ? dump_json(answer.value) : format_yaml(answer.value)) << '\n';
  }
  out.flush();
  for (const std::string& complaint : answer.complaints) err << speaker << ": " << printable(complaint) << '\n';
  err.flush();
  return out.good();
}

std::vector<std::string> columns(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const std::vector<std::string>& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::vector<std::string> lines;
  for (const std::vector<std::string>& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += row[i];
      if (i + 1 < row.size()) line.append(widths[i] - row[i].size() + 2, ' ');
    }
    line.resize(line.find_last_not_of(' ') + 1);
    lines.push_back(std::move(line));
  }
  return lines;
}

}  // namespace pd::cli
