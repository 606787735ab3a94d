#include "npu/inventory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"

namespace pd::npu {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr const char* kSample =
    R"({"v":1,"source":"hccn_tool","resource":"huawei.com/Ascend910","probed":"2026-11-24T06:34:56Z","devices":[)"
    R"({"id":0,"ip":"29.81.18.100","link":"up","health":"ok"},{"id":1,"ip":"29.81.18.101","link":"down","health":"ok"}]})";

Inventory sample() {
  return {.source = "hccn_tool",
          .resource = "huawei.com/Ascend910",
          .probed = "2026-11-24T06:34:56Z",
          .devices = {{.id = 0, .ip = "29.81.18.100", .link = "up", .health = "ok"},
                      {.id = 1, .ip = "29.81.18.101", .link = "down", .health = "ok"}}};
}

std::string changed(const std::string& pointer, const Json& value) {
  Json json = Json::parse(kSample);
  json[Json::json_pointer(pointer)] = value;
  return json.dump();
}

TEST(InventoryText, IsAsDocumented) {
  EXPECT_EQ(format_inventory(sample()), kSample);
  const Result<Inventory> parsed = parse_inventory(kSample);
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(*parsed, sample());
}

TEST(InventoryText, CarriesTheOptionalMembersInOneOrder) {
  Inventory inventory = sample();
  inventory.devices = {{.id = 3,
                        .ip = "29.81.18.103",
                        .link = "up",
                        .health = "ok",
                        .super_device_id = 4194304,
                        .super_pod_id = 0,
                        .logical_id = 2,
                        .ipv6 = "2001:db8::103"},
                       {.id = 4}};
  const std::string text = format_inventory(inventory);
  EXPECT_THAT(text, HasSubstr(R"("devices":[{"id":3,"ip":"29.81.18.103","link":"up","health":"ok",)"
                              R"("super_device_id":4194304,"super_pod_id":0,"logical_id":2,"ipv6":"2001:db8::103"},)"
                              R"({"id":4}])"));
  ASSERT_TRUE(parse_inventory(text));
  EXPECT_EQ(*parse_inventory(text), inventory);
}

TEST(InventoryText, OrdersDevicesByNumber) {
  Inventory inventory = sample();
  inventory.devices = {{.id = 10}, {.id = 2}, {.id = 9}, {.id = 11}, {.id = 1}};
  EXPECT_THAT(format_inventory(inventory), HasSubstr(R"([{"id":1},{"id":2},{"id":9},{"id":10},{"id":11}])"));
  const Result<Inventory> parsed =
      parse_inventory(R"({"v":1,"source":"s","resource":"r","probed":"","devices":[{"id":10},{"id":2}]})");
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->devices.front().id, 2);
}

TEST(InventoryText, UnknownMembersAreAccepted) {
  EXPECT_TRUE(parse_inventory(changed("/rack", Json::array({1, 2}))));
  EXPECT_TRUE(parse_inventory(changed("/devices/0/temperature", 41.5)));
}

struct Refusal {
  std::string pointer;
  Json value;
};

TEST(InventoryText, RefusesAndNamesThePlace) {
  const std::vector<Refusal> refusals = {
      {"/v", 2},
      {"/v", "1"},
      {"/v", 1.0},
      {"/v", nullptr},
      {"/source", 7},
      {"/source", std::string(65, 'x')},
      {"/source", "a\nb"},
      {"/resource", "huawei.com/Ascend 910"},
      {"/resource", "Huawei.com/Ascend910"},
      {"/resource", "/Ascend910"},
      {"/probed", "yesterday"},
      {"/devices", nullptr},
      {"/devices", Json::object()},
      {"/devices", Json::array_t(65, Json{{"id", 1}})},
      {"/devices/0", 7},
      {"/devices/0/id", nullptr},
      {"/devices/0/id", "0"},
      {"/devices/0/id", -1},
      {"/devices/0/id", 256},
      {"/devices/0/id", 18446744073709551615ULL},
      {"/devices/0/id", 0.0},
      {"/devices/1/id", 0},
      {"/devices/0/ip", "29.81.18"},
      {"/devices/0/ip", "127.0.0.1"},
      {"/devices/0/ip", std::string("29.81.18.1\0", 11)},
      {"/devices/0/ip", 7},
      {"/devices/0/ipv6", "29.81.18.100"},
      {"/devices/0/link", "UP"},
      {"/devices/0/health", std::string(65, 'x')},
      {"/devices/0/super_device_id", -1},
      {"/devices/0/super_device_id", 18446744073709551615ULL},
      {"/devices/0/super_pod_id", "0"},
      {"/devices/0/logical_id", 256},
  };
  for (const Refusal& refusal : refusals) {
    const Result<Inventory> parsed = parse_inventory(changed(refusal.pointer, refusal.value));
    ASSERT_FALSE(parsed) << refusal.pointer << " " << refusal.value;
    EXPECT_EQ(parsed.error().code, Code::kInvalid);
    EXPECT_THAT(parsed.error().message, StartsWith("pd-operator.io/npu-inventory at " + refusal.pointer + ": "));
  }
}

TEST(InventoryText, RefusesWhatIsNoDocument) {
  for (const std::string& text : {std::string(), std::string("[]"), std::string("null"), std::string("{}"),
                                  std::string((256 << 10) + 1, ' '), std::string(1000, '[')}) {
    const Result<Inventory> parsed = parse_inventory(text);
    ASSERT_FALSE(parsed);
    EXPECT_THAT(parsed.error().message, HasSubstr("npu-inventory"));
  }
}

TEST(InventoryContent, IsTheSameWhateverTheTimeAndOrder) {
  Inventory other = sample();
  other.probed = "2027-01-01T00:00:00Z";
  std::swap(other.devices[0], other.devices[1]);
  EXPECT_TRUE(sample().same_content(other));
  other.devices[0].link = "up";
  EXPECT_FALSE(sample().same_content(other));
  other = sample();
  other.source = "static_file";
  EXPECT_FALSE(sample().same_content(other));
}

TEST(DeviceIdOf, ReadsPluginNames) {
  EXPECT_EQ(*device_id_of("Ascend910-4"), 4);
  EXPECT_EQ(*device_id_of("Ascend910-15"), 15);
  EXPECT_EQ(*device_id_of("Ascend310P-0"), 0);
  EXPECT_EQ(*device_id_of("davinci12"), 12);
  EXPECT_EQ(*device_id_of("7"), 7);
  for (const char* name : {"", "Ascend910-2c-100-1", "Ascend910-5c.1cpu.8g-100-1", "Ascend910-", "Ascend910-04", "-4",
                           "Ascend910", "davinci", "davinci-1", "256", "4 ", " 4", "+4", "Ascend910-4x", "vdavinci4",
                           "99999999999", "Ascend910--4", "A b-4"}) {
    EXPECT_FALSE(device_id_of(name)) << name;
  }
}

}  // namespace
}  // namespace pd::npu
