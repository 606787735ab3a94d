#include "kube/token.h"

#include <algorithm>

#include "base/file.h"
#include "base/log.h"

namespace pd::kube {
namespace {

constexpr std::size_t kMostBytes = std::size_t{64} << 10;

// Whatever is no token must not get into a header.
Result<std::string> read_token(const std::string& path) {
  Result<std::string> text = read_file(path, kMostBytes);
  if (!text) return text.error();
  while (!text->empty() && (text->back() == '\n' || text->back() == '\r' || text->back() == ' ')) text->pop_back();
  const bool printable = std::all_of(text->begin(), text->end(), [](char c) { return c > ' ' && c < '\x7f'; });
  if (text->empty() || !printable) return invalid(path + " holds no token");
  return text;
}

}  // namespace

Result<std::string> Token::current(Instant now) {
  if (file_.empty() || (read_ && now - *read_ < age_)) return text_;
  Result<std::string> read = read_token(file_);
  if (read) {
    text_ = std::move(*read);
  } else if (text_.empty()) {
    // The file may come: it is not the API server that found something missing or wrong.
    return Error{Code::kUnavailable, "the API token: " + read.error().message};
  } else {
    log::warn("Kept the old API token", {{"error", read.error().message}});
  }
  read_ = now;
  return text_;
}

bool Token::replaced(const std::string& used, Instant asked, Instant now) {
  if (file_.empty()) return false;
  if (read_ && *read_ <= asked) read_.reset();
  const Result<std::string> newest = current(now);
  return newest && *newest != used;
}

}  // namespace pd::kube
