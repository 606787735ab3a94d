#include "kube/config.h"

#include <openssl/evp.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <vector>

#include "base/file.h"

namespace pd::kube {
namespace {

constexpr const char* kServiceAccountFolder = "/var/run/secrets/kubernetes.io/serviceaccount";

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

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

// A reader of one kubeconfig: knows the file's name for errors and its folder for relative paths.
class Kubeconfig {
 public:
  Kubeconfig(std::string path, YAML::Node root) : path_(std::move(path)), root_(std::move(root)) {}

  Result<Config> current() const {
    const std::string context_name = text(root_["current-context"]);
    if (context_name.empty())
      return wrong("current-context", "is not set; choose one with `kubectl config use-context NAME`");
    const YAML::Node context = named("contexts", context_name, "context");
    if (!context)
      return wrong("contexts", "has no context named \"" + context_name + "\", which current-context names");
    const YAML::Node cluster = named("clusters", text(context["cluster"]), "cluster");
    if (!cluster) return wrong("clusters", "has no cluster named \"" + text(context["cluster"]) + "\"");
    Config config;
    config.ns = text(context["namespace"]);
    if (Status read = read_cluster(cluster, config); !read) return read.error();
    const YAML::Node user = named("users", text(context["user"]), "user");
    if (!user) return wrong("users", "has no user named \"" + text(context["user"]) + "\"");
    if (Status read = read_user(user, config); !read) return read.error();
    return config;
  }

 private:
  static std::string text(const YAML::Node& node) { return node && node.IsScalar() ? node.Scalar() : ""; }

  Error wrong(const std::string& field, const std::string& problem) const {
    return invalid("kubeconfig " + path_ + ": " + field + " " + problem);
  }

  YAML::Node named(const char* list, const std::string& name, const char* member) const {
    const YAML::Node entries = root_[list];
    if (!entries || !entries.IsSequence()) return YAML::Node(YAML::NodeType::Undefined);
    for (const YAML::Node& entry : entries) {
      if (entry.IsMap() && text(entry["name"]) == name) return entry[member];
    }
    return YAML::Node(YAML::NodeType::Undefined);
  }

  std::string resolve(const std::string& path) const {
    const std::size_t slash = path_.rfind('/');
    if (path.starts_with('/') || slash == std::string::npos) return path;
    return path_.substr(0, slash + 1) + path;
  }

  // `field`-data inline in base64, else the file that `field` names; empty when neither is there.
  Result<std::string> content(const YAML::Node& node, const std::string& field) const {
    if (const std::string inline_data = text(node[field + "-data"]); !inline_data.empty()) {
      Result<std::string> decoded = decode_base64(inline_data);
      if (!decoded) return wrong(field + "-data", decoded.error().message);
      return decoded;
    }
    const std::string file = text(node[field]);
    if (file.empty()) return std::string();
    Result<std::string> read = read_file(resolve(file));
    if (!read) return wrong(field, "names a file that can't be used: " + read.error().message);
    return read;
  }

  Status read_cluster(const YAML::Node& cluster, Config& config) const {
    config.server = text(cluster["server"]);
    if (config.server.find("://[") != std::string::npos)
      return wrong("server", "names an IPv6 address, which is not supported; use a host name");
    if (!is_server_url(config.server)) {
      return wrong("server", "must be a URL such as https://10.0.0.1:6443, not \"" + config.server + "\"");
    }
    if (!text(cluster["proxy-url"]).empty()) return wrong("proxy-url", "is not supported; remove it");
    config.server_name = text(cluster["tls-server-name"]);
    config.insecure_skip_verify = text(cluster["insecure-skip-tls-verify"]) == "true";
    Result<std::string> ca = content(cluster, "certificate-authority");
    if (!ca) return ca.error();
    config.ca_pem = *ca;
    return Ok{};
  }

  Status read_user(const YAML::Node& user, Config& config) const {
    for (const char* field : {"exec", "auth-provider", "username", "password", "as"}) {
      if (user[field]) return wrong(field, "is not supported; use a client certificate, token or tokenFile");
    }
    Result<std::string> certificate = content(user, "client-certificate");
    if (!certificate) return certificate.error();
    Result<std::string> key = content(user, "client-key");
    if (!key) return key.error();
    if (certificate->empty() != key->empty())
      return wrong("client-certificate", "and client-key must be given together");
    config.client_certificate_pem = *certificate;
    config.client_key_pem = *key;
    config.token = text(user["token"]);
    trim_end(config.token);
    config.token_file = text(user["tokenFile"]);
    if (!config.token_file.empty()) config.token_file = resolve(config.token_file);
    return Ok{};
  }

  std::string path_;
  YAML::Node root_;
};

}  // namespace

Result<Config> load_kubeconfig(const std::string& path) {
  Result<std::string> content = read_file(path);
  if (!content) return content.error().with_context("kubeconfig");
  try {
    const YAML::Node root = YAML::Load(*content);
    if (!root.IsMap()) return invalid("kubeconfig " + path + ": is not a YAML map");
    return Kubeconfig(path, root).current();
  } catch (const YAML::Exception& error) {
    return invalid("kubeconfig " + path + ": " + error.what());
  }
}

Result<Config> load_in_cluster(const std::string& folder, const std::string& host, const std::string& port) {
  Config config;
  config.ca_file = folder + "/ca.crt";
  config.token_file = folder + "/token";
  Result<std::string> ca = read_file(config.ca_file);
  if (!ca) return ca.error().with_context("the pod's service account");
  config.ca_pem = *ca;  // should the file be unreadable later
  if (Result<std::string> token = read_file(config.token_file); !token)
    return token.error().with_context("the pod's service account");
  if (Result<std::string> ns = read_file(folder + "/namespace"); ns) config.ns = *ns;
  trim_end(config.ns);
  // cpprestsdk can't connect to an IPv6 literal; the service's name is in every API server's certificate.
  const bool ipv6 = host.find(':') != std::string::npos;
  config.server =
      "https://" + (ipv6 ? std::string("kubernetes.default.svc") : host) + ":" + (port.empty() ? "443" : port);
  return config;
}

Result<Config> load_config(const std::string& kubeconfig) {
  if (!kubeconfig.empty()) return load_kubeconfig(kubeconfig);
  const std::string from_environment = environment("KUBECONFIG");
  if (from_environment.find(':') != std::string::npos) {
    return invalid("KUBECONFIG lists several files, which is not supported; name one, or use --kubeconfig");
  }
  if (!from_environment.empty()) return load_kubeconfig(from_environment);
  const std::string host = environment("KUBERNETES_SERVICE_HOST");
  if (!host.empty()) return load_in_cluster(kServiceAccountFolder, host, environment("KUBERNETES_SERVICE_PORT"));
  const std::string home = environment("HOME");
  if (home.empty()) return invalid("no cluster to talk to: give --kubeconfig, set KUBECONFIG, or run in a pod");
  return load_kubeconfig(home + "/.kube/config");
}

}  // namespace pd::kube
