#include "tests/simulation/copier_world.h"

#include <set>

#include "tests/simulation/copier_program.h"

namespace pd::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr auto kTurmoil = seconds(60);  // users and faults
constexpr auto kCalm = seconds(240);    // long enough for every back-off, pause and lease to be over
constexpr auto kQuiet = seconds(60);    // at its end, nothing may be written any more
constexpr int kNames = 4;

const std::string kMapsPath = "/configmaps";
std::string collection(const std::string& ns) { return "/api/v1/namespaces/" + ns + kMapsPath; }
std::string map_path(const std::string& ns, const std::string& name) { return collection(ns) + "/" + name; }

// A run, and what must hold in it.
class CopierRun {
 public:
  CopierRun(std::uint64_t seed, const std::vector<Fault>& faults, bool trace)
      : world_(seed, {.servers = 2}), trace_(trace) {
    for (const std::string& ns : {kSourceNamespace, kCopyNamespace}) {
      world_.as_user("POST", "/api/v1/namespaces", {{"metadata", {{"name", ns}}}});
    }
    world_.on_commit([this](const Commit& commit) { check_commit(commit); });
    for (int i = 0; i < 2; ++i) {
      programs_.push_back(nullptr);
      world_.add_process([this](SimProcess& process) { return make(process); });
    }
    plan_users();
    world_.apply(faults);
  }

  Verdict run() {
    const Instant calm = world_.start() + kTurmoil + kCalm;
    const auto go_on = [this] {
      check_leaders();
      return verdict_.violation.empty();
    };
    world_.run_until(calm - kQuiet, go_on);
    const int written = verdict_.copies_written;
    if (verdict_.violation.empty()) check_copies();
    if (verdict_.violation.empty()) world_.run_until(calm, go_on);
    if (verdict_.violation.empty() && verdict_.copies_written != written) violated("copies are written in the calm");
    if (verdict_.violation.empty()) check_copies();
    if (verdict_.violation.empty()) check_stores();
    verdict_.steps = world_.steps();
    return verdict_;
  }

 private:
  std::unique_ptr<SimProgram> make(SimProcess& process) {
    auto program = std::make_unique<CopierProgram>(process);
    programs_[static_cast<std::size_t>(process.index())] = program.get();
    return program;
  }

  void violated(const std::string& what) {
    if (!verdict_.violation.empty()) return;
    const auto millis = std::chrono::duration_cast<milliseconds>(world_.now() - world_.start()).count();
    verdict_.violation = std::to_string(millis) + " ms: " + what;
  }

  // ---- Users.

  int draw(int least, int most) { return std::uniform_int_distribution<int>(least, most)(world_.rng()); }

  void plan_users() {
    const int changes = draw(3, 25);
    const auto span = static_cast<int>(std::chrono::duration_cast<milliseconds>(kTurmoil).count());
    for (int i = 0; i < changes; ++i) {
      world_.at(world_.start() + milliseconds(draw(0, span)), [this] { act_as_user(); });
    }
  }

  void act_as_user() {
    const std::string name(1, static_cast<char>('a' + draw(0, kNames - 1)));
    const Json data = {{"value", std::to_string(++values_)}};
    const Json labels = {{copier::kCopyLabel, "yes"}};
    const Json fresh = {{"metadata", {{"name", name}, {"labels", labels}}}, {"data", data}};
    const std::string source = map_path(kSourceNamespace, name);
    const std::string copy = map_path(kCopyNamespace, name);
    switch (draw(0, 7)) {
      case 0:
      case 1:
      case 2:
        if (world_.as_user("POST", collection(kSourceNamespace), fresh).status == 409)
          world_.as_user("PATCH", source, {{"data", data}});
        break;
      case 3:
        world_.as_user("DELETE", source);
        break;
      case 4:  // deleted and made again at once: the events in between may never be seen
        world_.as_user("DELETE", source);
        world_.as_user("POST", collection(kSourceNamespace), fresh);
        break;
      case 5:  // no longer to be copied, or again
        world_.as_user("PATCH", source,
                       {{"metadata", {{"labels", {{copier::kCopyLabel, draw(0, 1) ? Json() : Json("yes")}}}}}});
        break;
      case 6:
        world_.as_user("DELETE", copy);
        break;
      default:
        meddle(name, copy);
    }
  }

  // Somebody edits a copy, takes it over, or puts something of his own in its place.
  void meddle(const std::string& name, const std::string& copy) {
    const Json foreign = {{"metadata", {{"name", name}}}, {"data", {{"mine", std::to_string(++values_)}}}};
    const kube::HttpResponse there = world_.as_user("GET", copy);
    if (there.status != 200) {
      world_.as_user("POST", collection(kCopyNamespace), foreign);
    } else if (Json::parse(there.body)["metadata"]["labels"].contains(copier::kSourceLabel)) {
      world_.as_user("PATCH", copy,
                     draw(0, 2) > 0 ? Json{{"data", {{"meddled", "yes"}}}}
                                    : Json{{"metadata", {{"labels", {{copier::kSourceLabel, nullptr}}}}}});
    } else {
      world_.as_user("DELETE", copy);
    }
  }

  void tell(const Commit& commit) const {
    const auto millis = std::chrono::duration_cast<milliseconds>(world_.now() - world_.start()).count();
    std::fprintf(stderr, "%lld ms, revision %llu, process %d: %s %s %s\n", static_cast<long long>(millis),
                 static_cast<unsigned long long>(commit.revision), commit.process, commit.request.method.c_str(),
                 commit.request.target.c_str(), commit.request.body.c_str());
  }

  // ---- What must hold.

  void check_commit(const Commit& commit) {
    ++verdict_.requests;
    const std::string& target = commit.request.target;
    if (trace_) tell(commit);
    const std::string from = collection(kSourceNamespace);
    const std::string to = collection(kCopyNamespace);
    if (target.starts_with(from)) remember_source(commit);
    if (!target.starts_with(to)) return;
    const Json before = copies_[name_in(commit)];
    remember_copy(commit);
    if (commit.process < 0) return;
    ++verdict_.copies_written;
    if (!before.is_null() && !is_copy(before)) violated("an object of somebody else's was changed: " + target);
    if (commit.request.method == "DELETE") return;
    check_content(commit, before);
  }

  void check_content(const Commit& commit, const Json& before) {
    const Json after = copies_[name_in(commit)];
    if (after.is_null() || !is_copy(after)) {
      violated("what was written is no copy");
      return;
    }
    const std::string version = after["metadata"]["annotations"].value("copier.example/source-version", "");
    if (!sources_[name_in(commit)].contains({version, after["data"].dump()}))
      violated("a copy says what its source never said: " + after.dump());
    if (before.is_null()) return;
    if (commit.request.method != "PUT") violated("a copy was changed by " + commit.request.method);
    if (before["data"] == after["data"]) violated("a copy was written though nothing changed");
    const std::string earlier = before["metadata"]["annotations"].value("copier.example/source-version", "");
    if (runtime::version_less(version, earlier)) violated("a copy went back to an older version of its source");
  }

  static bool is_copy(const Json& object) {
    return object["metadata"].contains("labels") && object["metadata"]["labels"].contains(copier::kSourceLabel);
  }

  static std::string name_in(const Commit& commit) {
    if (commit.request.method == "POST") return Json::parse(commit.response.body)["metadata"]["name"];
    return commit.request.target.substr(commit.request.target.rfind('/') + 1);
  }

  ObjectPtr stored(const std::string& ns, const std::string& name) {
    return world_.etcd().find(kind_of("configmaps"), ns + "/" + name);
  }

  void remember_source(const Commit& commit) {
    const std::string name = name_in(commit);
    if (const ObjectPtr object = stored(kSourceNamespace, name)) {
      sources_[name].insert({object->meta_text("resourceVersion"), object->json()["data"].dump()});
    }
  }

  void remember_copy(const Commit& commit) {
    const std::string name = name_in(commit);
    const ObjectPtr object = stored(kCopyNamespace, name);
    copies_[name] = object ? object->json() : Json();
  }

  // Nobody may write while another may. A paused process writes nothing, but its leadership counts.
  void check_leaders() {
    int leaders = 0;
    for (int i = 0; i < world_.process_count(); ++i) {
      if (!world_.process(i).running()) continue;
      const runtime::LeaderElector& elector = programs_[static_cast<std::size_t>(i)]->elector();
      if (elector.leading() && world_.now() < elector.valid_until()) ++leaders;
    }
    if (leaders > 1) violated("two processes lead");
  }

  // Every source has its copy, except where somebody else's object is in its place, and nothing else is a copy.
  void check_copies() {
    for (int i = 0; i < kNames; ++i) {
      const std::string name(1, static_cast<char>('a' + i));
      const ObjectPtr source = stored(kSourceNamespace, name);
      const ObjectPtr copy = stored(kCopyNamespace, name);
      const Json labels = source ? source->meta().value("labels", Json::object()) : Json::object();
      const bool wanted = labels.contains(copier::kCopyLabel);
      if (copy && !is_copy(copy->json())) continue;
      if (wanted && !copy) violated("a copy is missing: " + name);
      if (!wanted && copy) violated("a copy is left: " + name);
      if (wanted && copy && source->json()["data"] != copy->json()["data"]) violated("a copy is wrong: " + name);
    }
  }

  // The caches of those that run are what a fresh list would give.
  void check_stores() {
    for (int i = 0; i < world_.process_count(); ++i) {
      if (!world_.process(i).running()) {
        violated("a process does not run in the end");
        continue;
      }
      const copier::Copier& copier = programs_[static_cast<std::size_t>(i)]->copier();
      check_store(copier.sources().store(), kSourceNamespace, copier::kCopyLabel);
      check_store(copier.copies().store(), kCopyNamespace, copier::kSourceLabel);
    }
  }

  void check_store(const runtime::Store<kube::ConfigMap>& store, const std::string& ns, const char* label) {
    std::map<std::string, std::string> wanted;
    for (const auto& [key, object] : world_.etcd().all(kind_of("configmaps"))) {
      if (key.starts_with(ns + "/") && object->meta().value("labels", Json::object()).contains(label))
        wanted[key] = object->meta_text("resourceVersion");
    }
    std::map<std::string, std::string> held;
    for (const auto& object : store.all()) held[object->meta.key()] = object->meta.resource_version;
    if (held != wanted)
      violated("a store is not what the API server has: " + Json(held).dump() + " " + Json(wanted).dump());
  }

  World world_;
  bool trace_;
  std::vector<CopierProgram*> programs_;  // what runs in each process; dangling where none runs
  Verdict verdict_;
  int values_ = 0;
  std::map<std::string, std::set<std::pair<std::string, std::string>>> sources_;  // name -> (version, data)
  std::map<std::string, Json> copies_;                                            // as they are now
};

}  // namespace

std::vector<Fault> copier_faults(std::uint64_t seed) {
  runtime::Rng rng(seed ^ 0x9e3779b97f4a7c15ULL);
  return draw_faults(rng, {.processes = 2, .servers = 2, .span = kTurmoil});
}

Verdict run_copier(std::uint64_t seed, const std::vector<Fault>& faults, bool trace) {
  return CopierRun(seed, faults, trace).run();
}

}  // namespace pd::test
