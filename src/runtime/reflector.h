// Keeps a Store of one kind the same as the API server's.
//
//   Reflector<kube::Pod> pods(client, {.ns = "", .label_selector = "pd-operator.io/deployment"}, rng);
//   asio::co_spawn(context, pods.run(stop), asio::detached);
//
// Thread: the io_context's.
#pragma once

#include "runtime/store.h"
#include "runtime/watcher.h"

namespace pd::runtime {

struct Selection {
  std::string ns;              // empty: all namespaces
  std::string label_selector;  // empty: all
};

template <typename T>
class Reflector final : private WatchSink {
 public:
  Reflector(kube::Client& client, Selection selection, Rng& rng, Watcher::Timing timing = {})
      : watcher_(client, target(std::move(selection)), *this, rng, timing) {}

  asio::awaitable<void> run(StopToken stop) { return watcher_.run(stop); }

  Store<T>& store() { return store_; }
  const Store<T>& store() const { return store_; }
  bool synced() const { return synced_; }
  void on_synced(std::function<void()> callback) { on_synced_ = std::move(callback); }
  const std::string& version() const { return watcher_.version(); }

 private:
  static WatchTarget target(Selection selection) {
    using R = kube::Resource<T>;
    return {R::kPath,
            R::kKind,
            R::kMetadataOnly,
            &R::projection(),
            std::move(selection.ns),
            std::move(selection.label_selector)};
  }

  void begin_list() override { listed_.clear(); }

  Status list_item(const Json& object) override {
    Result<T> decoded = kube::Resource<T>::decode(object);
    if (!decoded) return decoded.error();
    listed_.push_back(std::move(*decoded));
    return Ok{};
  }

  void end_list() override {
    store_.replace(std::exchange(listed_, {}));
    if (std::exchange(synced_, true)) return;
    if (on_synced_) on_synced_();
  }

  Status changed(const Json& object) override {
    Result<T> decoded = kube::Resource<T>::decode(object);
    if (!decoded) return decoded.error();
    store_.put(std::move(*decoded));
    return Ok{};
  }

  Status deleted(const Json& object) override {
    Result<T> decoded = kube::Resource<T>::decode(object);
    if (!decoded) return decoded.error();
    store_.erase(decoded->meta.key());
    return Ok{};
  }

  Store<T> store_;
  std::vector<T> listed_;
  bool synced_ = false;
  std::function<void()> on_synced_;
  Watcher watcher_;
};

}  // namespace pd::runtime
