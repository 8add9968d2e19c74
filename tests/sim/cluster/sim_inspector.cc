#include "tests/sim/cluster/sim_inspector.h"

#include <algorithm>
#include <utility>

namespace baton::sim {
namespace {

constexpr Duration kPatience = std::chrono::seconds(10);
constexpr std::size_t kAtOnce = 32;

check::FinalState state_of(client::TaskState state) {
  switch (state) {
    case client::TaskState::kDelayed:
    case client::TaskState::kReady:
      return check::FinalState::kWaiting;
    case client::TaskState::kClaimed:
      return check::FinalState::kClaimed;
    case client::TaskState::kDone:
      return check::FinalState::kDone;
    case client::TaskState::kDead:
      return check::FinalState::kDead;
    case client::TaskState::kQuarantined:
      return check::FinalState::kQuarantined;
    case client::TaskState::kNone:
    case client::TaskState::kCancelled:
    case client::TaskState::kHeld:
    case client::TaskState::kBlocked:
    case client::TaskState::kPending:
    case client::TaskState::kVoid:
      return check::FinalState::kOther;
  }
  return check::FinalState::kOther;
}

}  // namespace

void SimInspector::watch(std::vector<TaskId> tasks) {
  watching_ = true;
  open_.insert(tasks.begin(), tasks.end());
  for (const TaskId task : tasks) states_[task] = check::FinalState::kNotFound;
  ask_again();
}

void SimInspector::note_states() {
  for (const auto& [task, state] : states_) {
    check::Event event;
    event.at = world_.scheduler.now();
    event.action = check::Action::kState;
    event.task = task;
    event.state = state;
    world_.history.note(event);
  }
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
  client().admin().task(task, kPatience, [this, task](const Result<client::TaskInfo>& answer) {
    learn(task, answer);
    ask_next();
    if (--unanswered_ == 0 && !open_.empty()) loop().call_after(1s, [this] { ask_again(); });
  });
}

void SimInspector::learn(TaskId task, const Result<client::TaskInfo>& answer) {
  check::FinalState& state = states_[task];
  if (!answer.ok()) {
    // A manager that has not reported a task yet may deny it, so only the last answer counts.
    state = check::FinalState::kNotFound;
    return;
  }
  state = state_of(answer.value().state);
  expiries_[task] = std::max<std::uint64_t>(expiries_[task], answer.value().expiries);
  const bool open = state == check::FinalState::kWaiting || state == check::FinalState::kClaimed;
  if (!open) open_.erase(task);
}

}  // namespace baton::sim
