#include "kube/event.h"

#include <gtest/gtest.h>

#include "kube/resource.h"

namespace pd::kube {
namespace {

Event an_event() {
  ObjectMeta deployment;
  deployment.name = "qwen";
  deployment.ns = "llm";
  deployment.uid = "u";
  Event event;
  event.meta.name = "qwen.1";
  event.meta.ns = "llm";
  event.event_time = "2026-11-24T06:34:56.000000Z";
  event.reporting_controller = "pd-operator.io/pd-operator";
  event.reporting_instance = "pod-1";
  event.action = "Publish";
  event.reason = "RanktablePublished";
  event.note = "generation 7";
  event.regarding = reference(deployment, "pd-operator.io/v1alpha1", "PDDeployment");
  return event;
}

TEST(EventCodec, WritesWhatTheApiWants) {
  EXPECT_EQ(list_path(Resource<Event>::kPath, "llm"), "/apis/events.k8s.io/v1/namespaces/llm/events");
  EXPECT_EQ(encode_event(an_event()), Json::parse(R"({
    "apiVersion": "events.k8s.io/v1", "kind": "Event", "metadata": {"name": "qwen.1", "namespace": "llm"},
    "eventTime": "2026-11-24T06:34:56.000000Z", "reportingController": "pd-operator.io/pd-operator",
    "reportingInstance": "pod-1", "action": "Publish", "reason": "RanktablePublished", "note": "generation 7",
    "type": "Normal", "regarding": {"apiVersion": "pd-operator.io/v1alpha1", "kind": "PDDeployment",
                                    "namespace": "llm", "name": "qwen", "uid": "u"}})"));
}

TEST(EventCodec, WritesASecondObjectAndASeries) {
  Event event = an_event();
  event.type = "Warning";
  event.related = ObjectReference{"v1", "Node", "", "node-1", ""};
  event.series = EventSeries{4, "2026-11-24T06:40:00.000000Z"};
  const Json object = encode_event(event);
  EXPECT_EQ(object["type"], "Warning");
  EXPECT_EQ(object["related"], Json::parse(R"({"apiVersion":"v1","kind":"Node","name":"node-1"})"));
  EXPECT_EQ(object["series"], Json::parse(R"({"count":4,"lastObservedTime":"2026-11-24T06:40:00.000000Z"})"));
  EXPECT_EQ(encode_series_patch(*event.series)["series"], object["series"]);
}

}  // namespace
}  // namespace pd::kube
