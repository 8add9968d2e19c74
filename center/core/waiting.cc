#include "center/core/waiting.h"

#include "common/base/check.h"

namespace baton::center {
namespace {

using Kind = TaskValue::Kind;

// The state of a task without a row, as small as it can be said. False: it needs options.
bool store_small(TaskPages& pages, Offset offset, const TaskFacts& facts) {
  const bool ready = facts.state == TaskState::kReady;
  const bool ordered = facts.order_key != kNoSlot;
  const bool fair = facts.fair_key != kNoSlot;
  const bool mortal = facts.mortal_at_ms != 0;
  const int wishes = int{ordered} + int{fair} + int{mortal};
  const auto store = [&](Kind kind) {
    pages.set(offset, TaskValue::waiting(kind, facts.queue, facts.priority));
    return true;
  };
  if (wishes == 0 && ready) return store(Kind::kReady);
  if (wishes == 0 && facts.state == TaskState::kDelayed)
    return pages.set_time(offset, Kind::kDelayed, facts.ready_at_ms) && store(Kind::kDelayed);
  if (wishes != 1 || facts.ready_at_ms != 0) return false;
  if (mortal && ready)
    return pages.set_time(offset, Kind::kMortal, facts.mortal_at_ms) && store(Kind::kMortal);
  if (ordered && (ready || facts.state == TaskState::kBlocked)) {
    pages.set_extra(offset, facts.order_key);
    return store(ready ? Kind::kOrdered : Kind::kQueued);
  }
  if (fair && ready) {
    pages.set_extra(offset, facts.fair_key);
    return store(Kind::kFair);
  }
  return false;
}

void store(Work& work, TaskId task, TaskFacts& facts) {
  Tables& tables = work.tables;
  if (facts.row != kNoSlot) {
    TaskRow& row = tables.rows.edit(facts.row);
    row.state = facts.state;
    if (facts.state == TaskState::kDelayed) row.deadline_ms = facts.ready_at_ms;
    return;
  }
  TaskPages& pages = tables.members.shard(task.shard()).tasks;
  if (facts.options == kNoSlot) {
    if (store_small(pages, task.offset(), facts)) return;
    make_options(work, task, facts);
  }
  tables.task_options.edit(facts.options).state = facts.state;
  pages.set_extra(task.offset(), facts.options);
  pages.set(task.offset(), TaskValue::waiting(Kind::kOptions, facts.queue, facts.priority));
}

void begin_wait_in_ready(Work& work, const TaskFacts& facts) {
  const OptionsRow* options = options_of(work.tables, facts);
  if (options == nullptr || options->wait_timeout_ms == 0) return;
  work.tables.task_options.edit(facts.options).wait_until_ms =
      work.now_ms() + options->wait_timeout_ms;
}

const FairKey* fair_key_of(const Tables& tables, const TaskFacts& facts) {
  return facts.fair_key == kNoSlot ? nullptr : &tables.fair_keys[facts.fair_key];
}

}  // namespace

std::int64_t waiting_end_ms(const Tables& tables, const TaskFacts& facts) {
  if (facts.mortal_at_ms != 0) return facts.mortal_at_ms;
  const OptionsRow* options = options_of(tables, facts);
  return options == nullptr ? 0 : options->waiting_end_ms(facts.state);
}

void offer(Work& work, QueueId queue, TaskId first, std::uint64_t count) {
  const auto& by_task = work.tables.lines.by_task();
  if (!by_task.empty()) {
    const TaskId end(first.value() + count);
    for (auto at = by_task.lower_bound(first); at != by_task.end() && at->first < end; ++at) {
      work.wanted_tasks.push_back(at->first);
    }
  }
  offer_queue(work, queue);
}

void offer_queue(Work& work, QueueId queue) {
  if (work.tables.queues[queue].ring_size == 0) return;
  if (work.ready_queues.empty() || work.ready_queues.back() != queue)
    work.ready_queues.push_back(queue);
}

void reopen_queue(Work& work, QueueId queue) {
  const LineTable::OneTaskLines& lines = work.tables.lines.one_task_lines();
  for (auto at = lines.lower_bound({queue, TaskId(), 0});
       at != lines.end() && std::get<QueueId>(*at) == queue; ++at) {
    work.wanted_tasks.push_back(std::get<TaskId>(*at));
  }
  offer_queue(work, queue);
}

void count_waiting(Work& work, Shard& shard, std::int64_t change) {
  shard.waiting += static_cast<std::uint64_t>(change);
  work.tables.counters.waiting += static_cast<std::uint64_t>(change);
}

void start_waiting(Work& work, TaskId task, TaskFacts facts) {
  Tables& tables = work.tables;
  BATON_CHECK(facts.waits());
  if (facts.state == TaskState::kReady) begin_wait_in_ready(work, facts);
  store(work, task, facts);
  Queue& queue = tables.queues.edit(facts.queue);
  Shard& shard = tables.members.shard(task.shard());
  switch (facts.state) {
    case TaskState::kReady:
      queue.put_back(task, facts.priority, facts.fair_key, fair_key_of(tables, facts));
      count_waiting(work, shard, +1);
      offer(work, facts.queue, task, 1);
      break;
    case TaskState::kDelayed:
      ++queue.delayed;
      count_waiting(work, shard, +1);
      if (facts.row == kNoSlot) {
        tables.delays.insert({facts.ready_at_ms, task}, {});
      } else {
        tables.backoff_ends.set(facts.row, facts.ready_at_ms, tables.rows[facts.row].token.value());
      }
      break;
    case TaskState::kBlocked:
      ++queue.blocked;
      if (is_acked(tables, facts)) ++queue.acked;
      break;
    default:
      ++queue.pending;
      break;
  }
  if (const std::int64_t end = waiting_end_ms(tables, facts); end != 0)
    tables.waiting_ends.insert({end, task}, {});
}

void stop_waiting(Work& work, TaskId task, const TaskFacts& facts) {
  Tables& tables = work.tables;
  BATON_CHECK(facts.waits());
  Queue& queue = tables.queues.edit(facts.queue);
  Shard& shard = tables.members.shard(task.shard());
  if (const std::int64_t end = waiting_end_ms(tables, facts); end != 0)
    tables.waiting_ends.erase({end, task});
  switch (facts.state) {
    case TaskState::kReady:
      queue.take(task, facts.priority, facts.fair_key);
      count_waiting(work, shard, -1);
      if (facts.options != kNoSlot) tables.task_options.edit(facts.options).wait_until_ms = 0;
      break;
    case TaskState::kDelayed:
      --queue.delayed;
      count_waiting(work, shard, -1);
      if (facts.row == kNoSlot) {
        tables.delays.erase({facts.ready_at_ms, task});
      } else {
        tables.backoff_ends.erase(facts.row);
      }
      break;
    case TaskState::kBlocked:
      --queue.blocked;
      if (is_acked(tables, facts)) --queue.acked;
      break;
    default:
      --queue.pending;
      break;
  }
}

std::uint32_t make_options(Work& work, TaskId task, TaskFacts& facts) {
  OptionsRow options;
  options.task = task;
  options.state = facts.state;
  options.time_to_live_at_ms = facts.mortal_at_ms;
  options.order_key = facts.order_key;
  options.fair_key = facts.fair_key;
  if (facts.row == kNoSlot) options.not_before_ms = facts.ready_at_ms;
  facts.options = work.tables.task_options.add(options);
  facts.mortal_at_ms = 0;
  if (facts.row != kNoSlot) work.tables.rows.edit(facts.row).options = facts.options;
  return facts.options;
}

std::uint32_t make_row(Work& work, TaskId task, const TaskFacts& facts) {
  if (facts.row != kNoSlot) return facts.row;
  TaskFacts known = facts;
  if (known.mortal_at_ms != 0) make_options(work, task, known);
  TaskRow row;
  row.task = task;
  row.queue = known.queue;
  row.priority = static_cast<std::uint8_t>(known.priority);
  row.state = known.state;
  row.options = known.options;
  row.order_key = known.order_key;
  row.fair_key = known.fair_key;
  const std::uint32_t slot = work.tables.rows.add(row);
  work.tables.members.shard(task.shard()).tasks.set(task.offset(), TaskValue::row(slot));
  return slot;
}

void forget_options(Work& work, const TaskFacts& facts) {
  Tables& tables = work.tables;
  if (facts.options != kNoSlot) tables.task_options.remove(facts.options);
  if (facts.fair_key == kNoSlot) return;
  FairKey& key = tables.fair_keys.edit(facts.fair_key);
  if (--key.tasks == 0) tables.fair_keys.remove(facts.fair_key);
}

}  // namespace baton::center
