#include <map>
#include <set>
#include <utility>

#include "common/history/checkers.h"

namespace baton::check {

Totals totals(const History& history) {
  Totals sum;
  std::set<std::uint64_t> open_produces;
  std::set<std::pair<std::uint64_t, std::uint64_t>> unknown_items;
  std::map<TaskId, std::uint64_t> deliveries;
  std::set<std::pair<std::uint64_t, std::uint64_t>> delivered_items;
  for (const Event& event : history.events()) {
    const std::pair item(event.producer, event.number);
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
        if (deliveries[event.task]++ > 0) sum.redeliveries++;
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
