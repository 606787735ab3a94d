// Super-pod ids (Atlas A3) from the driver's npu-smi: `npu-smi info -m` says which card and chip a physical id is, and
// `npu-smi info -t spod-info -i CARD -c CHIP` the ids. Format (hicann/driver, src/custom/dev_prod/user/npucli): a table
// whose columns are named in its first line, and lines "<tab>Super Pod ID                   : 5". Products without
// super pods name no physical ids in the table, or answer that they do "not support querying spod-info".
//
// An addition: where there is no npu-smi, nothing happens. The ids stay while the driver runs, so each device is asked
// once an hour; one that gives none is asked again after minutes, and a product that has none is not asked again.
// Learning takes as long as npu-smi takes, a second for each device perhaps: addresses should not wait for it.
//
//   npu_smi.complete(devices, problems);                                  // what it knows, at once
//   if (npu_smi.is_due(devices)) co_await npu_smi.learn(devices);         // and then complete() again
//
// Owner: the program that asks. Thread: the io_context's one thread; npu-smi itself is a child process.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "probe/backoff.h"
#include "probe/child_process.h"
#include "probe/device_source.h"

namespace pd::probe {

// What npu-smi calls a device.
struct NpuPlace {
  int card = 0;
  std::optional<int> chip;  // nothing: a product whose cards are one chip (950), which takes no -c
  bool operator==(const NpuPlace&) const = default;
};

struct SuperPodIds {
  std::optional<std::int64_t> device;  // SDID; 950 has none
  std::optional<std::int64_t> pod;
  bool operator==(const SuperPodIds&) const = default;
};

// By physical id. Errors of both: kNotFound (this product has no super pods), kInvalid, kUnavailable.
Result<std::map<int, NpuPlace>> parse_npu_mapping(const ProcessResult& result);
Result<SuperPodIds> parse_spod_info(const ProcessResult& result);

class NpuSmi {
 public:
  struct Options {
    std::string path = "/usr/local/bin/npu-smi";
    Duration call_limit = std::chrono::seconds(5);
    Duration first_pause = std::chrono::minutes(1);  // after a failure; grows
    Duration longest_pause = std::chrono::minutes(30);
    Duration valid = std::chrono::hours(1);  // what was learnt is asked for again
    std::string library_path = {};           // its LD_LIBRARY_PATH; empty: ours
  };

  NpuSmi(ProcessRunner& runner, Options options);

  // Gives devices the super-pod ids that they lack, as far as they have been learnt.
  void complete(std::vector<npu::Device>& devices, Problems& problems) const;
  // Whether npu-smi should be asked for some that they lack.
  bool is_due(const std::vector<npu::Device>& devices) const;
  // One at a time.
  asio::awaitable<void> learn(std::vector<npu::Device> devices);

 private:
  bool lacks(const npu::Device& device) const;
  asio::awaitable<Result<ProcessResult>> run(std::vector<std::string> arguments);
  asio::awaitable<Status> learn_places();
  asio::awaitable<Status> learn_ids(int id);
  void give_up(const Error& error);

  ProcessRunner& runner_;
  Options options_;
  Backoff backoff_;
  Instant next_;                     // not asked before
  bool without_super_pods_ = false;  // this product
  std::string problem_;
  std::map<int, NpuPlace> places_;
  std::map<int, SuperPodIds> known_;
  std::set<int> fresh_;  // of these
  Instant stale_;        // when none of them is fresh any more
};

}  // namespace pd::probe
