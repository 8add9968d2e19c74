// LifeTasks: a history and its book, sorted by task: what the checkers of the life cycle go through.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
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
  Duration end_at{0};
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
  Duration time{0};  // of its end
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
  // It asked for nothing but its priority: it waits for nothing but its turn.
  [[nodiscard]] bool is_plain() const;
};

struct LifeTasks {
  explicit LifeTasks(const LifeBook& book);

  [[nodiscard]] const LifeTask* find(TaskId task) const;
  // The ordering key by which it goes, if it has one: that it named, or that of its ordered queue.
  [[nodiscard]] const std::string* order_key(const LifeTask& task) const;
  // The smallest token of which it is known that it was granted after `moment`, since its task was
  // only asked for then: whatever has a larger one was granted later still.
  [[nodiscard]] Token granted_after(Moment moment) const;
  // The smallest token of which it is known that the ledger had heard of the task when it was
  // granted: those of a shard become known in their order.
  [[nodiscard]] Token known_with(const LifeTask& task) const;
  // The ledger had heard of the task by then: it said so itself, or had heard of one behind it in its
  // shard.
  [[nodiscard]] bool was_known(const LifeTask& task, Moment at) const;
  // The manager of this shard had heard by then of every setting that had been confirmed before
  // `since`: it was asked later for a task that waits for the ledger, and has told what that answered.
  // What the center tells a manager comes in one order.
  [[nodiscard]] bool had_heard(ShardId shard, Moment since, Moment at) const;
  // The task was delivered, and had not been granted to anybody before this token was, not even to
  // somebody who never said so: tokens have no gaps, and all that may have been its own were seen.
  [[nodiscard]] bool is_untouched(const LifeTask& task, Token before) const;
  // All tokens between these two were seen in deliveries.
  [[nodiscard]] bool saw_all_between(Token after, Token before) const;
  // The smallest value that the queue was ever given by a change of this kind; none: there is none.
  [[nodiscard]] std::optional<std::uint64_t> fewest(QueueNote::Kind kind,
                                                    const std::string& queue) const;
  // How long the queue remembers a key at least, by the world's time.
  [[nodiscard]] Duration key_window(const std::string& queue) const;
  // Until when the change that was confirmed held; no later than its end where an older one of its
  // kind may still have come behind it.
  [[nodiscard]] Moment holds_until(const QueueNote& change) const;
  // From when the queue is known to have been ordered; kNever: it is not.
  [[nodiscard]] Moment ordered_since(const std::string& queue) const;
  // Whether anything of this kind, but what changes nothing, was ever asked of the queue.
  [[nodiscard]] bool was_ever(QueueNote::Kind kind, const std::string& queue) const;
  // Whether something in the book is why the task ended so (Explained, checkers.h).
  [[nodiscard]] bool explains(TaskId task, FinalState state) const;

  const LifeBook& book;
  std::vector<Asked> produces;
  std::map<TaskId, LifeTask> tasks;

 private:
  void collect();
  void add_claims(const std::vector<LifeClaim>& claims, const std::map<TaskId, Item>& items);
  void learn_tokens(const std::vector<LifeClaim>& claims);
  // The largest token that is known to have been granted before.
  [[nodiscard]] Token granted_before(Moment moment) const;
  [[nodiscard]] bool queue_may_cancel(const LifeTask& task) const;
  // It came with a completion that nobody was told to be accepted.
  [[nodiscard]] bool may_be_void(const LifeTask& task) const;

  std::vector<Token> seen_;                       // sorted
  std::vector<std::pair<Moment, Token>> newest_;  // by moment: the largest token until then
  std::map<TaskId, Token>
      first_from_;  // by task: the smallest token of those behind it in its shard
};

}  // namespace baton::check
