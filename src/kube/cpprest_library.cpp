#include "kube/cpprest_library.h"

#include <malloc.h>
#include <openssl/ssl.h>
#include <pplx/threadpool.h>

#include <boost/asio/post.hpp>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "base/log.h"

namespace pd::kube {
namespace {

// All that wait are woken for a chunk of a stream: with four of them, initial events cost half as much CPU again.
constexpr int kThreads = 2;
constexpr int kMapFrom = 512 << 10;  // larger pieces of memory go back to the system when they are freed

boost::asio::io_context& service() { return crossplat::threadpool::shared_instance().service(); }

class Threads {
 public:
  Threads() {
    // OpenSSL first: at exit, what was made last goes first, and no thread must outlive OpenSSL.
    OPENSSL_init_ssl(0, nullptr);
    crossplat::threadpool::initialize_with_threads(0);  // none of its own
    // Pages of a list are filled on these threads and freed on ours. With an arena of the heap for each thread, and
    // with a threshold that grows with what is freed, a third of the resident memory would be free pieces of them.
    mallopt(M_ARENA_MAX, 2);
    mallopt(M_MMAP_THRESHOLD, kMapFrom);
    service();
    for (int i = 0; i < kThreads; ++i) threads_.emplace_back(run);
  }
  ~Threads() {
    service().stop();
    for (std::thread& thread : threads_) thread.join();
  }
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;

 private:
  static void run() {
    while (!service().stopped()) {
      try {
        service().run();
      } catch (const std::exception& error) {
        log::error("The HTTP library gave a request up", {{"error", error.what()}});
      }
    }
  }

  std::vector<std::thread> threads_;
};

}  // namespace

void start_library() { static const Threads threads; }

void settle_library(Duration limit) {
  struct Meeting {
    std::mutex mutex;
    std::condition_variable complete;
    int present = 0;
  };
  const Instant deadline = std::chrono::steady_clock::now() + limit;
  // When all threads meet, each has ended what it did before. The second time that holds for what they queued until
  // then.
  for (int round = 0; round < 2; ++round) {
    const auto meeting = std::make_shared<Meeting>();
    const auto is_complete = [meeting] { return meeting->present == kThreads; };
    for (int i = 0; i < kThreads; ++i) {
      boost::asio::post(service(), [meeting, is_complete, deadline] {
        std::unique_lock lock(meeting->mutex);
        ++meeting->present;
        meeting->complete.notify_all();
        meeting->complete.wait_until(lock, deadline, is_complete);
      });
    }
    std::unique_lock lock(meeting->mutex);
    meeting->complete.wait_until(lock, deadline, is_complete);
  }
}

}  // namespace pd::kube
