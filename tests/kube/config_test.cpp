#include "kube/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/temporary_folder.h"

namespace pd::kube {
namespace {

using ::testing::HasSubstr;

// A kubeconfig with one context, made of what a test wants in its cluster and its user.
std::string kubeconfig(const std::string& cluster, const std::string& user) {
  return "apiVersion: v1\nkind: Config\ncurrent-context: here\n"
         "contexts:\n- name: other\n  context: {cluster: nowhere, user: nobody}\n"
         "- name: here\n  context: {cluster: c, user: u, namespace: llm}\n"
         "clusters:\n- name: c\n  cluster: {" +
         cluster + "}\nusers:\n- name: u\n  user: {" + user + "}\n";
}

const char* const kServer = "server: 'https://10.0.0.1:6443'";

class Kubeconfig : public ::testing::Test {
 protected:
  Result<Config> load(const std::string& content) { return load_kubeconfig(folder_.write("config", content)); }
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
  const Result<Config> config =
      load(kubeconfig(std::string(kServer) + ", certificate-authority-data: Y2EtcGVt, tls-server-name: kubernetes",
                      "client-certificate-data: Y2VydA==, client-key-data: a2V5cw=="));
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->ca_pem, "ca-pem");
  EXPECT_EQ(config->client_certificate_pem, "cert");
  EXPECT_EQ(config->client_key_pem, "keys");
  EXPECT_EQ(config->server_name, "kubernetes");
}

TEST_F(Kubeconfig, ReadsFilesBesideIt) {
  folder_.write("pki/ca.crt", "the ca");
  folder_.write("client.crt", "the certificate");
  const std::string key = folder_.write("client.key", "the key");
  const Result<Config> config = load(kubeconfig(std::string(kServer) + ", certificate-authority: pki/ca.crt",
                                                "client-certificate: client.crt, client-key: " + key));
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->ca_pem, "the ca");
  EXPECT_EQ(config->client_certificate_pem, "the certificate");
  EXPECT_EQ(config->client_key_pem, "the key");
}

TEST_F(Kubeconfig, InlineDataWinsOverAFile) {
  const Result<Config> config = load(
      kubeconfig(std::string(kServer) + ", certificate-authority: missing, certificate-authority-data: Y2EtcGVt", ""));
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->ca_pem, "ca-pem");
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
  EXPECT_THAT(refused(kubeconfig(kServer, "client-certificate-data: Y2VydA==")), HasSubstr("client-certificate"));
  EXPECT_THAT(refused(kubeconfig(kServer, "client-key: missing.key")), HasSubstr("client-key names a file"));
}

TEST_F(Kubeconfig, RefusesByNameWhatItCannotDo) {
  for (const char* field : {"exec", "auth-provider", "username", "password", "as"}) {
    EXPECT_THAT(refused(kubeconfig(kServer, std::string(field) + ": x")),
                HasSubstr(std::string(field) + " is not supported"));
  }
}

TEST_F(Kubeconfig, SaysWhichNameIsMissing) {
  EXPECT_THAT(refused("current-context: x\ncontexts: []\n"), HasSubstr("no context named \"x\""));
  EXPECT_THAT(refused("contexts: []\n"), HasSubstr("current-context is not set"));
  const std::string contexts = "current-context: x\ncontexts: [{name: x, context: {cluster: c, user: u}}]\n";
  EXPECT_THAT(refused(contexts), HasSubstr("no cluster named \"c\""));
  EXPECT_THAT(refused(contexts + "clusters: [{name: c, cluster: {server: 'https://h'}}]\n"),
              HasSubstr("no user named \"u\""));
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
  const Result<Config> config = load_kubeconfig(folder_.path() + "/missing");
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().code, Code::kNotFound);
  EXPECT_THAT(config.error().message, HasSubstr("kubeconfig"));
  EXPECT_THAT(config.error().message, HasSubstr("/missing"));
}

class InCluster : public ::testing::Test {
 protected:
  InCluster() {
    folder_.write("ca.crt", "the ca");
    folder_.write("token", "secret");
    folder_.write("namespace", "llm\n");
  }
  test::TemporaryFolder folder_;
};

TEST_F(InCluster, UsesTheServiceAccount) {
  const Result<Config> config = load_in_cluster(folder_.path(), "10.96.0.1", "6443");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->server, "https://10.96.0.1:6443");
  EXPECT_EQ(config->token_file, folder_.path() + "/token");
  EXPECT_EQ(config->ca_file, folder_.path() + "/ca.crt");
  EXPECT_EQ(config->ns, "llm");
}

// Else a CA file that can't be read for a moment would leave us with the system's roots.
TEST_F(InCluster, KeepsTheCaItHasSeen) {
  const Result<Config> config = load_in_cluster(folder_.path(), "10.96.0.1", "443");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->ca_pem, "the ca");
}

TEST_F(InCluster, ReachesAnIPv6ServerByItsName) {
  const Result<Config> config = load_in_cluster(folder_.path(), "fd00::1", "");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->server, "https://kubernetes.default.svc:443");
}

TEST_F(InCluster, NamesTheFileThatIsMissing) {
  for (const char* name : {"ca.crt", "token"}) {
    const test::TemporaryFolder folder;
    folder.write(name == std::string("token") ? "ca.crt" : "token", "x");
    const Result<Config> config = load_in_cluster(folder.path(), "10.96.0.1", "443");
    ASSERT_FALSE(config);
    EXPECT_THAT(config.error().message, HasSubstr(name));
    EXPECT_THAT(config.error().message, HasSubstr("service account"));
  }
}

}  // namespace
}  // namespace pd::kube
