#include <algorithm>

#include "common/base/limits.h"
#include "tests/model/ledger/oracle.h"

namespace baton::center::model {
namespace {

bool is_valid(const CreatedRun& run, std::size_t queues) {
  const bool queue = run.queue.empty() ? run.queue_id && run.queue_id.value() <= queues
                                       : validate_queue_name(run.queue).ok();
  const bool hashes = !run.waits || run.is_void || run.content_hash.size() >= run.count;
  return run.count > 0 && queue && run.priority >= 1 && run.priority <= 10 &&
         (!run.producer || run.seq) && (!run.waits || run.producer) && hashes;
}

}  // namespace

QueueId Oracle::intern(const std::string& name) {
  const auto at = std::find(queues.begin(), queues.end(), name);
  if (at == queues.end()) {
    queues.push_back(name);
    return QueueId(static_cast<std::uint32_t>(queues.size()));
  }
  return QueueId(static_cast<std::uint32_t>(at - queues.begin() + 1));
}

CreatedOutcome Oracle::created(const std::string& from, const Created& c) {
  CreatedOutcome outcome;
  const auto found = shards.find(c.shard);
  if (found == shards.end() || found->second.manager != from) {
    outcome.status = {ErrorCode::kNotFound, ""};
    return outcome;
  }
  OracleShard& shard = found->second;
  outcome.created_hi = Offset(shard.created_hi);
  const bool epoch = shard.epoch == c.epoch || has(Mistake::kAnyEpoch);
  const bool gap = c.from.value() > shard.created_hi;
  if (!epoch || (gap && !has(Mistake::kGap))) {
    outcome.status = {ErrorCode::kConflict, ""};
    return outcome;
  }
  const bool valid = std::all_of(c.runs.begin(), c.runs.end(), [&](const CreatedRun& run) {
    return is_valid(run, queues.size());
  });
  if (!valid || !c.from) {
    outcome.status = {ErrorCode::kInvalidArgument, ""};
    return outcome;
  }
  std::uint64_t end = c.from.value();
  for (const CreatedRun& run : c.runs) end += run.count;
  if (shard.sealed && end > shard.missing_from) {
    outcome.status = {ErrorCode::kConflict, ""};
    return outcome;
  }
  if (gap) shard.created_hi = c.from.value();
  const std::uint64_t before = shard.created_hi;
  std::uint64_t at = c.from.value();
  for (const CreatedRun& run : c.runs) {
    if (run.producer) see_producer(run.producer, run.resolved_below.value());
    for (std::uint32_t i = 0; i < run.count; ++i, ++at) {
      const bool known = at < shard.created_hi;
      const TaskId task(c.shard, Offset(at));
      bool is_new = true;
      if (run.waits && !run.is_void) {
        outcome.winners.push_back(admit_moved(run, i, task, known, is_new));
      } else if (!known && run.producer && !run.is_void) {
        is_new = admit_plain(run, run.seq.value() + i, task);
      }
      if (known) continue;
      add_task(c.shard, run, is_new && !run.is_void,
               run.is_void ? Cause::kCreated : Cause::kDuplicate);
      if (is_new && !run.is_void && !run.queue.empty()) {
        const std::pair<std::string, QueueId> name(run.queue, intern(run.queue));
        const auto& told = outcome.queues;
        if (std::find(told.begin(), told.end(), name) == told.end()) outcome.queues.push_back(name);
      }
    }
  }
  if (shard.created_hi > before) shard.crc = c.crc_last;
  shard.durable_end = std::max({shard.durable_end, shard.created_hi, c.durable_end.value()});
  caught_up(shard);
  if (all_reported(shard)) sweep();
  outcome.created_hi = Offset(shard.created_hi);
  return outcome;
}

// Tasks share the order of the first of their 1,024-aligned stretch of offsets.
void Oracle::add_task(ShardId shard, const CreatedRun& run, bool is_new, Cause cause) {
  const TaskId id(shard, Offset(shards[shard].created_hi++));
  OracleTask& task = tasks[id];
  task.order = ++created_;
  const std::uint64_t stretch = std::max<std::uint64_t>(1, id.offset().value() / 1024 * 1024);
  const auto first = tasks.find(TaskId(shard, Offset(stretch)));
  if (first != tasks.end()) task.order = first->second.order;
  if (!is_new) {
    move(id, TaskState::kVoid, cause, {}, {});
    return;
  }
  task.queue =
      run.queue.empty() ? queues[run.queue_id.value() - 1] : queues[intern(run.queue).value() - 1];
  task.priority = run.priority;
  if (run.unreadable) {
    move(id, TaskState::kQuarantined, Cause::kDamaged, {}, {});
  } else {
    move(id, TaskState::kReady, Cause::kCreated, {}, {});
  }
}

void Oracle::see_producer(ProducerId id, std::uint64_t resolved_below) {
  OracleProducer& producer = producers[id];
  producer.seen = now;
  if (!producer.active) producer.looked_at = now + 600'000;
  producer.active = true;
  if (resolved_below <= producer.resolved_below) return;
  producer.resolved_below = resolved_below;
  for (auto at = producer.numbers.begin();
       at != producer.numbers.end() && at->first < resolved_below;) {
    const bool forget = !at->second.moved || has(Mistake::kForgetsMoved);
    if (!forget && at->second.resolved_at == 0) linger(at->second);
    at = forget ? producer.numbers.erase(at) : std::next(at);
  }
}

void Oracle::linger(OracleNumber& number) {
  number.resolved_at = index_;
  number.shards_then = static_cast<std::uint32_t>(shards.size());
}

bool Oracle::admit_plain(const CreatedRun& run, std::uint64_t seq, TaskId task) {
  if (has(Mistake::kNoDedup)) return true;
  OracleProducer& producer = producers[run.producer];
  if (producer.numbers.contains(seq)) return false;
  if (seq >= producer.resolved_below) producer.numbers[seq].task = task;
  return true;
}

Winner Oracle::admit_moved(const CreatedRun& run, std::uint32_t i, TaskId task, bool known,
                           bool& is_new) {
  OracleProducer& producer = producers[run.producer];
  const std::uint64_t seq = run.seq.value() + i;
  const std::uint64_t hash = run.content_hash[i];
  const Offset offset = task.offset();
  auto found = producer.numbers.find(seq);
  is_new = false;
  if (known) {
    if (found == producer.numbers.end() || !found->second.moved)
      return {offset, TaskId(), ErrorCode::kNotFound};
  } else if (found == producer.numbers.end()) {
    if (seq < producer.resolved_below) return {offset, TaskId(), ErrorCode::kNotFound};
    found = producer.numbers.emplace(seq, OracleNumber{}).first;
    found->second.task = task;
    found->second.hash = hash;
    is_new = true;
  }
  OracleNumber& number = found->second;
  if (!known) {
    if (!number.moved && seq < producer.resolved_below) linger(number);
    number.moved = true;
    number.anywhere |= run.maybe_at.empty();
    number.maybe_at.insert(run.maybe_at.begin(), run.maybe_at.end());
  }
  if (number.hash && *number.hash != hash) return {offset, TaskId(), ErrorCode::kConflict};
  return {offset, number.task, ErrorCode::kOk};
}

}  // namespace baton::center::model
