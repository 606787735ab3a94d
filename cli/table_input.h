// The tables that are given to a command: files, or "-" for standard input.
// Thread: blocking; for small local files.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "base/result.h"
#include "ranktable/document.h"
#include "ranktable/merge.h"

namespace pd::cli {

// A file's text, of any kind of file that can be read: what `<(kubectl ...)` makes is none of the regular ones. At most
// as much as a table may have. The error names the file.
Result<std::string> read_text(const std::string& path, std::istream& in);

// Tables that must be readable. Documents stay where they are.
class TableInput {
 public:
  // The error names the file.
  Status read(const std::vector<std::string>& paths, std::istream& in);

  // Valid while this is.
  std::vector<ranktable::Source> sources() const;

 private:
  std::vector<std::string> names_;
  std::vector<ranktable::Document> documents_;
};

}  // namespace pd::cli
