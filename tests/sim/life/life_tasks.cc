#include "tests/sim/life/life_tasks.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace baton::check {
namespace {

// One pass over the history: operations with their ends, claims, looks.
struct Pass {
  std::map<std::uint64_t, Asked> produces;
  std::map<std::uint64_t, LifeOperation> operations;
  std::map<std::uint64_t, std::pair<TaskId, LifeLook>> looks;  // by operation
  std::vector<std::pair<TaskId, LifeLook>> sights;             // at once
  std::vector<LifeClaim> claims;
  std::map<TaskId, Item> items;  // of what was delivered

  void see(const Event& event, Moment at) {
    if (event.action == Action::kProduce) return see_produce(event, at);
    if (event.action == Action::kState) return see_look(event, at);
    if (event.action == Action::kDelivery) {
      claims.push_back({event.task, event.token, at, event.at});
      items[event.task] = item_of(event);
    }
    if (!is_claim_operation(event.action)) return;
    if (event.outcome == Outcome::kInvoke) {
      operations[event.operation] = {event.operation, event.action,     event.task, event.token, at,
                                     kNever,          Outcome::kUnknown};
    } else if (const auto asked = operations.find(event.operation); asked != operations.end()) {
      asked->second.end = event.outcome == Outcome::kUnknown ? kNever : at;
      asked->second.outcome = event.outcome;
    }
  }

  void see_produce(const Event& event, Moment at) {
    Asked& asked = produces[event.operation];
    if (event.outcome == Outcome::kInvoke) {
      asked.operation = event.operation;
      asked.item = item_of(event);
      asked.content = event.content;
      asked.begin = at;
      asked.begin_at = event.at;
      return;
    }
    asked.end = event.outcome == Outcome::kUnknown ? kNever : at;
    asked.end_at = event.at;
    asked.outcome = event.outcome;
    if (event.outcome == Outcome::kOk) asked.task = event.task;
  }

  void see_look(const Event& event, Moment at) {
    if (event.operation == 0) {
      sights.emplace_back(event.task, LifeLook{at, at, event.state, event.at});
    } else if (event.outcome == Outcome::kInvoke) {
      looks[event.operation] = {event.task, {at, kNever, event.state, event.at}};
    } else if (event.outcome == Outcome::kOk) {
      LifeLook& look = looks[event.operation].second;
      look.end = at;
      look.state = event.state;
      look.time = event.at;
    }
  }
};

}  // namespace

bool LifeTask::was_acted(TaskAction action, Moment before) const {
  return std::ranges::any_of(acts, [=](const ActNote& act) {
    return act.action == action && act.begin < before && (!act.code || act.ok());
  });
}

const LifeOperation* LifeTask::completion() const {
  for (const LifeOperation& operation : operations) {
    if (operation.action == Action::kAck && operation.outcome == Outcome::kOk) return &operation;
  }
  return nullptr;
}

bool LifeTask::maybe_acked(Moment before, Token token) const {
  return std::ranges::any_of(operations, [=](const LifeOperation& operation) {
    return operation.action == Action::kAck && operation.outcome != Outcome::kFail &&
           operation.begin < before && (!token || operation.token == token);
  });
}

std::vector<const LifeOperation*> LifeTask::proofs() const {
  std::vector<const LifeOperation*> proofs;
  for (const LifeOperation& operation : operations) {
    if (operation.outcome != Outcome::kOk) continue;
    if (operation.action == Action::kAck && maybe_acked(operation.begin, operation.token)) continue;
    proofs.push_back(&operation);
  }
  return proofs;
}

FinalState LifeTask::last_state() const {
  return looks.empty() ? FinalState::kNotFound : looks.back().state;
}

bool LifeTask::is_plain() const {
  if (wish == nullptr) return false;
  TaskOptions options = wish->options;
  options.priority = kPriorityDefault;
  return options == TaskOptions();
}

LifeTasks::LifeTasks(const LifeBook& of_run) : book(of_run) { collect(); }

void LifeTasks::collect() {
  Pass pass;
  Moment at = 1;
  for (const Event& event : book.history().events()) {
    pass.see(event, at);
    at += 2;
  }
  for (auto& [operation, asked] : pass.produces) {
    const auto wish = book.wishes().find(operation);
    asked.wish = wish == book.wishes().end() ? nullptr : &wish->second;
    produces.push_back(asked);
  }
  add_claims(pass.claims, pass.items);
  for (const auto& [number, operation] : pass.operations) {
    if (const auto task = tasks.find(operation.task); task != tasks.end())
      task->second.operations.push_back(operation);
  }
  std::multimap<Moment, std::pair<TaskId, LifeLook>> looks;  // by when they were answered
  for (const auto& look : pass.sights) looks.emplace(look.second.end, look);
  for (const auto& [number, look] : pass.looks) {
    if (look.second.end != kNever) looks.emplace(look.second.end, look);
  }
  for (const auto& [end, look] : looks) {
    if (const auto found = tasks.find(look.first); found != tasks.end())
      found->second.looks.push_back(look.second);
  }
  for (const ActNote& act : book.acts()) {
    if (const auto task = tasks.find(act.task); task != tasks.end())
      task->second.acts.push_back(act);
  }
}

// A task is known by the answer to its produce, or by what its delivery says that it is.
void LifeTasks::add_claims(const std::vector<LifeClaim>& claims,
                           const std::map<TaskId, Item>& items) {
  std::map<std::pair<std::uint64_t, std::uint64_t>, const Asked*> first;  // by item
  for (const Asked& asked : produces) {
    first.try_emplace({asked.item.producer, asked.item.number}, &asked);
  }
  const auto know = [&](TaskId task, const Asked& asked) -> LifeTask& {
    const Asked& began = *first.at({asked.item.producer, asked.item.number});
    LifeTask& known = tasks[task];
    if (known.task) return known;
    known.task = task;
    known.wish = asked.wish;
    known.content = asked.content;
    known.asked = began.begin;
    known.asked_at = began.begin_at;
    return known;
  };
  for (const Asked& asked : produces) {
    if (asked.outcome != Outcome::kOk) continue;
    LifeTask& task = know(asked.task, asked);
    task.confirmed = std::min(task.confirmed, asked.end);
  }
  for (const auto& [task, item] : items) {
    const auto asked = first.find({item.producer, item.number});
    if (asked != first.end()) know(task, *asked->second);
  }
  for (const LifeClaim& claim : claims) {
    if (const auto task = tasks.find(claim.task); task != tasks.end())
      task->second.claims.push_back(claim);
  }
  for (auto& [id, task] : tasks) std::ranges::sort(task.claims, {}, &LifeClaim::token);
  learn_tokens(claims);
}

// `claims`: in the order of their deliveries.
void LifeTasks::learn_tokens(const std::vector<LifeClaim>& claims) {
  for (const LifeClaim& claim : claims) {
    seen_.push_back(claim.token);
    const Token newest = newest_.empty() ? Token() : newest_.back().second;
    newest_.emplace_back(claim.at, std::max(newest, claim.token));
  }
  std::ranges::sort(seen_);
  Token first(UINT64_MAX);
  ShardId shard;
  for (auto at = tasks.rbegin(); at != tasks.rend(); ++at) {
    if (at->first.shard() != shard) first = Token(UINT64_MAX);
    shard = at->first.shard();
    if (!at->second.claims.empty()) first = std::min(first, at->second.claims.front().token);
    first_from_[at->first] = first;
  }
}

const LifeTask* LifeTasks::find(TaskId task) const {
  const auto found = tasks.find(task);
  return found == tasks.end() ? nullptr : &found->second;
}

const std::string* LifeTasks::order_key(const LifeTask& task) const {
  if (task.wish == nullptr || task.wish->options.retry_of) return nullptr;  // it has the other's
  if (!task.wish->options.order_key.empty()) return &task.wish->options.order_key;
  return ordered_since(task.wish->queue) < task.asked ? &task.wish->options.order_key : nullptr;
}

Moment LifeTasks::ordered_since(const std::string& queue) const {
  Moment since = kNever;
  for (const QueueNote& change : book.changes()) {
    if (change.kind == QueueNote::Kind::kOrdered && change.ok && change.queue == queue)
      since = std::min(since, change.end);
  }
  return since;
}

bool LifeTasks::was_known(const LifeTask& task, Moment at) const {
  if (task.wish != nullptr && task.wish->options.waits_for_ledger() && task.confirmed < at)
    return true;
  return std::ranges::any_of(tasks, [&](const auto& known) {
    const LifeTask& other = known.second;
    if (other.task.shard() != task.task.shard() || other.task < task.task) return false;
    return std::ranges::any_of(other.claims,
                               [at](const LifeClaim& claim) { return claim.at < at; });
  });
}

bool LifeTasks::had_heard(ShardId shard, Moment since, Moment at) const {
  return std::ranges::any_of(produces, [=](const Asked& asked) {
    if (asked.outcome != Outcome::kOk || asked.wish == nullptr) return false;
    if (asked.begin < since || asked.end > at || asked.task.shard() != shard) return false;
    const Wish& wish = *asked.wish;
    return wish.options.waits_for_ledger() && wish.asked_one && !wish.duplicate;
  });
}

Token LifeTasks::granted_after(Moment moment) const {
  Token least(UINT64_MAX);
  for (const auto& [id, task] : tasks) {
    if (task.asked > moment && !task.claims.empty())
      least = std::min(least, task.claims.front().token);
  }
  return least;
}

Token LifeTasks::known_with(const LifeTask& task) const { return first_from_.at(task.task); }

Token LifeTasks::granted_before(Moment moment) const {
  const auto later =
      std::ranges::lower_bound(newest_, moment, {}, &std::pair<Moment, Token>::first);
  if (later != newest_.begin()) return std::prev(later)->second;
  // The one before the first of all.
  constexpr std::uint64_t kCounter = (std::uint64_t{1} << 52) - 1;
  return seen_.empty() ? Token() : Token(seen_.front().value() & ~kCounter);
}

bool LifeTasks::saw_all_between(Token after, Token before) const {
  if (before.value() <= after.value()) return true;
  const auto seen =
      std::ranges::lower_bound(seen_, before) - std::ranges::upper_bound(seen_, after);
  return static_cast<std::uint64_t>(seen) == before.value() - after.value() - 1;
}

bool LifeTasks::is_untouched(const LifeTask& task, Token before) const {
  return !task.claims.empty() && task.claims.front().token > before &&
         saw_all_between(granted_before(task.asked), before);
}

Moment LifeTasks::holds_until(const QueueNote& change) const {
  Moment end = kNever;
  for (const QueueNote& other : book.changes()) {
    if (other.kind != change.kind || other.queue != change.queue) continue;
    if (&other == &change || other.value == change.value) continue;
    if (other.begin < change.end && (!other.ok || other.end > change.begin)) return change.end;
    if (other.begin >= change.end) end = std::min(end, other.begin);
  }
  return end;
}

std::optional<std::uint64_t> LifeTasks::fewest(QueueNote::Kind kind,
                                               const std::string& queue) const {
  std::optional<std::uint64_t> fewest;
  for (const QueueNote& change : book.changes()) {
    if (change.kind == kind && change.queue == queue)
      fewest = fewest ? std::min(*fewest, change.value) : change.value;
  }
  return fewest;
}

Duration LifeTasks::key_window(const std::string& queue) const {
  Duration window = kKeyWindowDefault;
  for (const QueueNote& change : book.changes()) {
    if (change.kind == QueueNote::Kind::kKeyWindow && change.queue == queue)
      window = std::min<Duration>(window, std::chrono::seconds(change.value));
  }
  return window * 100 / 106;  // the center's own clock may be fast by a twentieth
}

bool LifeTasks::was_ever(QueueNote::Kind kind, const std::string& queue) const {
  return std::ranges::any_of(book.changes(), [&](const QueueNote& change) {
    const bool changes = change.value != 0 || kind == QueueNote::Kind::kOrdered;
    return change.kind == kind && change.queue == queue && changes;
  });
}

bool LifeTasks::queue_may_cancel(const LifeTask& task) const {
  if (task.wish == nullptr) return false;
  if (task.wish->options.time_to_live > Millis(0)) return true;
  if (task.wish->options.retry_of) {
    // A copy has the times of the other.
    const LifeTask* original = find(task.wish->options.retry_of);
    if (original == nullptr || queue_may_cancel(*original)) return true;
  }
  return std::ranges::any_of(book.changes(), [&](const QueueNote& change) {
    if (change.queue != task.wish->queue) return false;
    // What is only asked for after a purge was confirmed is none of its business.
    if (change.kind == QueueNote::Kind::kPurge) return task.asked < change.end;
    return change.kind == QueueNote::Kind::kTimeToLive;
  });
}

bool LifeTasks::may_be_void(const LifeTask& task) const {
  if (task.wish == nullptr || !task.wish->options.with_completion) return false;
  const LifeTask* parent = find(task.wish->options.parent);
  if (parent == nullptr) return true;
  return std::ranges::none_of(parent->operations, [&](const LifeOperation& operation) {
    return operation.action == Action::kAck && operation.outcome == Outcome::kOk &&
           operation.token == task.wish->options.parent_token;
  });
}

bool LifeTasks::explains(TaskId id, FinalState state) const {
  const LifeTask* task = find(id);
  if (task == nullptr) return false;
  const bool pushed_out = task->was_acted(TaskAction::kCancel) && task->wish != nullptr &&
                          fewest(QueueNote::Kind::kKeepCount, task->wish->queue);
  const bool forgotten =
      task->was_acted(TaskAction::kDiscard) || queue_may_cancel(*task) || pushed_out;
  switch (state) {
    case FinalState::kCancelled:
      return forgotten || task->was_acted(TaskAction::kCancel);
    case FinalState::kDone:  // what is finished and has no row looks so, however it ended
      return forgotten || task->was_acted(TaskAction::kComplete) || may_be_void(*task);
    case FinalState::kOther:
      return may_be_void(*task);
    default:
      return false;
  }
}

}  // namespace baton::check
