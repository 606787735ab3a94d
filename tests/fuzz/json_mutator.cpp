// Changes a JSON text as a tree: a member taken out, copied to elsewhere, doubled, put in another's place, or given
// another value. Bytes changed at random seldom get past a parser; these do, and meet what is behind it. Some inputs
// are several texts with RS before each but the first (RFC 7464 has it so): one of them is changed.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "base/json.h"
#include "tests/fuzz/require.h"

extern "C" {
// NOLINTBEGIN(readability-identifier-naming): libFuzzer's names
std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);
std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size, unsigned seed);
// NOLINTEND(readability-identifier-naming)
}

namespace pd::fuzz {
namespace {

constexpr std::size_t kMostValues = 4096;

class TreeMutator {
 public:
  TreeMutator(Json& tree, unsigned seed) : random_(seed) { collect(tree); }

  void mutate() {
    const std::size_t times = 1 + pick(3);
    for (std::size_t i = 0; i < times; ++i) {
      // A change may have freed what was collected; only the first one may change what lists and objects hold.
      if (i == 0 && pick(2) == 0) return mutate_container();
      mutate_scalar();
    }
  }

 private:
  std::size_t pick(std::size_t count) { return std::uniform_int_distribution<std::size_t>(0, count - 1)(random_); }
  Json& any() { return *values_[pick(values_.size())]; }

  void collect(Json& value) {
    if (values_.size() >= kMostValues) return;
    values_.push_back(&value);
    if (value.is_structured()) containers_.push_back(&value);
    if (!value.is_structured()) scalars_.push_back(&value);
    if (value.is_structured()) {
      for (Json& child : value) collect(child);
    }
  }

  void mutate_scalar() {
    if (scalars_.empty()) return;
    Json& value = *scalars_[pick(scalars_.size())];
    switch (pick(5)) {
      case 0:  // another's value
        value = Json(*scalars_[pick(scalars_.size())]);
        break;
      case 1:
        value = std::to_string(pick(20));
        break;
      case 2:  // another type
        value = value.is_string() ? Json(pick(20)) : Json("0");
        break;
      case 3:
        value = nullptr;
        break;
      default:
        value = bytes(value.is_string() ? value.get<std::string>() : value.dump());
        break;
    }
  }

  // The library's own changes of bytes, with its dictionary.
  static std::string bytes(std::string text) {
    const std::size_t size = text.size();
    text.resize(size + 32);
    text.resize(LLVMFuzzerMutate(reinterpret_cast<std::uint8_t*>(text.data()), size, text.size()));
    return text;
  }

  void mutate_container() {
    if (containers_.empty()) return;
    Json& container = *containers_[pick(containers_.size())];
    if (container.empty() || pick(6) == 0) return put_copy(container);
    auto child = container.begin();
    std::advance(child, static_cast<std::ptrdiff_t>(pick(container.size())));
    auto other = container.begin();
    std::advance(other, static_cast<std::ptrdiff_t>(pick(container.size())));
    switch (pick(4)) {
      case 0:
        container.erase(child);
        break;
      case 1:
        std::swap(*child, *other);
        break;
      case 2:  // doubled
        if (container.is_array()) container.push_back(Json(*child));
        break;
      default:
        *child = Json(any());
        break;
    }
  }

  void put_copy(Json& container) {
    Json copy = any();
    if (container.is_array()) {
      container.push_back(std::move(copy));
      return;
    }
    const Json& example = *containers_[pick(containers_.size())];
    if (!example.is_object() || example.empty()) return;
    auto member = example.begin();
    std::advance(member, static_cast<std::ptrdiff_t>(pick(example.size())));
    const std::string key = pick(4) == 0 ? bytes(member.key()) : member.key();
    container[key] = std::move(copy);
  }

  std::mt19937 random_;
  std::vector<Json*> values_;
  std::vector<Json*> containers_;
  std::vector<Json*> scalars_;
};

constexpr char kSeparator = '\x1e';

}  // namespace
}  // namespace pd::fuzz

std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size, unsigned seed) {
  using namespace pd;  // NOLINT(google-build-using-namespace)
  if (seed % 4 == 0) return LLVMFuzzerMutate(data, size, max_size);
  const std::string all(fuzz::text_of(data, size));
  std::mt19937 random(seed);
  std::size_t first = 0;
  std::size_t last = all.find(fuzz::kSeparator);
  while (last != std::string::npos && random() % 2 == 0) {
    first = last + 1;
    last = all.find(fuzz::kSeparator, first);
  }
  last = std::min(last, all.size());
  Result<Json> tree = parse_json(std::string_view(all).substr(first, last - first));
  if (!tree) return LLVMFuzzerMutate(data, size, max_size);
  fuzz::TreeMutator(*tree, seed).mutate();
  const std::string changed = all.substr(0, first) + dump_json(*tree) + all.substr(last);
  if (changed.size() > max_size) return LLVMFuzzerMutate(data, size, max_size);
  std::memcpy(data, changed.data(), changed.size());
  return changed.size();
}
