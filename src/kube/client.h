// The verbs of the API server. Objects go in and come out as JSON; a write answers with the metadata that the server
// gave it. Errors carry the server's own words, its reason, and what it asked to wait. Nothing is retried here: whoever
// calls knows whether trying again is right. Thread: the transport's.
#pragma once

#include <map>

#include "kube/resource.h"
#include "kube/transport.h"

namespace pd::kube {

struct CallOptions {
  Duration timeout = std::chrono::seconds(15);
  StopToken stop = {};
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
  // Only metadata, for kinds of which nothing else is wanted.
  asio::awaitable<Result<ObjectMeta>> get_metadata(std::string path, CallOptions options = {});
  asio::awaitable<Result<ObjectMeta>> create(std::string path, Json object, CallOptions options = {});
  // PUT: the object carries metadata.resourceVersion.
  asio::awaitable<Result<ObjectMeta>> replace(std::string path, Json object, CallOptions options = {});
  asio::awaitable<Result<ObjectMeta>> merge_patch(std::string path, Json patch, CallOptions options = {});
  // Server-side apply with force; the object holds all that `manager` owns.
  asio::awaitable<Result<ObjectMeta>> apply(std::string path, Json object, std::string manager,
                                            CallOptions options = {});
  asio::awaitable<Result<ObjectMeta>> remove(std::string path, Preconditions preconditions, CallOptions options = {});

  Transport& transport() { return transport_; }

 private:
  asio::awaitable<Result<std::string>> exchange(HttpRequest request, CallOptions options);
  asio::awaitable<Result<ObjectMeta>> write(HttpRequest request, CallOptions options);

  Transport& transport_;
};

// An error from an answer that is none of 2xx: the message of its Status object, else the HTTP status.
Error status_error(const HttpResponse& response);
// Likewise from the Status object in a watch's ERROR event.
Error status_error(const Json& status);

}  // namespace pd::kube
