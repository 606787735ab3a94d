#include "kube/kubeconfig.h"

#include <openssl/evp.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "base/file.h"
#include "base/log.h"

namespace pd::kube {
namespace {

constexpr std::array kUnsupported = {"exec", "auth-provider", "username",  "password",
                                     "as",   "as-uid",        "as-groups", "as-user-extra"};

Result<std::string> decode_base64(std::string text) {
  std::erase_if(text, [](char c) { return c == '\n' || c == '\r' || c == ' '; });
  if (text.empty() || text.size() % 4 != 0) return invalid("is not base64");
  std::string decoded(text.size() / 4 * 3, '\0');
  const int length =
      EVP_DecodeBlock(reinterpret_cast<unsigned char*>(decoded.data()),
                      reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  if (length < 0) return invalid("is not base64");
  const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  decoded.resize(static_cast<std::size_t>(length) - padding);
  return decoded;
}

void trim_end(std::string& text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) text.pop_back();
}

// scheme://host[:port][/path], of characters that need no escape: the HTTP library throws on others.
bool is_server_url(std::string_view text) {
  const std::size_t scheme = text.find("://");
  if (scheme == std::string_view::npos || (text.substr(0, scheme) != "https" && text.substr(0, scheme) != "http"))
    return false;
  text.remove_prefix(scheme + 3);
  static constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._";
  const std::size_t host = std::min(text.find_first_not_of(kLetters), text.size());
  if (host == 0) return false;
  text.remove_prefix(host);
  if (text.starts_with(':')) {
    text.remove_prefix(1);
    int port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (error != std::errc() || port < 1 || port > 65535) return false;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  }
  return text.empty() ||
         (text.starts_with('/') && text.find_first_not_of(std::string(kLetters) + "/~:@") == std::string_view::npos);
}

std::string join(const std::vector<std::string>& paths) {
  std::string joined;
  for (const std::string& path : paths) joined += (joined.empty() ? "" : ", ") + path;
  return joined;
}

std::string text_of(const YAML::Node& node) { return node && node.IsScalar() ? node.Scalar() : ""; }

struct File {
  std::string path;
  YAML::Node root;
};

// A cluster, user or context, with what errors call it and the file that it is in.
struct Entry {
  const File* file;
  std::string place;  // user "admin"
  YAML::Node node;

  std::string text(const char* field) const { return text_of(node[field]); }
  Error wrong(const std::string& field, const std::string& problem) const {
    return invalid("kubeconfig " + file->path + ": " + place + ": " + field + " " + problem);
  }
  std::string resolve(const std::string& path) const {
    const std::size_t slash = file->path.rfind('/');
    if (path.starts_with('/') || slash == std::string::npos) return path;
    return file->path.substr(0, slash + 1) + path;
  }
};

// A PEM text, `field`-data inline in base64, else from the file that `field` names; empty when neither is there.
struct Pem {
  std::string text;
  std::string file;
};

Result<Pem> read_pem(const Entry& entry, const std::string& field, std::string_view label) {
  Pem pem;
  std::string from = field;
  if (const std::string inline_data = entry.text((field + "-data").c_str()); !inline_data.empty()) {
    from += "-data";
    Result<std::string> decoded = decode_base64(inline_data);
    if (!decoded) return entry.wrong(from, decoded.error().message);
    pem.text = std::move(*decoded);
  } else if (const std::string path = entry.text(field.c_str()); !path.empty()) {
    pem.file = entry.resolve(path);
    Result<std::string> read = read_file(pem.file);
    if (!read) return entry.wrong(field, "names a file that can't be used: " + read.error().message);
    pem.text = std::move(*read);
  } else {
    return pem;
  }
  if (!is_pem(pem.text, label))
    return entry.wrong(from, "holds no PEM " + std::string(label) + (pem.file.empty() ? "" : " (" + pem.file + ")"));
  return pem;
}

Status read_cluster(const Entry& cluster, Config& config) {
  config.server = cluster.text("server");
  if (config.server.find("://[") != std::string::npos)
    return cluster.wrong("server", "names an IPv6 address, which is not supported; use a host name");
  if (!is_server_url(config.server))
    return cluster.wrong("server", "must be a URL such as https://10.0.0.1:6443, not \"" + config.server + "\"");
  if (!cluster.text("proxy-url").empty())
    return cluster.wrong("proxy-url", "is not supported; remove it, and give a server that can be reached without");
  config.server_name = cluster.text("tls-server-name");
  const std::string insecure = cluster.text("insecure-skip-tls-verify");
  if (!insecure.empty() && insecure != "true" && insecure != "false")
    return cluster.wrong("insecure-skip-tls-verify", "must be true or false");
  config.insecure_skip_verify = insecure == "true";
  Result<Pem> ca = read_pem(cluster, "certificate-authority", "CERTIFICATE");
  if (!ca) return ca.error();
  if (config.insecure_skip_verify && !ca->text.empty())
    return cluster.wrong("insecure-skip-tls-verify", "and a certificate-authority exclude each other; remove one");
  config.ca_pem = std::move(ca->text);
  config.ca_file = std::move(ca->file);
  return Ok{};
}

Status read_user(const Entry& user, Config& config) {
  for (const char* field : kUnsupported) {
    const YAML::Node refused = user.node[field];
    if (refused && !refused.IsNull())  // "exec: null" says nothing
      return user.wrong(field,
                        "is not supported; use a client certificate, token or tokenFile, for example of a "
                        "ServiceAccount (kubectl create token NAME)");
  }
  Result<Pem> certificate = read_pem(user, "client-certificate", "CERTIFICATE");
  if (!certificate) return certificate.error();
  Result<Pem> key = read_pem(user, "client-key", "PRIVATE KEY");
  if (!key) return key.error();
  if (certificate->text.empty() != key->text.empty())
    return user.wrong("client-certificate", "and client-key must be given together");
  config.client_certificate_pem = std::move(certificate->text);
  config.client_certificate_file = std::move(certificate->file);
  config.client_key_pem = std::move(key->text);
  config.client_key_file = std::move(key->file);
  config.token = user.text("token");
  trim_end(config.token);
  const std::string token_file = user.text("tokenFile");
  if (!token_file.empty()) config.token_file = user.resolve(token_file);
  const bool has_token = !config.token.empty() || !token_file.empty();
  if (has_token && config.server.starts_with("http://"))
    return user.wrong(token_file.empty() ? "token" : "tokenFile",
                      "would go to " + config.server + " for all to read; give the cluster an https server");
  return Ok{};
}

class Kubeconfig {
 public:
  explicit Kubeconfig(std::vector<File> files) : files_(std::move(files)) {}

  Result<Config> read(const std::string& wanted_context) const {
    const std::string name = wanted_context.empty() ? current_context() : wanted_context;
    if (name.empty())
      return invalid("kubeconfig " + names() +
                     ": current-context is not set; choose one with `kubectl config use-context NAME`");
    Result<Entry> context = find("contexts", "context", name);
    if (!context) return context.error();
    Result<Entry> cluster = find("clusters", "cluster", context->text("cluster"));
    if (!cluster) return cluster.error();
    Result<Entry> user = find("users", "user", context->text("user"));
    if (!user) return user.error();
    Config config;
    config.ns = context->text("namespace");
    if (Status read = read_cluster(*cluster, config); !read) return read.error();
    if (Status read = read_user(*user, config); !read) return read.error();
    return config;
  }

 private:
  std::string current_context() const {
    for (const File& file : files_) {
      if (std::string name = text_of(file.root["current-context"]); !name.empty()) return name;
    }
    return "";
  }

  Result<Entry> find(const char* list, const char* member, const std::string& name) const {
    for (const File& file : files_) {
      const YAML::Node entries = file.root[list];
      if (!entries || !entries.IsSequence()) continue;
      for (const YAML::Node& entry : entries) {
        if (!entry.IsMap() || text_of(entry["name"]) != name) continue;
        const Entry found{&file, std::string(member) + " \"" + name + "\"", entry[member]};
        if (!found.node.IsDefined() || !found.node.IsMap()) return found.wrong(member, "must be a map");
        return found;
      }
    }
    return invalid("kubeconfig " + names() + ": " + list + " has no " + member + " named \"" + name + "\"");
  }

  std::string names() const {
    std::vector<std::string> paths;
    for (const File& file : files_) paths.push_back(file.path);
    return join(paths);
  }

  std::vector<File> files_;
};

// Nothing for a file that is not there.
Result<std::optional<File>> read_one(const std::string& path) {
  Result<std::string> content = read_file(path);
  if (!content) {
    if (content.error().code == Code::kNotFound) return std::optional<File>();
    return content.error().with_context("kubeconfig");
  }
  try {
    YAML::Node root = YAML::Load(*content);
    if (!root.IsMap()) return invalid("kubeconfig " + path + ": is not a YAML map");
    return std::optional<File>(File{path, std::move(root)});
  } catch (const YAML::Exception& error) {
    return invalid("kubeconfig " + path + ": " + error.what());
  }
}

Result<Config> load(const std::vector<std::string>& paths, const std::string& context) {
  std::vector<File> files;
  std::vector<std::string> missing;
  for (const std::string& path : paths) {
    Result<std::optional<File>> file = read_one(path);
    if (!file) return file.error();
    if (*file) {
      files.push_back(std::move(**file));
    } else {
      missing.push_back(path);
    }
  }
  if (files.empty()) return Error{Code::kNotFound, "kubeconfig: there is no file " + join(missing)};
  if (!missing.empty()) log::warn("Left out kubeconfig files that are not there", {{"files", join(missing)}});
  return Kubeconfig(std::move(files)).read(context);
}

}  // namespace

bool is_pem(std::string_view text, std::string_view label) {
  const std::size_t begin = text.find("-----BEGIN ");
  return begin != std::string_view::npos && text.find(std::string(label) + "-----", begin) != std::string_view::npos;
}

Result<Config> load_kubeconfig(const std::vector<std::string>& paths, const std::string& context) {
  try {
    return load(paths, context);
  } catch (const YAML::Exception& error) {  // from what all of them hold together: read_one() names its own
    return invalid("kubeconfig " + join(paths) + ": " + error.what());
  }
}

}  // namespace pd::kube
