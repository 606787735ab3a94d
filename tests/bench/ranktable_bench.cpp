// What ranktables cost at 16, 1,024 and 16,384 devices: rendered, judged, hashed, parsed, read back and compared.
#include "base/digest.h"
#include "ranktable/diff.h"
#include "ranktable/validate.h"
#include "tests/bench/made_up_deployment.h"
#include "tests/bench/measure.h"

namespace {

using pd::bench::measure_bytes;
using pd::ranktable::Document;
using pd::ranktable::Documents;
using pd::ranktable::Membership;
using pd::ranktable::parse_document;
using pd::ranktable::Part;
using pd::ranktable::Profile;

std::size_t bytes_of(const Documents& documents) {
  std::size_t bytes = documents.global.size() + documents.host.size();
  for (const auto& [name, text] : documents.locals) bytes += text.size();
  return bytes;
}

std::size_t digest_all(const Documents& documents) {
  std::size_t size = pd::sha256(documents.global).size() + pd::sha256(documents.host).size();
  for (const auto& [name, text] : documents.locals) size += pd::sha256(text).size();
  return size;
}

class TableBench {
 public:
  TableBench(const Profile& profile, int devices, int servers_per_instance)
      : profile_(profile),
        members_(pd::bench::made_up_deployment(devices, servers_per_instance)),
        moved_(members_),
        documents_(*profile.render(members_)),
        name_("ranktable." + std::string(profile.name) + "_" + std::to_string(devices) + "_npus.") {
    // A table of 16,384 devices is larger than a ConfigMap may be, which is not what is measured.
    profile_.rules = profile_.rules.without(pd::ranktable::kSize);
    moved_.decode.back().servers.back() = pd::bench::made_up_server(devices);
  }

  // Empty when all tables are what they should be.
  std::string check() const {
    const std::vector<pd::ranktable::Finding> findings = validate_documents(documents_, profile_, profile_.rules);
    if (!findings.empty()) return name_ + " " + to_string(findings.front());
    const pd::Result<Document> document = parse_document(documents_.global);
    if (!document) return name_ + " " + document.error().message;
    const pd::Result<Membership> read = profile_.read_global(document->root());
    if (!read) return name_ + " " + read.error().message;
    if (profile_.render(*read)->global != documents_.global) return name_ + " the table read back is another one";
    const std::size_t changes = diff(members_, moved_).size();
    if (changes != 1) return name_ + " one instance moved, and there are " + std::to_string(changes) + " changes";
    return {};
  }

  void run() const {
    const std::size_t global = documents_.global.size();
    const std::size_t all = bytes_of(documents_);
    const Document document = *parse_document(documents_.global);
    measure_bytes(name_ + "render_all", all, [&] { return bytes_of(*profile_.render(members_)); });
    measure_bytes(name_ + "validate_global", global, [&] { return validate_global(document); });
    measure_bytes(name_ + "render_validate_serialise_digest_global", global, [&] {
      const Documents rendered = *profile_.render(members_);
      return validate_global(*parse_document(rendered.global)) + pd::sha256(rendered.global).size();
    });
    measure_bytes(name_ + "render_validate_serialise_digest_all", all, [&] {
      const Documents rendered = *profile_.render(members_);
      return validate_documents(rendered, profile_, profile_.rules).size() + digest_all(rendered);
    });
    measure_bytes(name_ + "parse_validate_global", global,
                  [&] { return validate_global(*parse_document(documents_.global)); });
    measure_bytes(name_ + "read_global", global, [&] { return profile_.read_global(document.root())->prefill.size(); });
    measure_bytes(name_ + "diff_one_moved", global, [&] { return diff(members_, moved_).size(); });
  }

 private:
  std::size_t validate_global(const Document& document) const {
    return validate(document, profile_, Part::kGlobal, profile_.rules).size();
  }

  Profile profile_;
  Membership members_;
  Membership moved_;  // one decode instance stands on another server
  Documents documents_;
  std::string name_;
};

struct Case {
  std::string_view profile;
  int devices;
  int servers_per_instance;
};

constexpr Case kCases[] = {{"AscendCloud", 16, 1},
                           {"AscendCloud", 1024, 1},
                           {"AscendCloud", 16384, 1},
                           {"PerInstance", 1024, 16},
                           {"PerInstance", 16384, 16}};

}  // namespace

int main() {
  for (const Case& at : kCases) {
    const TableBench bench(*pd::ranktable::find_profile(at.profile), at.devices, at.servers_per_instance);
    const std::string wrong = bench.check();
    if (!wrong.empty()) {
      std::cerr << "ranktable_bench: a table is wrong, so its numbers mean nothing: " << wrong << '\n';
      return 1;
    }
    bench.run();
  }
  return 0;
}
