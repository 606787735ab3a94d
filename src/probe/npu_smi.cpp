#include "probe/npu_smi.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <limits>

#include "probe/hccn_tool.h"
#include "probe/tool_problems.h"

namespace pd::probe {
namespace {

constexpr int kHighestId = 255;  // as in the annotation
constexpr std::string_view kBlank = " \t\r";

template <typename Number>
std::optional<Number> number_in(std::string_view text) {
  Number number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::string_view next_line(std::string_view& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

// Words of a line: separated by one blank or more, or, as titles have blanks inside, by two or more.
std::vector<std::string_view> words_of(std::string_view line, std::string_view separator) {
  std::vector<std::string_view> words;
  while (true) {
    line.remove_prefix(std::min(line.find_first_not_of(kBlank), line.size()));
    if (line.empty()) return words;
    const std::string_view word = line.substr(0, line.find(separator));
    words.push_back(word.substr(0, word.find_last_not_of(kBlank) + 1));
    line.remove_prefix(word.size());
  }
}

struct Columns {
  std::size_t card = 0;
  std::size_t chip = 0;
  std::size_t id = 0;
  bool slots = false;  // as on 950
};

constexpr std::size_t kNoColumn = std::numeric_limits<std::size_t>::max();

Columns columns_of(std::string_view title) {
  const std::vector<std::string_view> names = words_of(title, "  ");
  const auto at = [&names](std::string_view name) {
    const auto found = std::find(names.begin(), names.end(), name);
    return found == names.end() ? kNoColumn : static_cast<std::size_t>(found - names.begin());
  };
  return {at("NPU ID"), at("Chip ID"), at("Chip Phy-ID"), at("Slot ID") != kNoColumn};
}

// A line that is not of a chip (but of the board's own controller, "-") or of one that is not available (-1) is left
// out.
void take_row(std::string_view line, const Columns& columns, std::map<int, NpuPlace>& places) {
  const std::vector<std::string_view> words = words_of(line, " ");
  if (words.size() <= std::max({columns.card, columns.chip, columns.id})) return;
  const std::optional<int> card = number_in<int>(words[columns.card]);
  const std::optional<int> chip = number_in<int>(words[columns.chip]);
  const std::optional<int> id = number_in<int>(words[columns.id]);
  if (!card || !chip || !id || *card < 0 || *chip < 0 || *id < 0 || *id > kHighestId) return;
  places.emplace(*id, NpuPlace{*card, columns.slots ? std::nullopt : chip});
}

Error without_super_pods() { return {Code::kNotFound, "this product has no super pods"}; }

// All bits set: not in a super pod.
std::optional<std::int64_t> id_in(const ProcessResult& result, std::string_view key) {
  const std::optional<std::string> text = hccn_value(result.output, key);
  const std::optional<std::uint32_t> id = text ? number_in<std::uint32_t>(*text) : std::nullopt;
  if (!id || *id == std::numeric_limits<std::uint32_t>::max()) return std::nullopt;
  return *id;
}

}  // namespace

Result<std::map<int, NpuPlace>> parse_npu_mapping(const ProcessResult& result) {
  if (result.exit_code != 0) return Error{Code::kUnavailable, tool_failed(result)};
  std::string_view text = result.output;
  while (!text.empty()) {
    const Columns columns = columns_of(next_line(text));
    if (columns.card == kNoColumn || columns.chip == kNoColumn) continue;
    if (columns.id == kNoColumn) return without_super_pods();
    std::map<int, NpuPlace> places;
    while (!text.empty()) take_row(next_line(text), columns, places);
    return places;
  }
  return invalid(tool_unclear("NPU ID", result));
}

Result<SuperPodIds> parse_spod_info(const ProcessResult& result) {
  if (result.output.find("does not support") != std::string::npos) return without_super_pods();
  if (result.exit_code != 0) return Error{Code::kUnavailable, tool_failed(result)};
  if (!hccn_value(result.output, "Super Pod ID")) return invalid(tool_unclear("Super Pod ID", result));
  return SuperPodIds{id_in(result, "SDID"), id_in(result, "Super Pod ID")};
}

NpuSmi::NpuSmi(ProcessRunner& runner, Options options)
    : runner_(runner), options_(std::move(options)), backoff_(options_.first_pause, options_.longest_pause) {}

bool NpuSmi::lacks(const npu::Device& device) const {
  const bool by_others = device.super_device_id && device.super_pod_id && !known_.contains(device.id);
  const bool fresh = fresh_.contains(device.id) && std::chrono::steady_clock::now() < stale_;
  return !by_others && !fresh;
}

bool NpuSmi::is_due(const std::vector<npu::Device>& devices) const {
  return !without_super_pods_ && std::chrono::steady_clock::now() >= next_ &&
         std::any_of(devices.begin(), devices.end(), [this](const npu::Device& device) { return lacks(device); }) &&
         access(options_.path.c_str(), F_OK) == 0;
}

void NpuSmi::complete(std::vector<npu::Device>& devices, Problems& problems) const {
  bool wanted = false;
  for (npu::Device& device : devices) {
    wanted = wanted || lacks(device);
    const auto known = known_.find(device.id);
    if (known == known_.end()) continue;
    if (!device.super_device_id) device.super_device_id = known->second.device;
    if (!device.super_pod_id) device.super_pod_id = known->second.pod;
  }
  if (wanted && !problem_.empty()) problems["npu-smi"] = problem_;
}

// A device that fails hides no other, but a call that hangs is the last one.
asio::awaitable<void> NpuSmi::learn(std::vector<npu::Device> devices) {
  if (std::chrono::steady_clock::now() >= stale_) {
    stale_ = std::chrono::steady_clock::now() + options_.valid;
    fresh_.clear();
    places_.clear();
  }
  Status learnt = Ok{};
  if (places_.empty()) learnt = co_await learn_places();
  if (!learnt) co_return give_up(learnt.error());
  for (const npu::Device& device : devices) {
    if (!lacks(device)) continue;
    const Status one = co_await learn_ids(device.id);
    if (learnt && !one) learnt = one;
    if (!one && one.error().code == Code::kTimeout) break;
  }
  if (!learnt) co_return give_up(learnt.error());
  problem_.clear();
  backoff_.reset();
}

// Never kNotFound: that is a product without super pods.
asio::awaitable<Result<ProcessResult>> NpuSmi::run(std::vector<std::string> arguments) {
  ProcessCall call;
  call.program = options_.path;
  call.arguments = std::move(arguments);
  call.timeout = options_.call_limit;
  call.library_path = options_.library_path;
  Result<ProcessResult> result = co_await runner_.run(call);
  if (result) co_return result;
  const Code code = result.error().code == Code::kNotFound ? Code::kUnavailable : result.error().code;
  co_return Error{code, tool_not_run(result.error())};
}

asio::awaitable<Status> NpuSmi::learn_places() {
  std::vector<std::string> arguments = {"info", "-m"};
  const Result<ProcessResult> result = co_await run(std::move(arguments));
  if (!result) co_return result.error().with_context(options_.path + " info -m");
  Result<std::map<int, NpuPlace>> places = parse_npu_mapping(*result);
  if (!places) co_return places.error().with_context(options_.path + " info -m");
  places_ = std::move(*places);
  co_return Ok{};
}

asio::awaitable<Status> NpuSmi::learn_ids(int id) {
  const auto place = places_.find(id);
  if (place == places_.end())
    co_return invalid(options_.path + " info -m does not list the physical id " + std::to_string(id) +
                      "; look at dmesg whether the driver has lost it");
  std::vector<std::string> arguments = {"info", "-t", "spod-info", "-i", std::to_string(place->second.card)};
  if (place->second.chip) {
    arguments.emplace_back("-c");
    arguments.push_back(std::to_string(*place->second.chip));
  }
  std::string call = options_.path;
  for (const std::string& argument : arguments) call.append(" ").append(argument);
  const Result<ProcessResult> result = co_await run(std::move(arguments));
  if (!result) co_return result.error().with_context(call);
  const Result<SuperPodIds> ids = parse_spod_info(*result);
  if (!ids) co_return ids.error().with_context(call);
  known_[id] = *ids;
  fresh_.insert(id);
  co_return Ok{};
}

void NpuSmi::give_up(const Error& error) {
  without_super_pods_ = error.code == Code::kNotFound;
  problem_ = without_super_pods_ ? "" : error.message;
  places_.clear();
  next_ = std::chrono::steady_clock::now() + backoff_.next();
}

}  // namespace pd::probe
