#include "tests/simulation/list_options.h"

#include "tests/simulation/sim_status.h"

namespace pd::test {
namespace {

kube::HttpResponse invalid_option(const std::string& field, const std::string& cause, const std::string& message) {
  return invalid_field("ListOptions.meta.k8s.io", "", field, cause, message);
}

std::optional<kube::HttpResponse> check_match(const SimRequest& request) {
  const std::string& match = request.value("resourceVersionMatch");
  const std::string& revision = request.value("resourceVersion");
  const bool initial_events = request.flag("sendInitialEvents");
  const std::string field = "resourceVersionMatch";
  if (request.is_watch()) {
    if (initial_events && match != "NotOlderThan") {
      return invalid_option(field, "FieldValueForbidden",
                            "Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan");
    }
    if (!initial_events && !match.empty()) {
      return invalid_option(
          field, "FieldValueForbidden",
          "Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided");
    }
    return std::nullopt;
  }
  if (initial_events) {
    return invalid_option("sendInitialEvents", "FieldValueForbidden",
                          "Forbidden: sendInitialEvents is forbidden for list");
  }
  if (match.empty()) return std::nullopt;
  if (revision.empty()) {
    return invalid_option(field, "FieldValueForbidden",
                          "Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided");
  }
  if (match != "Exact" && match != "NotOlderThan") {
    return invalid_option(field, "FieldValueNotSupported", "Unsupported value: \"" + match + "\"");
  }
  if (match == "Exact" && revision == "0") {
    return invalid_option(field, "FieldValueForbidden",
                          "Forbidden: resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"");
  }
  return std::nullopt;
}

std::optional<ContinueToken> decode_token(const std::string& text) {
  const std::optional<std::string> bytes = decode_base64(text);
  if (!bytes) return std::nullopt;
  const Json token = Json::parse(*bytes, nullptr, false);
  if (!token.is_object() || token.value("v", "") != "meta.k8s.io/v1") return std::nullopt;
  return ContinueToken{token.value("rv", std::int64_t{0}), token.value("start", "")};
}

}  // namespace

std::string encode_token(const ContinueToken& token) {
  return encode_base64(dump_json(Json{{"v", "meta.k8s.io/v1"}, {"rv", token.revision}, {"start", token.start}}));
}

std::optional<kube::HttpResponse> read_list_options(const SimRequest& request, ListOptions& options) {
  if (std::optional<kube::HttpResponse> refusal = check_match(request)) return refusal;
  Result<LabelSelector> labels = parse_label_selector(request.value("labelSelector"));
  if (!labels) return bad_request(labels.error().message);
  Result<FieldSelector> fields = parse_field_selector(*request.kind, request.value("fieldSelector"));
  if (!fields) return bad_request(fields.error().message);
  options.filter.labels = std::move(*labels);
  options.filter.fields = std::move(*fields);
  options.filter.prefix = request.ns.empty() ? "" : request.ns + "/";
  options.filter.metadata_only = request.metadata_only;
  options.limit = parse_revision(request.value("limit")).value_or(0);
  options.exact = request.value("resourceVersionMatch") == "Exact";
  options.send_initial_events = request.flag("sendInitialEvents");
  if (const std::string& revision = request.value("resourceVersion"); !revision.empty()) {
    options.revision = parse_revision(revision);
    if (!options.revision) {
      const std::string message = "resourceVersion: Invalid value: \"" + revision + "\"";
      if (request.is_watch()) return refuse(500, "", message);
      return bad_request("invalid resource version: " + message);
    }
  }
  if (const std::string& token = request.value("continue"); !token.empty()) {
    options.from = decode_token(token);
    if (!options.from) return bad_request("invalid continue token");
    if (options.revision.value_or(0) != 0) {
      return bad_request("specifying resource version is not allowed when using continue");
    }
  }
  return std::nullopt;
}

}  // namespace pd::test
