#include <unordered_map>
#include <vector>

#include "common/history/checkers.h"
#include "common/history/item.h"

namespace baton::check {
namespace {

struct Fate {
  bool completed = false;
  std::uint64_t open_acks = 0;  // asked for and not refused
  bool seen = false;
  FinalState state = FinalState::kNotFound;
};

struct Fates {
  std::vector<TaskId> confirmed;  // in the order of confirmation
  std::unordered_map<TaskId, Fate> by_task;
};

Fates fates_of(const History& history) {
  Fates fates;
  for (const Event& event : history.events()) {
    const bool ok = event.outcome == Outcome::kOk;
    if (event.action == Action::kProduce && ok) fates.confirmed.push_back(event.task);
    if (event.action == Action::kAck) {
      Fate& fate = fates.by_task[event.task];
      if (event.outcome == Outcome::kInvoke) ++fate.open_acks;
      if (event.outcome == Outcome::kFail) --fate.open_acks;
      if (ok) fate.completed = true;
    }
    if (event.action == Action::kState && ok) {
      Fate& fate = fates.by_task[event.task];
      fate.seen = true;
      fate.state = event.state;
    }
  }
  return fates;
}

bool is_there(const Fates& fates, TaskId task, const DeliveryOptions& options) {
  const auto found = fates.by_task.find(task);
  const Fate fate = found == fates.by_task.end() ? Fate{} : found->second;
  if (fate.completed) return true;
  if (!fate.seen) return !options.states_asked;
  if (options.explained && options.explained(task, fate.state)) return true;
  switch (fate.state) {
    case FinalState::kWaiting:
    case FinalState::kClaimed:
    case FinalState::kDead:
      return true;
    case FinalState::kQuarantined:
      return options.quarantine_allowed;
    // The ledger keeps no row of a finished task, so what it has lost looks finished as well.
    case FinalState::kDone:
      return fate.open_acks > 0;
    case FinalState::kNotFound:
    case FinalState::kCancelled:
    case FinalState::kOther:
      return false;
  }
  return false;
}

std::string lost_text(const Fates& fates, TaskId task) {
  const auto fate = fates.by_task.find(task);
  const std::string seen = fate == fates.by_task.end() || !fate->second.seen
                               ? std::string("nobody knows it")
                               : "it is " + std::string(to_string(fate->second.state));
  return "confirmed task " + baton::to_string(task) + " is lost: not completed, and " + seen;
}

// Nothing is delivered that nobody asked for, or that was refused.
void check_items(const History& history, std::vector<Violation>& found) {
  std::unordered_map<Item, bool, ItemHash> refused;  // of those that were asked for
  for (const Event& event : history.events()) {
    if (event.action != Action::kProduce) continue;
    if (event.outcome == Outcome::kInvoke) refused.try_emplace(item_of(event), false);
    if (event.outcome == Outcome::kFail) refused[item_of(event)] = true;
  }
  for (const Event& event : history.events()) {
    if (event.action != Action::kDelivery) continue;
    const auto item = refused.find(item_of(event));
    if (item != refused.end() && !item->second) continue;
    const std::string name = to_string(item_of(event));
    if (item == refused.end()) {
      found.push_back({"C1",
                       "task " + baton::to_string(event.task) + " was delivered as item " + name +
                           ", which nobody produced",
                       event.task});
    } else {
      found.push_back(
          {"C1",
           "item " + name + " was refused, yet delivered as task " + baton::to_string(event.task),
           event.task});
    }
  }
}

}  // namespace

std::vector<Violation> check_delivery(const History& history, DeliveryOptions options) {
  const Fates fates = fates_of(history);
  std::vector<Violation> found;
  for (const TaskId task : fates.confirmed) {
    if (!is_there(fates, task, options)) found.push_back({"C1", lost_text(fates, task), task});
  }

  check_items(history, found);
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
