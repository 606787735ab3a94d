// A small controller, made with the runtime alone: keeps a copy of each ConfigMap that carries the label
// "copier.example/copy" in another namespace. docs/runtime.md explains it.
//
// Ownership: the client and the rng outlive it. Thread: the io_context's.
#pragma once

#include "runtime/controller.h"

namespace copier {

inline constexpr const char* kCopyLabel = "copier.example/copy";           // on a source: please copy me
inline constexpr const char* kSourceLabel = "copier.example/copied-from";  // on a copy: the source's namespace

class Copier {
 public:
  Copier(boost::asio::io_context& context, pd::kube::Client& client, pd::runtime::Rng& rng, const std::string& from,
         const std::string& to);

  pd::runtime::Controller& controller() { return controller_; }
  const pd::runtime::Reflector<pd::kube::ConfigMap>& sources() const { return sources_; }
  const pd::runtime::Reflector<pd::kube::ConfigMap>& copies() const { return copies_; }

 private:
  using Outcome = pd::runtime::Controller::Outcome;

  boost::asio::awaitable<Outcome> reconcile(std::string name, pd::runtime::OwnWrites& writes, pd::StopToken stop);

  pd::kube::Client& client_;
  std::string from_;
  std::string to_;
  pd::runtime::Reflector<pd::kube::ConfigMap> sources_;
  pd::runtime::Reflector<pd::kube::ConfigMap> copies_;
  pd::runtime::Controller controller_;
};

}  // namespace copier
