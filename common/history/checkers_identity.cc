#include <map>
#include <utility>

#include "common/history/checkers.h"

namespace baton::check {

std::vector<Violation> check_identity(const History& history) {
  using Item = std::pair<std::uint64_t, std::uint64_t>;
  std::map<Item, TaskId> task_of;
  std::map<TaskId, Item> item_of;
  std::vector<Violation> found;
  for (const Event& event : history.events()) {
    const bool names_both =
        event.outcome == Outcome::kOk &&
        (event.action == Action::kProduce || event.action == Action::kDelivery) &&
        event.producer != 0;
    if (!names_both) continue;
    const Item item(event.producer, event.number);
    const std::string name = std::to_string(item.first) + "/" + std::to_string(item.second);
    const auto [task, first_task] = task_of.try_emplace(item, event.task);
    if (!first_task && task->second != event.task) {
      found.push_back({"C6",
                       "item " + name + " is both task " + baton::to_string(task->second) +
                           " and task " + baton::to_string(event.task),
                       event.task});
    }
    const auto [other, first_item] = item_of.try_emplace(event.task, item);
    if (!first_item && other->second != item) {
      found.push_back({"C6",
                       "task " + baton::to_string(event.task) + " is both item " +
                           std::to_string(other->second.first) + "/" +
                           std::to_string(other->second.second) + " and item " + name,
                       event.task});
    }
  }
  return found;
}

}  // namespace baton::check
