// What managers report, and which of it becomes tasks (R1, R5, R6).
#include <algorithm>
#include <tuple>

#include "common/base/limits.h"
#include "tests/model/ledger/oracle.h"

namespace baton::center::model {
namespace {

ErrorCode check(const CreatedRun& run, std::size_t queues) {
  const bool queue = run.queue.empty() ? run.queue_id && run.queue_id.value() <= queues
                                       : validate_queue_name(run.queue).ok();
  const bool hashes = !run.waits || run.is_void || run.content_hash.size() >= run.count;
  const bool keys = run.key_hash.empty() || run.key_hash.size() == run.count;
  const bool sizes = run.payload_bytes.size() <= 1 || run.payload_bytes.size() == run.count;
  const bool valid = run.count > 0 && queue && run.priority >= 1 && run.priority <= 10 &&
                     (!run.producer || validate_producer_seqs(run.seq.value(), run.count).ok()) &&
                     hashes && keys && sizes && validate_task_options(run.options).ok();
  return valid ? ErrorCode::kOk : ErrorCode::kInvalidArgument;
}

ErrorCode check(const Created& c, std::size_t queues) {
  std::uint64_t count = 0;
  for (const CreatedRun& run : c.runs) {
    if (const ErrorCode code = check(run, queues); code != ErrorCode::kOk) return code;
    count += run.count;
  }
  if (count > kCreatedTasksMax) return ErrorCode::kTooLarge;
  return c.from && c.from.value() + count <= kOffsetMax ? ErrorCode::kOk
                                                        : ErrorCode::kInvalidArgument;
}

std::uint32_t payload_of(const CreatedRun& run, std::uint32_t i) {
  if (run.payload_bytes.empty()) return 0;
  return run.payload_bytes[run.payload_bytes.size() == 1 ? 0 : i];
}

}  // namespace

QueueId Oracle::intern(const std::string& name) {
  const auto at = std::find(queues.begin(), queues.end(), name);
  if (at != queues.end()) return QueueId(static_cast<std::uint32_t>(at - queues.begin() + 1));
  queues.push_back(name);
  of_queue[name];
  return QueueId(static_cast<std::uint32_t>(queues.size()));
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
  if (const ErrorCode code = check(c, queues.size()); code != ErrorCode::kOk) {
    outcome.status = {code, ""};
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
  names_.clear();
  std::uint64_t at = c.from.value();
  for (const CreatedRun& run : c.runs) {
    if (run.producer) see_producer(run.producer, run.resolved_below.value());
    for (std::uint32_t i = 0; i < run.count; ++i, ++at) {
      const Arrival arrival{run, i, TaskId(c.shard, Offset(at))};
      const bool asks = run.waits && !run.is_void;
      if (at < shard.created_hi) {
        if (asks) outcome.winners.push_back(answer_again(arrival));
      } else if (asks && !run.unreadable) {
        outcome.winners.push_back(admit_waiting(arrival, from));
      } else {
        admit(arrival, from);
      }
    }
  }
  outcome.queues = names_;
  if (shard.created_hi > before) shard.crc = c.crc_last;
  const std::uint64_t told = c.durable_end.value() > kOffsetMax ? 0 : c.durable_end.value();
  shard.durable_end = std::max({shard.durable_end, shard.created_hi, told});
  caught_up(shard);
  if (all_reported(shard)) sweep();
  outcome.created_hi = Offset(shard.created_hi);
  return outcome;
}

// Its queue's name; the manager is told the id of a name that it used.
std::string Oracle::name_queue(const CreatedRun& run) {
  if (run.queue.empty()) return queues[run.queue_id.value() - 1];
  const std::pair<std::string, QueueId> name(run.queue, intern(run.queue));
  if (std::find(names_.begin(), names_.end(), name) == names_.end()) names_.push_back(name);
  return run.queue;
}

// Tasks share the order of the first of their 1,024-aligned stretch of offsets.
void Oracle::append(const Arrival& arrival) {
  const TaskId id = arrival.task;
  ++shards[id.shard()].created_hi;
  OracleTask& task = tasks[id];
  task.order = ++created_;
  const std::uint64_t stretch = std::max<std::uint64_t>(1, id.offset().value() / 1024 * 1024);
  const auto first = tasks.find(TaskId(id.shard(), Offset(stretch)));
  if (first != tasks.end()) task.order = first->second.order;
}

void Oracle::append_void(const Arrival& arrival, Cause cause) {
  append(arrival);
  move(arrival.task, TaskState::kVoid, cause, {}, {});
  tellings_.push_back({arrival.task, true, false});
}

// A task that nobody waits to hear about.
void Oracle::admit(const Arrival& arrival, const std::string& manager) {
  const CreatedRun& run = arrival.run;
  if (run.unreadable) {
    append(arrival);
    OracleTask& task = tasks[arrival.task];
    task.queue = name_queue(run);
    task.priority = run.priority;
    move(arrival.task, TaskState::kQuarantined, Cause::kDamaged, {}, {});
    tellings_.push_back({arrival.task, true, false});
  } else if (run.is_void) {
    append_void(arrival, Cause::kCreated);
  } else if (run.producer && !admit_plain(run, run.seq.value() + arrival.i, arrival.task)) {
    append_void(arrival, Cause::kDuplicate);
  } else {
    append_task(arrival, manager);
  }
}

void Oracle::append_task(const Arrival& arrival, const std::string& manager) {
  append(arrival);
  const CreatedRun& run = arrival.run;
  OracleTask& task = tasks[arrival.task];
  task.queue = name_queue(run);
  task.priority = run.priority;
  task.bytes = payload_of(run, arrival.i);
  task.options = run.options;
  OracleQueue& queue = queue_of(task);
  const QueueSettings& settings = queue.settings;
  const auto in = [this](Millis stated, Millis of_queue_) -> std::int64_t {
    const Millis span = stated == Millis(0) ? of_queue_ : stated;
    return span == Millis(0) ? 0 : now + span.count();
  };
  if (!has(Mistake::kImmortal)) task.ttl_at = in(run.options.time_to_live, settings.time_to_live);
  if (!has(Mistake::kTotalIsForgotten))
    task.total_at = in(run.options.total_timeout, settings.total_timeout);
  const Millis own = run.options.wait_timeout;
  task.wait_timeout = (own == Millis(0) ? settings.wait_timeout : own).count();
  if (has(Mistake::kWaitsForEver)) task.wait_timeout = 0;
  if (!run.options.order_key.empty() || settings.ordered) task.order_key = run.options.order_key;
  if (!run.options.fair_key.empty()) {
    OracleFairKey& key = queue.fair_keys[run.options.fair_key];
    if (key.tasks++ == 0) key.serial = ++fair_serial_;
    key.weight = std::max(run.options.fair_weight, 1U);
  }
  OracleQueue::Lent& lent = queue.lent[manager];
  lent.tasks -= std::min<std::uint64_t>(lent.tasks, 1);
  lent.bytes -= std::min<std::uint64_t>(lent.bytes, task.bytes);
  begin(arrival.task);
}

void Oracle::begin(TaskId id) {
  OracleTask& task = tasks[id];
  for (const TaskId other : task.options.after) {
    const bool done = tasks.contains(other) && other != id && seen(other) == TaskState::kDone;
    task.after[other] = done ? Bond::kOver : Bond::kOpen;
  }
  const bool pending = task.options.with_completion && !has(Mistake::kChildrenSeen);
  if (task.options.parent) {
    children_[task.options.parent].push_back(id);
    tasks[task.options.parent].is_parent = !has(Mistake::kParentHurries);
    task.unborn = pending;
    if (!pending) task.bond = Bond::kOpen;
  }
  TaskState state = TaskState::kReady;
  if (pending) {
    state = TaskState::kPending;
  } else if (!enter_key(id) || task.blocked_on() > 0) {
    state = TaskState::kBlocked;
  } else if (task.options.not_before.ms > calendar && !has(Mistake::kEarly)) {
    state = TaskState::kDelayed;
  }
  move(id, state, Cause::kCreated, {}, {});
  // Some of those that it is to run after have failed already.
  for (const TaskId other : task.options.after) {
    if (!tasks.contains(other) || other == id) continue;
    const TaskState ended = seen(other);
    const bool failed = ended == TaskState::kDead || ended == TaskState::kCancelled ||
                        ended == TaskState::kQuarantined;
    if (failed) tell_dependent(id, other, true);
  }
}

// ---- numbers of producers ----

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
  if (seq < producer.resolved_below) return true;
  producer.numbers[seq].task = task;
  producer.numbers[seq].plain = true;
  return true;
}

void Oracle::add_places(OracleNumber& number, const CreatedRun& run, std::uint64_t seq) {
  if (run.only_waits) return;  // no plain record of it exists anywhere
  if (!number.moved && seq < producers[run.producer].resolved_below) linger(number);
  number.moved = true;
  number.anywhere |= run.maybe_at.empty();
  number.maybe_at.insert(run.maybe_at.begin(), run.maybe_at.end());
}

// What its number names already, or that it may name nothing; nothing: it is new.
std::optional<Winner> Oracle::known_number(const Arrival& arrival) {
  const CreatedRun& run = arrival.run;
  if (!run.producer) return std::nullopt;
  OracleProducer& producer = producers[run.producer];
  const std::uint64_t seq = run.seq.value() + arrival.i;
  const Offset offset = arrival.task.offset();
  const auto found = producer.numbers.find(seq);
  if (found == producer.numbers.end()) {
    if (seq >= producer.resolved_below) return std::nullopt;
    return Winner{offset, TaskId(), ErrorCode::kNotFound};
  }
  OracleNumber& number = found->second;
  number.plain = false;
  add_places(number, run, seq);
  if (number.hash && *number.hash != run.content_hash[arrival.i])
    return Winner{offset, TaskId(), ErrorCode::kConflict};
  return Winner{offset, number.task, ErrorCode::kOk};
}

void Oracle::admit_number(const Arrival& arrival, TaskId task) {
  const CreatedRun& run = arrival.run;
  if (!run.producer) return;
  const std::uint64_t seq = run.seq.value() + arrival.i;
  OracleNumber& number = producers[run.producer].numbers[seq];
  number.task = task;
  number.hash = run.content_hash[arrival.i];
  add_places(number, run, seq);
}

// ---- what waits for the answer ----

// By its number, then its relations, then its key (R6).
Winner Oracle::admit_waiting(const Arrival& arrival, const std::string& manager) {
  const CreatedRun& run = arrival.run;
  const auto refuse = [&](Winner winner) {
    append_void(arrival, Cause::kDuplicate);
    return winner;
  };
  const Offset offset = arrival.task.offset();
  if (const auto known = known_number(arrival)) return refuse(*known);
  if (const ErrorCode code = check_links(arrival.task, run.options); code != ErrorCode::kOk)
    return refuse({offset, TaskId(), code});
  const OracleKey* first = find_key(arrival);
  if (first != nullptr && first->content != run.content_hash[arrival.i] &&
      !has(Mistake::kAnyContent))
    return refuse({offset, TaskId(), ErrorCode::kConflict});
  admit_number(arrival, first != nullptr ? first->task : arrival.task);
  if (first != nullptr)
    return refuse({offset, first->task, ErrorCode::kOk, true, seen(first->task)});
  append_task(arrival, manager);
  if (!run.key_hash.empty() && run.options.with_completion) {
    tasks[arrival.task].birth_key = {run.key_hash[arrival.i], run.content_hash[arrival.i]};
  } else if (!run.key_hash.empty()) {
    add_key(name_queue(run), run.key_hash[arrival.i], arrival.task, run.content_hash[arrival.i]);
  }
  return {offset, arrival.task, ErrorCode::kOk};
}

// Of a task that the ledger has heard of before, in whatever way it was decided.
Winner Oracle::answer_again(const Arrival& arrival) {
  const CreatedRun& run = arrival.run;
  const std::uint64_t content = run.content_hash[arrival.i];
  Winner winner{arrival.task.offset(), TaskId(), ErrorCode::kNotFound};
  const auto producer = producers.find(run.producer);
  if (producer != producers.end()) {
    const auto number = producer->second.numbers.find(run.seq.value() + arrival.i);
    if (number != producer->second.numbers.end() && !number->second.plain) {
      const bool same = !number->second.hash || *number->second.hash == content;
      winner.task = same ? number->second.task : TaskId();
      winner.code = same ? ErrorCode::kOk : ErrorCode::kConflict;
    }
  }
  const OracleKey* first = find_key(arrival);
  if (winner.task) {
    winner.duplicate =
        first != nullptr && first->task == winner.task && first->task != arrival.task;
    if (winner.duplicate) winner.state = seen(winner.task);
    return winner;
  }
  // Its number names nothing: it was refused, and still would be.
  if (const ErrorCode code = check_links(arrival.task, run.options); code != ErrorCode::kOk)
    winner.code = code;
  if (first != nullptr && first->content != content) winner.code = ErrorCode::kConflict;
  return winner;
}

ErrorCode Oracle::check_links(TaskId id, const TaskOptions& options) const {
  for (const TaskId other : options.after) {
    const auto shard = shards.find(other.shard());
    if (shard == shards.end() || other == id) return ErrorCode::kNotFound;
    if (tasks.contains(other)) continue;
    const bool ended =
        shard->second.removed ||
        (shard->second.sealed && other.offset().value() >= shard->second.missing_from);
    if (ended) return ErrorCode::kNotFound;
  }
  if (!options.parent || has(Mistake::kAnyParent)) return ErrorCode::kOk;
  const auto parent = tasks.find(options.parent);
  const bool current = parent != tasks.end() && parent->second.state == TaskState::kClaimed &&
                       parent->second.token == options.parent_token;
  if (!current) return ErrorCode::kClaimSuperseded;
  const std::size_t open =
      children_with(options.parent, Bond::kOpen) + children_pending(options.parent);
  return open < kChildrenMax ? ErrorCode::kOk : ErrorCode::kTooLarge;
}

// ---- idempotency keys ----

OracleKey* Oracle::find_key(const std::string& queue_name, const Uuid& hash) {
  OracleQueue& queue = of_queue[queue_name];
  const std::int64_t window = queue.settings.key_window.count();
  // A key that was over and came again is there twice: the newer one counts.
  const auto key = std::find_if(queue.keys.rbegin(), queue.keys.rend(),
                                [&](const OracleKey& key) { return key.hash == hash; });
  if (key == queue.keys.rend()) return nullptr;
  const bool over = key->at * 1000 + window <= now && !has(Mistake::kKeysForEver);
  return over ? nullptr : &*key;
}

OracleKey* Oracle::find_key(const Arrival& arrival) {
  if (arrival.run.key_hash.empty()) return nullptr;
  return find_key(name_queue(arrival.run), arrival.run.key_hash[arrival.i]);
}

void Oracle::add_key(const std::string& queue_name, const Uuid& hash, TaskId task,
                     std::uint64_t content) {
  OracleQueue& queue = of_queue[queue_name];
  for (int pushed_out = 0; pushed_out < 4 && !queue.keys.empty(); ++pushed_out) {
    const bool over = queue.keys.front().at * 1000 + queue.settings.key_window.count() <= now;
    const bool too_many =
        queue.keys.size() >= queue.settings.key_count && !has(Mistake::kKeysWithoutLimit);
    if (!over && !too_many) break;
    queue.keys.erase(queue.keys.begin());
  }
  queue.keys.push_back({hash, task, content, (now + 999) / 1000});
}

}  // namespace baton::center::model
