#include <algorithm>
#include <map>

#include "tests/sim/life/life_checkers.h"

namespace baton::check {
namespace {

using Claims = std::vector<std::pair<const LifeClaim*, Moment>>;  // and the last proof of each

// The claims of a queue, with how long each was current for certain.
Claims claims_of(const LifeTasks& tasks, const std::string& queue) {
  Claims claims;
  for (const auto& [id, task] : tasks.tasks) {
    if (task.wish == nullptr || task.wish->queue != queue) continue;
    std::map<Token, Moment> last;
    for (const LifeOperation* proof : task.proofs())
      last[proof->token] = std::max(last[proof->token], proof->begin);
    for (const LifeClaim& claim : task.claims) claims.emplace_back(&claim, last[claim.token]);
  }
  return claims;
}

}  // namespace

std::vector<Violation> check_limits(const LifeTasks& tasks) {
  std::vector<Violation> found;
  for (const QueueNote& limit : tasks.book.changes()) {
    if (limit.kind != QueueNote::Kind::kLimit || !limit.ok || limit.value == 0) continue;
    const Moment end = tasks.holds_until(limit);
    const Token later = tasks.granted_after(limit.end);
    const Claims claims = claims_of(tasks, limit.queue);
    for (const auto& [claim, proof] : claims) {
      if (claim->token < later || claim->at > end) continue;
      // Those that were granted before it and are proven after it.
      const auto beside = std::ranges::count_if(claims, [&](const auto& other) {
        return other.first->token < claim->token && other.second > claim->at;
      });
      if (static_cast<std::uint64_t>(beside) < limit.value) continue;
      found.push_back({"L9",
                       "token " + std::to_string(claim->token.value()) + " of task " +
                           baton::to_string(claim->task) + " was granted beside " +
                           std::to_string(beside) + " others of queue '" + limit.queue +
                           "', which is limited to " + std::to_string(limit.value),
                       claim->task});
    }
  }
  return found;
}

}  // namespace baton::check
