#include "operator/table_map.h"

#include <gtest/gtest.h>

namespace pd::op {
namespace {

std::size_t data_of(const char* name, const char* version, const char* kind) {
  const Json owner = {{"apiVersion", version}, {"kind", kind}, {"name", "qwen"}, {"uid", "u"}, {"controller", true}};
  const Json meta = {
      {"name", name}, {"namespace", "llm"}, {"resourceVersion", "5"}, {"ownerReferences", Json::array({owner})}};
  return kube::Resource<TableMap>::decode({{"metadata", meta}, {"data", {{"generation", "7"}}}})->data.size();
}

TEST(TableMap, KeepsNothingOfWhatIsNoTable) {
  EXPECT_EQ(data_of("qwen-ranktable", "pd-operator.io/v1alpha1", "PDDeployment"), 1U);
  EXPECT_EQ(data_of("qwen-ranktable-2", "pd-operator.io/v1alpha1", "PDDeployment"), 0U);
  EXPECT_EQ(data_of("qwen-ranktable", "example.io/v1alpha1", "PDDeployment"), 0U);
  EXPECT_EQ(data_of("qwen-ranktable", "apps/v1", "Deployment"), 0U);
}

}  // namespace
}  // namespace pd::op
