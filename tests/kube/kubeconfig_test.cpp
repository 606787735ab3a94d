#include "kube/kubeconfig.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/kube/pem.h"
#include "tests/support/temporary_folder.h"

namespace pd::kube {
namespace {

using test::kPemCertificate;
using test::kPemKey;
using ::testing::HasSubstr;
using ::testing::Not;

// A kubeconfig with one context, made of what a test wants in its cluster and its user.
std::string kubeconfig(const std::string& cluster, const std::string& user) {
  return "apiVersion: v1\nkind: Config\ncurrent-context: here\n"
         "contexts:\n- name: other\n  context: {cluster: nowhere, user: nobody}\n"
         "- name: here\n  context: {cluster: c, user: u, namespace: llm}\n"
         "clusters:\n- name: c\n  cluster: {" +
         cluster + "}\nusers:\n- name: u\n  user: {" + user + "}\n";
}

// kPemCertificate and kPemKey in base64.
const std::string kCertificateData = "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCkFBPT0KLS0tLS1FTkQgQ0VSVElGSUNBVEUtLS0tLQo=";
const std::string kKeyData = "LS0tLS1CRUdJTiBQUklWQVRFIEtFWS0tLS0tCkFBPT0KLS0tLS1FTkQgUFJJVkFURSBLRVktLS0tLQo=";

const char* const kServer = "server: 'https://10.0.0.1:6443'";

class Kubeconfig : public ::testing::Test {
 protected:
  Result<Config> load(const std::string& content) { return load_kubeconfig({folder_.write("config", content)}); }
  std::string refused(const std::string& content) {
    const Result<Config> config = load(content);
    if (config) return "it was not refused";
    EXPECT_EQ(config.error().code, Code::kInvalid);
    EXPECT_THAT(config.error().message, HasSubstr(folder_.path() + "/config"));
    return config.error().message;
  }
  test::TemporaryFolder folder_;
};

TEST_F(Kubeconfig, TakesWhatTheCurrentContextNames) {
  const Result<Config> config = load(kubeconfig(kServer, "token: secret"));
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->server, "https://10.0.0.1:6443");
  EXPECT_EQ(config->token, "secret");
  EXPECT_EQ(config->ns, "llm");
  EXPECT_FALSE(config->insecure_skip_verify);
  EXPECT_TRUE(config->server_name.empty());
}

TEST_F(Kubeconfig, ReadsInlineData) {
  const Result<Config> config = load(kubeconfig(
      std::string(kServer) + ", certificate-authority-data: " + kCertificateData + ", tls-server-name: kubernetes",
      "client-certificate-data: " + kCertificateData + ", client-key-data: " + kKeyData));
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->ca_pem, kPemCertificate);
  EXPECT_EQ(config->client_certificate_pem, kPemCertificate);
  EXPECT_EQ(config->client_key_pem, kPemKey);
  EXPECT_EQ(config->ca_file, "");
  EXPECT_EQ(config->server_name, "kubernetes");
}

TEST_F(Kubeconfig, ReadsFilesBesideIt) {
  folder_.write("pki/ca.crt", std::string("# the CA\n") + kPemCertificate);
  folder_.write("client.crt", kPemCertificate);
  const std::string key = folder_.write("client.key", kPemKey);
  const Result<Config> config = load(kubeconfig(std::string(kServer) + ", certificate-authority: pki/ca.crt",
                                                "client-certificate: client.crt, client-key: " + key));
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_THAT(config->ca_pem, HasSubstr("# the CA"));
  EXPECT_EQ(config->client_certificate_pem, kPemCertificate);
  EXPECT_EQ(config->client_key_pem, kPemKey);
  // They are read again while we run.
  EXPECT_EQ(config->ca_file, folder_.path() + "/pki/ca.crt");
  EXPECT_EQ(config->client_certificate_file, folder_.path() + "/client.crt");
  EXPECT_EQ(config->client_key_file, key);
}

TEST_F(Kubeconfig, InlineDataWinsOverAFile) {
  const Result<Config> config = load(kubeconfig(
      std::string(kServer) + ", certificate-authority: missing, certificate-authority-data: " + kCertificateData, ""));
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->ca_pem, kPemCertificate);
}

TEST_F(Kubeconfig, LeavesTheTokenFileToWhoeverSendsIt) {
  const Result<Config> config = load(kubeconfig(kServer, "tokenFile: secrets/token"));
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->token_file, folder_.path() + "/secrets/token");
}

TEST_F(Kubeconfig, AnInlineTokenHasNoLineEnd) {
  const Result<Config> config = load(kubeconfig(kServer, "token: \"secret\\n\""));
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->token, "secret");
}

TEST_F(Kubeconfig, RefusesByFileAndField) {
  EXPECT_THAT(refused(kubeconfig("server: 10.0.0.1", "")), HasSubstr("server must be a URL"));
  EXPECT_THAT(refused(kubeconfig("server: 'https://10.0.0.1 :6443'", "")), HasSubstr("server must be a URL"));
  EXPECT_THAT(refused(kubeconfig("server: 'https://'", "")), HasSubstr("server must be a URL"));
  EXPECT_THAT(refused(kubeconfig("server: 'https://h:port'", "")), HasSubstr("server must be a URL"));
  EXPECT_THAT(refused(kubeconfig("server: 'https://[::1]:6443'", "")), HasSubstr("server names an IPv6 address"));
  EXPECT_THAT(refused(kubeconfig(std::string(kServer) + ", proxy-url: 'http://p'", "")), HasSubstr("proxy-url"));
  EXPECT_THAT(refused(kubeconfig(std::string(kServer) + ", certificate-authority-data: '!!!!'", "")),
              HasSubstr("certificate-authority-data is not base64"));
  EXPECT_THAT(refused(kubeconfig(std::string(kServer) + ", certificate-authority: missing.crt", "")),
              HasSubstr("certificate-authority names a file that can't be used"));
  EXPECT_THAT(refused(kubeconfig(kServer, "client-certificate-data: " + kCertificateData)),
              HasSubstr("user \"u\": client-certificate and client-key must be given together"));
  EXPECT_THAT(refused(kubeconfig(kServer, "client-certificate-data: Y2VydA==")),
              HasSubstr("client-certificate-data holds no PEM CERTIFICATE"));
  EXPECT_THAT(refused(kubeconfig(std::string(kServer) + ", certificate-authority-data: " + kCertificateData +
                                     ", insecure-skip-tls-verify: true",
                                 "")),
              HasSubstr("insecure-skip-tls-verify and a certificate-authority exclude each other"));
  EXPECT_THAT(refused(kubeconfig(std::string(kServer) + ", insecure-skip-tls-verify: yes-please", "")),
              HasSubstr("insecure-skip-tls-verify must be true or false"));
  EXPECT_THAT(refused(kubeconfig("server: 'http://10.0.0.1'", "token: secret")),
              HasSubstr("token would go to http://10.0.0.1"));
  EXPECT_THAT(refused(kubeconfig(kServer, "client-key: missing.key")), HasSubstr("client-key names a file"));
}

TEST_F(Kubeconfig, RefusesByNameWhatItCannotDo) {
  for (const char* field :
       {"exec", "auth-provider", "username", "password", "as", "as-uid", "as-groups", "as-user-extra"}) {
    EXPECT_THAT(refused(kubeconfig(kServer, std::string(field) + ": x")),
                HasSubstr("user \"u\": " + std::string(field) + " is not supported"));
  }
}

TEST_F(Kubeconfig, AFieldThatIsNullSaysNothing) {
  const Result<Config> config =
      load(kubeconfig(std::string(kServer) + ", proxy-url: null, certificate-authority: null",
                      "token: secret, exec: null, auth-provider: ~, username: null, as-groups: , tokenFile: null"));
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->token, "secret");
}

TEST_F(Kubeconfig, SaysWhichNameIsMissing) {
  EXPECT_THAT(refused("current-context: x\ncontexts: []\n"), HasSubstr("contexts has no context named \"x\""));
  EXPECT_THAT(refused("contexts: []\n"), HasSubstr("current-context is not set"));
  const std::string contexts = "current-context: x\ncontexts: [{name: x, context: {cluster: c, user: u}}]\n";
  EXPECT_THAT(refused(contexts), HasSubstr("clusters has no cluster named \"c\""));
  EXPECT_THAT(refused(contexts + "clusters: [{name: c, cluster: {server: 'https://h'}}]\n"),
              HasSubstr("users has no user named \"u\""));
}

TEST_F(Kubeconfig, SurvivesWhatIsNoKubeconfig) {
  for (const char* text :
       {"", "just words", "[1, 2]", "a: [", "current-context: {a: b}", "current-context: x\ncontexts: 5",
        "current-context: x\ncontexts: [5, [6], {name: x, context: 7}]", "current-context: x\ncontexts: [{name: x}]",
        "current-context: x\ncontexts: [{name: x, context: {cluster: c}}]\nclusters: [{name: c, "
        "cluster: word}]",
        "\xff\xfe\x01"}) {
    EXPECT_NE(refused(text), "it was not refused") << text;
  }
}

TEST_F(Kubeconfig, SaysWhenThereIsNone) {
  const Result<Config> config = load_kubeconfig({folder_.path() + "/missing", folder_.path() + "/gone"});
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().code, Code::kNotFound);
  EXPECT_THAT(config.error().message, HasSubstr("kubeconfig"));
  EXPECT_THAT(config.error().message, HasSubstr("/missing"));
  EXPECT_THAT(config.error().message, HasSubstr("/gone"));
}

TEST_F(Kubeconfig, OfSeveralFilesTheFirstCounts) {
  folder_.write("one/token", "secret");
  const std::string one = folder_.write("one/config",
                                        "contexts: [{name: here, context: {cluster: c, user: u, namespace: first}}]\n"
                                        "users: [{name: u, user: {tokenFile: token}}]\n");
  const std::string two = folder_.write("two/config",
                                        "current-context: here\n"
                                        "contexts: [{name: here, context: {cluster: d, user: v}}]\n"
                                        "clusters: [{name: c, cluster: {server: 'https://two'}}]\n"
                                        "users: [{name: u, user: {token: other}}]\n");
  const std::string three = folder_.write("three/config",
                                          "current-context: nowhere\n"
                                          "clusters: [{name: c, cluster: {server: 'https://three'}}]\n");
  const Result<Config> config = load_kubeconfig({one, folder_.path() + "/missing", two, three});
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->ns, "first");
  EXPECT_EQ(config->server, "https://two");
  EXPECT_EQ(config->token, "");  // an entry counts as a whole
  EXPECT_EQ(config->token_file, folder_.path() + "/one/token");
}

TEST_F(Kubeconfig, AFileOfSeveralThatCannotBeReadIsRefused) {
  const std::string good = folder_.write("good", kubeconfig(kServer, "token: secret"));
  for (const char* text : {"a: [", "- b"}) {
    const std::string bad = folder_.write("bad", text);
    for (const std::vector<std::string>& paths : {std::vector{good, bad}, {bad, good}}) {
      const Result<Config> config = load_kubeconfig(paths);
      ASSERT_FALSE(config) << text;
      EXPECT_THAT(config.error().message, HasSubstr(bad));
      EXPECT_THAT(config.error().message, Not(HasSubstr(good)));
    }
  }
}

TEST_F(Kubeconfig, TakesTheContextThatItWasTold) {
  const std::string path = folder_.write("config",
                                         "current-context: here\n"
                                         "contexts: [{name: here, context: {cluster: c, user: u}},"
                                         " {name: there, context: {cluster: c, user: u, namespace: y}}]\n"
                                         "clusters: [{name: c, cluster: {server: 'https://h'}}]\n"
                                         "users: [{name: u, user: {}}]\n");
  EXPECT_EQ(load_kubeconfig({path})->ns, "");
  EXPECT_EQ(load_kubeconfig({path}, "there")->ns, "y");
  const Result<Config> config = load_kubeconfig({path}, "nowhere");
  ASSERT_FALSE(config);
  EXPECT_THAT(config.error().message, HasSubstr("contexts has no context named \"nowhere\""));
}

TEST_F(Kubeconfig, ReadsNoHugeFile) {
  const Result<Config> config = load(kubeconfig(kServer, "token: secret") + "#" + std::string(2 << 20, 'x') + "\n");
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().code, Code::kInvalid);
  EXPECT_THAT(config.error().message, HasSubstr(folder_.path() + "/config"));
}

}  // namespace
}  // namespace pd::kube
