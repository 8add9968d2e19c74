#include "center/core/finished_rows.h"

namespace baton::center {
namespace {

// The row that must go because there are too many; kNoSlot when there are not.
std::uint32_t surplus_of(const Tables& tables, const Queue& queue) {
  const QueueSettings& settings = queue.settings;
  const bool too_many = queue.done_rows > settings.keep_count;
  const bool too_large = settings.keep_bytes > 0 && queue.done_bytes > settings.keep_bytes;
  if (queue.done_rows > 0 && (too_many || too_large)) return queue.done_first;
  return tables.finished.size() > FinishedTable::kMax ? tables.finished.oldest() : kNoSlot;
}

}  // namespace

std::uint64_t finished_bytes(const Tables& tables, std::uint32_t slot) {
  const TaskRow& row = tables.rows[slot];
  const TaskPages& pages = tables.members.shard(row.task.shard()).tasks;
  const std::uint64_t payload = row.keeps_payload ? pages.payload_bytes(row.task.offset()) : 0;
  return payload + row.result_bytes;
}

bool keeps_row(const QueueSettings& settings, Cause cause, bool has_result) {
  // Whoever purges or discards wants to see them no more.
  if (cause == Cause::kPurged || cause == Cause::kDiscarded) return false;
  switch (settings.keep) {
    case KeepFinished::kNone:
      return false;
    case KeepFinished::kResults:
      // Few are cancelled one by one, and who did it should be able to see it.
      return has_result || cause == Cause::kCancelled;
    case KeepFinished::kAll:
      break;
  }
  return true;
}

void add_finished(Tables& tables, std::uint32_t slot) {
  Queue& queue = tables.queues.edit(tables.rows[slot].queue);
  tables.finished.add(tables.rows, queue, slot);
  queue.done_bytes += finished_bytes(tables, slot);
  if (queue.done_first == slot) update_kept_end(tables, queue.id);
}

void update_kept_end(Tables& tables, QueueId id) {
  Queue& queue = tables.queues.edit(id);
  if (queue.kept_end_ms != 0) tables.kept_ends.erase({queue.kept_end_ms, id});
  queue.kept_end_ms = 0;
  if (queue.done_first == kNoSlot) return;
  queue.kept_end_ms = tables.rows[queue.done_first].deadline_ms + queue.settings.keep_age.count();
  tables.kept_ends.insert({queue.kept_end_ms, id});
}

bool finished_row_is_due(const Tables& tables) {
  return !tables.kept_ends.empty() && tables.kept_ends.begin()->first <= tables.counters.lease_ms;
}

void forget_aged(Work& work) {
  while (finished_row_is_due(work.tables) && work.spend()) {
    const Queue& queue = work.tables.queues[work.tables.kept_ends.begin()->second];
    forget_done(work, queue.done_first);
  }
}

void forget_done(Work& work, std::uint32_t slot) {
  Tables& tables = work.tables;
  const TaskRow row = tables.rows[slot];
  Queue& queue = tables.queues.edit(row.queue);
  queue.done_bytes -= finished_bytes(tables, slot);
  tables.finished.remove(tables.rows, queue, slot);
  update_kept_end(tables, row.queue);
  if (!tables.reasons.empty()) tables.reasons.erase(row.task);
  tables.members.shard(row.task.shard()).tasks.set(row.task.offset(), TaskValue());
  tables.rows.remove(slot);
}

void forget_surplus(Work& work, QueueId id) {
  while (true) {
    const std::uint32_t surplus = surplus_of(work.tables, work.tables.queues[id]);
    if (surplus == kNoSlot) return;
    if (!work.spend()) {
      work.tables.jobs.surplus_queues.insert(id);
      return;
    }
    forget_done(work, surplus);
  }
}

void continue_forgetting(Work& work) {
  std::set<QueueId>& queues = work.tables.jobs.surplus_queues;
  while (!queues.empty() && work.budget > 0) {
    const QueueId id = *queues.begin();
    queues.erase(queues.begin());
    forget_surplus(work, id);
  }
}

}  // namespace baton::center
