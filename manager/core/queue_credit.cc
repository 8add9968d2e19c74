#include "manager/core/queue_credit.h"

#include <algorithm>
#include <utility>

namespace baton::manager {

CreditAmount& CreditAmount::operator+=(const CreditAmount& more) {
  tasks += more.tasks;
  bytes += more.bytes;
  return *this;
}

CreditAmount& CreditAmount::operator-=(const CreditAmount& less) {
  tasks -= std::min(tasks, less.tasks);
  bytes -= std::min(bytes, less.bytes);
  return *this;
}

// ---- rules --------------------------------------------------------------------------------------

void QueueCredit::set_rule(const QueueRule& rule) {
  const auto found = queues_.find(rule.queue);
  if (!rule.ordered && !rule.limited()) {
    return forget(rule.queue);
  }
  if (found == queues_.end()) {
    if (queues_.size() >= options_.rules_max) return;
    queues_[rule.queue].rule = rule;
    return;
  }
  Queue& queue = found->second;
  queue.told = true;
  // Credit of a limit that is new, or gone, was never lent.
  if (queue.rule.limits_tasks != rule.limits_tasks ||
      queue.rule.limits_bytes() != rule.limits_bytes())
    void_credit(queue);
  queue.rule = rule;
}

void QueueCredit::begin_list() {
  for (auto& [name, queue] : queues_) queue.told = false;
}

void QueueCredit::end_list() {
  std::vector<std::string> ended;
  for (const auto& [name, queue] : queues_) {
    if (!queue.told) ended.push_back(name);
  }
  for (const std::string& name : ended) forget(name);
}

const QueueRule* QueueCredit::find_rule(std::string_view queue) const {
  const Queue* found = find(queue);
  return found == nullptr ? nullptr : &found->rule;
}

// ---- storing ------------------------------------------------------------------------------------

bool QueueCredit::covers(const Queue& queue, const CreditAmount& amount) const {
  return (!queue.rule.limits_tasks || queue.credit.tasks >= amount.tasks) &&
         (!queue.rule.limits_bytes() || queue.credit.bytes >= amount.bytes);
}

bool QueueCredit::take(std::string_view name, std::uint64_t payload_bytes, MonoTime now) {
  Queue* queue = find(name);
  if (queue == nullptr || !queue->rule.limited()) return true;
  const CreditAmount amount{1, payload_bytes};
  queue->used_at = now;
  roll_window(*queue, now);
  if (!covers(*queue, amount)) {
    queue->hungry = true;
    queue->needed.tasks = std::max(queue->needed.tasks, amount.tasks);
    queue->needed.bytes = std::max(queue->needed.bytes, amount.bytes);
    return false;
  }
  queue->credit -= amount;
  queue->used += amount;
  if (queue->asking) queue->counted += amount;
  return true;
}

void QueueCredit::stored(std::string_view name, Offset end, CreditAmount amount) {
  Queue* queue = find(name);
  if (queue == nullptr || !queue->rule.limited()) return;
  unreported_.push_back({end, queue->rule.queue, amount});
  queue->unreported += amount;
}

void QueueCredit::reported(Offset created_hi) {
  for (; !unreported_.empty() && unreported_.front().end <= created_hi; unreported_.pop_front()) {
    if (Queue* queue = find(unreported_.front().queue); queue != nullptr)
      queue->unreported -= unreported_.front().amount;
  }
}

void QueueCredit::shard_changed() {
  unreported_.clear();
  for (auto& [name, queue] : queues_) queue.unreported = CreditAmount();
}

CreditAmount QueueCredit::credit(std::string_view name) const {
  const Queue* queue = find(name);
  return queue == nullptr ? CreditAmount() : queue->credit;
}

bool QueueCredit::asking(std::string_view name) const {
  const Queue* queue = find(name);
  return queue != nullptr && queue->asking;
}

// ---- asking -------------------------------------------------------------------------------------

void QueueCredit::roll_window(Queue& queue, MonoTime now) const {
  const Duration passed = now - queue.window_began;
  if (passed < options_.use_window) return;
  queue.recent = passed < 2 * options_.use_window ? queue.used : CreditAmount();
  queue.used = CreditAmount();
  queue.window_began = now;
}

// What it would like to have to spend.
CreditAmount QueueCredit::target(const Queue& queue) const {
  const auto of = [](std::uint64_t least, std::uint64_t recent, std::uint64_t used,
                     std::uint64_t needed) {
    return std::max({least, 2 * std::max(recent, used), needed});
  };
  CreditAmount wanted;
  if (queue.rule.limits_tasks) {
    wanted.tasks =
        of(options_.ask_min.tasks, queue.recent.tasks, queue.used.tasks, queue.needed.tasks);
  }
  if (queue.rule.limits_bytes()) {
    wanted.bytes =
        of(options_.ask_min.bytes, queue.recent.bytes, queue.used.bytes, queue.needed.bytes);
  }
  return wanted;
}

bool QueueCredit::is_low(const Queue& queue) const {
  const CreditAmount wanted = target(queue);
  return (queue.rule.limits_tasks && queue.credit.tasks < wanted.tasks / 2) ||
         (queue.rule.limits_bytes() && queue.credit.bytes < wanted.bytes / 2);
}

std::vector<QueueCredit::Ask> QueueCredit::take_asks(MonoTime now) {
  std::vector<Ask> asks;
  for (auto& [name, queue] : queues_) {
    if (std::optional<Ask> next = ask(queue, now)) asks.push_back(std::move(*next));
  }
  return asks;
}

std::optional<QueueCredit::Ask> QueueCredit::ask(Queue& queue, MonoTime now) {
  if (!queue.rule.limited() || queue.asking || now < queue.ask_at) return {};
  roll_window(queue, now);
  const bool idle = now - queue.used_at >= options_.idle;
  const bool wants_more = queue.hungry || (!idle && queue.owes && is_low(queue));
  const bool gives_back = idle && !queue.hungry && queue.owes;
  if (!wants_more && !gives_back) return {};
  Ask question{queue.rule.queue, queue.credit, {}};
  question.have += queue.unreported;
  if (wants_more) question.want = target(queue);
  question.want += queue.unreported;
  // What is given back must not be spent while the answer is on its way.
  if (gives_back) queue.credit = CreditAmount();
  queue.asking = true;
  queue.counted = queue.unreported;
  queue.hungry = false;
  queue.needed = CreditAmount();
  return question;
}

void QueueCredit::answered(std::string_view name, CreditAmount lent, MonoTime now) {
  Queue* queue = find(name);
  if (queue == nullptr || !std::exchange(queue->asking, false)) return;
  queue->credit = lent;
  queue->credit -= queue->counted;
  queue->owes = lent.tasks > 0 || lent.bytes > 0;  // also for what is reported meanwhile
  queue->ask_at = now + options_.ask_again;
}

void QueueCredit::failed(std::string_view name, MonoTime now) {
  Queue* queue = find(name);
  if (queue == nullptr || !std::exchange(queue->asking, false)) return;
  queue->owes = true;  // it may have been applied
  queue->ask_at = now + options_.ask_again;
}

void QueueCredit::channel_lost() {
  for (auto& [name, queue] : queues_) queue.asking = false;
}

void QueueCredit::registered() {
  for (auto& [name, queue] : queues_) {
    const bool had = queue.owes;
    void_credit(queue);
    queue.hungry = queue.hungry || had;
  }
}

void QueueCredit::forget(std::string_view name) {
  const auto found = queues_.find(name);
  if (found == queues_.end()) return;
  std::erase_if(unreported_, [name](const Stored& stored) { return stored.queue == name; });
  queues_.erase(found);
}

void QueueCredit::void_credit(Queue& queue) {
  queue.credit = CreditAmount();
  queue.asking = false;
  queue.owes = false;
  queue.ask_at = MonoTime{};
}

// ---- table --------------------------------------------------------------------------------------

QueueCredit::Queue* QueueCredit::find(std::string_view queue) {
  const auto found = queues_.find(queue);
  return found == queues_.end() ? nullptr : &found->second;
}

const QueueCredit::Queue* QueueCredit::find(std::string_view queue) const {
  const auto found = queues_.find(queue);
  return found == queues_.end() ? nullptr : &found->second;
}

}  // namespace baton::manager
