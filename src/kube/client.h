// The verbs of the API server. Objects are read typed, or whole as JSON, and written as JSON; a write answers with the
// metadata that the server gave it. Errors carry the server's own words, its reason, and what it asked to wait. Nothing
// is retried here: whoever calls knows whether trying again is right.
//
//   Client client(transport);
//   const std::string path = object_path(Resource<Lease>::kPath, "pd-system", "pd-operator");
//   Result<Lease> lease = co_await client.get<Lease>(path, {.timeout = std::chrono::seconds(5), .stop = stop});
//   Result<ObjectMeta> renewed = co_await client.replace(path, encode_lease(*lease));  // kConflict: another was first
//   Result<Listed<Pod>> pods = co_await client.list<Pod>({.ns = "llm", .label_selector = "app=qwen"});
//
// Thread: the transport's.
#pragma once

#include <functional>
#include <vector>

#include "kube/resource.h"
#include "kube/transport.h"

namespace pd::kube {

struct CallOptions {
  Duration timeout = std::chrono::seconds(15);  // of the whole call
  StopToken stop = {};
  bool dry_run = false;  // a write goes through all checks, and is not stored: it answers the identity alone
};

// Objects in one page. One of objects so large that it is over kListLimit is asked for again with half as many.
inline constexpr int kPageSize = 32;
inline constexpr int kMetadataPageSize = 200;

struct ListOptions {
  std::string ns = {};  // empty: all namespaces
  std::string label_selector = {};
  std::size_t most = 100'000;                                // objects; more of them are an error: so a list ends
  CallOptions call = {.timeout = std::chrono::seconds(60)};  // of each page
};

// The objects of one kind, and what of each is read. The projection must outlive what uses it.
struct Collection {
  ResourcePath path;
  bool metadata_only;
  const Projection& projection;
};

template <typename T>
struct Listed {
  std::vector<T> items;
  std::vector<Error> unreadable;  // one object that can't be decoded hides no other
  std::string resource_version;
};

// A delete that must hit what was seen.
struct Preconditions {
  std::string uid;
  std::string resource_version;
};

class Client {
 public:
  // The transport must outlive the client.
  explicit Client(Transport& transport) : transport_(transport) {}

  asio::awaitable<Result<Json>> get(std::string path, CallOptions options = {});
  template <typename T>
  asio::awaitable<Result<T>> get(std::string path, CallOptions options = {}) {
    using R = Resource<T>;
    const Result<Json> object = co_await get_projected(std::move(path), R::kMetadataOnly, R::projection(), options);
    if (!object) co_return object.error();
    Result<T> decoded = R::decode(*object);
    if (!decoded) co_return unreadable(decoded.error());
    co_return decoded;
  }
  // All at one moment, and no older than the call. kGone when the server forgot the pages meanwhile (after some
  // minutes).
  template <typename T>
  asio::awaitable<Result<Listed<T>>> list(ListOptions options = {}) {
    using R = Resource<T>;
    Listed<T> listed;
    const Collection collection{R::kPath, R::kMetadataOnly, R::projection()};
    std::function<void(const Json&)> take = [&listed](const Json& item) {
      Result<T> decoded = R::decode(item);
      if (decoded) {
        listed.items.push_back(std::move(*decoded));
      } else {
        listed.unreadable.push_back(decoded.error());
      }
    };
    Result<std::string> version = co_await list_each(collection, std::move(options), std::move(take));
    if (!version) co_return version.error();
    listed.resource_version = std::move(*version);
    co_return listed;
  }
  // The pages of one consistent read: `take` is called for each object as its page comes, and what it took is void when
  // an error follows. Answers the list's resourceVersion.
  asio::awaitable<Result<std::string>> list_each(Collection collection, ListOptions options,
                                                 std::function<void(const Json&)> take);
  // Only metadata, for kinds of which nothing else is wanted.
  asio::awaitable<Result<ObjectMeta>> get_metadata(std::string path, CallOptions options = {});
  // POST. The HTTP library may send it twice: kAlreadyExists can mean that it was us.
  asio::awaitable<Result<ObjectMeta>> create(std::string path, Json object, CallOptions options = {});
  // PUT: the object carries metadata.resourceVersion.
  asio::awaitable<Result<ObjectMeta>> replace(std::string path, Json object, CallOptions options = {});
  asio::awaitable<Result<ObjectMeta>> merge_patch(std::string path, Json patch, CallOptions options = {});
  // RFC 6902: an array of operations. A `test` that fails is kInvalid.
  asio::awaitable<Result<ObjectMeta>> json_patch(std::string path, Json operations, CallOptions options = {});
  // Server-side apply with force; the object holds all that `manager` owns. This is how a status is
  // written: to the path of its object with "/status" behind.
  asio::awaitable<Result<ObjectMeta>> apply(std::string path, Json object, std::string manager,
                                            CallOptions options = {});
  // Without preconditions it hits whatever has that name.
  asio::awaitable<Result<ObjectMeta>> remove(std::string path, Preconditions preconditions, CallOptions options = {});

  Transport& transport() { return transport_; }

 private:
  struct Page {
    std::string next;  // the token of the next page; empty: this was the last
    std::string resource_version;
    std::size_t count = 0;
  };

  asio::awaitable<Result<std::string>> exchange(HttpRequest request, CallOptions options);
  asio::awaitable<Result<Json>> get_projected(std::string path, bool metadata_only, const Projection& projection,
                                              CallOptions options);
  asio::awaitable<Result<Page>> list_page(HttpRequest request, const Projection& projection, CallOptions options,
                                          const std::function<void(const Json&)>& take);
  static Error unreadable(const Error& error);
  asio::awaitable<Result<ObjectMeta>> write(HttpRequest request, CallOptions options);

  Transport& transport_;
};

// An error from an answer that is none of 2xx: the message of its Status object, else the HTTP status.
Error status_error(const HttpResponse& response);
// Likewise from the Status object in a watch's ERROR event.
Error status_error(const Json& status);

}  // namespace pd::kube
