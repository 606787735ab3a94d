#include "runtime/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "tests/runtime/metric_value.h"

namespace pd::runtime {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(MetricsRegistry, IsExportedAsZeroFromTheStart) {
  MetricsRegistry registry;
  registry.counter("tables_total", "Tables written.", {{"result", "success"}});
  EXPECT_THAT(registry.text(), HasSubstr("# HELP tables_total Tables written.\n"
                                         "# TYPE tables_total counter\n"
                                         "tables_total{result=\"success\"} 0\n"));
}

TEST(MetricsRegistry, ReadsSeriesThatComeAndGo) {
  MetricsRegistry registry;
  std::map<std::string, double> ages{{"qwen", 1.5}, {"a\"b", 2}};
  registry.gauges("age_seconds", "Ages.", [&ages] {
    MetricsRegistry::Series series;
    for (const auto& [name, age] : ages) series.push_back({{{"name", name}}, age});
    return series;
  });
  EXPECT_THAT(registry.text(), HasSubstr("# HELP age_seconds Ages.\n"
                                         "# TYPE age_seconds gauge\n"
                                         "age_seconds{name=\"a\\\"b\"} 2\n"
                                         "age_seconds{name=\"qwen\"} 1.5\n"));
  ages.erase("qwen");
  EXPECT_THAT(registry.text(), Not(HasSubstr("qwen")));
}

TEST(MetricsRegistry, CountsSetsAndObserves) {
  MetricsRegistry registry;
  const Counter counter = registry.counter("c_total", "c");
  const Gauge gauge = registry.gauge("g", "g");
  const Histogram histogram = registry.histogram("h_seconds", "h", {0.1, 1});
  counter.add();
  counter.add(2.5);
  gauge.set(7);
  gauge.add(-2);
  for (const int millis : {50, 500, 5000}) histogram.observe(milliseconds(millis));
  const std::string text = registry.text();
  EXPECT_EQ(test::metric(text, "c_total"), 3.5);
  EXPECT_EQ(test::metric(text, "g"), 5);
  EXPECT_EQ(test::metric(text, "h_seconds_bucket{le=\"0.1\"}"), 1);
  EXPECT_EQ(test::metric(text, "h_seconds_bucket{le=\"1\"}"), 2);
  EXPECT_EQ(test::metric(text, "h_seconds_bucket{le=\"+Inf\"}"), 3);
  EXPECT_EQ(test::metric(text, "h_seconds_count"), 3);
  EXPECT_DOUBLE_EQ(test::metric(text, "h_seconds_sum").value_or(0), 5.55);
}

TEST(MetricsRegistry, TheSameNameAndLabelsAreTheSameMetric) {
  MetricsRegistry registry;
  registry.counter("c_total", "c", {{"kind", "Pod"}}).add();
  registry.counter("c_total", "c", {{"kind", "Pod"}}).add();
  registry.counter("c_total", "c", {{"kind", "Node"}}).add();
  EXPECT_EQ(test::metric(registry.text(), "c_total{kind=\"Pod\"}"), 2);
  EXPECT_EQ(test::metric(registry.text(), "c_total{kind=\"Node\"}"), 1);
}

TEST(MetricsRegistry, EscapesWhatComesFromOutside) {
  MetricsRegistry registry;
  registry.counter("c_total", "c", {{"reason", "a \"b\"\nforged 1"}}).add();
  EXPECT_THAT(registry.text(), HasSubstr(R"(c_total{reason="a \"b\"\nforged 1"} 1)"));
  EXPECT_THAT(registry.text(), Not(HasSubstr("\nforged")));
}

TEST(MetricsRegistry, AsksForWhatIsKnownAtTheScrape) {
  MetricsRegistry registry;
  const Gauge gauge = registry.gauge("age_seconds", "a");
  int asked = 0;
  registry.before_text([&] { gauge.set(++asked); });
  EXPECT_EQ(asked, 0);
  EXPECT_EQ(test::metric(registry.text(), "age_seconds"), 1);
  EXPECT_EQ(test::metric(registry.text(), "age_seconds"), 2);
}

TEST(MetricsRegistry, HandlesWithoutARegistryDoNothing) {
  const Counter counter;
  const Gauge gauge;
  const Histogram histogram;
  counter.add();
  gauge.set(1);
  gauge.add(1);
  histogram.observe(milliseconds(1));
  EXPECT_EQ(MetricsRegistry().text(), "");
}

}  // namespace
}  // namespace pd::runtime
