#include "daemonset/sources/pod_resources.h"

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <future>

#include "daemonset/allocations_probe.h"
#include "pod_resources.grpc.pb.h"
#include "tests/daemonset/fixture.h"

namespace pd::agent {
namespace {

using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

void add_devices(v1::ContainerDevices* devices, const std::string& resource, const std::vector<std::string>& ids) {
  devices->set_resource_name(resource);
  for (const std::string& id : ids) devices->add_device_ids(id);
}

// Kubelet's side of the socket.
class Kubelet final : public v1::PodResourcesLister::Service {
 public:
  explicit Kubelet(const std::string& socket) {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("unix:" + socket, grpc::InsecureServerCredentials());
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
  }
  ~Kubelet() override {
    silence_.set_value();
    server_->Shutdown(std::chrono::system_clock::now());
  }

  grpc::Status List(grpc::ServerContext* /*context*/, const v1::ListPodResourcesRequest* /*request*/,
                    v1::ListPodResourcesResponse* response) override {
    if (silent) silenced_.wait();
    v1::PodResources* pod = response->add_pod_resources();
    pod->set_namespace_("llm");
    pod->set_name("p");
    v1::ContainerResources* container = pod->add_containers();
    container->set_name("main");
    add_devices(container->add_devices(), "huawei.com/Ascend910", {"Ascend910-0"});  // one entry for each NUMA node
    add_devices(container->add_devices(), "huawei.com/Ascend910", {"Ascend910-8"});
    add_devices(container->add_devices(), "example.com/nic", {"nic-0"});
    response->add_pod_resources()->set_name("without-devices");
    if (huge) pod->set_name(std::string(20 << 20, 'x'));
    return grpc::Status::OK;
  }

  grpc::Status GetAllocatableResources(grpc::ServerContext* /*context*/,
                                       const v1::AllocatableResourcesRequest* /*request*/,
                                       v1::AllocatableResourcesResponse* response) override {
    add_devices(response->add_devices(), "huawei.com/Ascend910", {"Ascend910-0", "Ascend910-1"});
    add_devices(response->add_devices(), "huawei.com/Ascend910", {"Ascend910-8"});
    return grpc::Status::OK;
  }

  bool silent = false;
  bool huge = false;

 private:
  std::promise<void> silence_;
  std::shared_future<void> silenced_ = silence_.get_future().share();
  std::unique_ptr<grpc::Server> server_;
};

class PodResourcesClient : public ::testing::Test {
 protected:
  TempDir dir_;
  std::string socket_ = dir_.path("kubelet.sock");
  asio::io_context io_;
  std::unique_ptr<PodResources> client_ = make_pod_resources(io_, socket_);
};

TEST_F(PodResourcesClient, ListsContainersWithTheirDevicesPutTogether) {
  const Kubelet kubelet(socket_);
  const Result<std::vector<ContainerDevices>> found = run(io_, client_->list());
  ASSERT_TRUE(found) << found.error().message;
  ASSERT_THAT(*found, SizeIs(2));
  EXPECT_EQ((*found)[1].pod_namespace, "llm");
  EXPECT_EQ((*found)[1].pod, "p");
  EXPECT_EQ((*found)[1].container, "main");
  EXPECT_EQ((*found)[1].resource, "huawei.com/Ascend910");
  EXPECT_THAT((*found)[1].devices, ElementsAre("Ascend910-0", "Ascend910-8"));
  EXPECT_TRUE((*found)[1].last);
}

TEST_F(PodResourcesClient, ListsWhatTheNodeHasToGive) {
  const Kubelet kubelet(socket_);
  const Result<std::vector<AllocatableDevices>> found = run(io_, client_->allocatable());
  ASSERT_TRUE(found) << found.error().message;
  ASSERT_THAT(*found, SizeIs(1));
  EXPECT_THAT((*found)[0].devices, ElementsAre("Ascend910-0", "Ascend910-1", "Ascend910-8"));
}

TEST_F(PodResourcesClient, SaysThatNobodyAnswersAndConnectsWhenKubeletIsBack) {
  const Result<std::vector<ContainerDevices>> nobody = run(io_, client_->list());
  ASSERT_FALSE(nobody);
  EXPECT_EQ(nobody.error().code, Code::kUnavailable);
  EXPECT_THAT(nobody.error().message, HasSubstr(socket_));
  const Kubelet kubelet(socket_);
  const Instant limit = std::chrono::steady_clock::now() + seconds(20);
  bool found = false;
  while (!found && std::chrono::steady_clock::now() < limit) found = run(io_, client_->list()).ok();
  EXPECT_TRUE(found);
}

TEST_F(PodResourcesClient, DoesNotWaitForASilentKubelet) {
  Kubelet kubelet(socket_);
  kubelet.silent = true;
  client_ = make_pod_resources(io_, socket_, std::chrono::milliseconds(300));
  const Result<std::vector<ContainerDevices>> found = run(io_, client_->list());
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, Code::kTimeout);
}

TEST_F(PodResourcesClient, RefusesAnEndlessAnswer) {
  Kubelet kubelet(socket_);
  kubelet.huge = true;
  const Result<std::vector<ContainerDevices>> found = run(io_, client_->list());
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, Code::kInvalid);
}

TEST_F(PodResourcesClient, EndsWhatIsUnderWayWhenStopped) {
  Kubelet kubelet(socket_);
  kubelet.silent = true;
  asio::post(io_, [this] { client_->stop(); });
  const Result<std::vector<ContainerDevices>> found = run(io_, client_->list());
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, Code::kCancelled);
  EXPECT_EQ(run(io_, client_->list()).error().code, Code::kCancelled);
}

TEST_F(PodResourcesClient, IsJoinedWithTheCheckpoint) {
  const Kubelet kubelet(socket_);
  const std::string uid = "8e8d3b7c-0000-4000-8000-000000000001";
  const std::string file =
      dir_.write("checkpoint", checkpoint_of({{uid, "main", "huawei.com/Ascend910", {"Ascend910-0", "Ascend910-8"}}}));
  AllocationsProbe probe({file, dir_.path("pods"), {"huawei.com/Ascend910"}, npu::Ids::kReal}, *client_);
  const Result<AllocationsReading> reading = run(io_, probe.read());
  ASSERT_TRUE(reading) << reading.error().message;
  EXPECT_THAT(reading->allocations.pods, ElementsAre(npu::PodDevices{"llm", "p", uid, {0, 8}}));
}

}  // namespace
}  // namespace pd::agent
