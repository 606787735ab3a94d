#include "kube/client.h"

#include <algorithm>

#include "kube/json_members.h"

namespace pd::kube {
namespace {

// Whoever answers, a load balancer as well: nobody is kept away for longer.
constexpr std::chrono::seconds kLongestWait{60};

// What decode_meta() reads, without managedFields, which names every member that anybody has set.
const Projection& metadata_only() {
  static const Projection fields({"metadata.name", "metadata.namespace", "metadata.uid", "metadata.resourceVersion",
                                  "metadata.generation", "metadata.labels", "metadata.annotations",
                                  "metadata.ownerReferences", "metadata.creationTimestamp",
                                  "metadata.deletionTimestamp"});
  return fields;
}

Code code_of(int status, const std::string& reason) {
  if (reason == "AlreadyExists") return Code::kAlreadyExists;
  if (status == 400 || status == 413 || status == 415 || status == 422) return Code::kInvalid;
  if (status == 401 || status == 403) return Code::kForbidden;
  if (status == 404) return Code::kNotFound;
  if (status == 409) return Code::kConflict;
  if (status == 410) return Code::kGone;
  if (status == 429) return Code::kThrottled;
  if (status >= 500) return Code::kUnavailable;
  return Code::kInternal;
}

// For a write it says nothing of whether it happened.
Error unreadable_answer(const Error& error) {
  return {Code::kUnavailable, "the API server's answer can't be read: " + error.message};
}

Result<ObjectMeta> read_meta(const std::string& body) {
  const Result<Json> object = parse_projected(body, metadata_only());
  if (!object) return unreadable_answer(object.error());
  Result<ObjectMeta> meta = decode_meta(*object);
  if (!meta) return unreadable_answer(meta.error());
  return meta;
}

// What would be created has no version.
Result<ObjectMeta> read_identity(const std::string& body) {
  const Result<Json> object = parse_projected(body, metadata_only());
  if (!object) return unreadable_answer(object.error());
  return decode_identity(*object);
}

void add_dry_run(std::string& target) {
  target += target.find('?') == std::string::npos ? "?dryRun=All" : "&dryRun=All";
}

}  // namespace

Error Client::unreadable(const Error& error) { return unreadable_answer(error); }

Error status_error(const Json& status) {
  const int code = small_member(status, "code", 0);
  Error error{Code::kInternal, text_member(status, "message", "HTTP status " + std::to_string(code))};
  error.reason = text_member(status, "reason");
  error.code = code_of(code, error.reason);
  const std::int64_t seconds = integer_member(object_member(status, "details"), "retryAfterSeconds", 0);
  if (seconds > 0) error.retry_after = std::chrono::seconds(std::min(seconds, kLongestWait.count()));
  return error;
}

Error status_error(const HttpResponse& response) {
  Error error{code_of(response.status, ""), "HTTP status " + std::to_string(response.status)};
  if (const Result<Json> status = parse_json(response.body); status && status->is_object()) {
    error = status_error(*status);
    error.code = code_of(response.status, error.reason);
  }
  if (response.retry_after) error.retry_after = std::min(*response.retry_after, kLongestWait);
  return error;
}

asio::awaitable<Result<std::string>> Client::exchange(HttpRequest request, CallOptions options) {
  const std::string what = request.method + " " + request.target;
  if (options.dry_run && request.method != "GET") add_dry_run(request.target);
  Result<HttpResponse> response = co_await transport_.send(std::move(request), options.timeout, options.stop);
  if (!response) co_return response.error();
  if (response->status < 200 || response->status > 299) co_return status_error(*response).with_context(what);
  co_return std::move(response->body);
}

asio::awaitable<Result<ObjectMeta>> Client::write(HttpRequest request, CallOptions options) {
  request.answer_limit = kObjectLimit;
  const bool dry_run = options.dry_run;
  Result<std::string> body = co_await exchange(std::move(request), std::move(options));
  if (!body) co_return body.error();
  if (dry_run) co_return read_identity(*body);
  co_return read_meta(*body);
}

asio::awaitable<Result<Json>> Client::get_projected(std::string path, bool metadata_only, const Projection& projection,
                                                    CallOptions options) {
  HttpRequest request{"GET", std::move(path), std::string(metadata_only ? kAcceptMetadata : kAcceptJson)};
  request.answer_limit = kObjectLimit;
  Result<std::string> body = co_await exchange(std::move(request), std::move(options));
  if (!body) co_return body.error();
  Result<Json> object = parse_projected(*body, projection);
  if (!object) co_return unreadable_answer(object.error());
  co_return object;
}

asio::awaitable<Result<Json>> Client::get(std::string path, CallOptions options) {
  static const Projection all({});
  return get_projected(std::move(path), false, all, std::move(options));
}

asio::awaitable<Result<std::string>> Client::list_each(Collection collection, ListOptions options,
                                                       std::function<void(const Json&)> take) {
  const int most = collection.metadata_only ? kMetadataPageSize : kPageSize;
  std::string selector;
  if (!options.label_selector.empty()) selector = "&labelSelector=" + query_escape(options.label_selector);
  Page page;
  std::size_t count = 0;
  int size = most;
  while (true) {
    const std::string target = list_path(collection.path, options.ns) + "?limit=" + std::to_string(size) + selector;
    HttpRequest request{"GET", target, std::string(collection.metadata_only ? kAcceptMetadataList : kAcceptJson)};
    if (!page.next.empty()) request.target += "&continue=" + query_escape(page.next);
    Result<Page> read = co_await list_page(std::move(request), collection.projection, options.call, take);
    if (!read && read.error().reason == kTooLarge && size > 1) {
      size /= 2;  // nothing of it was taken
      continue;
    }
    if (!read) co_return read.error();
    page = std::move(*read);
    count += page.count;
    // A token that brings nothing would go round for ever.
    if (count > options.most || (page.count == 0 && !page.next.empty())) {
      co_return Error{Code::kUnavailable,
                      "GET " + target + ": the list does not end after " + std::to_string(count) + " objects"};
    }
    if (page.next.empty()) co_return page.resource_version;
    size = std::min(2 * size, most);
  }
}

asio::awaitable<Result<Client::Page>> Client::list_page(HttpRequest request, const Projection& projection,
                                                        CallOptions options,
                                                        const std::function<void(const Json&)>& take) {
  Result<std::string> body = co_await exchange(std::move(request), std::move(options));
  if (!body) co_return body.error();
  const Result<Json> list = parse_projected(*body, projection, "items");
  if (!list) co_return unreadable_answer(list.error());
  const Json& items = array_member(*list, "items");
  for (const Json& item : items) take(item);
  const Json& meta = object_member(*list, "metadata");
  Page page{text_member(meta, "continue"), text_member(meta, "resourceVersion"), items.size()};
  if (page.resource_version.empty()) co_return unreadable_answer(invalid("the list has no /metadata/resourceVersion"));
  co_return page;
}

asio::awaitable<Result<ObjectMeta>> Client::get_metadata(std::string path, CallOptions options) {
  HttpRequest request{"GET", std::move(path), std::string(kAcceptMetadata)};
  request.answer_limit = kObjectLimit;
  Result<std::string> body = co_await exchange(std::move(request), std::move(options));
  if (!body) co_return body.error();
  co_return read_meta(*body);
}

asio::awaitable<Result<ObjectMeta>> Client::create(std::string path, Json object, CallOptions options) {
  HttpRequest request{"POST", std::move(path), std::string(kAcceptMetadata), "application/json", dump_json(object)};
  return write(std::move(request), std::move(options));
}

asio::awaitable<Result<ObjectMeta>> Client::replace(std::string path, Json object, CallOptions options) {
  HttpRequest request{"PUT", std::move(path), std::string(kAcceptMetadata), "application/json", dump_json(object)};
  return write(std::move(request), std::move(options));
}

asio::awaitable<Result<ObjectMeta>> Client::merge_patch(std::string path, Json patch, CallOptions options) {
  HttpRequest request{"PATCH", std::move(path), std::string(kAcceptMetadata), "application/merge-patch+json",
                      dump_json(patch)};
  return write(std::move(request), std::move(options));
}

asio::awaitable<Result<ObjectMeta>> Client::json_patch(std::string path, Json operations, CallOptions options) {
  HttpRequest request{"PATCH", std::move(path), std::string(kAcceptMetadata), "application/json-patch+json",
                      dump_json(operations)};
  return write(std::move(request), std::move(options));
}

asio::awaitable<Result<ObjectMeta>> Client::apply(std::string path, Json object, std::string manager,
                                                  CallOptions options) {
  const std::string target = path + "?fieldManager=" + query_escape(manager) + "&force=true";
  HttpRequest request{"PATCH", target, std::string(kAcceptMetadata), "application/apply-patch+yaml", dump_json(object)};
  return write(std::move(request), std::move(options));
}

asio::awaitable<Result<ObjectMeta>> Client::remove(std::string path, Preconditions preconditions, CallOptions options) {
  Json conditions = Json::object();
  if (!preconditions.uid.empty()) conditions["uid"] = preconditions.uid;
  if (!preconditions.resource_version.empty()) conditions["resourceVersion"] = preconditions.resource_version;
  const Json body = {{"apiVersion", "v1"}, {"kind", "DeleteOptions"}, {"preconditions", conditions}};
  HttpRequest request{"DELETE", std::move(path), std::string(kAcceptJson), "application/json", dump_json(body)};
  request.answer_limit = kObjectLimit;
  // Answers the object while it is terminating gracefully, else a Status, which has no metadata worth reading.
  Result<std::string> answer = co_await exchange(std::move(request), std::move(options));
  if (!answer) co_return answer.error();
  Result<ObjectMeta> meta = read_meta(*answer);
  co_return meta ? std::move(*meta) : ObjectMeta{};
}

}  // namespace pd::kube
