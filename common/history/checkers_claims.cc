#include <algorithm>
#include <tuple>
#include <unordered_map>
#include <unordered_set>

#include "common/history/checkers.h"

namespace baton::check {
namespace {

std::string name(const Event& event) {
  return "token " + std::to_string(event.token.value()) + " of task " +
         baton::to_string(event.task);
}

// Each token belongs to one task and one session, and is delivered at most once.
void check_uniqueness(const History& history, std::vector<Violation>& found) {
  struct Owner {
    TaskId task;
    std::uint64_t process;
  };
  std::unordered_map<Token, Owner> granted;
  std::unordered_map<Token, Owner> delivered;
  for (const Event& event : history.events()) {
    if (!is_claim(event.action)) continue;
    auto& owners = event.action == Action::kGrant ? granted : delivered;
    const auto [owner, first] = owners.try_emplace(event.token, Owner{event.task, event.process});
    if (first) continue;
    found.push_back({"C2",
                     name(event) + " came to process " + std::to_string(event.process) +
                         ", but before as one of task " + baton::to_string(owner->second.task) +
                         " to process " + std::to_string(owner->second.process),
                     event.task});
  }
}

// Where the ledger is visible its grants are in its own order. Deliveries may overtake each other,
// but a later token never has a lower attempt.
void check_growth(const History& history, const std::function<bool(TaskId)>& redriven,
                  std::vector<Violation>& found) {
  std::unordered_map<TaskId, Token> last_grant;
  std::vector<std::tuple<TaskId, Token, std::uint32_t>> attempts;
  for (const Event& event : history.events()) {
    if (event.action == Action::kGrant) {
      Token& last = last_grant[event.task];
      if (event.token <= last) {
        found.push_back(
            {"C2", name(event) + " was granted after " + std::to_string(last.value()), event.task});
      }
      last = std::max(last, event.token);
    }
    if (event.action == Action::kDelivery) {
      attempts.emplace_back(event.task, event.token, event.attempt);
    }
  }
  std::sort(attempts.begin(), attempts.end());
  for (std::size_t i = 1; i < attempts.size(); ++i) {
    const auto& [task_before, token_before, before] = attempts[i - 1];
    const auto& [task, token, attempt] = attempts[i];
    if (task != task_before || token == token_before || attempt >= before) continue;
    if (redriven && redriven(task)) continue;
    found.push_back({"C2",
                     "attempts of task " + baton::to_string(task) + " went back from " +
                         std::to_string(before) + " to " + std::to_string(attempt) + " at token " +
                         std::to_string(token.value()),
                     task});
  }
}

// An accepted operation whose request began after somebody held a newer claim went past the fence.
void check_fence(const History& history, std::vector<Violation>& found) {
  std::unordered_map<TaskId, Token> newest;
  std::unordered_map<std::uint64_t, Token> newest_at_invoke;  // by operation
  for (const Event& event : history.events()) {
    if (is_claim(event.action)) {
      Token& known = newest[event.task];
      known = std::max(known, event.token);
    }
    if (!is_claim_operation(event.action)) continue;
    if (event.outcome == Outcome::kInvoke) newest_at_invoke[event.operation] = newest[event.task];
    if (event.outcome == Outcome::kInvoke) continue;
    const Token fence = newest_at_invoke[event.operation];
    newest_at_invoke.erase(event.operation);
    if (event.outcome != Outcome::kOk) continue;
    if (event.token < fence) {
      found.push_back({"C2",
                       std::string(to_string(event.action)) + " with " + name(event) +
                           " was accepted, although token " + std::to_string(fence.value()) +
                           " was out when it was sent",
                       event.task});
    }
  }
}

// An operation is accepted only from the session that holds the claim. (An ack of what is done
// already, with the token that did it, changes nothing and may be answered ok to whoever asks; the
// holder may not have heard.)
void check_holder(const History& history, std::vector<Violation>& found) {
  std::unordered_map<Token, std::uint64_t> holder;
  std::unordered_set<Token> maybe_completed;  // its holder asked for it
  for (const Event& event : history.events()) {
    if (is_claim(event.action)) holder.try_emplace(event.token, event.process);
    if (!is_claim_operation(event.action)) continue;
    const auto owner = holder.find(event.token);
    const bool holds = owner != holder.end() && owner->second == event.process;
    const bool ack = event.action == Action::kAck;
    if (ack && holds && event.outcome == Outcome::kInvoke) maybe_completed.insert(event.token);
    if (event.outcome != Outcome::kOk || holds) continue;
    if (ack && maybe_completed.contains(event.token)) continue;
    found.push_back({"C2",
                     std::string(to_string(event.action)) + " with " + name(event) +
                         " was accepted from process " + std::to_string(event.process) +
                         ", which does not hold it",
                     event.task});
  }
}

}  // namespace

std::vector<Violation> check_claims(const History& history,
                                    const std::function<bool(TaskId)>& redriven) {
  std::vector<Violation> found;
  check_uniqueness(history, found);
  check_growth(history, redriven, found);
  check_fence(history, found);
  check_holder(history, found);
  return found;
}

}  // namespace baton::check
