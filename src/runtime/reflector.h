// Keeps a Store of one kind the same as the API server's, of one namespace, several, or all.
//
//   Reflector<kube::Pod> pods(client, {.label_selector = "pd-operator.io/deployment"}, rng);
//   spawn(context, pods.run(stop));
//
// Thread: the io_context's.
#pragma once

#include <algorithm>

#include "runtime/signal.h"
#include "runtime/spawn.h"
#include "runtime/store.h"
#include "runtime/watcher.h"

namespace pd::runtime {

struct Selection {
  std::vector<std::string> namespaces = {};  // empty: all, and for kinds that have none
  std::string label_selector = {};           // empty: all objects
};

// What does not depend on the kind.
class ReflectorBase {
 public:
  virtual ~ReflectorBase() = default;
  // Watches until stopped.
  virtual asio::awaitable<void> run(StopToken stop) = 0;
  // What goes by a namespace is told of the stream that watches it: the one of all, where there is only that.
  // Whether all of it has been listed once.
  virtual bool synced(std::string_view ns) const = 0;
  // Lists it anew, at once. Until that has ended, fresh() is false: the store may lag behind what was so when this was
  // called, as any cache does.
  virtual void relist(std::string_view ns) = 0;
  virtual bool fresh(std::string_view ns) const = 0;
  // Called, each that was given, when synced() or fresh() of a namespace has become true.
  virtual void on_listed(std::function<void()> callback) = 0;
  virtual std::string_view kind() const = 0;
  virtual std::size_t size() const = 0;  // of the store
  // The newest resourceVersion that was seen of objects in `ns`; empty before the first list.
  virtual const std::string& version(std::string_view ns) const = 0;
  // Called, each that was given, with the reason when a watch ends or everything is listed anew (see Watcher).
  virtual void on_restart(std::function<void(std::string_view reason)> callback) = 0;
};

template <typename T>
class Reflector final : public ReflectorBase {
 public:
  Reflector(kube::Client& client, Selection selection, Rng& rng, Watcher::Timing timing = {}) {
    if (selection.namespaces.empty()) selection.namespaces.emplace_back();
    for (const std::string& ns : selection.namespaces) {
      scopes_.push_back(std::make_unique<Scope>(*this, client, ns, selection.label_selector, rng, timing));
    }
  }

  asio::awaitable<void> run(StopToken stop) override {
    const auto executor = co_await asio::this_coro::executor;
    auto& context = static_cast<asio::io_context&>(asio::query(executor, asio::execution::context));
    running_ = scopes_.size();
    for (const auto& scope : scopes_) spawn(context, run_scope(*scope, stop));
    while (running_ > 0) co_await ended_.wait();
  }

  Store<T>& store() { return store_; }
  const Store<T>& store() const { return store_; }
  bool synced(std::string_view ns) const override { return scope_of(ns).synced; }
  void relist(std::string_view ns) override {
    scope_of(ns).fresh = false;
    scope_of(ns).watcher.relist();
  }
  bool fresh(std::string_view ns) const override { return scope_of(ns).fresh; }
  void on_listed(std::function<void()> callback) override { on_listed_.push_back(std::move(callback)); }
  std::string_view kind() const override { return kube::Resource<T>::kKind; }
  std::size_t size() const override { return store_.all().size(); }
  const std::string& version(std::string_view ns) const override { return scope_of(ns).watcher.version(); }
  void on_restart(std::function<void(std::string_view reason)> callback) override {
    on_restart_.push_back(std::move(callback));
  }

 private:
  // What is watched by one stream.
  struct Scope final : WatchSink {
    Scope(Reflector& owner, kube::Client& client, const std::string& its_namespace, const std::string& selector,
          Rng& rng, Watcher::Timing timing)
        : reflector(owner), ns(its_namespace), watcher(client, target(ns, selector), *this, rng, timing) {
      watcher.on_restart([this](std::string_view reason) {
        for (const auto& callback : reflector.on_restart_) callback(reason);
      });
    }

    static WatchTarget target(const std::string& ns, const std::string& selector) {
      using R = kube::Resource<T>;
      return {R::kPath, R::kKind, R::kMetadataOnly, &R::projection(), ns, selector};
    }

    void begin_list() override { listed.clear(); }

    Status list_item(const Json& object) override {
      const Status read =
          with(object, [this](T decoded) { Store<T>::put(listed, std::make_shared<const T>(std::move(decoded))); });
      if (const auto kept = read ? nullptr : known(object)) Store<T>::put(listed, kept);
      return read;
    }
    // What can't be read any more stays as it was last read: who misses it would take it for deleted.
    typename Store<T>::Pointer known(const Json& object) const {
      const kube::ObjectMeta identity = kube::decode_identity(object);
      const auto found = reflector.store_.find(identity.key());
      return found && found->meta.uid == identity.uid ? found : nullptr;
    }
    void list_deleted(const Json& object) override {
      const auto found = listed.find(kube::decode_identity(object).key());
      if (found != listed.end()) listed.erase(found);
    }
    void end_list() override {
      reflector.store_.replace(std::exchange(listed, {}), ns);
      synced = fresh = true;
      for (const auto& callback : reflector.on_listed_) callback();
    }
    Status changed(const Json& object) override {
      const Status read = with(object, [this](T decoded) { reflector.store_.put(std::move(decoded)); });
      if (!read && !known(object)) deleted(object);  // another one of that name
      return read;
    }
    void deleted(const Json& object) override { reflector.store_.erase(kube::decode_identity(object).key()); }

    template <typename Use>
    static Status with(const Json& object, Use use) {
      Result<T> decoded = kube::Resource<T>::decode(object);
      if (!decoded) return decoded.error();
      use(std::move(*decoded));
      return Ok{};
    }

    Reflector& reflector;
    std::string ns;
    typename Store<T>::Objects listed;
    bool synced = false;
    bool fresh = false;
    Watcher watcher;
  };

  Scope& scope_of(std::string_view ns) const {
    const auto found =
        std::find_if(scopes_.begin(), scopes_.end(), [ns](const auto& scope) { return scope->ns == ns; });
    return found == scopes_.end() ? *scopes_.front() : **found;  // there is one, of all namespaces
  }

  asio::awaitable<void> run_scope(Scope& scope, StopToken stop) {
    co_await scope.watcher.run(stop);
    --running_;
    ended_.notify_all();
  }

  Store<T> store_;
  std::vector<std::unique_ptr<Scope>> scopes_;
  std::size_t running_ = 0;  // scopes
  Signal ended_;
  std::vector<std::function<void()>> on_listed_;
  std::vector<std::function<void(std::string_view)>> on_restart_;
};

}  // namespace pd::runtime
