#include "tests/sim/cluster/sim_inspector.h"

#include <algorithm>
#include <utility>

#include "tests/support/history_notes.h"

namespace baton::sim {
namespace {

constexpr Duration kPatience = std::chrono::seconds(10);
constexpr std::size_t kAtOnce = 32;
constexpr std::size_t kExplained = 5;

}  // namespace

void SimInspector::watch(std::vector<TaskId> tasks) {
  watching_ = true;
  for (const TaskId task : tasks) {
    if (states_.try_emplace(task, check::FinalState::kNotFound).second) open_.insert(task);
  }
  look_at_queues();
  ask_again();
}

void SimInspector::look_at_queues() {
  for (std::uint64_t i = 0; world_.plan.life.on && i < world_.plan.queues; i++) {
    results_awaited_++;
    client().admin().show_queue(
        "q" + std::to_string(i), kPatience, [this](const Result<client::QueueDetail>& shown) {
          results_awaited_--;
          if (!shown.ok()) return;
          const client::QueueDetail& queue = shown.value();
          if (queue.finished_kept <= queue.settings.keep_count) return;
          world_.fail("queue '" + queue.info.name + "' keeps " +
                      std::to_string(queue.finished_kept) + " finished tasks, and may keep " +
                      std::to_string(queue.settings.keep_count));
        });
  }
}

void SimInspector::explain_open() {
  std::size_t left = kExplained;
  for (const TaskId task : open_) {
    if (left-- == 0) return;
    client().admin().explain_task(
        task, kPatience, [this, task](const Result<client::Explanation>& answer) {
          world_.fail("task " + to_string(task) + " is still open: " +
                          (answer.ok() ? answer.value().sentence : answer.status().to_string()),
                      task);
        });
  }
}

// An end, for good or until somebody decides; what the operator may still redrive has none.
bool SimInspector::is_end(client::TaskState state) const {
  using enum client::TaskState;
  switch (state) {
    case kDead:
      return !world_.plan.life.on || world_.tasks.settled;
    case kDone:
    case kCancelled:
    case kQuarantined:
    case kVoid:
      return true;
    default:
      return false;
  }
}

void SimInspector::note_states() {
  for (const auto& [task, times] : expiries_) world_.sometimes.happened("lease expired", times);
}

void SimInspector::ask_again() {
  to_ask_.assign(open_.begin(), open_.end());
  unanswered_ = to_ask_.size();
  for (std::size_t i = 0; i < kAtOnce; i++) ask_next();
}

void SimInspector::ask_next() {
  if (to_ask_.empty()) return;
  const TaskId task = to_ask_.back();
  to_ask_.pop_back();
  check::Event look;
  look.at = world_.scheduler.now();
  look.action = check::Action::kState;
  look.task = task;
  const std::uint64_t operation = world_.history.invoke(look);
  client().admin().task(task, kPatience, [=, this](const Result<client::TaskInfo>& answer) {
    note_look(operation, answer);
    learn(task, answer);
    ask_next();
    if (--unanswered_ == 0 && !open_.empty()) loop().call_after(1s, [this] { ask_again(); });
  });
}

void SimInspector::note_look(std::uint64_t operation, const Result<client::TaskInfo>& answer) {
  const Duration now = world_.scheduler.now();
  if (answer.ok()) {
    world_.history.end_look(operation, now, final_state(answer.value().state));
  } else if (answer.status().code() == ErrorCode::kNotFound) {
    world_.history.end_look(operation, now, check::FinalState::kNotFound);
  } else {
    world_.history.end(operation, now, check::Outcome::kUnknown);
  }
}

void SimInspector::learn(TaskId task, const Result<client::TaskInfo>& answer) {
  check::FinalState& state = states_[task];
  if (!answer.ok()) {
    // A manager that has not reported a task yet may deny it, so only the last answer counts.
    state = check::FinalState::kNotFound;
    return;
  }
  state = final_state(answer.value().state);
  expiries_[task] = std::max<std::uint64_t>(expiries_[task], answer.value().expiries);
  if (!is_end(answer.value().state) || open_.erase(task) == 0) return;
  look_at_result(task, answer.value());
  if (world_.plan.life.timeouts > 0) look_at_attempts(task);
  // What is dead may still be discarded.
  if (world_.plan.life.waits > 0 && answer.value().state != client::TaskState::kDead)
    wait_for_end(task, answer.value().state);
}

void SimInspector::wait_for_end(TaskId task, client::TaskState end) {
  if (!random_.one_in(4)) return;
  results_awaited_++;
  client().admin().wait_task(
      task, kPatience, [this, task, end](const Result<client::TaskInfo>& answer) {
        results_awaited_--;
        if (answer.ok() && answer.value().state == end) return;
        const std::string told = answer.ok() ? std::string(to_string(answer.value().state))
                                             : answer.status().to_string();
        world_.fail("task " + to_string(task) + " has ended as " + std::string(to_string(end)) +
                        ", and who waits for that is told " + told,
                    task);
      });
}

void SimInspector::look_at_attempts(TaskId task) {
  // One after the other: a center reads one history at a time.
  if (std::exchange(reading_history_, true)) return;
  results_awaited_++;
  client().admin().task_history(
      task, 1000, "", kPatience, [this, task](const Result<client::HistoryPage>& page) {
        results_awaited_--;
        reading_history_ = false;
        if (!page.ok()) return;
        std::map<Token, Millis> began;
        for (const client::HistoryEvent& event : page.value().events) {
          if (event.cause == "granted") began[event.token] = event.lease_time;
          if (event.cause != "attempt_timeout" || !began.contains(event.token)) continue;
          world_.sometimes.happened("attempt timed out");
          world_.tasks.book.timed_out(task, event.token, event.lease_time - began[event.token]);
        }
      });
}

// What was acked with a result is done with exactly that, for as long as results are kept: longer
// than any run.
void SimInspector::look_at_result(TaskId task, const client::TaskInfo& info) {
  const auto acked = world_.results.find(task);
  if (acked == world_.results.end() || world_.plan.disks_lie()) return;
  if (world_.plan.life.retentions > 0 && info.state == client::TaskState::kDone &&
      !info.has_result && !acked->second.empty()) {
    world_.tasks.book.lost_result(task);  // its queue may keep few
    return;
  }
  // Discarded or purged nothing is kept; and what is dead for its children has no result to show.
  if (world_.plan.life.on && (info.queue.empty() || info.state != client::TaskState::kDone)) return;
  if (info.has_result != !acked->second.empty()) {
    world_.fail("task " + to_string(task) + " was acked with " +
                    (acked->second.empty() ? "no result" : "a result") +
                    ", and that is not so any more",
                task);
    return;
  }
  if (acked->second.empty() || !random_.one_in(2)) return;
  results_awaited_++;
  client().admin().task_result(
      task, kPatience, [this, task, &acked = acked->second](const Result<client::TaskResult>& got) {
        results_awaited_--;
        const bool gone = got.status().code() == ErrorCode::kNotFound;
        if (gone && world_.plan.life.retentions > 0) return world_.tasks.book.lost_result(task);
        const std::string text = got.ok() ? got.value().result : got.status().to_string();
        if (text != acked) {
          world_.fail("the result of task " + to_string(task) + " was '" + acked + "' and is '" +
                          text + "'",
                      task);
        }
      });
}

}  // namespace baton::sim
