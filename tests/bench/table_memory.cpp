// The memory that a process needs which does one thing with a ranktable of AscendCloud, as the kernel counts it:
//
//   table_memory nothing           what any process of ours needs
//   table_memory write NPUS FILE   writes the global table of so many devices; measures nothing
//   table_memory parse NPUS FILE   reads, parses and validates it
//   table_memory render NPUS       renders all tables of so many devices
//
// Prints one JSON line: the peak beside the tables' size.
#include <charconv>
#include <fstream>
#include <iomanip>
#include <iostream>

#include "base/file.h"
#include "ranktable/validate.h"
#include "tests/bench/made_up_deployment.h"

namespace {

using pd::ranktable::Document;
using pd::ranktable::Documents;
using pd::ranktable::Part;
using pd::ranktable::Profile;

constexpr std::size_t kLargest = std::size_t{16} << 20;

const Profile& profile() { return *pd::ranktable::find_profile("AscendCloud"); }

std::size_t peak_kib() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    std::size_t kib = 0;
    if (word == "VmHWM:" && status >> kib) return kib;
  }
  return 0;
}

// Written by hand, so that nothing is counted which the measured code does not need itself.
void print_peak(const std::string& name, std::size_t bytes) {
  const std::size_t peak = peak_kib();
  std::cout << R"({"bench":"ranktable.memory.)" << name << R"(","unit":"KiB","peak":)" << peak;
  if (bytes > 0) {
    std::cout << R"(,"size":)" << bytes << R"(,"peak_by_size":)" << std::fixed << std::setprecision(2)
              << static_cast<double>(peak * 1024) / static_cast<double>(bytes);
  }
  std::cout << "}\n";
}

int fail(const std::string& problem) {
  std::cerr << "table_memory: " << problem << '\n';
  return 1;
}

int write(int devices, const std::string& file) {
  const pd::Result<Documents> documents = profile().render(pd::bench::made_up_deployment(devices, 1));
  std::ofstream out(file, std::ios::binary);
  out << documents->global;
  return out.flush() ? 0 : fail("can't write " + file);
}

// The text is gone when it has been read: a document does not need it.
pd::Result<Document> read_table(const std::string& file) {
  const pd::Result<std::string> text = pd::read_file(file, kLargest);
  if (!text) return text.error();
  return pd::ranktable::parse_document(*text);
}

int parse(int devices, const std::string& file) {
  const pd::Result<Document> document = read_table(file);
  if (!document) return fail(document.error().message);
  const auto findings = validate(*document, profile(), Part::kGlobal, profile().rules);
  if (!findings.empty()) return fail("the table is wrong: " + to_string(findings.front()));
  print_peak("AscendCloud_" + std::to_string(devices) + "_npus.parse_validate_global", document->bytes());
  return 0;
}

int render(int devices) {
  const pd::ranktable::Membership membership = pd::bench::made_up_deployment(devices, 1);
  const pd::Result<Documents> documents = profile().render(membership);
  std::size_t bytes = documents->global.size() + documents->host.size();
  for (const auto& [name, text] : documents->locals) bytes += text.size();
  print_peak("AscendCloud_" + std::to_string(devices) + "_npus.render_all", bytes);
  return 0;
}

// Such a number of devices as made_up_deployment() takes.
std::optional<int> device_count(std::string_view text) {
  int count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  const bool is_whole = error == std::errc() && end == text.data() + text.size();
  return is_whole && count >= 16 && count <= 16384 && count % 16 == 0 ? std::optional<int>(count) : std::nullopt;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  const std::string task = arguments.empty() ? "" : arguments[0];
  const std::optional<int> devices = device_count(arguments.size() > 1 ? arguments[1] : "");
  if (task == "nothing") {
    print_peak("empty_process", 0);
    return 0;
  }
  if (task == "write" && devices && arguments.size() == 3) return write(*devices, arguments[2]);
  if (task == "parse" && devices && arguments.size() == 3) return parse(*devices, arguments[2]);
  if (task == "render" && devices) return render(*devices);
  return fail(
      "usage: table_memory nothing | write NPUS FILE | parse NPUS FILE | render NPUS (16 to 16384, a multiple of 16)");
}
