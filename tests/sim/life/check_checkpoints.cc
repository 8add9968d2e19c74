#include <algorithm>
#include <set>
#include <tuple>

#include "tests/sim/life/life_checkers.h"

namespace baton::check {
namespace {

struct Saved {
  Token token;
  std::uint64_t operation;  // those of a claim are asked for, and done, in this order
  bool sure;
  const std::string* checkpoint;
};

std::vector<Saved> saves_of(const LifeTasks& tasks, const LifeTask& task) {
  std::vector<Saved> saves;
  for (const LifeOperation& operation : task.operations) {
    const auto saved = tasks.book.saves().find(operation.operation);
    if (saved == tasks.book.saves().end() || operation.outcome == Outcome::kFail) continue;
    saves.push_back(
        {operation.token, operation.operation, operation.outcome == Outcome::kOk, &saved->second});
  }
  std::ranges::sort(saves, [](const Saved& a, const Saved& b) {
    return std::tie(a.token, a.operation) < std::tie(b.token, b.operation);
  });
  return saves;
}

// What a claim with this token may come with: the last that is sure, or one behind that which may
// have been saved.
std::set<std::string> possible(const std::vector<Saved>& saves, Token token) {
  std::set<std::string> possible{""};
  for (const Saved& save : saves) {
    if (save.token >= token) break;
    if (save.sure) possible.clear();
    possible.insert(*save.checkpoint);
  }
  return possible;
}

}  // namespace

std::vector<Violation> check_checkpoints(const LifeTasks& tasks) {
  std::vector<Violation> found;
  for (const auto& [id, task] : tasks.tasks) {
    const std::vector<Saved> saves = saves_of(tasks, task);
    for (const LifeClaim& claim : task.claims) {
      const auto handed = tasks.book.checkpoints_handed().find(claim.token);
      if (handed == tasks.book.checkpoints_handed().end()) continue;
      if (possible(saves, claim.token).contains(handed->second)) continue;
      found.push_back({"L7",
                       "token " + std::to_string(claim.token.value()) + " of task " +
                           baton::to_string(id) + " came with checkpoint '" +
                           handed->second.substr(0, 40) + "', which is not the last that was saved",
                       id});
    }
  }
  return found;
}

}  // namespace baton::check
