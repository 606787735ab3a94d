#include "daemonset/agent.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/steady_timer.hpp>
#include <sstream>

#include "daemonset/node_reader.h"
#include "tests/daemonset/fixture.h"
#include "tests/runtime/metric_value.h"

namespace pd::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const std::string kInventory(npu::kInventoryAnnotation);
const std::string kAllocations(npu::kAllocationsAnnotation);
const std::string kUid = "8e8d3b7c-0000-4000-8000-000000000001";

// The whole agent on a folder: a hccn.conf, a checkpoint, and doubles of kubelet and the API server. Its rounds are an
// hour apart, so that what happens soon was caused by a file's change.
class RunningAgent : public ::testing::Test {
 protected:
  void SetUp() override {
    pod_resources_.offer(2);
    conf_ = dir_.write("hccn.conf", conf_of(2));
    checkpoint_ = dir_.write("checkpoint", checkpoint_of({}));
  }

  void build() {
    agent_.reset();
    options_.hccn_tool = dir_.path("no_tool");
    options_.hccn_conf = conf_;
    options_.checkpoint = checkpoint_;
    options_.pod_logs = dir_.path("pods");
    options_.dev_dir = dir_.path("dev");
    options_.resource_names = {"huawei.com/Ascend910"};
    const bool asks = options_.ids != "unknown";
    reader_ = std::make_unique<NodeReader>(io_, options_, asks ? borrowed(pod_resources_) : nullptr,
                                           SourceMetrics(registry_));
    const Duration hour = std::chrono::hours(1);
    agent_ = std::make_unique<Agent>(io_, Agent::Options{round_.value_or(hour), hour, hour}, reader_->sources(), node_,
                                     clock_, rng_, PublishMetrics(registry_));
    reader_->on_change([this] { agent_->inventory_changed(); }, [this] { agent_->allocations_changed(); });
  }

  // Runs the agent until its node fits, then stops it.
  void run_until(std::function<bool()> fits) {
    if (!agent_) build();
    node_.on_patch = [this, fits] {
      if (fits()) agent_->stop();
    };
    asio::steady_timer limit(io_, std::chrono::seconds(30));
    limit.async_wait([this](const boost::system::error_code& error) {
      if (!error) agent_->stop();
    });
    run(io_, agent_->run());
    ready_ = agent_->published();
    reader_.reset();
    agent_.reset();
    EXPECT_TRUE(fits());
  }

  std::optional<npu::Inventory> inventory() const {
    if (!node_.held.contains(kInventory)) return std::nullopt;
    return *npu::parse_inventory(node_.held.at(kInventory));
  }
  std::optional<npu::Allocations> allocations() const {
    if (!node_.held.contains(kAllocations)) return std::nullopt;
    return *npu::parse_allocations(node_.held.at(kAllocations));
  }
  void give_npu_to_pod() {
    pod_resources_.listed =
        std::vector<ContainerDevices>{{"llm", "p", "main", "huawei.com/Ascend910", {"Ascend910-1"}, true}};
    dir_.replace("checkpoint", checkpoint_of({{kUid, "main", "huawei.com/Ascend910", {"Ascend910-1"}}}));
  }

  double counted(const std::string& name) const { return test::metric(registry_.text(), name).value_or(-1); }

  TempDir dir_;
  runtime::MetricsRegistry registry_;
  std::string conf_;
  std::string checkpoint_;
  asio::io_context io_;
  FakePodResources pod_resources_;
  FakeNode node_;
  SystemClock clock_;
  runtime::Rng rng_{1};
  Options options_;
  std::optional<Duration> round_;
  bool ready_ = false;  // as it ended
  std::unique_ptr<NodeReader> reader_;
  std::unique_ptr<Agent> agent_;
};

TEST_F(RunningAgent, PublishesWhatItFinds) {
  give_npu_to_pod();
  run_until([this] { return inventory() && allocations(); });
  EXPECT_TRUE(ready_);
  EXPECT_EQ(inventory()->source, "hccn_conf");
  EXPECT_EQ(inventory()->resource, "huawei.com/Ascend910");
  EXPECT_THAT(inventory()->devices, SizeIs(2));
  EXPECT_THAT(allocations()->pods, ElementsAre(npu::PodDevices{"llm", "p", kUid, {1}}));
}

TEST_F(RunningAgent, CountsWhatItFindsAndWrites) {
  std::filesystem::create_directory(dir_.path("dev"));
  for (const char* device : {"dev/davinci0", "dev/davinci1"}) dir_.write(device, "");
  dir_.write("hccn.conf", "address_0=29.81.18.100\n");
  dir_.write("checkpoint", "garbage");
  EXPECT_EQ(counted(R"(pd_agent_publishes_total{result="success"})"), -1);
  node_.failure = Error{Code::kUnavailable, "no API server"};
  node_.fails = 2;  // the first look, and the first attempt
  run_until([this] { return inventory().has_value(); });
  EXPECT_EQ(counted(R"(pd_agent_publishes_total{result="success"})"), 1);
  EXPECT_GE(counted(R"(pd_agent_publishes_total{result="error"})"), 1);
  EXPECT_EQ(counted(R"(pd_agent_devices{state="ok"})"), 1);
  EXPECT_EQ(counted(R"(pd_agent_devices{state="no_address"})"), 1);
  EXPECT_GE(counted(R"(pd_agent_probe_seconds_count{source="hccn_conf"})"), 1);
  EXPECT_GE(counted(R"(pd_agent_probe_failures_total{reason="invalid",source="checkpoint"})"), 1);
}

// That of mind-cluster's device plugin, which knows it from the driver.
TEST_F(RunningAgent, TakesWhatTheNodeSaysBeforeItAsksAnybody) {
  node_.held["baseDeviceInfos"] = R"({"Ascend910-0":{"IP":"29.81.18.1"},"Ascend910-1":{"IP":"29.81.18.2"}})";
  run_until([this] { return inventory() && allocations(); });
  EXPECT_EQ(inventory()->source, "node_annotation");
  EXPECT_EQ(inventory()->devices[1].ip, "29.81.18.2");
  EXPECT_THAT(node_.patches, SizeIs(1)) << "the other sources' addresses were not written first";
  EXPECT_EQ(node_.reads, 1);
}

TEST_F(RunningAgent, WritesNoInventoryThatItReadBeforeTheNode) {
  node_.held["baseDeviceInfos"] = R"({"Ascend910-0":{"IP":"29.81.18.1"},"Ascend910-1":{"IP":"29.81.18.2"}})";
  node_.failure = Error{Code::kUnavailable, "no API server"};
  node_.fails = 1;  // the first look
  run_until([this] { return inventory() && allocations(); });
  EXPECT_EQ(inventory()->source, "node_annotation");
  for (const auto& patch : node_.patches) {
    const auto written = patch.find("pd-operator.io/npu-inventory");
    if (written == patch.end()) continue;
    EXPECT_THAT(written->second.value_or(""), HasSubstr("node_annotation"));
  }
}

TEST_F(RunningAgent, WritesNothingAfterARestart) {
  run_until([this] { return inventory() && allocations(); });
  const std::size_t written = node_.patches.size();
  pod_resources_.listed =
      std::vector<ContainerDevices>{{"llm", "p", "main", "huawei.com/Ascend910", {"Ascend910-1"}, true}};
  build();
  asio::post(io_, [this] { give_npu_to_pod(); });
  run_until([this] { return allocations() && !allocations()->pods.empty(); });
  EXPECT_THAT(node_.patches, SizeIs(written + 1));  // of the allocations; the inventory was right
}

TEST_F(RunningAgent, SeesThatAPodGotDevices) {
  build();
  node_.held.clear();
  bool given = false;
  run_until([&] {
    if (allocations() && !given) {
      given = true;
      asio::post(io_, [this] { give_npu_to_pod(); });
    }
    return allocations() && !allocations()->pods.empty();
  });
}

TEST_F(RunningAgent, SeesThatHccnConfWasEditedInPlaceAndReplaced) {
  int edits = 0;
  run_until([&] {
    if (inventory() && allocations() && edits == 0 && ++edits == 1) {
      asio::post(io_, [this] { dir_.write("hccn.conf", "address_0=29.81.18.1\n"); });
    }
    if (inventory() && inventory()->devices[0].ip == "29.81.18.1" && edits == 1 && ++edits == 2) {
      asio::post(io_, [this] { dir_.replace("hccn.conf", "address_0=29.81.18.2\n"); });
    }
    return inventory() && inventory()->devices[0].ip == "29.81.18.2";
  });
}

TEST_F(RunningAgent, TakesTheAddressesBackWhenTheFileIsEmptied) {
  bool emptied = false;
  run_until([&] {
    if (inventory() && allocations() && !emptied) {
      emptied = true;
      asio::post(io_, [this] { dir_.write("hccn.conf", ""); });
    }
    return inventory() && inventory()->devices[0].ip.empty();
  });
  EXPECT_THAT(inventory()->devices, SizeIs(2));
}

TEST_F(RunningAgent, TriesAgainWhenTheApiServerFails) {
  node_.failure = Error{Code::kUnavailable, "no API server"};
  build();
  node_.fails = 2;
  run_until([this] { return inventory() && allocations(); });
  EXPECT_GT(node_.reads, 1);
}

TEST_F(RunningAgent, RemovesAnInheritedInventoryThatItCanNeverConfirm) {
  node_.held[kInventory] =
      R"({"v":1,"source":"hccn_tool","resource":"huawei.com/Ascend910","probed":"2026-11-24T06:34:56Z","devices":[]})";
  node_.held[kAllocations] = R"({"v":1,"ids":"real","pods":[]})";
  pod_resources_.offered = Error{Code::kUnavailable, "kubelet is away"};
  pod_resources_.listed = Error{Code::kUnavailable, "kubelet is away"};
  std::filesystem::remove(conf_);
  round_ = std::chrono::milliseconds(10);
  run_until([this] { return !inventory(); });
  EXPECT_TRUE(allocations());  // they name pods by UID and stay true
  EXPECT_FALSE(ready_) << "it has found nothing";
  EXPECT_THAT(node_.patches, SizeIs(1));
}

TEST_F(RunningAgent, SaysThatItDoesNotKnowWhoHoldsWhatWhereKubeletIsNotAsked) {
  node_.held[kAllocations] = R"({"v":1,"ids":"real","pods":[]})";
  options_.ids = "unknown";
  run_until([this] { return inventory() && allocations()->ids == npu::Ids::kUnknown; });
  EXPECT_EQ(inventory()->resource, "huawei.com/Ascend910");
  EXPECT_THAT(node_.patches, SizeIs(1));
}

TEST_F(RunningAgent, IsStoppedWhileNothingAnswers) {
  node_.failure = Error{Code::kUnavailable, "no API server"};
  pod_resources_.offered = Error{Code::kUnavailable, "kubelet is away"};
  pod_resources_.listed = Error{Code::kUnavailable, "kubelet is away"};
  build();
  asio::post(io_, [this] { agent_->stop(); });
  run(io_, agent_->run());
  EXPECT_THAT(node_.patches, IsEmpty());
}

TEST(ParseOptions, TakesTheNodesNameAndTheToolsLibrariesFromTheEnvironment) {
  setenv("NODE_NAME", "real-0", 1);
  setenv("TOOL_LIBRARY_PATH", "/driver/lib64", 1);
  const char* const argv[] = {"pd-agent",  "--resource-names", "a.b/c,d.e/f", "--source",
                              "hccn_conf", "--device-count",   "16"};
  const auto parsed = parse_options(7, argv);
  unsetenv("NODE_NAME");
  unsetenv("TOOL_LIBRARY_PATH");
  ASSERT_TRUE(std::holds_alternative<Options>(parsed));
  const Options& options = std::get<Options>(parsed);
  EXPECT_EQ(options.node_name, "real-0");
  EXPECT_EQ(options.tool_library_path, "/driver/lib64");
  EXPECT_THAT(options.resource_names, ElementsAre("a.b/c", "d.e/f"));
  EXPECT_EQ(options.device_count, 16);
  EXPECT_EQ(options.metrics_address, ":8080");
}

TEST(ParseOptions, ProbesAndWithdrawsWithoutANodesName) {
  const auto parsed = [](std::vector<const char*> arguments) {
    arguments.insert(arguments.begin(), "pd-agent");
    return std::get<Options>(parse_options(static_cast<int>(arguments.size()), arguments.data()));
  };
  const Options probe = parsed({"probe", "--json", "--source", "hccn_conf"});
  EXPECT_EQ(probe.task, Task::kProbe);
  EXPECT_TRUE(probe.json);
  EXPECT_EQ(probe.source, "hccn_conf");
  EXPECT_EQ(parsed({"withdraw"}).task, Task::kWithdraw);
}

TEST(ParseOptions, RefusesWhatItDoesNotKnow) {
  const auto status = [](std::vector<const char*> arguments) {
    arguments.insert(arguments.begin(), "pd-agent");
    const auto parsed = parse_options(static_cast<int>(arguments.size()), arguments.data());
    return std::holds_alternative<int>(parsed) ? std::get<int>(parsed) : -1;
  };
  EXPECT_EQ(status({}), 2);
  EXPECT_EQ(status({"--node-name", "../secrets/x"}), 2);
  EXPECT_EQ(status({"--node-name", "n", "--source", "guess"}), 2);
  EXPECT_EQ(status({"--node-name", "n", "--nonsense"}), 2);
  EXPECT_EQ(status({"--help"}), 0);
  EXPECT_EQ(status({"probe", "withdraw"}), 2);
  EXPECT_EQ(status({"prob"}), 2);
  EXPECT_EQ(status({"--node-name", "n", "--ids", "unknown"}), 2);
  EXPECT_EQ(status({"--node-name", "n", "--ids", "unknown", "--resource-names", "a.b/c"}), -1);
  EXPECT_EQ(status({"--node-name", "real-0.example"}), -1);
  for (const char* pod : {"", "/", "pd-system", "pd-system/", "/agent-1", "$(POD_NAMESPACE)/$(POD_NAME)", "a/b/c"})
    EXPECT_EQ(status({"--node-name", "n", "--own-pod", pod}), 2) << pod;
  EXPECT_EQ(status({"--node-name", "n", "--own-pod", "pd-system/agent-1"}), -1);
}

TEST(ParseOptions, HelpsInLinesThatATerminalHas) {
  const std::vector<const char*> arguments{"pd-agent", "--help"};
  testing::internal::CaptureStdout();
  EXPECT_EQ(std::get<int>(parse_options(2, arguments.data())), 0);
  const std::string help = testing::internal::GetCapturedStdout();
  EXPECT_LT(help.find("Usage: pd-agent"), help.find("Example, as in the DaemonSet"));
  std::istringstream lines(help);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 150U) << line;
}

}  // namespace
}  // namespace pd::agent
