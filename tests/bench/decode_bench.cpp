// What the API server's objects cost to read and to keep: a watch event as it is decoded, by size and by the parser
// that it takes, and the memory of a decoded object.
#include <malloc.h>

#include <iostream>
#include <memory>

#include "kube/resource.h"
#include "tests/bench/measure.h"
#include "tests/bench/sample_objects.h"

namespace {

using namespace pd;
using kube::Resource;

// Events/s and MB/s; `read` answers how much there was to read.
template <typename Read>
void measure_events(const std::string& name, std::size_t bytes, Read read) {
  constexpr int kEvents = 200;
  const bench::Times times = bench::time_calls([&] {
    std::size_t sum = 0;
    for (int i = 0; i < kEvents; ++i) sum += read();
    return sum;
  });
  const double us = times.median() / kEvents;
  const Json line = {{"bench", name},
                     {"unit", "us"},
                     {"median", bench::rounded(us)},
                     {"events_per_s", std::round(1e6 / us)},
                     {"mb_per_s", std::round(static_cast<double>(bytes) / us)},
                     {"size", bytes}};
  std::cout << line.dump() << '\n';
}

template <typename T>
std::size_t decode(const std::string& line) {
  const Result<Json> event = kube::parse_projected(line, Resource<T>::projection(), "object");
  const Result<T> object = Resource<T>::decode((*event)["object"]);
  return object->meta.name.size();
}

template <typename T>
void measure_kind(const std::string& name, const Json& object) {
  const std::string line = bench::added(object);
  measure_events("decode." + name, line.size(), [&] { return decode<T>(line); });
  // A pod has no such member; what has one (a PDDeployment's template) is read by the second parser.
  std::string odd = line;
  odd.insert(1, R"("odd":100000000000000000000,)");
  measure_events("decode." + name + "_second_parser", odd.size(), [&] { return decode<T>(odd); });
}

std::size_t heap() { return mallinfo2().uordblks + mallinfo2().hblkhd; }

template <typename T>
void measure_memory(const std::string& name, Json (*object)(int)) {
  constexpr int kObjects = 10000;
  std::vector<std::shared_ptr<const T>> kept(kObjects);
  const std::size_t before = heap();
  for (int i = 0; i < kObjects; ++i) {
    const Result<Json> projected = kube::parse_projected(object(i).dump(), Resource<T>::projection());
    kept[static_cast<std::size_t>(i)] = std::make_shared<const T>(std::move(*Resource<T>::decode(*projected)));
  }
  const Json line = {
      {"bench", "memory." + name}, {"unit", "bytes"}, {"median", (heap() - before) / kObjects}, {"sizeof", sizeof(T)}};
  std::cout << line.dump() << '\n';
}

}  // namespace

int main() {
  measure_kind<kube::Pod>("pod_3k", bench::pod_object(7, 3000));
  measure_kind<kube::Pod>("pod_12k", bench::pod_object(7, 12000));
  measure_kind<kube::Node>("node", bench::node_object(7));
  measure_memory<kube::Pod>("pod", [](int index) { return bench::pod_object(index, 3000); });
  measure_memory<kube::Node>("node", [](int index) { return bench::node_object(index); });
  return 0;
}
