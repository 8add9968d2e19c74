// The lists of the ledger: tasks by queue and state, queues by name. Both go on from a cursor.
#include <charconv>
#include <optional>

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
  TaskLister(const Tables& tables, QueueId queue, TaskState state, std::size_t limit)
      : tables_(tables), queue_(queue), state_(state), limit_(limit) {}

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
      const TaskValue value = shard.tasks.get(at);
      const bool wanted = queue_of(tables_, value) == queue_ &&
                          (state_ == TaskState::kNone || state_of(tables_, shard, value) == state_);
      if (wanted) page_.tasks.push_back(task_view(tables_, TaskId(shard.id, at)));
      // A page of tasks that are all alike is passed at once.
      const Offset next = wanted ? at.next() : shard.tasks.same_until(at);
      at = shard.tasks.next_live(next);
    }
    return at;
  }

  const Tables& tables_;
  const QueueId queue_;
  const TaskState state_;
  const std::size_t limit_;
  std::uint64_t looked_at_ = 0;
  TaskPage page_;
};

QueueView view_of(const Queue& queue) {
  return {queue.name, queue.id,          queue.ready, queue.delayed, queue.claimed,
          queue.dead, queue.quarantined, queue.done,  queue.created, queue.waiting};
}

}  // namespace

TaskPage Ledger::list_tasks(std::string_view queue, TaskState state, std::string_view cursor,
                            std::size_t limit) const {
  const QueueId id = state_->tables.queues.find(queue);
  const std::optional<TaskId> from = parse_cursor(cursor);
  if (!id || !from || limit == 0) return {};
  return TaskLister(state_->tables, id, state, limit).list(*from);
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
    // A name that somebody waits for, but nobody ever produced to, is shown only while he waits.
    if (queue.created == 0 && queue.waiting == 0) continue;
    if (page.queues.size() == limit) {
      page.next = queue.name;
      break;
    }
    page.queues.push_back(view_of(queue));
  }
  return page;
}

}  // namespace baton::center
