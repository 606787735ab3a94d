#include "kube/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/kube/pem.h"
#include "tests/support/temporary_folder.h"

namespace pd::kube {
namespace {

using test::kPemCertificate;
using ::testing::HasSubstr;

// Sets a variable of the environment for a test.
class Variable {
 public:
  Variable(const char* name, const std::string& value) : name_(name) {
    if (const char* before = std::getenv(name)) before_ = before;
    setenv(name, value.c_str(), 1);
  }
  ~Variable() {
    if (before_) {
      setenv(name_, before_->c_str(), 1);
    } else {
      unsetenv(name_);
    }
  }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  const char* name_;
  std::optional<std::string> before_;
};

std::string simple(const std::string& server) {
  return "current-context: a\ncontexts: [{name: a, context: {cluster: a, user: a}}, {name: b, context: {cluster: a, "
         "user: a, namespace: of-b}}]\nclusters: [{name: a, cluster: {server: '" +
         server + "'}}]\nusers: [{name: a, user: {}}]\n";
}

TEST(LoadConfig, TakesTheFilesOfTheEnvironment) {
  const test::TemporaryFolder folder;
  const std::string here = folder.write("here", simple("https://here:1"));
  const Variable kubeconfig("KUBECONFIG", ":" + folder.path() + "/missing:" + here + ":");
  const Variable pod("KUBERNETES_SERVICE_HOST", "10.96.0.1");
  const Result<Config> config = load_config("");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->server, "https://here:1");
  EXPECT_EQ(load_config("", "b")->ns, "of-b");
  const std::string explicit_path = folder.write("there", simple("https://there:1"));
  EXPECT_EQ(load_config(explicit_path)->server, "https://there:1");
}

TEST(LoadConfig, FallsBackToTheHomeFolder) {
  const test::TemporaryFolder folder;
  folder.write(".kube/config", simple("https://home:1"));
  const Variable kubeconfig("KUBECONFIG", "");
  const Variable home("HOME", folder.path());
  {
    const Variable pod("KUBERNETES_SERVICE_HOST", "");
    const Result<Config> config = load_config("");
    ASSERT_TRUE(config) << config.error().message;
    EXPECT_EQ(config->server, "https://home:1");
  }
  // Whoever names a context means a kubeconfig, in a pod as well.
  const Variable pod("KUBERNETES_SERVICE_HOST", "10.96.0.1");
  const Result<Config> config = load_config("", "b");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->ns, "of-b");
}

class InCluster : public ::testing::Test {
 protected:
  InCluster() {
    folder_.write("ca.crt", kPemCertificate);
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
  EXPECT_EQ(config->ca_pem, kPemCertificate);
}

TEST_F(InCluster, ReachesAnIPv6ServerByItsName) {
  const Result<Config> config = load_in_cluster(folder_.path(), "fd00::1", "");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->server, "https://kubernetes.default.svc:443");
}

TEST_F(InCluster, NamesTheFileThatIsMissing) {
  for (const char* name : {"ca.crt", "token"}) {
    const test::TemporaryFolder folder;
    folder.write(name == std::string("token") ? "ca.crt" : "token", kPemCertificate);
    const Result<Config> config = load_in_cluster(folder.path(), "10.96.0.1", "443");
    ASSERT_FALSE(config);
    EXPECT_THAT(config.error().message, HasSubstr(name));
    EXPECT_THAT(config.error().message, HasSubstr("service account"));
  }
}

TEST_F(InCluster, RefusesACaThatIsNone) {
  folder_.write("ca.crt", "<html>");
  const Result<Config> config = load_in_cluster(folder_.path(), "10.96.0.1", "443");
  ASSERT_FALSE(config);
  EXPECT_THAT(config.error().message, HasSubstr("/ca.crt holds no certificate"));
}

}  // namespace
}  // namespace pd::kube
