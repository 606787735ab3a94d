#include "ranktable/membership.h"

#include <algorithm>
#include <string_view>

namespace pd::ranktable {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Takes the run of digits, or of other characters, at the front.
std::string_view take_run(std::string_view& text) {
  std::size_t length = 0;
  while (length < text.size() && is_digit(text[length]) == is_digit(text.front())) ++length;
  const std::string_view run = text.substr(0, length);
  text.remove_prefix(length);
  return run;
}

// Runs of digits count as numbers, of any length; "pod-2" < "pod-10" < "pod-a".
bool numerically_less(std::string_view a, std::string_view b) {
  const std::string_view whole_a = a;
  const std::string_view whole_b = b;
  while (!a.empty() && !b.empty()) {
    std::string_view run_a = take_run(a);
    std::string_view run_b = take_run(b);
    if (is_digit(run_a.front()) && is_digit(run_b.front())) {
      run_a.remove_prefix(std::min(run_a.find_first_not_of('0'), run_a.size()));
      run_b.remove_prefix(std::min(run_b.find_first_not_of('0'), run_b.size()));
      if (run_a.size() != run_b.size()) return run_a.size() < run_b.size();
    }
    if (run_a != run_b) return run_a < run_b;
  }
  if (a.empty() != b.empty()) return a.empty();
  return whole_a < whole_b;
}

void sort_instance(Instance& instance) {
  std::stable_sort(instance.servers.begin(), instance.servers.end(),
                   [](const Server& a, const Server& b) { return numerically_less(a.pod, b.pod); });
  for (Server& server : instance.servers) {
    std::stable_sort(server.devices.begin(), server.devices.end(),
                     [](const Device& a, const Device& b) { return a.id < b.id; });
  }
}

}  // namespace

void sort_numerically(Membership& membership) {
  for (std::vector<Instance>* role : {&membership.prefill, &membership.decode, &membership.unassigned}) {
    std::stable_sort(role->begin(), role->end(),
                     [](const Instance& a, const Instance& b) { return numerically_less(a.name, b.name); });
    for (Instance& instance : *role) sort_instance(instance);
  }
}

}  // namespace pd::ranktable
