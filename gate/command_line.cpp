#include "gate/command_line.h"

#include <CLI/CLI.hpp>
#include <charconv>
#include <optional>

#include "base/address.h"
#include "ranktable/profile.h"

namespace pd::gate {
namespace {

constexpr int kUsage = 2;
constexpr std::int64_t kLongestSeconds = 7 * 24 * 3600;

// "600s", "10m", "1h", "500ms", or a bare number of seconds.
std::optional<Duration> parse_duration(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (problem != std::errc() || number < 0 || number > kLongestSeconds * 1000) return std::nullopt;
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  const std::chrono::seconds longest(kLongestSeconds);
  std::optional<Duration> duration;
  if (unit == "ms") duration = std::chrono::milliseconds(number);
  if (unit == "s" || unit.empty()) duration = std::chrono::seconds(number);
  if (unit == "m") duration = std::chrono::minutes(number);
  if (unit == "h") duration = std::chrono::hours(number);
  return duration && *duration <= longest ? duration : std::nullopt;
}

void add_subject(CLI::App& command, Subject& subject) {
  command.add_option("--dir", subject.directory, "Directory in which the tables are mounted")->capture_default_str();
  command.add_option("--address", subject.address, "Address by which the tables list this pod (default: $POD_IP)")
      ->envname("POD_IP")
      ->required()
      ->check([](const std::string& text) {
        return address_family(text) ? std::string() : "\"" + text + "\" is not an IP address";
      });
  command.add_option("--profile", subject.profile, "Layout of the tables")
      ->capture_default_str()
      ->check([](const std::string& text) {
        return ranktable::find_profile(text) != nullptr ? std::string() : "the profile " + text + " is not known";
      });
  command
      .add_option("--local", subject.local,
                  "File with this pod's own table; in adopt mode local_ranktable_NAME.json, by the pod's name")
      ->capture_default_str()
      ->check([](const std::string& text) {
        const bool is_name = !text.empty() && text.find('/') == std::string::npos;
        return is_name ? std::string() : "\"" + text + "\" is not the name of a file in --dir";
      });
}

void add_wait(CLI::App& app, WaitOptions& options) {
  CLI::App& command = *app.add_subcommand("wait", "Wait until this pod's ranktables are there and valid");
  add_subject(command, options.subject);
  command
      .add_option_function<std::string>(
          "--timeout",
          [&options](const std::string& text) {
            const std::optional<Duration> timeout = parse_duration(text);
            if (!timeout)
              throw CLI::ValidationError("--timeout", "\"" + text + "\" should be a time as in 600s or 10m");
            options.timeout = *timeout;
          },
          "How long to wait, as in 600s or 10m")
      ->default_str("600s");
  command.footer(
      "Exits with 0 when the tables are there, 1 when they are not in time (one line on stderr says what is missing).\n"
      "Example:\n  pd-gate wait --dir /etc/pd-operator/ranktable --address 10.0.0.18 --timeout 600s");
}

void add_state_file(CLI::App& command, std::string& state_file) {
  command
      .add_option("--state-file", state_file,
                  "Where watch notes for ready what it has seen (default: /dev/shm/pd-gate-$POD_UID)")
      ->envname("PD_GATE_STATE_FILE");
  command.add_option("--uid", "UID of this pod (default: $POD_UID)")->envname("POD_UID");
}

void add_watch(CLI::App& app, WatchOptions& options) {
  CLI::App& command = *app.add_subcommand("watch", "Tell which generation this pod sees, and reload it on a change");
  add_subject(command, options.subject);
  command.add_option("--port", options.port, "Port on which GET /generation is answered")->capture_default_str();
  command
      .add_option_function<std::string>(
          "--reload-url",
          [&options](const std::string& text) {
            const Result<ReloadTarget> target = parse_reload_url(text);
            if (!target) throw CLI::ValidationError("--reload-url", target.error().message);
            options.reload = *target;
          },
          "Called with POST each time a new table has arrived")
      ->envname("RELOAD_URL");
  add_state_file(command, options.state_file);
  command.footer("Example:\n  pd-gate watch --port 8089 --reload-url http://127.0.0.1:8000/reload");
}

void add_ready(CLI::App& app, ReadyOptions& options) {
  CLI::App& command = *app.add_subcommand("ready", "Exit with 0 once watch has seen a completed, valid table");
  add_state_file(command, options.state_file);
  command.footer(
      "Stays 0 from then on: a late refresh takes no serving pod out of its Service.\nExample:\n  pd-gate ready");
}

// The file's name holds the pod's UID: with hostIPC, pods share /dev/shm.
void complete(CLI::App& command, std::string& state_file, std::string* uid) {
  const std::string pod_uid =
      command.get_option("--uid")->empty() ? "" : command.get_option("--uid")->as<std::string>();
  if (uid != nullptr) *uid = pod_uid;
  if (state_file.empty()) state_file = default_state_file(pod_uid);
}

}  // namespace

Command parse_command_line(int argc, const char* const* argv, const std::string& version) {
  CLI::App app("Holds a pod back until its ranktables are there, and follows them from then on.", "pd-gate");
  app.set_version_flag("--version", version);
  app.require_subcommand(1);
  app.footer("Example:\n  pd-gate wait --dir /etc/pd-operator/ranktable --address 10.0.0.18");
  WaitOptions wait;
  WatchOptions watch;
  ReadyOptions ready;
  add_wait(app, wait);
  add_watch(app, watch);
  add_ready(app, ready);
  try {
    app.parse(argc, argv);
    if (app.got_subcommand("wait")) return wait;
    if (app.got_subcommand("watch")) {
      complete(*app.get_subcommand("watch"), watch.state_file, &watch.uid);
      return watch;
    }
    complete(*app.get_subcommand("ready"), ready.state_file, nullptr);
    return ready;
  } catch (const CLI::ParseError& error) {
    return Exit{app.exit(error) == 0 ? 0 : kUsage};
  }
}

}  // namespace pd::gate
