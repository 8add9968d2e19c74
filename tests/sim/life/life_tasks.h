// LifeTasks: a history and its book, sorted by task: what the checkers of the life cycle go through.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "common/history/item.h"
#include "tests/sim/life/life_book.h"

namespace baton::check {

// An attempt to produce a task.
struct Asked {
  std::uint64_t operation = 0;
  Item item;
  std::uint64_t content = 0;
  Moment begin = 0;
  Moment end = kNever;
  Duration begin_at{0};
  Outcome outcome = Outcome::kUnknown;
  TaskId task;  // ok
  const Wish* wish = nullptr;
};

struct LifeClaim {
  TaskId task;
  Token token;
  Moment at = 0;  // it was granted before
  Duration time{0};
};

// Ack, nack, release, extend or save.
struct LifeOperation {
  std::uint64_t operation = 0;
  Action action = Action::kAck;
  TaskId task;
  Token token;
  Moment begin = 0;
  Moment end = kNever;
  Outcome outcome = Outcome::kUnknown;
};

struct LifeLook {
  Moment begin = 0;
  Moment end = 0;
  FinalState state = FinalState::kNotFound;
};

struct LifeTask {
  TaskId task;
  const Wish* wish = nullptr;  // of its first produce
  std::uint64_t content = 0;
  Moment asked = 0;           // first
  Moment confirmed = kNever;  // first
  Duration asked_at{0};
  std::vector<LifeClaim> claims;  // by token
  std::vector<LifeOperation> operations;
  std::vector<LifeLook> looks;
  std::vector<ActNote> acts;

  // Asked for before `before`, and not refused.
  [[nodiscard]] bool was_acted(TaskAction action, Moment before = kNever) const;
  [[nodiscard]] bool was_acted_on() const {
    return std::ranges::any_of(acts, [](const ActNote& act) { return !act.code || act.ok(); });
  }
  // The ack that ended this claim, as far as was told: accepted, and none of that token was asked
  // for before. Null: none.
  [[nodiscard]] const LifeOperation* completion() const;
  // An ack that was not refused was asked for before.
  [[nodiscard]] bool maybe_acked(Moment before, Token token = {}) const;
  // Accepted, and proof that the claim was current when it was asked for. (An ack that follows one of
  // the same claim may be the echo of what is done.)
  [[nodiscard]] std::vector<const LifeOperation*> proofs() const;
  [[nodiscard]] FinalState last_state() const;
};

struct LifeTasks {
  explicit LifeTasks(const LifeBook& book);

  [[nodiscard]] const LifeTask* find(TaskId task) const;
  // The ordering key by which it goes, if it has one: that it named, or that of its ordered queue.
  [[nodiscard]] const std::string* order_key(const LifeTask& task) const;
  // The smallest token of which it is known that it was granted after `moment`, since its task was
  // only asked for then: whatever has a larger one was granted later still.
  [[nodiscard]] Token granted_after(Moment moment) const;
  // Whether something in the book is why the task ended so (Explained, checkers.h).
  [[nodiscard]] bool explains(TaskId task, FinalState state) const;

  const LifeBook& book;
  std::vector<Asked> produces;
  std::map<TaskId, LifeTask> tasks;

 private:
  void collect();
  void add_claims(const std::vector<LifeClaim>& claims, const std::map<TaskId, Item>& items);
  [[nodiscard]] bool queue_may_cancel(const LifeTask& task) const;
  // It came with a completion that nobody was told to be accepted.
  [[nodiscard]] bool may_be_void(const LifeTask& task) const;
};

}  // namespace baton::check
