#include "tests/sim/cluster/sim_inspector.h"

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

void SimInspector::on_start() { look(); }

void SimInspector::look() {
  client().admin().list_queues("", 100, "", kPatience,
                               [this](const Result<client::QueuePage>& page) {
                                 std::uint64_t open = 0;
                                 if (page.ok()) {
                                   for (const client::QueueInfo& queue : page.value().queues) {
                                     open += queue.ready + queue.delayed + queue.claimed;
                                   }
                                 }
                                 quiet_looks_ = page.ok() && open == 0 ? quiet_looks_ + 1 : 0;
                                 loop().call_after(1s, [this] { look(); });
                               });
}

void SimInspector::ask(std::vector<TaskId> tasks) {
  tasks_ = std::move(tasks);
  next_ = 0;
  answered_ = 0;
  for (std::size_t i = 0; i < kAtOnce; i++) ask_next();
}

void SimInspector::ask_next() {
  if (next_ == tasks_.size()) return;
  const TaskId task = tasks_[next_++];
  client().admin().task(task, kPatience, [this, task](const Result<client::TaskInfo>& answer) {
    note(task, answer);
    answered_++;
    ask_next();
  });
}

void SimInspector::note(TaskId task, const Result<client::TaskInfo>& answer) {
  check::Event event;
  event.at = world_.scheduler.now();
  event.action = check::Action::kState;
  event.task = task;
  if (answer.ok()) {
    event.state = state_of(answer.value().state);
    world_.sometimes.happened("lease expired", answer.value().expiries);
  } else if (answer.status().code() != ErrorCode::kNotFound) {
    world_.fail("asking for task " + to_string(task) + ": " + answer.status().to_string());
    return;
  }
  world_.history.note(event);
}

}  // namespace baton::sim
