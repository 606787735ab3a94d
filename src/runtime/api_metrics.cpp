#include "runtime/api_metrics.h"

namespace pd::runtime {
namespace {

std::string host_of(const std::string& url) {
  const std::size_t scheme = url.find("://");
  const std::size_t start = scheme == std::string::npos ? 0 : scheme + 3;
  return url.substr(start, url.find('/', start) - start);
}

}  // namespace

struct RequestMetrics::Seen {
  MetricsRegistry& registry;
  std::string host;
  std::map<std::pair<std::string, std::string>, Counter> counters;  // by method and code
};

RequestMetrics::RequestMetrics(MetricsRegistry& registry, const std::string& server)
    : seen_(std::make_shared<Seen>(Seen{registry, host_of(server), {}})) {}

void RequestMetrics::answered(const std::string& method, int status) const { count(method, std::to_string(status)); }

void RequestMetrics::failed(const std::string& method) const { count(method, "<error>"); }

void RequestMetrics::count(const std::string& method, const std::string& code) const {
  if (!seen_) return;
  const auto [entry, added] = seen_->counters.try_emplace({method, code});
  if (added) {
    entry->second =
        seen_->registry.counter("rest_client_requests_total", "Requests to the API server by method and answer.",
                                {{"code", code}, {"method", method}, {"host", seen_->host}});
  }
  entry->second.add();
}

WatchMetrics::WatchMetrics(MetricsRegistry& registry, const std::string& kind)
    : objects_(
          registry.gauge("pd_operator_cache_objects", "Objects of a kind in this process's store.", {{"kind", kind}})) {
  for (const std::string_view reason : {"ended", "silent", "failed", "gone", "unreadable"}) {
    restarts_[reason] = registry.counter("pd_operator_watch_restarts_total", "Watches that began again, by the reason.",
                                         {{"kind", kind}, {"reason", std::string(reason)}});
  }
}

void WatchMetrics::restarted(std::string_view reason) const {
  if (const auto found = restarts_.find(reason); found != restarts_.end()) found->second.add();
}

void WatchMetrics::objects(std::size_t count) const { objects_.set(static_cast<double>(count)); }

EventMetrics::EventMetrics(MetricsRegistry& registry) {
  const auto counter = [&registry](const char* result) {
    return registry.counter("pd_operator_events_total", "Events by what became of them.", {{"result", result}});
  };
  written_ = counter("written");
  counted_ = counter("counted");
  suppressed_ = counter("suppressed");
  dropped_ = counter("dropped");
  failed_ = counter("failed");
}

}  // namespace pd::runtime
