#include <unordered_set>

#include "common/history/checkers.h"
#include "common/history/item.h"

namespace baton::check {

Totals totals(const History& history) {
  Totals sum;
  std::unordered_set<std::uint64_t> open_produces;
  std::unordered_set<Item, ItemHash> unknown_items;
  std::unordered_set<TaskId> delivered;
  std::unordered_set<Item, ItemHash> delivered_items;
  for (const Event& event : history.events()) {
    const Item item = item_of(event);
    const bool ended = event.outcome != Outcome::kInvoke;
    switch (event.action) {
      case Action::kProduce:
        if (!ended) {
          sum.produced++;
          open_produces.insert(event.operation);
          unknown_items.insert(item);
          break;
        }
        open_produces.erase(event.operation);
        if (event.outcome == Outcome::kUnknown) sum.produce_unknown++;
        if (event.outcome != Outcome::kUnknown) unknown_items.erase(item);
        if (event.outcome == Outcome::kOk) sum.confirmed++;
        if (event.outcome == Outcome::kFail) sum.produce_failed++;
        break;
      case Action::kDelivery:
        sum.deliveries++;
        if (!delivered.insert(event.task).second) sum.redeliveries++;
        delivered_items.insert(item);
        break;
      case Action::kAck:
        if (event.outcome == Outcome::kOk) sum.completed++;
        if (event.outcome == Outcome::kUnknown) sum.ack_unknown++;
        [[fallthrough]];
      case Action::kNack:
      case Action::kRelease:
      case Action::kExtend:
        if (event.outcome == Outcome::kFail) sum.superseded++;
        break;
      case Action::kGrant:
      case Action::kState:
        break;
    }
  }
  sum.produce_unknown += open_produces.size();
  for (const auto& item : unknown_items) sum.recovered += delivered_items.contains(item) ? 1 : 0;
  return sum;
}

}  // namespace baton::check
