#include "tests/simulation/sim_request.h"

#include <charconv>
#include <vector>

#include "tests/simulation/sim_status.h"

namespace pd::test {
namespace {

std::string unescape(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+') {
      plain += ' ';
    } else if (text[i] == '%' && i + 2 < text.size()) {
      int byte = 0;
      std::from_chars(text.data() + i + 1, text.data() + i + 3, byte, 16);
      plain += static_cast<char>(byte);
      i += 2;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t mark = text.find(separator);
    parts.push_back(text.substr(0, mark));
    if (mark == std::string_view::npos) return parts;
    text.remove_prefix(mark + 1);
  }
}

// Of "/api/v1/..." and "/apis/group/version/...": the part that names the API, and the rest.
bool is_known_api(std::string_view path, std::string_view& rest) {
  for (const SimKind& kind : sim_kinds()) {
    if (path.starts_with(kind.prefix) && path.substr(kind.prefix.size()).starts_with("/")) {
      rest = path.substr(kind.prefix.size() + 1);
      return true;
    }
  }
  return false;
}

bool read_path(std::string_view path, std::string_view rest, SimRequest& request) {
  std::vector<std::string_view> parts = split(rest, '/');
  if (parts.size() >= 3 && parts[0] == "namespaces" && parts[2] != "status" && parts[2] != "finalize") {
    request.ns = parts[1];
    parts.erase(parts.begin(), parts.begin() + 2);
  }
  for (const SimKind& kind : sim_kinds()) {
    if (path.starts_with(kind.prefix) && kind.plural == parts[0]) request.kind = &kind;
  }
  if (request.kind == nullptr || parts.size() > 3) return false;
  if (request.kind->namespaced && request.ns.empty() && parts.size() > 1) return false;
  if (parts.size() > 1) request.name = unescape(parts[1]);
  if (parts.size() > 2) request.subresource = parts[2];
  const bool known = request.subresource.empty() || (request.subresource == "status" && request.kind->has_status) ||
                     (request.subresource == "binding" && request.kind->kind == "Pod");
  return known && (request.kind->namespaced || request.ns.empty());
}

}  // namespace

bool SimRequest::flag(std::string_view parameter) const {
  const std::string& text = value(parameter);
  return text == "true" || text == "1";
}

const std::string& SimRequest::value(std::string_view parameter) const {
  static const std::string none;
  const auto found = query.find(parameter);
  return found == query.end() ? none : found->second;
}

ParsedRequest parse_request(const kube::HttpRequest& request) {
  ParsedRequest parsed;
  const std::string_view target = request.target;
  const std::size_t mark = target.find('?');
  const std::string_view path = target.substr(0, mark);
  if (mark != std::string_view::npos) {
    for (const std::string_view pair : split(target.substr(mark + 1), '&')) {
      const std::size_t equals = pair.find('=');
      const std::string_view value = equals == std::string_view::npos ? "" : pair.substr(equals + 1);
      parsed.request.query[unescape(pair.substr(0, equals))] = unescape(value);
    }
  }
  parsed.request.metadata_only = request.accept.find("as=PartialObjectMetadata") != std::string::npos;
  std::string_view rest;
  if (!is_known_api(path, rest)) {
    parsed.refusal = kube::HttpResponse{404, "404 page not found\n", std::nullopt};
  } else if (!read_path(path, rest, parsed.request)) {
    parsed.refusal = refuse(404, "NotFound", "the server could not find the requested resource");
  } else if (request.accept.find("json") == std::string::npos && request.accept.find('*') == std::string::npos) {
    parsed.refusal = refuse(406, "NotAcceptable", "only application/json is served here");
  }
  return parsed;
}

std::optional<std::uint64_t> parse_revision(std::string_view text) {
  std::uint64_t revision = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), revision);
  if (error != std::errc() || rest != text.data() + text.size()) return std::nullopt;
  return revision;
}

static constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

std::string encode_base64(std::string_view bytes) {
  std::string text;
  std::uint32_t buffer = 0;
  int bits = 0;
  for (const char c : bytes) {
    buffer = buffer << 8 | static_cast<unsigned char>(c);
    for (bits += 8; bits >= 6; bits -= 6) text += kAlphabet[buffer >> (bits - 6) & 63];
  }
  if (bits > 0) text += kAlphabet[buffer << (6 - bits) & 63];
  return text;
}

std::optional<std::string> decode_base64(std::string_view text) {
  std::string bytes;
  std::uint32_t buffer = 0;
  int bits = 0;
  for (const char c : text) {
    const std::size_t value = kAlphabet.find(c);
    if (value == std::string_view::npos) return std::nullopt;
    buffer = buffer << 6 | static_cast<std::uint32_t>(value);
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes += static_cast<char>(buffer >> bits & 255);
    }
  }
  return bytes;
}

}  // namespace pd::test
