#include "kube/event.h"

namespace pd::kube {
namespace {

Json encode_reference(const ObjectReference& object) {
  Json encoded = {{"apiVersion", object.api_version}, {"kind", object.kind}, {"name", object.name}};
  if (!object.ns.empty()) encoded["namespace"] = object.ns;
  if (!object.uid.empty()) encoded["uid"] = object.uid;
  return encoded;
}

Json encode_series(const EventSeries& series) {
  return {{"count", series.count}, {"lastObservedTime", series.last_observed}};
}

}  // namespace

ObjectReference reference(const ObjectMeta& object, std::string api_version, std::string kind) {
  return {std::move(api_version), std::move(kind), object.ns, object.name, object.uid};
}

Json encode_event(const Event& event) {
  Json object = {{"apiVersion", "events.k8s.io/v1"},
                 {"kind", "Event"},
                 {"metadata", {{"name", event.meta.name}, {"namespace", event.meta.ns}}},
                 {"eventTime", event.event_time},
                 {"reportingController", event.reporting_controller},
                 {"reportingInstance", event.reporting_instance},
                 {"action", event.action},
                 {"reason", event.reason},
                 {"note", event.note},
                 {"type", event.type},
                 {"regarding", encode_reference(event.regarding)}};
  if (event.related) object["related"] = encode_reference(*event.related);
  if (event.series) object["series"] = encode_series(*event.series);
  return object;
}

Json encode_series_patch(const EventSeries& series) { return {{"series", encode_series(series)}}; }

}  // namespace pd::kube
