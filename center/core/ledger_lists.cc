// The lists of the ledger: tasks by queue and state, queues by name. Both go on from a cursor.
#include <charconv>
#include <optional>

#include "center/core/apply_queues.h"
#include "center/core/ledger_state.h"
#include "center/core/task_view.h"

namespace baton::center {
namespace {

// A page ends early after so many offsets were looked at: the loop must not stand still.
constexpr std::uint64_t kOffsetsLookedAtMax = std::uint64_t{1} << 20;

// The cursor of a task list is the id of the first task not looked at.
std::optional<TaskId> parse_cursor(std::string_view cursor) {
  if (cursor.empty()) return TaskId(ShardId(1), Offset(1));
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(cursor.data(), cursor.data() + cursor.size(), value);
  if (error != std::errc{} || end != cursor.data() + cursor.size()) return std::nullopt;
  return TaskId(value);
}

class TaskLister {
 public:
  TaskLister(const Tables& tables, QueueId queue, TaskState state, const TaskFilter& filter,
             std::size_t limit)
      : tables_(tables), queue_(queue), state_(state), filter_(filter), limit_(limit) {}

  TaskPage list(TaskId from) {
    for (ShardId id = from.shard(); tables_.members.find_shard(id) != nullptr; id = id.next()) {
      const Shard& shard = tables_.members.shard(id);
      const Offset stopped = list_shard(shard, id == from.shard() ? from.offset() : Offset(1));
      if (stopped >= shard.created_hi()) continue;
      page_.next = to_string(TaskId(id, stopped));
      break;
    }
    return std::move(page_);
  }

 private:
  // Returns the first offset not looked at.
  Offset list_shard(const Shard& shard, Offset from) {
    Offset at = shard.tasks.next_live(from);
    while (at < shard.created_hi()) {
      if (page_.tasks.size() >= limit_ || looked_at_ >= kOffsetsLookedAtMax) return at;
      ++looked_at_;
      const TaskId task(shard.id, at);
      const TaskFacts facts = facts_of(tables_, task);
      const bool wanted = facts.queue == queue_ && (state_ == TaskState::kNone ||
                                                    seen_state(tables_, task, facts) == state_);
      if (wanted) add_if_it_passes(task);
      // A page of tasks that are all alike is passed at once.
      const Offset next = wanted ? at.next() : shard.tasks.same_until(at);
      at = shard.tasks.next_live(next);
    }
    return at;
  }

  void add_if_it_passes(TaskId task) {
    TaskView view = task_view(tables_, task);
    const bool passes = view.reason.find(filter_.reason_has) != std::string::npos &&
                        (filter_.created_before.ms == 0 || view.created < filter_.created_before) &&
                        view.attempt >= filter_.attempts_min &&
                        (filter_.order_key.empty() || view.order_key == filter_.order_key) &&
                        (filter_.fair_key.empty() || view.fair_key == filter_.fair_key);
    if (passes) page_.tasks.push_back(std::move(view));
  }

  const Tables& tables_;
  const QueueId queue_;
  const TaskState state_;
  const TaskFilter& filter_;
  const std::size_t limit_;
  std::uint64_t looked_at_ = 0;
  TaskPage page_;
};

QueueView view_of(const Tables& tables, const Queue& queue) {
  QueueView view;
  view.name = queue.name;
  view.id = queue.id;
  view.ready = queue.ready;
  view.delayed = queue.delayed;
  view.claimed = queue.claimed;
  view.dead = queue.dead;
  view.quarantined = queue.quarantined;
  view.done = queue.done;
  view.created = queue.created;
  view.waiting = queue.waiting;
  view.held = queue.held;
  view.blocked = queue.blocked + queue.pending;
  view.cancelled = queue.cancelled;
  view.bytes = queue.bytes;
  view.paused = queue.settings.paused;
  view.acked = queue.acked;
  const QueueSettings& settings = queue.settings;
  view.key_window = Millis(tables.keys.effective_window_ms(
      queue.id, tables.counters.lease_ms, {settings.key_window.count(), settings.key_count}));
  return view;
}

// A name that somebody waits for, but nobody ever used, is shown only while he waits.
bool is_shown(const Queue& queue) { return queue.created > 0 || queue.waiting > 0 || queue.is_set; }

}  // namespace

TaskPage Ledger::list_tasks(std::string_view queue, TaskState state, const TaskFilter& filter,
                            std::string_view cursor, std::size_t limit) const {
  const QueueId id = state_->tables.queues.find(queue);
  const std::optional<TaskId> from = parse_cursor(cursor);
  if (!id || !from || limit == 0) return {};
  return TaskLister(state_->tables, id, state, filter, limit).list(*from);
}

QueuePage Ledger::list_queues(std::string_view prefix, std::string_view cursor,
                              std::size_t limit) const {
  const QueueTable& queues = state_->tables.queues;
  QueuePage page;
  if (limit == 0) return page;
  const std::string from(cursor.empty() ? prefix : cursor);
  for (auto at = queues.by_name().lower_bound(from); !at.done() && at->first.starts_with(prefix);
       ++at) {
    const Queue& queue = queues[at->second];
    if (!is_shown(queue)) continue;
    if (page.queues.size() == limit) {
      page.next = queue.name;
      break;
    }
    page.queues.push_back(view_of(state_->tables, queue));
  }
  return page;
}

Result<QueueDetailView> Ledger::find_queue(std::string_view name) const {
  const Tables& tables = state_->tables;
  const QueueId id = tables.queues.find(name);
  if (!id || !is_shown(tables.queues[id]))
    return Status(ErrorCode::kNotFound, "no queue '" + std::string(name) + "'");
  const Queue& queue = tables.queues[id];
  QueueDetailView view;
  view.queue = view_of(tables, queue);
  view.settings = queue.settings;
  view.keys = tables.keys.line(id).size;
  view.order_keys = tables.order_keys.count(id);
  view.fair_keys = tables.fair_keys.count(id);
  view.finished_kept = queue.done_rows;
  view.finished_kept_bytes = queue.done_bytes;
  return view;
}

RulePage Ledger::list_rules(std::string_view cursor, std::size_t limit) const {
  const QueueTable& queues = state_->tables.queues;
  RulePage page;
  for (auto at = queues.by_name().lower_bound(std::string(cursor)); !at.done(); ++at) {
    const QueueRule rule = rule_of(queues[at->second]);
    if (!rule.ordered && !rule.limits_tasks && rule.max_bytes == 0) continue;
    if (page.rules.size() == limit) {
      page.next = rule.queue;
      break;
    }
    page.rules.push_back(rule);
  }
  return page;
}

}  // namespace baton::center
