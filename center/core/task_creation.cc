#include "center/core/task_creation.h"

#include <algorithm>

#include "center/core/family.h"
#include "center/core/order_lines.h"
#include "center/core/task_moves.h"
#include "center/core/waiting.h"

namespace baton::center {

void create_ready(Work& work, Shard& shard, std::uint64_t count, QueueId queue,
                  std::uint32_t priority, std::uint32_t bytes, WallTime created) {
  const TaskId first(shard.id, shard.created_hi());
  Queue& in = work.tables.queues.edit(queue);
  in.add_ready(shard.id, first.offset(), count, priority);
  in.created += count;
  in.bytes += count * bytes;
  shard.tasks.append(count, TaskValue::ready(queue, priority), work.tables.counters.created + 1,
                     created);
  shard.tasks.set_payload_bytes(first.offset(), count, bytes);
  work.tables.counters.created += count;
  count_waiting(work, shard, static_cast<std::int64_t>(count));
  note(work, first, TaskState::kNone, TaskState::kReady, Cause::kCreated, {}, {},
       static_cast<std::uint32_t>(count));
  offer(work, queue, first, count);
}

namespace {

// Lease time, in so long; 0: never.
std::int64_t in_lease(const Work& work, Millis stated, Millis of_queue) {
  const Millis span = stated == Millis(0) ? of_queue : stated;
  return span == Millis(0) ? 0 : work.now_ms() + span.count();
}

// Whether the task asks for something that only a row of options can hold.
bool wants_options(const TaskOptions& options, const QueueSettings& settings) {
  return options.wait_timeout + settings.wait_timeout != Millis(0) ||
         options.total_timeout + settings.total_timeout != Millis(0) ||
         options.attempt_timeout != Millis(0) || options.max_attempts != 0 ||
         !options.after.empty() || options.parent || options.retry_of ||
         options.on_failed != FailurePolicy::kDefault;
}

void fill_options(Work& work, const TaskOptions& options, const QueueSettings& settings,
                  OptionsRow& row) {
  const Millis wait =
      options.wait_timeout == Millis(0) ? settings.wait_timeout : options.wait_timeout;
  row.not_before_ms = options.not_before.ms;
  row.time_to_live_at_ms = in_lease(work, options.time_to_live, settings.time_to_live);
  row.total_at_ms = in_lease(work, options.total_timeout, settings.total_timeout);
  row.wait_timeout_ms = wait.count();
  row.attempt_timeout_ms = options.attempt_timeout.count();
  row.max_attempts = options.max_attempts;
  row.on_failed = options.on_failed;
  row.unborn = options.with_completion;
  row.parent = options.parent;
  row.parent_token = options.parent_token;
  row.retry_of = options.retry_of;
}

std::uint32_t name_order_key(Tables& tables, QueueId queue, const TaskOptions& options) {
  if (options.order_key.empty() && !tables.queues[queue].settings.ordered) return kNoSlot;
  const std::uint32_t slot = tables.order_keys.intern(queue, options.order_key);
  ++tables.order_keys.edit(slot).tasks;
  return slot;
}

std::uint32_t name_fair_key(Tables& tables, QueueId queue, const TaskOptions& options) {
  if (options.fair_key.empty()) return kNoSlot;
  const std::uint32_t slot = tables.fair_keys.intern(queue, options.fair_key);
  FairKey& key = tables.fair_keys.edit(slot);
  ++key.tasks;
  key.weight = std::max(options.fair_weight, 1U);
  return slot;
}

// The first state of a task that nobody else's end decides about.
TaskState first_state(Work& work, TaskId task, const TaskFacts& facts, const OptionsRow* options) {
  if (options != nullptr && options->unborn) return TaskState::kPending;
  const bool holds = facts.order_key == kNoSlot || enter_key(work, facts.order_key, task);
  if (!holds || (options != nullptr && options->after_open > 0)) return TaskState::kBlocked;
  return facts.ready_at_ms > work.tables.counters.calendar.ms ? TaskState::kDelayed
                                                              : TaskState::kReady;
}

}  // namespace

void create_task(Work& work, Shard& shard, QueueId queue, std::uint32_t priority,
                 const TaskOptions& options, std::uint32_t bytes, WallTime created) {
  Tables& tables = work.tables;
  const TaskId task(shard.id, shard.created_hi());
  // Ready for a moment, so that its page is there.
  shard.tasks.append(1, TaskValue::ready(queue, priority), tables.counters.created + 1, created);
  shard.tasks.set_payload_bytes(task.offset(), 1, bytes);
  ++tables.counters.created;
  Queue& in = tables.queues.edit(queue);
  ++in.created;
  in.bytes += bytes;

  TaskFacts facts;
  facts.queue = queue;
  facts.priority = priority;
  facts.order_key = name_order_key(tables, queue, options);
  facts.fair_key = name_fair_key(tables, queue, options);
  facts.ready_at_ms = options.not_before.ms;
  if (wants_options(options, in.settings)) {
    make_options(work, task, facts);
    OptionsRow& row = tables.task_options.edit(facts.options);
    fill_options(work, options, in.settings, row);
    join_family(work, task, options, row);
  } else {
    facts.mortal_at_ms = in_lease(work, options.time_to_live, in.settings.time_to_live);
  }
  facts.state = first_state(work, task, facts, options_of(tables, facts));
  if (facts.state == TaskState::kReady) facts.ready_at_ms = 0;
  note(work, task, TaskState::kNone, facts.state, Cause::kCreated);
  start_waiting(work, task, facts);
  if (!options.after.empty()) tell_failed(work, task, options);
}

void create_void(Work& work, Shard& shard, std::uint64_t count, WallTime created, Cause cause) {
  const TaskId first(shard.id, shard.created_hi());
  shard.tasks.append(count, TaskValue(), work.tables.counters.created + 1, created);
  work.tables.counters.created += count;
  note(work, first, TaskState::kNone, TaskState::kVoid, cause, {}, {},
       static_cast<std::uint32_t>(count));
  told_void(work, first, count);
}

void create_quarantined(Work& work, Shard& shard, std::uint64_t count, QueueId queue,
                        std::uint32_t priority, WallTime created) {
  const TaskId first(shard.id, shard.created_hi());
  Queue& in = work.tables.queues.edit(queue);
  in.created += count;
  in.quarantined += count;
  shard.tasks.append(count, TaskValue::quarantined(queue, priority),
                     work.tables.counters.created + 1, created);
  work.tables.counters.created += count;
  for (std::uint64_t i = 0; i < count; ++i) {
    set_reason(work, TaskId(first.value() + i), "its payload was damaged before it was reported");
  }
  note(work, first, TaskState::kNone, TaskState::kQuarantined, Cause::kDamaged, {}, {},
       static_cast<std::uint32_t>(count));
  told_void(work, first, count);
}

}  // namespace baton::center
