#include "daemonset/sources/pod_logs.h"

#include <filesystem>

#include "npu/annotation_reader.h"

namespace pd::agent {

std::optional<std::pair<std::string, PodName>> parse_pod_log_folder(std::string_view name) {
  const std::size_t first = name.find('_');
  const std::size_t second = first == std::string_view::npos ? first : name.find('_', first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  const std::string_view pod_namespace = name.substr(0, first);
  const std::string_view pod = name.substr(first + 1, second - first - 1);
  const std::string_view uid = name.substr(second + 1);
  if (!npu::is_dns_label(pod_namespace) || !npu::is_dns_subdomain(pod) || !npu::is_uid(uid)) return std::nullopt;
  return std::pair(std::string(uid), PodName(pod_namespace, pod));
}

Result<PodNames> read_pod_logs(const std::string& folder) {
  PodNames names;
  std::error_code error;
  std::filesystem::directory_iterator at(folder, error);
  for (const std::filesystem::directory_iterator end; !error && at != end; at.increment(error)) {
    if (auto found = parse_pod_log_folder(at->path().filename().string())) names.insert(std::move(*found));
  }
  if (!error) return names;
  const bool absent = error == std::errc::no_such_file_or_directory;
  return Error{absent ? Code::kNotFound : Code::kForbidden, "reading " + folder + ": " + error.message()};
}

}  // namespace pd::agent
