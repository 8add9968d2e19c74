#include "center/core/apply_created.h"

#include <algorithm>
#include <utility>

#include "center/core/apply_members.h"
#include "center/core/task_moves.h"

namespace baton::center {
namespace {

Status invalid(const char* text) { return {ErrorCode::kInvalidArgument, text}; }

// A manager checks all this with the same code before it confirms, so a failure is a bug over
// there: the whole message is refused, visibly and without effect.
Status check_run(const Tables& tables, const CreatedRun& run) {
  if (run.count == 0) return invalid("an empty run");
  if (run.queue.empty() ? !tables.queues.exists(run.queue_id)
                        : !validate_queue_name(run.queue).ok()) {
    return invalid("a run without a valid queue");
  }
  if (run.priority < kPriorityMin || run.priority > kPriorityMax)
    return invalid("a priority outside 1 to 10");
  if (run.producer) BATON_RETURN_IF_ERROR(validate_producer_seqs(run.seq.value(), run.count));
  if (run.waits && !run.producer) return invalid("a waiting run without a producer");
  const std::size_t hashes = run.waits && !run.is_void ? run.count : 0;
  if (hashes > run.content_hash.size()) return invalid("a waiting run without content hashes");
  return {};
}

Status check(const Tables& tables, const Created& command) {
  std::uint64_t tasks = 0;
  for (const CreatedRun& run : command.runs) {
    if (Status status = check_run(tables, run); !status.ok()) return status;
    tasks += run.count;
  }
  if (tasks > kCreatedTasksMax)
    return {ErrorCode::kTooLarge, "more tasks than one message may report"};
  if (!command.from || command.from.value() + tasks > kOffsetMax)
    return invalid("an offset that does not exist");
  return {};
}

Offset end_of(const Created& command) {
  std::uint64_t end = command.from.value();
  for (const CreatedRun& run : command.runs) end += run.count;
  return Offset(end);
}

// Puts the part of one run at or above created_hi into the ledger.
class RunApplier {
 public:
  RunApplier(Work& work, Shard& shard, const Created& command, CreatedOutcome& outcome)
      : work_(work), shard_(shard), wall_(command.wall), outcome_(outcome) {}

  // `from` is the offset of the run's first task.
  void apply(const CreatedRun& run, Offset from) {
    const std::uint64_t known =
        shard_.created_hi().value() - std::min(from.value(), shard_.created_hi().value());
    const auto skip = static_cast<std::uint32_t>(std::min<std::uint64_t>(run.count, known));
    if (run.producer) see_producer(run);
    if (run.waits && !run.is_void) {
      for (std::uint32_t i = 0; i < skip; ++i) answer_known(run, i, Offset(from.value() + i));
    }
    const std::uint32_t count = run.count - skip;
    if (count == 0) return;
    if (run.unreadable) {
      create_quarantined(work_, shard_, count, queue_of(run), run.priority, wall_);
    } else if (run.is_void) {
      create_void(work_, shard_, count, wall_, Cause::kCreated);
    } else if (!run.producer) {
      create_ready(work_, shard_, count, queue_of(run), run.priority, wall_);
    } else if (run.waits) {
      for (std::uint32_t i = skip; i < run.count; ++i) admit_moved(run, i);
    } else {
      admit_plain(run, skip, count);
    }
  }

 private:
  void see_producer(const CreatedRun& run) {
    work_.tables.producers.seen(run.producer, run.resolved_below, work_.now_ms(), work_.index(),
                                shards());
  }

  QueueId queue_of(const CreatedRun& run) {
    if (run.queue.empty()) return run.queue_id;
    const QueueId id = work_.tables.queues.intern(run.queue);
    BATON_CHECK(id);  // 16 million names: memory ended long before
    const auto same = [&](const auto& known) { return known.second == id; };
    if (std::none_of(outcome_.queues.begin(), outcome_.queues.end(), same))
      outcome_.queues.emplace_back(run.queue, id);
    return id;
  }

  void admit_plain(const CreatedRun& run, std::uint32_t skip, std::uint32_t count) {
    const TaskId first(shard_.id, shard_.created_hi());
    const ProducerSeq seq(run.seq.value() + skip);
    for (const auto& part : work_.tables.producers.admit_plain(run.producer, seq, first, count)) {
      if (part.is_new) {
        create_ready(work_, shard_, part.count, queue_of(run), run.priority, wall_);
      } else {
        create_void(work_, shard_, part.count, wall_, Cause::kDuplicate);
      }
    }
  }

  void admit_moved(const CreatedRun& run, std::uint32_t i) {
    const TaskId task(shard_.id, shard_.created_hi());
    const auto answer = work_.tables.producers.admit_moved(
        run.producer, ProducerSeq(run.seq.value() + i), task, run.content_hash[i], run.maybe_at,
        work_.index(), shards());
    if (answer.is_new) {
      create_ready(work_, shard_, 1, queue_of(run), run.priority, wall_);
    } else {
      create_void(work_, shard_, 1, wall_, Cause::kDuplicate);
    }
    outcome_.winners.push_back({task.offset(), answer.task, answer.code});
  }

  void answer_known(const CreatedRun& run, std::uint32_t i, Offset offset) {
    const auto answer = work_.tables.producers.answer_moved(
        run.producer, ProducerSeq(run.seq.value() + i), run.content_hash[i]);
    outcome_.winners.push_back({offset, answer.task, answer.code});
  }

  [[nodiscard]] std::uint32_t shards() const {
    return static_cast<std::uint32_t>(work_.tables.members.shards().size());
  }

  Work& work_;
  Shard& shard_;
  const WallTime wall_;
  CreatedOutcome& outcome_;
};

}  // namespace

CreatedOutcome apply_created(Work& work, Sender sender, const Created& command) {
  CreatedOutcome outcome;
  Shard* shard = work.tables.members.find_shard(command.shard);
  if (shard == nullptr || shard->manager != sender.manager) {
    outcome.status = {ErrorCode::kNotFound, "not a shard of this manager"};
    return outcome;
  }
  outcome.created_hi = shard->created_hi();
  if (shard->epoch != command.epoch) {
    outcome.status = {ErrorCode::kConflict, "another epoch is registered"};
    return outcome;
  }
  if (command.from > shard->created_hi()) {
    outcome.status = {ErrorCode::kConflict, "a gap: expected created_hi"};
    return outcome;
  }
  outcome.status = check(work.tables, command);
  if (!outcome.status.ok()) return outcome;
  // The owner of a sealed shard reports what its store had when it was sealed, and no more (R2).
  if (shard->sealed && end_of(command) > shard->missing_from) {
    outcome.status = {ErrorCode::kConflict, "the shard is sealed, and its store ended before"};
    return outcome;
  }

  RunApplier applier(work, *shard, command, outcome);
  const Offset before = shard->created_hi();
  Offset at = command.from;
  for (const CreatedRun& run : command.runs) {
    applier.apply(run, at);
    at = Offset(at.value() + run.count);
  }
  if (shard->created_hi() > before) shard->crc_last = command.crc_last;
  shard->durable_end =
      std::max({shard->durable_end, shard->created_hi(),
                command.durable_end.value() > kOffsetMax ? Offset() : command.durable_end});
  note_caught_up(work.tables, *shard);
  if (shard->all_reported()) work.tables.producers.sweep(work.tables.members);
  outcome.created_hi = shard->created_hi();
  return outcome;
}

SimpleOutcome apply_producer_done(Work& work, const ProducerDone& command) {
  if (!command.producer) return {{ErrorCode::kInvalidArgument, "no producer id"}};
  const auto shards = static_cast<std::uint32_t>(work.tables.members.shards().size());
  work.tables.producers.seen(command.producer, command.resolved_below, work.now_ms(), work.index(),
                             shards);
  return {};
}

}  // namespace baton::center
