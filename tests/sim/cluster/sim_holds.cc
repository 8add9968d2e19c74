#include "tests/sim/cluster/sim_holds.h"

#include <utility>

namespace baton::sim {

std::optional<std::string> SimHolds::take(TaskId task, Token token, Hold hold) {
  std::map<Token, Hold>& holds = holds_[task];
  std::optional<std::string> wrong;
  const SimTime now = hold.since;
  for (const auto& [older, held] : holds) {
    if (older >= token || held.stands_still()) continue;
    if (now - held.since <= held.first_heartbeat) continue;
    wrong = "task " + to_string(task) + " is given away with token " +
            std::to_string(token.value()) + " while the holder of token " +
            std::to_string(older.value()) + " has every reason to go on";
  }
  holds.insert_or_assign(token, std::move(hold));
  return wrong;
}

void SimHolds::let_go(TaskId task, Token token) {
  const auto found = holds_.find(task);
  if (found == holds_.end()) return;
  found->second.erase(token);
  if (found->second.empty()) holds_.erase(found);
}

}  // namespace baton::sim
