// fake-npu-plugin: gives a kubelet NPUs that do not exist, over the real device plugin API (v1beta1). Pods then get
// real allocations, which PodResources and kubelet's checkpoint show.
//
//   fake-npu-plugin --plugin-dir /var/lib/kubelet/device-plugins --count 8 --resource huawei.com/Ascend910
//
// A kubelet that starts empties the folder and makes kubelet.sock anew: inotify says so, and we serve and register
// again.
#include "tests/fake_node/npu_plugin.h"

#include <fcntl.h>
#include <grpcpp/grpcpp.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <future>
#include <memory>

namespace pd::testing {
namespace {

struct Options {
  std::string plugin_dir = "/var/lib/kubelet/device-plugins";
  std::string resource = "huawei.com/Ascend910";
  std::string prefix;
  int count = 8;
};

void say(const std::string& line) { std::fprintf(stderr, "fake-npu-plugin: %s\n", line.c_str()); }

// One attempt to tell kubelet of us. Its outcome wakes the main thread through `wake_fd`.
class RegistrationCall {
 public:
  RegistrationCall(const std::string& kubelet_socket, const v1beta1::RegisterRequest& request, int wake_fd)
      : request_(request) {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 50);  // the socket exists before kubelet listens on it
    arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 5000);    // despite its name, what one attempt may take
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);      // no back-off inherited from the kubelet before
    stub_ = v1beta1::Registration::NewStub(
        grpc::CreateCustomChannel("unix:" + kubelet_socket, grpc::InsecureChannelCredentials(), arguments));
    context_.set_wait_for_ready(true);
    context_.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
    stub_->async()->Register(&context_, &request_, &response_, [this, wake_fd](grpc::Status status) {
      status_ = std::move(status);
      finished_.set_value();
      const std::uint64_t one = 1;
      [[maybe_unused]] const ssize_t written = write(wake_fd, &one, sizeof one);
    });
  }
  ~RegistrationCall() {
    context_.TryCancel();
    outcome_.wait();
  }
  RegistrationCall(const RegistrationCall&) = delete;
  RegistrationCall& operator=(const RegistrationCall&) = delete;

  bool finished() const { return outcome_.wait_for(std::chrono::seconds(0)) == std::future_status::ready; }
  // Once finished.
  const grpc::Status& status() const { return status_; }

 private:
  v1beta1::RegisterRequest request_;
  v1beta1::Empty response_;
  grpc::ClientContext context_;
  std::unique_ptr<v1beta1::Registration::Stub> stub_;
  std::promise<void> finished_;
  std::future<void> outcome_ = finished_.get_future();
  grpc::Status status_;
};

class Plugin {
 public:
  explicit Plugin(Options options)
      : options_(std::move(options)),
        endpoint_("fake-npu-" + options_.resource.substr(options_.resource.find('/') + 1) + ".sock"),
        service_(FakeNpus{options_.prefix, options_.count}) {}

  ~Plugin() {
    registration_.reset();
    stop_serving();
    for (const int fd : {signal_fd_, inotify_fd_, wake_fd_}) {
      if (fd >= 0) close(fd);
    }
  }
  Plugin(const Plugin&) = delete;
  Plugin& operator=(const Plugin&) = delete;

  int run() {
    if (!open_descriptors() || !serve()) return 1;
    if (std::filesystem::exists(kubelet_socket())) begin_registration();
    while (true) {
      std::array<pollfd, 3> fds{{{signal_fd_, POLLIN, 0}, {inotify_fd_, POLLIN, 0}, {wake_fd_, POLLIN, 0}}};
      if (poll(fds.data(), fds.size(), -1) < 0 && errno != EINTR) return 1;
      if (fds[0].revents != 0) return 0;
      if (fds[2].revents != 0) finish_registration();
      if (fds[1].revents != 0 && kubelet_restarted()) {
        say("kubelet made its socket anew");
        registration_.reset();
        if (!serve()) return 1;
        begin_registration();
      }
    }
  }

 private:
  std::string kubelet_socket() const { return options_.plugin_dir + "/kubelet.sock"; }
  std::string own_socket() const { return options_.plugin_dir + "/" + endpoint_; }

  bool open_descriptors() {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigprocmask(SIG_BLOCK, &signals, nullptr);  // before gRPC starts its threads, which inherit it
    std::error_code ignored;
    std::filesystem::create_directories(options_.plugin_dir, ignored);
    signal_fd_ = signalfd(-1, &signals, SFD_CLOEXEC);
    inotify_fd_ = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    wake_fd_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (signal_fd_ < 0 || wake_fd_ < 0 ||
        inotify_add_watch(inotify_fd_, options_.plugin_dir.c_str(), IN_CREATE | IN_MOVED_TO) < 0) {
      say("cannot watch " + options_.plugin_dir + ": " + std::strerror(errno));
      return false;
    }
    return true;
  }

  bool serve() {
    stop_serving();
    std::filesystem::remove(own_socket());
    grpc::ServerBuilder builder;
    builder.AddListeningPort("unix:" + own_socket(), grpc::InsecureServerCredentials());
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
    if (!server_) say("cannot serve on " + own_socket());
    return server_ != nullptr;
  }

  void stop_serving() {
    if (server_) server_->Shutdown(std::chrono::system_clock::now());  // ends ListAndWatch at once
    server_.reset();
  }

  // True when the folder got a new kubelet.sock.
  bool kubelet_restarted() {
    alignas(inotify_event) std::array<char, 4096> buffer{};
    bool restarted = false;
    ssize_t got = 0;
    while ((got = read(inotify_fd_, buffer.data(), buffer.size())) > 0) {
      for (ssize_t at = 0; at < got;) {
        const auto* event = reinterpret_cast<const inotify_event*>(buffer.data() + at);
        if (event->len > 0 && std::string_view(event->name) == "kubelet.sock") restarted = true;
        at += static_cast<ssize_t>(sizeof(inotify_event) + event->len);
      }
    }
    return restarted;
  }

  void begin_registration() {
    v1beta1::RegisterRequest request;
    request.set_version("v1beta1");
    request.set_endpoint(endpoint_);
    request.set_resource_name(options_.resource);
    registration_ = std::make_unique<RegistrationCall>(kubelet_socket(), request, wake_fd_);
  }

  void finish_registration() {
    std::uint64_t count = 0;
    [[maybe_unused]] const ssize_t got = read(wake_fd_, &count, sizeof count);
    if (!registration_ || !registration_->finished()) return;  // the wake-up is of one that was given up
    const grpc::Status status = registration_->status();
    registration_.reset();
    if (status.ok()) {
      say("registered " + std::to_string(options_.count) + " devices of " + options_.resource);
    } else {
      say("kubelet refused us: " + status.error_message() + "; trying again when kubelet.sock is made anew");
    }
  }

  Options options_;
  std::string endpoint_;
  FakeNpuService service_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<RegistrationCall> registration_;
  int signal_fd_ = -1;
  int inotify_fd_ = -1;
  int wake_fd_ = -1;
};

int run_plugin(int argc, char** argv) {
  Options options;
  CLI::App app(
      "Offers NPUs that do not exist to kubelet.\nExample: fake-npu-plugin --count 16 --resource huawei.com/Ascend910");
  app.add_option("--plugin-dir", options.plugin_dir, "kubelet's folder of device plugin sockets")
      ->capture_default_str();
  app.add_option("--resource", options.resource, "name of the extended resource")->capture_default_str();
  app.add_option("--prefix", options.prefix,
                 "devices are PREFIX-0, PREFIX-1, ...; default: what follows / in the resource");
  app.add_option("--count", options.count, "how many devices")->capture_default_str()->check(CLI::Range(0, 1024));
  CLI11_PARSE(app, argc, argv);
  if (options.prefix.empty()) options.prefix = options.resource.substr(options.resource.find('/') + 1);
  return Plugin(options).run();
}

}  // namespace
}  // namespace pd::testing

int main(int argc, char** argv) { return pd::testing::run_plugin(argc, argv); }
