// What a request asks for: its path and query taken apart.
//
//   parse_request({"GET", "/api/v1/namespaces/llm/pods/p/status?dryRun=All"})
//     ->  kind pods, ns "llm", name "p", subresource "status", query dryRun=All
//
// Thread: pure functions.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "kube/transport.h"
#include "tests/simulation/kinds.h"

namespace pd::test {

struct SimRequest {
  const SimKind* kind = nullptr;
  std::string ns;  // empty: all namespaces, or a kind without
  std::string name;
  std::string subresource;
  std::map<std::string, std::string, std::less<>> query;
  bool metadata_only = false;  // of what is answered
  bool dry_run = false;

  bool is_watch() const { return flag("watch"); }
  bool flag(std::string_view parameter) const;                 // true or 1
  const std::string& value(std::string_view parameter) const;  // empty where it is not there
};

struct ParsedRequest {
  SimRequest request;
  std::optional<kube::HttpResponse> refusal;  // a path that leads nowhere
};
ParsedRequest parse_request(const kube::HttpRequest& request);

// A resourceVersion: nothing where it is no number.
std::optional<std::uint64_t> parse_revision(std::string_view text);

// Without padding, in the alphabet that is safe in a URL: as continue tokens are written.
std::string encode_base64(std::string_view bytes);
std::optional<std::string> decode_base64(std::string_view text);

}  // namespace pd::test
