#include "center/core/apply_created.h"

#include <algorithm>
#include <utility>

#include "center/core/apply_members.h"
#include "center/core/family.h"
#include "center/core/task_creation.h"
#include "center/core/task_view.h"

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
  const std::size_t hashes = run.waits && !run.is_void ? run.count : 0;
  if (hashes > run.content_hash.size()) return invalid("a waiting run without content hashes");
  if (!run.key_hash.empty() && run.key_hash.size() != run.count)
    return invalid("a run with keys for some of its tasks");
  if (run.payload_bytes.size() > 1 && run.payload_bytes.size() != run.count)
    return invalid("a run with sizes for some of its tasks");
  return validate_task_options(run.options);
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

// Whether tasks with these options are plain ones, which cost next to nothing.
bool asks_for_nothing(const Tables& tables, QueueId queue, const TaskOptions& options) {
  static const TaskOptions kNothing;
  const QueueSettings& settings = tables.queues[queue].settings;
  return options == kNothing && !settings.ordered && settings.time_to_live == Millis(0) &&
         settings.wait_timeout == Millis(0) && settings.total_timeout == Millis(0);
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
    } else if (run.waits) {
      for (std::uint32_t i = skip; i < run.count; ++i) admit_waiting(run, i);
    } else if (!run.producer) {
      create(run, skip, count);
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
        create(run, skip, part.count);
      } else {
        create_void(work_, shard_, part.count, wall_, Cause::kDuplicate);
      }
      skip += part.count;
    }
  }

  // Tasks [from, from + count) of the run, at the end of the shard.
  void create(const CreatedRun& run, std::uint32_t from, std::uint32_t count) {
    const QueueId queue = queue_of(run);
    const bool plain = asks_for_nothing(work_.tables, queue, run.options);
    std::uint64_t bytes = 0;
    for (std::uint32_t at = from; at < from + count;) {
      const std::uint32_t size = bytes_of(run, at);
      std::uint32_t next = at + 1;
      while (plain && next < from + count && bytes_of(run, next) == size) ++next;
      if (plain) {
        create_ready(work_, shard_, next - at, queue, run.priority, size, wall_);
      } else {
        create_task(work_, shard_, queue, run.priority, run.options, size, wall_);
      }
      bytes += std::uint64_t{size} * (next - at);
      at = next;
    }
    work_.tables.lent.reported(queue, shard_.manager, count, bytes);
  }

  static std::uint32_t bytes_of(const CreatedRun& run, std::uint32_t i) {
    if (run.payload_bytes.empty()) return 0;
    return run.payload_bytes.size() == 1 ? run.payload_bytes[0] : run.payload_bytes[i];
  }

  // One task that is confirmed by what is decided here: who comes first, by its number (R5) and by
  // its key (R6).
  void admit_waiting(const CreatedRun& run, std::uint32_t i) {
    const TaskId task(shard_.id, shard_.created_hi());
    const auto known = by_number(run, i);
    if (known.code != ErrorCode::kOk || known.task) return refuse(task, known, false);
    const Status possible = check_links(task, run.options);
    if (!possible.ok()) return refuse(task, {false, TaskId(), possible.code()}, false);
    const KeyTable::Known first = by_key(run, i);
    if (first.task && first.content_hash != run.content_hash[i])
      return refuse(task, {false, TaskId(), ErrorCode::kConflict}, true);
    if (run.producer) {
      work_.tables.producers.admit_moved(run.producer, ProducerSeq(run.seq.value() + i),
                                         first.task ? first.task : task, run.content_hash[i],
                                         run.maybe_at, run.only_waits, work_.index(), shards());
    }
    if (first.task) return refuse(task, {false, first.task, ErrorCode::kOk}, true);
    if (!run.key_hash.empty() && !run.options.with_completion) {
      const QueueId queue = queue_of(run);
      work_.tables.keys.add(queue, run.key_hash[i], {task, run.content_hash[i]}, work_.now_ms(),
                            key_limits(queue));
    }
    create(run, i, 1);
    if (!run.key_hash.empty() && run.options.with_completion)
      keep_key(work_, task, run.options.parent, run.key_hash[i], run.content_hash[i]);
    outcome_.winners.push_back({task.offset(), task, ErrorCode::kOk, false, TaskState::kNone});
  }

  // It becomes void: `answer` says what its producer is told instead.
  void refuse(TaskId task, const ProducerTable::Answer& answer, bool by_key) {
    create_void(work_, shard_, 1, wall_, Cause::kDuplicate);
    const bool duplicate = by_key && answer.code == ErrorCode::kOk;
    outcome_.winners.push_back({task.offset(), answer.task, answer.code, duplicate,
                                duplicate ? state_now(answer.task) : TaskState::kNone});
  }

  // The task that its number names already, or why it may name none; neither: it is new.
  ProducerTable::Answer by_number(const CreatedRun& run, std::uint32_t i) {
    if (!run.producer) return {true, TaskId(), ErrorCode::kOk};
    return work_.tables.producers.find_moved(run.producer, ProducerSeq(run.seq.value() + i),
                                             run.content_hash[i], run.maybe_at, run.only_waits,
                                             work_.index(), shards());
  }

  KeyTable::Known by_key(const CreatedRun& run, std::uint32_t i) {
    if (run.key_hash.empty()) return {};
    const QueueId queue = queue_of(run);
    return work_.tables.keys.find(queue, run.key_hash[i], work_.now_ms(), key_limits(queue));
  }

  KeyTable::Limits key_limits(QueueId queue) const {
    const QueueSettings& settings = work_.tables.queues[queue].settings;
    return {settings.key_window.count(), settings.key_count};
  }

  // The ledger may hear of a task later than of those that run after it, but not of one that its
  // shard does not have.
  bool may_exist(TaskId other) const {
    const Shard* shard = work_.tables.members.find_shard(other.shard());
    if (shard == nullptr) return false;
    if (other.offset() < shard->created_hi()) return true;
    return !shard->removed && (!shard->sealed || other.offset() < shard->missing_from);
  }

  // Whether the claim that spawns it is current, and has room; whether what it runs after can be.
  Status check_links(TaskId task, const TaskOptions& options) const {
    const Tables& tables = work_.tables;
    for (const TaskId other : options.after) {
      if (other == task || !may_exist(other))
        return {ErrorCode::kNotFound, "it runs after a task that does not exist"};
    }
    if (!options.parent) return {};
    const Shard* shard = tables.members.find_shard(options.parent.shard());
    const bool known = shard != nullptr && options.parent.offset() < shard->created_hi();
    const TaskFacts parent = known ? facts_of(tables, options.parent) : TaskFacts();
    const bool current = parent.state == TaskState::kClaimed &&
                         tables.rows[parent.row].token == options.parent_token;
    if (!current) return {ErrorCode::kClaimSuperseded, "the claim of its parent is not current"};
    const Family* family = tables.families.families.find(options.parent);
    if (family != nullptr && family->open + family->pending >= kChildrenMax)
      return {ErrorCode::kTooLarge, "its parent has too many children"};
    return {};
  }

  TaskState state_now(TaskId task) const { return state_of(work_.tables, task); }

  void answer_known(const CreatedRun& run, std::uint32_t i, Offset offset) {
    const auto answer = work_.tables.producers.answer_moved(
        run.producer, ProducerSeq(run.seq.value() + i), run.content_hash[i]);
    const KeyTable::Known first = by_key(run, i);
    if (answer.task) {
      const bool duplicate = first.task == answer.task && first.task != TaskId(shard_.id, offset);
      outcome_.winners.push_back({offset, answer.task, answer.code, duplicate,
                                  duplicate ? state_now(answer.task) : TaskState::kNone});
      return;
    }
    // Its number names nothing: it was refused, and still would be.
    ErrorCode code = answer.code;
    const TaskId task(shard_.id, offset);
    if (const Status links = check_links(task, run.options); !links.ok()) code = links.code();
    if (first.task && first.content_hash != run.content_hash[i]) code = ErrorCode::kConflict;
    outcome_.winners.push_back({offset, TaskId(), code, false, TaskState::kNone});
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
