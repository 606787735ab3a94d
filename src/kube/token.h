// The bearer token of a Config: the text, or what its file holds now. kubelet replaces a service account's token well
// before it expires, so the file is read again when what we have is nearly a minute old (client-go's rule: a minute,
// with ten seconds of leeway). Thread: one.
#pragma once

#include <optional>
#include <string>

#include "base/clock.h"
#include "kube/config.h"

namespace pd::kube {

class Token {
 public:
  explicit Token(const Config& config, Duration age = std::chrono::seconds(50))
      : file_(config.token_file), age_(age), text_(config.token) {}

  // Empty: there is none. While the file can't be read, what it held last; kUnavailable when it never could.
  Result<std::string> current(Instant now);
  // The server answered 401 to a request of the time `asked`, which carried `used`: forgets a token that is older than
  // the request. True when there is another one now, and the request is worth another try.
  bool replaced(const std::string& used, Instant asked, Instant now);

 private:
  std::string file_;
  Duration age_;
  std::string text_;
  std::optional<Instant> read_;
};

}  // namespace pd::kube
