#include "cli/gen.h"

#include <algorithm>

#include "cli/device_list.h"
#include "cli/host_address.h"
#include "cli/judgement.h"

namespace pd::cli {
namespace {

using ranktable::Part;

struct Lists {
  std::vector<DeviceList> prefill;
  std::vector<DeviceList> decode;
};

Result<std::vector<DeviceList>> parse_lists(const std::vector<std::string>& texts) {
  std::vector<DeviceList> lists;
  for (const std::string& text : texts) {
    Result<DeviceList> list = parse_device_list(text);
    if (!list) return list.error();
    lists.push_back(std::move(*list));
  }
  return lists;
}

Result<Lists> parse_lists(const GenRequest& request) {
  Result<std::vector<DeviceList>> prefill = parse_lists(request.prefill);
  if (!prefill) return prefill.error().with_context("--prefill-server-list");
  Result<std::vector<DeviceList>> decode = parse_lists(request.decode);
  if (!decode) return decode.error().with_context("--decode-server-list");
  return Lists{std::move(*prefill), std::move(*decode)};
}

std::vector<int> all_devices(const Lists& lists) {
  std::vector<int> ids;
  for (const std::vector<DeviceList>* role : {&lists.prefill, &lists.decode}) {
    for (const DeviceList& devices : *role) ids.insert(ids.end(), devices.begin(), devices.end());
  }
  std::sort(ids.begin(), ids.end());
  return ids;
}

ranktable::Server server_of(const std::string& ip) {
  ranktable::Server server;
  server.id = ip;
  server.ip = ip;
  return server;
}

std::string instance_name(const std::string& role, std::size_t index) { return role + "-" + std::to_string(index); }

std::vector<ranktable::Instance> instances_of(const std::vector<DeviceList>& lists, const std::string& role,
                                              const std::string& ip, std::map<int, std::string>& addresses) {
  std::vector<ranktable::Instance> instances;
  for (const DeviceList& devices : lists) {
    ranktable::Server server = server_of(ip);
    for (const int id : devices) {
      ranktable::Device& device = server.devices.emplace_back();
      device.id = id;
      device.ip = addresses[id];
    }
    instances.push_back({instance_name(role, instances.size()), {std::move(server)}});
  }
  return instances;
}

// A host's part of a deployment need not have every group.
ranktable::RuleSet rules_for(const GenRequest& request, const ranktable::Profile& profile) {
  const bool whole = request.api_server && !request.prefill.empty() && !request.decode.empty();
  return whole ? profile.rules : profile.rules.without(ranktable::kLayout).without(ranktable::kNotEmpty);
}

std::vector<TableFile> files_of(const ranktable::Documents& documents, const Lists& lists, std::string ip) {
  std::replace(ip.begin(), ip.end(), ':', '-');  // IPv6: a colon is not for everybody's file names
  std::vector<TableFile> files = {{"global_ranktable_" + ip + ".json", documents.global, Part::kGlobal}};
  const auto add_role = [&](const std::vector<DeviceList>& role_lists, const std::string& role) {
    for (std::size_t i = 0; i < role_lists.size(); ++i) {
      files.push_back({"local_ranktable_" + ip + "_" + joined_ids(role_lists[i]) + ".json",
                       documents.locals.at(instance_name(role, i)), Part::kLocal,
                       role + " " + spelled_ids(role_lists[i])});
    }
  };
  add_role(lists.prefill, "prefill");
  add_role(lists.decode, "decode");
  if (!documents.host.empty()) files.push_back({"local_ranktable_" + ip + "_host.json", documents.host, Part::kHost});
  return files;
}

}  // namespace

Answer gen(const GenRequest& request) {
  if (request.prefill.empty() && request.decode.empty() && !request.api_server) {
    return usage_error(
        "there is nothing to do: give at least one of --prefill-server-list, --decode-server-list and --api-server");
  }
  const Result<Lists> lists = parse_lists(request);
  if (!lists) return usage_error(lists.error().message);
  const Status fits = check_device_lists(lists->prefill, lists->decode);
  if (!fits) return usage_error(fits.error().message);
  const Result<std::string> ip = request.ip.empty() ? outgoing_address() : peer_address(request.ip);
  if (!ip && !request.ip.empty()) return usage_error("--ip: " + ip.error().message);
  if (!ip) return refusal(ip.error().message);

  const std::vector<int> devices = all_devices(*lists);
  DeviceAddresses known;
  if (!devices.empty()) known = ask_addresses(devices, request.sources);
  if (!known.complaints.empty()) return refusal(known.complaints);

  const ranktable::Profile& profile = *ranktable::find_profile("AscendCloud");
  ranktable::Membership membership;
  if (request.api_server) membership.schedulers.push_back(server_of(*ip));
  membership.prefill = instances_of(lists->prefill, "prefill", *ip, known.addresses);
  membership.decode = instances_of(lists->decode, "decode", *ip, known.addresses);
  Result<Judgement> tables = render_and_judge(membership, profile, rules_for(request, profile));
  if (!tables) return refusal(tables.error().message);
  if (!tables->complaints.empty()) return refusal(std::move(tables->complaints));
  return save_tables(files_of(tables->documents, *lists, *ip), request.save);
}

}  // namespace pd::cli
