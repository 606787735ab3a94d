#include "cli/table_input.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <istream>

#include "base/file.h"

namespace pd::cli {
namespace {

constexpr std::size_t kMost = ranktable::kDocumentLimits.bytes;

Result<std::string> read_stream(const std::string& name, std::istream& stream) {
  std::string text;
  std::array<char, 65536> chunk{};
  do {
    stream.read(chunk.data(), chunk.size());
    text.append(chunk.data(), static_cast<std::size_t>(stream.gcount()));
    if (text.size() > kMost) {
      return invalid("cannot read " + name + ": it has more than " + std::to_string(kMost) + " bytes");
    }
  } while (stream);
  if (stream.bad()) return Error{Code::kInternal, "cannot read " + name + ": " + std::strerror(errno)};
  return text;
}

}  // namespace

Result<std::string> read_text(const std::string& path, std::istream& in) {
  if (path == "-") return read_stream("standard input", in);
  std::error_code ignored;
  const std::filesystem::file_type type = std::filesystem::status(path, ignored).type();
  if (type != std::filesystem::file_type::fifo && type != std::filesystem::file_type::character) {
    return read_file(path, kMost);
  }
  std::ifstream stream(path, std::ios::binary);
  if (!stream) return Error{Code::kInternal, "cannot read " + path + ": " + std::strerror(errno)};
  return read_stream(path, stream);
}

Status TableInput::read(const std::vector<std::string>& paths, std::istream& in) {
  for (const std::string& path : paths) {
    const Result<std::string> text = read_text(path, in);
    if (!text) return text.error();
    Result<ranktable::Document> document = ranktable::parse_document(*text);
    if (!document) return document.error().with_context(path);
    names_.push_back(path);
    documents_.push_back(std::move(*document));
  }
  return Ok{};
}

std::vector<ranktable::Source> TableInput::sources() const {
  std::vector<ranktable::Source> sources;
  for (std::size_t i = 0; i < names_.size(); ++i) sources.push_back({names_[i], &documents_[i]});
  return sources;
}

}  // namespace pd::cli
