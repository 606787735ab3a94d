// What the mounted directory of a pod shows, and whether that is a table the pod may start with.
// Kubelet swaps all files of the directory at once, by its "..data" link; they are read through one resolution of that
// link, so that a view never mixes two publications. Source of rules: docs/api.md, pd-gate; the tables are judged by
// ranktable/validate.h. Thread: blocking reads of small local files; no state.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace pd::gate {

// Whose tables, and where.
struct Subject {
  std::string directory = "/etc/pd-operator/ranktable";
  std::string address;  // that the pod's own table must list
  std::string profile = "AscendCloud";
  std::string local = "local_ranktable.json";  // the file with the pod's own table
};

struct View {
  enum class State {
    kMissing,       // no table that could be judged
    kInitializing,  // the operator says: not yet
    kRefused,       // breaks a rule, or is not this pod's
    kCompleted,     // completed, valid, and the pod's own table lists its address and mirrors the global one
  };
  State state = State::kMissing;
  std::int64_t generation = 0;           // 0: not readable
  std::optional<std::int64_t> expected;  // what the pod's annotation asks for; nothing while it is not set
  std::string problem;                   // one sentence: what is missing for kCompleted
  std::string expected_problem;          // one sentence: why `expected` is nothing
};

View look(const Subject& subject);

// Empty when a pod may start with what it sees: completed, and at least the generation that the operator listed it in.
// Else one sentence that says what is missing.
std::string missing_to_start(const View& view);

// The publication that "..data" points to; empty when the directory is none of kubelet's. The same text: nothing
// changed.
std::string publication(const std::string& directory);

// A generation as it stands in a file: digits, and white space around them.
std::optional<std::int64_t> parse_generation(std::string_view text);

}  // namespace pd::gate
