// An Event, events.k8s.io/v1: what a controller did to an object, for people. Only written, never read back.
//
//   Event event;
//   event.meta.name = "qwen.17c2f0";
//   event.meta.ns = "llm";   // that of the object it is about; "default" for a cluster-scoped one
//   event.regarding = reference(deployment.meta, "pd-operator.io/v1alpha1", "PDDeployment");
//   co_await client.create(list_path(Resource<Event>::kPath, event.meta.ns), encode_event(event));
//
// Thread: plain values.
#pragma once

#include <optional>
#include <string>

#include "kube/objects.h"

namespace pd::kube {

struct ObjectReference {
  std::string api_version;
  std::string kind;
  std::string ns;
  std::string name;
  std::string uid;
};

ObjectReference reference(const ObjectMeta& object, std::string api_version, std::string kind);

// How often the same has happened since the event was written first.
struct EventSeries {
  int count = 0;              // 2 or more
  std::string last_observed;  // MicroTime as text
};

// The API server refuses an event whose action, reason or reporter is empty or longer than 128 bytes, and a note longer
// than 1024.
struct Event {
  ObjectMeta meta;
  std::string event_time;            // MicroTime as text: of the first occurrence
  std::string reporting_controller;  // "pd-operator.io/pd-operator"
  std::string reporting_instance;    // the pod
  std::string action;
  std::string reason;
  std::string note;
  std::string type = "Normal";  // Normal | Warning
  ObjectReference regarding;
  std::optional<ObjectReference> related;
  std::optional<EventSeries> series;
};

Json encode_event(const Event& event);
// The body of a merge patch that counts on.
Json encode_series_patch(const EventSeries& series);

}  // namespace pd::kube
