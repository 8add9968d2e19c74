#include <map>
#include <utility>

#include "common/history/checkers.h"

namespace baton::check {

std::vector<Violation> check_payloads(const History& history) {
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::uint64_t> content_of;
  std::vector<Violation> found;
  for (const Event& event : history.events()) {
    const std::pair item(event.producer, event.number);
    if (event.action == Action::kProduce && event.outcome == Outcome::kInvoke) {
      content_of[item] = event.content;
    }
    if (event.action != Action::kDelivery) continue;
    const auto produced = content_of.find(item);
    if (produced != content_of.end() && produced->second == event.content) continue;
    found.push_back({"C7",
                     "the payload of task " + baton::to_string(event.task) +
                         " is not that of the item that it says it is, " +
                         std::to_string(event.producer) + "/" + std::to_string(event.number),
                     event.task});
  }
  return found;
}

}  // namespace baton::check
