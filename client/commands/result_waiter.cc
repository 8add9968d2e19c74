#include "client/commands/result_waiter.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "client/commands/output.h"
#include "client/commands/runtime.h"

namespace baton::commands {
namespace {

constexpr std::size_t kAskedMax = 256;
// What has finished already takes a moment to say so, also when its time is over.
constexpr Duration kPatienceMin = std::chrono::milliseconds(500);
constexpr Duration kFetchPatience = std::chrono::seconds(10);

}  // namespace

void ResultWaiter::wait(TaskId task, Done done) {
  wanted_.push_back({task, loop_.now() + patience_, std::move(done)});
  fill();
}

void ResultWaiter::fill() {
  while (asked_ < kAskedMax && !wanted_.empty()) {
    Wanted first = std::move(wanted_.front());
    wanted_.pop_front();
    ask(std::move(first));
  }
}

void ResultWaiter::ask(Wanted wanted) {
  ++asked_;
  const Duration left = std::max<Duration>(wanted.deadline - loop_.now(), kPatienceMin);
  admin_.wait_task(wanted.task, left,
                   [this, task = wanted.task, done = std::move(wanted.done)](
                       const Result<client::TaskInfo>& info) { on_finished(info, task, done); });
}

void ResultWaiter::on_finished(const Result<client::TaskInfo>& info, TaskId task,
                               const Done& done) {
  TaskEnd how;
  how.task = task;
  if (!info.ok()) {
    const bool late = info.status().code() == ErrorCode::kDeadlineExceeded;
    how.outcome = late ? "unfinished" : "unknown";
    if (!late) how.status = info.status();
    return end(done, std::move(how));
  }
  how.outcome = client::to_string(info.value().state);
  if (!how.done()) how.reason = info.value().reason;
  // The result of a task whose children failed is not given out.
  if (how.done() && info.value().has_result) return fetch(std::move(how), done);
  end(done, std::move(how));
}

void ResultWaiter::fetch(TaskEnd how, const Done& done) {
  admin_.task_result(how.task, kFetchPatience,
                     [this, how, done](Result<client::TaskResult> result) mutable {
                       if (result.ok()) {
                         how.result = std::move(result.value().result);
                         how.content_type = result.value().content_type;
                       } else {
                         how.status = result.status();
                       }
                       end(done, std::move(how));
                     });
}

void ResultWaiter::end(const Done& done, TaskEnd how) {
  --asked_;
  done(std::move(how));
  fill();
}

std::string end_line(const TaskEnd& end) {
  const std::string& last = end.done()        ? end.result
                            : end.status.ok() ? end.reason
                                              : end.status.message();
  return to_string(end.task) + "\t" + end.outcome + "\t" + one_line(last) + "\n";
}

void put_end(Json& object, const TaskEnd& end) {
  object["outcome"] = end.outcome;
  if (end.done()) put_bytes(object, "result", end.result);
  if (!end.content_type.empty()) object["content_type"] = end.content_type;
  if (!end.reason.empty()) put_bytes(object, "reason", end.reason);
  if (!end.status.ok()) object["error"] = end.status.to_string();
}

void EndCount::add(const TaskEnd& end) {
  if (!end.status.ok()) unknown_ = end.status;
  if (end.done()) {
    ++done_;
  } else if (end.outcome == "unfinished") {
    ++unfinished_;
  } else if (end.outcome != "unknown") {
    ++failed_;
  }
}

int EndCount::exit_code() const {
  if (!unknown_.ok()) return exit_code_of_request(unknown_);
  if (unfinished_ > 0) return kTimedOut;
  if (failed_ == 0) return 0;
  return done_ > 0 ? kPartlyDone : kFailed;
}

}  // namespace baton::commands
