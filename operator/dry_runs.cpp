#include "operator/dry_runs.h"

#include <algorithm>
#include <array>

#include "base/excerpt.h"
#include "runtime/spawn.h"

namespace pd::op {
namespace {

using Answer = plan::DryRun::Answer;

constexpr runtime::Backoff::Policy kPauses{
    .base = std::chrono::seconds(1), .cap = std::chrono::minutes(5), .jitter = 0.2};
constexpr std::size_t kMostWords = 1000;  // bytes; a policy may name every field of every container

bool has(const std::string& text, std::string_view words) { return text.find(words) != std::string::npos; }

// Admission plugins name the pod ('pods "x" is forbidden: ...'), the authorizer does not ('pods is forbidden: User
// ...'). Some of them refuse what they take a moment later.
bool is_denied_by_policy(const std::string& message, const std::string& pod) {
  constexpr std::array kPassing = {
      "\" is forbidden: exceeded quota: ",
      "\" is forbidden: status unknown for quota: ",
      "\" is forbidden: unable to create new content in namespace ",
      "\" is forbidden: error looking up service account ",
      "\" is forbidden: not yet ready to handle request",
  };
  if (!has(message, "\"" + pod + "\" is forbidden: ")) return false;
  return std::none_of(kPassing.begin(), kPassing.end(), [&](const char* words) { return has(message, words); });
}

bool is_refused(const Error& error, const std::string& pod) {
  if (error.code == Code::kInvalid && error.reason == "Invalid") return true;
  // A webhook chooses its code; one that has no dry run, or can't be reached, is told in other words.
  if (has(error.message, "admission webhook ") && has(error.message, " denied the request")) return true;
  return error.code == Code::kForbidden && is_denied_by_policy(error.message, pod);
}

// Without the request that the client names in front of the server's words.
std::string words_of(const Error& error) {
  std::string words = error.message;
  if (words.starts_with("POST ")) words.erase(0, words.find(": ") + 2);
  if (words.size() > kMostWords) words = cut(std::move(words), kMostWords) + " ...";
  if (!words.ends_with('.')) words += '.';
  return words;
}

}  // namespace

plan::DryRun judge(const Status& answer, const std::string& pod) {
  if (answer || answer.error().code == Code::kAlreadyExists) return {Answer::kAccepted, ""};  // the name comes last
  const Error& error = answer.error();
  const std::string words = words_of(error);
  if (is_refused(error, pod)) return {Answer::kRefused, words};
  const bool no_answer = error.code == Code::kUnavailable || error.code == Code::kTimeout ||
                         error.code == Code::kThrottled || error.code == Code::kCancelled;
  return {no_answer ? Answer::kNone : Answer::kUnclear, words};
}

DryRuns::DryRuns(boost::asio::io_context& context, runtime::Rng& rng, Try try_pod, Changed changed)
    : context_(context), rng_(rng), try_(std::move(try_pod)), changed_(std::move(changed)) {}

void DryRuns::follow(const std::string& key, const std::string& ns, std::vector<plan::DryRunTarget> targets) {
  Templates& templates = followed_[key];
  Templates next;
  for (plan::DryRunTarget& target : targets) {
    const auto known = templates.find(target.role);
    std::shared_ptr<Template> one = known == templates.end() ? nullptr : known->second;
    if (one == nullptr || one->target.key != target.key) {
      one = std::make_shared<Template>(Template{{target.role, target.key, {}, false}, ns, {}, {kPauses, rng_}});
    }
    one->target.proven = target.proven;
    if (!one->tried && is_open(*one) && target.pod.is_object() && !stop_.stopped()) {
      one->target.pod = std::move(target.pod);
      one->tried = true;
      ++flows_;
      runtime::spawn(context_, try_until_accepted(key, one));
    }
    next.emplace(target.role, std::move(one));
  }
  for (const auto& [role, one] : templates) {
    const auto kept = next.find(role);
    one->dropped = kept == next.end() || kept->second != one;
  }
  templates = std::move(next);
  if (templates.empty()) followed_.erase(key);
}

void DryRuns::learn(const std::string& key, const std::string& role, plan::DryRun answer) {
  const auto found = followed_.find(key);
  const bool says_something = answer.answer == Answer::kAccepted || answer.answer == Answer::kRefused;
  if (found == followed_.end() || !says_something) return;
  const auto one = found->second.find(role);
  if (one != found->second.end()) take(key, *one->second, std::move(answer));
}

std::map<std::string, plan::DryRun> DryRuns::answers(const std::string& key) const {
  std::map<std::string, plan::DryRun> answers;
  const auto found = followed_.find(key);
  if (found == followed_.end()) return answers;
  for (const auto& [role, one] : found->second) answers.emplace(one->target.key, one->answer);
  return answers;
}

// There is something to be found out.
bool DryRuns::is_open(const Template& one) {
  if (one.dropped) return false;
  return one.target.proven ? one.answer.answer == Answer::kRefused : one.answer.answer != Answer::kAccepted;
}

boost::asio::awaitable<void> DryRuns::try_until_accepted(std::string key, std::shared_ptr<Template> one) {
  bool waits = one->answer != plan::DryRun{};  // it was refused just now
  while (is_open(*one) && !stop_.stopped()) {
    if (waits) {
      const bool waited = co_await runtime::sleep_for(one->pauses.next(), stop_.token());
      if (!waited) break;
    }
    co_await try_once(key, *one);
    waits = true;
  }
  one->target.pod = Json();
  one->tried = false;
  --flows_;
  freed_.notify_all();
}

boost::asio::awaitable<void> DryRuns::try_once(const std::string& key, Template& one) {
  while (trying_ >= kAtATime) co_await freed_.wait();
  if (!is_open(one) || stop_.stopped()) co_return;
  ++trying_;
  const std::string name = one.target.pod.at("metadata").at("name").get<std::string>();
  const Status answer = co_await try_(one.ns, one.target.pod, stop_.token());
  --trying_;
  freed_.notify_all();
  // A pod may have been made meanwhile, which says more.
  if (is_open(one) && !stop_.stopped()) take(key, one, judge(answer, name));
}

// The words alone are no reason to plan again: those of a quota name what is used of it.
void DryRuns::take(const std::string& key, Template& one, plan::DryRun answer) {
  const plan::DryRun before = std::exchange(one.answer, std::move(answer));
  const bool says_something = before.message.empty() != one.answer.message.empty();
  if (before.answer != one.answer.answer || says_something) changed_(key);
}

void DryRuns::stop() {
  stop_.stop();
  freed_.notify_all();
}

boost::asio::awaitable<void> DryRuns::ended() {
  while (flows_ > 0) co_await freed_.wait();
}

}  // namespace pd::op
