// What kubelet and Prometheus may ask of a program: /healthz and /livez (is it to be restarted?), /readyz (does it do
// its work?), /metrics. Pages only, no sockets: ProbeServer serves them.
//
//   ProbePages pages;
//   pages.readiness().add("caches", [&]() -> Status { ... });
//   pages.set_metrics([&] { return registry.text(); });
//   pages.answer("GET", "/readyz?verbose")   ->  200, "[+]caches ok\nreadyz check passed\n"
//
// As in Go's controller-runtime each check has a page of its own (/readyz/caches), ?verbose lists them all, and
// ?exclude=caches leaves one out. Other than there, a check that failed says why.
// Thread: the io_context's. Checks are called for each question, and answer at once.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace pd::runtime {

class HealthChecks {
 public:
  using Check = std::function<Status()>;

  // `name`: of a path, without a slash. What the check captures must live as long as this.
  void add(std::string name, Check check) { checks_.push_back({std::move(name), std::move(check)}); }

 private:
  friend class ProbePages;
  struct Named {
    std::string name;
    Check check;
  };
  std::vector<Named> checks_;
};

class ProbePages {
 public:
  struct Page {
    int status = 200;
    std::string body;
    std::string_view content_type = "text/plain; charset=utf-8";
  };

  HealthChecks& liveness() { return liveness_; }
  HealthChecks& readiness() { return readiness_; }
  void set_metrics(std::function<std::string()> text) { metrics_ = std::move(text); }

  // `target`: path and query as the request has them.
  Page answer(std::string_view method, std::string_view target) const;

 private:
  const HealthChecks* checks_of(std::string_view probe) const;
  Page not_found() const;

  HealthChecks liveness_;
  HealthChecks readiness_;
  std::function<std::string()> metrics_;
};

}  // namespace pd::runtime
