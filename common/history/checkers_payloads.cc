#include <unordered_map>

#include "common/history/checkers.h"
#include "common/history/item.h"

namespace baton::check {

std::vector<Violation> check_payloads(const History& history) {
  std::unordered_map<Item, std::uint64_t, ItemHash> content_of;
  std::vector<Violation> found;
  for (const Event& event : history.events()) {
    const Item item = item_of(event);
    if (event.action == Action::kProduce && event.outcome == Outcome::kInvoke) {
      content_of[item] = event.content;
    }
    if (event.action != Action::kDelivery) continue;
    const auto produced = content_of.find(item);
    if (produced != content_of.end() && produced->second == event.content) continue;
    found.push_back({"C7",
                     "the payload of task " + baton::to_string(event.task) +
                         " is not that of the item that it says it is, " + to_string(item),
                     event.task});
  }
  return found;
}

}  // namespace baton::check
