#include <unordered_map>

#include "common/history/checkers.h"
#include "common/history/item.h"

namespace baton::check {

std::vector<Violation> check_identity(const History& history) {
  std::unordered_map<Item, TaskId, ItemHash> task_of;
  std::unordered_map<TaskId, Item> item_of_task;
  std::vector<Violation> found;
  for (const Event& event : history.events()) {
    const bool names_both =
        event.outcome == Outcome::kOk &&
        (event.action == Action::kProduce || event.action == Action::kDelivery) &&
        event.producer != 0;
    if (!names_both) continue;
    const Item item = item_of(event);
    const auto [task, first_task] = task_of.try_emplace(item, event.task);
    if (!first_task && task->second != event.task) {
      found.push_back({"C6",
                       "item " + to_string(item) + " is both task " +
                           baton::to_string(task->second) + " and task " +
                           baton::to_string(event.task),
                       event.task});
    }
    const auto [other, first_item] = item_of_task.try_emplace(event.task, item);
    if (!first_item && other->second != item) {
      found.push_back({"C6",
                       "task " + baton::to_string(event.task) + " is both item " +
                           to_string(other->second) + " and item " + to_string(item),
                       event.task});
    }
  }
  return found;
}

}  // namespace baton::check
