#include <map>
#include <set>
#include <vector>

#include "common/history/checkers.h"

namespace baton::check {
namespace {

struct Fates {
  std::vector<TaskId> confirmed;  // in the order of confirmation
  std::set<TaskId> completed;
  std::set<TaskId> maybe_completed;  // somebody asked for it, and was not refused
  std::map<TaskId, FinalState> states;
};

Fates fates_of(const History& history) {
  Fates fates;
  std::map<TaskId, std::uint64_t> open_acks;
  for (const Event& event : history.events()) {
    if (event.action == Action::kAck) {
      open_acks[event.task] += event.outcome == Outcome::kInvoke ? 1U : 0U;
      open_acks[event.task] -= event.outcome == Outcome::kFail ? 1U : 0U;
    }
    if (event.outcome != Outcome::kOk) continue;
    if (event.action == Action::kProduce) fates.confirmed.push_back(event.task);
    if (event.action == Action::kAck) fates.completed.insert(event.task);
    if (event.action == Action::kState) fates.states[event.task] = event.state;
  }
  for (const auto& [task, acks] : open_acks) {
    if (acks > 0) fates.maybe_completed.insert(task);
  }
  return fates;
}

bool is_there(const Fates& fates, TaskId task, DeliveryOptions options) {
  if (fates.completed.contains(task)) return true;
  const auto state = fates.states.find(task);
  if (state == fates.states.end()) return false;
  switch (state->second) {
    case FinalState::kWaiting:
    case FinalState::kClaimed:
    case FinalState::kDead:
      return true;
    case FinalState::kQuarantined:
      return options.quarantine_allowed;
    // The ledger keeps no row of a finished task, so what it has lost looks finished as well.
    case FinalState::kDone:
      return fates.maybe_completed.contains(task);
    case FinalState::kNotFound:
    case FinalState::kOther:
      return false;
  }
  return false;
}

std::string lost_text(const Fates& fates, TaskId task) {
  const auto state = fates.states.find(task);
  const std::string seen = state == fates.states.end()
                               ? std::string("nobody knows it")
                               : "it is " + std::string(to_string(state->second));
  return "confirmed task " + baton::to_string(task) + " is lost: not completed, and " + seen;
}

}  // namespace

std::vector<Violation> check_delivery(const History& history, DeliveryOptions options) {
  const Fates fates = fates_of(history);
  std::vector<Violation> found;
  for (const TaskId task : fates.confirmed) {
    if (!is_there(fates, task, options)) found.push_back({"C1", lost_text(fates, task), task});
  }

  std::set<std::pair<std::uint64_t, std::uint64_t>> asked_for;
  std::set<std::pair<std::uint64_t, std::uint64_t>> refused;
  for (const Event& event : history.events()) {
    const std::pair item(event.producer, event.number);
    if (event.action == Action::kProduce && event.outcome == Outcome::kInvoke)
      asked_for.insert(item);
    if (event.action == Action::kProduce && event.outcome == Outcome::kFail) refused.insert(item);
  }
  for (const Event& event : history.events()) {
    if (event.action != Action::kDelivery) continue;
    const std::pair item(event.producer, event.number);
    const std::string name = std::to_string(event.producer) + "/" + std::to_string(event.number);
    if (!asked_for.contains(item)) {
      found.push_back({"C1",
                       "task " + baton::to_string(event.task) + " was delivered as item " + name +
                           ", which nobody produced",
                       event.task});
    } else if (refused.contains(item)) {
      found.push_back(
          {"C1",
           "item " + name + " was refused, yet delivered as task " + baton::to_string(event.task),
           event.task});
    }
  }
  return found;
}

LostShape shape_of_lost(const History& history, DeliveryOptions options) {
  const Fates fates = fates_of(history);
  const std::size_t count = fates.confirmed.size();
  const auto there = [&](std::size_t i) { return is_there(fates, fates.confirmed[i], options); };
  std::size_t first = 0;
  while (first < count && !there(first)) first++;
  std::size_t last = count;
  while (last > first && !there(last - 1)) last--;
  LostShape shape{first, 0, count - last};
  for (std::size_t i = first; i < last; i++) shape.middle += there(i) ? 0 : 1;
  return shape;
}

}  // namespace baton::check
