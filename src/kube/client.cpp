#include "kube/client.h"

#include "kube/json_members.h"

namespace pd::kube {
namespace {

const Projection& metadata_only() {
  static const Projection fields({"metadata"});
  return fields;
}

Code code_of(int status, const std::string& reason) {
  if (reason == "AlreadyExists") return Code::kAlreadyExists;
  if (status == 400 || status == 422) return Code::kInvalid;
  if (status == 401 || status == 403) return Code::kForbidden;
  if (status == 404) return Code::kNotFound;
  if (status == 409) return Code::kConflict;
  if (status == 410) return Code::kGone;
  if (status == 429) return Code::kThrottled;
  if (status >= 500) return Code::kUnavailable;
  return Code::kInternal;
}

Result<ObjectMeta> read_meta(const std::string& body) {
  const Result<Json> object = parse_projected(body, metadata_only());
  if (!object) return Error{Code::kUnavailable, "the API server's answer can't be read: " + object.error().message};
  Result<ObjectMeta> meta = decode_meta(*object);
  if (!meta) return Error{Code::kUnavailable, "the API server's answer can't be read: " + meta.error().message};
  return meta;
}

}  // namespace

Error status_error(const Json& status) {
  const int code = small_member(status, "code", 0);
  Error error{Code::kInternal, text_member(status, "message", "HTTP status " + std::to_string(code))};
  error.reason = text_member(status, "reason");
  error.code = code_of(code, error.reason);
  const std::int64_t seconds = integer_member(object_member(status, "details"), "retryAfterSeconds", 0);
  if (seconds > 0) error.retry_after = std::chrono::seconds(seconds);
  return error;
}

Error status_error(const HttpResponse& response) {
  Error error{code_of(response.status, ""), "HTTP status " + std::to_string(response.status)};
  if (const Result<Json> status = parse_json(response.body); status && status->is_object()) {
    error = status_error(*status);
    error.code = code_of(response.status, error.reason);
  }
  if (response.retry_after) error.retry_after = response.retry_after;
  return error;
}

asio::awaitable<Result<std::string>> Client::exchange(HttpRequest request, CallOptions options) {
  const std::string what = request.method + " " + request.target;
  Result<HttpResponse> response = co_await transport_.send(std::move(request), options.timeout, options.stop);
  if (!response) co_return response.error();
  if (response->status < 200 || response->status > 299) co_return status_error(*response).with_context(what);
  co_return std::move(response->body);
}

asio::awaitable<Result<ObjectMeta>> Client::write(HttpRequest request, CallOptions options) {
  Result<std::string> body = co_await exchange(std::move(request), std::move(options));
  if (!body) co_return body.error();
  co_return read_meta(*body);
}

asio::awaitable<Result<Json>> Client::get(std::string path, CallOptions options) {
  HttpRequest request{"GET", std::move(path)};
  Result<std::string> body = co_await exchange(std::move(request), std::move(options));
  if (!body) co_return body.error();
  Result<Json> object = parse_projected(*body, Projection({}));
  if (!object) co_return Error{Code::kUnavailable, "the API server's answer can't be read: " + object.error().message};
  co_return object;
}

asio::awaitable<Result<ObjectMeta>> Client::get_metadata(std::string path, CallOptions options) {
  HttpRequest request{"GET", std::move(path), std::string(kAcceptMetadata)};
  Result<std::string> body = co_await exchange(std::move(request), std::move(options));
  if (!body) co_return body.error();
  co_return read_meta(*body);
}

asio::awaitable<Result<ObjectMeta>> Client::create(std::string path, Json object, CallOptions options) {
  HttpRequest request{"POST", std::move(path), std::string(kAcceptJson), "application/json", dump_json(object)};
  return write(std::move(request), std::move(options));
}

asio::awaitable<Result<ObjectMeta>> Client::replace(std::string path, Json object, CallOptions options) {
  HttpRequest request{"PUT", std::move(path), std::string(kAcceptJson), "application/json", dump_json(object)};
  return write(std::move(request), std::move(options));
}

asio::awaitable<Result<ObjectMeta>> Client::merge_patch(std::string path, Json patch, CallOptions options) {
  HttpRequest request{"PATCH", std::move(path), std::string(kAcceptMetadata), "application/merge-patch+json",
                      dump_json(patch)};
  return write(std::move(request), std::move(options));
}

asio::awaitable<Result<ObjectMeta>> Client::apply(std::string path, Json object, std::string manager,
                                                  CallOptions options) {
  const std::string target = path + "?fieldManager=" + query_escape(manager) + "&force=true";
  HttpRequest request{"PATCH", target, std::string(kAcceptJson), "application/apply-patch+yaml", dump_json(object)};
  return write(std::move(request), std::move(options));
}

asio::awaitable<Result<ObjectMeta>> Client::remove(std::string path, Preconditions preconditions, CallOptions options) {
  Json conditions = Json::object();
  if (!preconditions.uid.empty()) conditions["uid"] = preconditions.uid;
  if (!preconditions.resource_version.empty()) conditions["resourceVersion"] = preconditions.resource_version;
  const Json body = {{"apiVersion", "v1"}, {"kind", "DeleteOptions"}, {"preconditions", conditions}};
  HttpRequest request{"DELETE", std::move(path), std::string(kAcceptJson), "application/json", dump_json(body)};
  // Answers the object while it is terminating gracefully, else a Status, which has no metadata worth reading.
  Result<std::string> answer = co_await exchange(std::move(request), std::move(options));
  if (!answer) co_return answer.error();
  Result<ObjectMeta> meta = read_meta(*answer);
  co_return meta ? std::move(*meta) : ObjectMeta{};
}

}  // namespace pd::kube
