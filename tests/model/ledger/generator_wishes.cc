// What the tasks and queues of a run are told beside the plain: options, settings, acts.
#include <algorithm>

#include "tests/model/ledger/generator.h"

namespace baton::center::model {
// Each run meets some of it, and that often.
Wishes::Wishes(Random random) {
  removes = random.one_in(4);
  keys = random.one_in(2);
  saves = random.one_in(2);
  times = random.one_in(2);
  order = random.one_in(2);
  shares = random.one_in(2);
  limits = random.one_in(2);
  acts = random.one_in(2);
  family = random.one_in(2);
}

// ---- tasks ----

Millis Generator::span() { return Millis(chance(30) ? 0 : 200 + random_.below(20'000)); }

FailurePolicy Generator::policy() { return static_cast<FailurePolicy>(random_.below(4)); }

void Generator::add_wishes(CreatedRun& run) {
  TaskOptions& options = run.options;
  if (wishes_.times && chance(40)) add_times(options);
  if (wishes_.shares && chance(60)) {
    options.fair_key = "f" + std::to_string(random_.below(4));
    options.fair_weight = static_cast<std::uint32_t>(random_.below(5));
  }
  if (wishes_.order && chance(50)) options.order_key = "o" + std::to_string(random_.below(3));
  if (wishes_.family && chance(40)) add_relations(options);
  if (wishes_.acts && chance(10) && any_shard()) options.retry_of = TaskId(any_shard(), Offset(1));
  if (chance(50)) {
    const bool each = chance(50);
    for (std::uint32_t i = 0; i < (each ? run.count : 1); ++i)
      run.payload_bytes.push_back(static_cast<std::uint32_t>(random_.below(100)));
  }
  const bool has_key = wishes_.keys && chance(40);
  if (chance(1)) options.max_attempts = 1001;  // more than there may be
  if (!has_key && !options.parent && options.after.empty() && options.order_key.empty()) return;
  if (!run.waits) {
    run.waits = run.only_waits = true;
    for (std::uint32_t i = 0; i < run.count; ++i)
      run.content_hash.push_back(run.producer ? run.seq.value() + i : 1 + random_.below(2));
  }
  for (std::uint32_t i = 0; has_key && i < run.count; ++i) {
    run.key_hash.push_back(uuid(6, random_.below(8)));
    run.content_hash[i] = chance(90) ? 1 : 2;
  }
}

void Generator::add_times(TaskOptions& options) {
  if (chance(40)) options.not_before = WallTime{oracle_.calendar + 15'000 - roll(20'000)};
  options.not_before.ms = std::max<std::int64_t>(0, options.not_before.ms);
  if (chance(40)) options.time_to_live = span();
  if (chance(30)) options.wait_timeout = span();
  if (chance(30)) options.total_timeout = span();
  if (chance(30)) options.attempt_timeout = span();
  if (chance(30)) options.max_attempts = static_cast<std::uint32_t>(1 + random_.below(4));
}

void Generator::add_relations(TaskOptions& options) {
  options.on_failed = policy();
  const TaskId claimed = any_claimed(false);
  if (claimed && chance(60)) {
    options.parent = claimed;
    options.parent_token = oracle_.tasks.at(claimed).token;
    if (chance(10))
      options.parent_token = grant_of(any_session()).token;  // of a claim that is over
    options.with_completion = chance(50);
  }
  if (chance(50)) return;
  for (std::uint64_t i = 1 + random_.below(3); i > 0; --i) {
    const TaskId task = may_run_after();
    if (task && std::count(options.after.begin(), options.after.end(), task) == 0)
      options.after.push_back(task);
  }
}

// A task to run after; none when the one that was thought of is forgotten, and failed: that counts
// as done, which the oracle does not forget.
TaskId Generator::may_run_after() {
  const ShardId shard = any_shard();
  if (!shard) return {};
  const std::uint64_t hi = oracle_.shards.at(shard).created_hi;
  const TaskId id = chance(10) ? TaskId(shard, Offset(hi + random_.below(4))) : any_task();
  const auto task = oracle_.tasks.find(id);
  if (task == oracle_.tasks.end()) return id;
  const bool forgotten = task->second.state == TaskState::kVoid ||
                         (task->second.state == TaskState::kCancelled && !task->second.kept);
  return forgotten ? TaskId() : id;
}

// Of all states alike, so that the rare ones are met; now and then one that is long finished.
TaskId Generator::any_task() {
  std::map<TaskState, std::vector<TaskId>> by_state;
  for (const auto& [id, task] : oracle_.tasks) by_state[task.state].push_back(id);
  if (by_state.empty()) return {};
  auto at = by_state.begin();
  std::advance(at, random_.below(by_state.size()));
  return any(at->second);
}

// None when there is none.
TaskId Generator::any_claimed(bool parents) {
  std::vector<TaskId> found;
  for (const auto& [id, task] : oracle_.tasks) {
    if (task.state == TaskState::kClaimed && (!parents || task.is_parent)) found.push_back(id);
  }
  return found.empty() ? TaskId() : any(found);
}

// The ack of a parent, by its holder: it is what most of what children can do begins with.
Command Generator::ack_of(TaskId parent) {
  const OracleTask& task = oracle_.tasks.at(parent);
  Operation op = operation(task.session);
  op.seq = OpSeq(++seqs_[task.session]);
  op.kind = OperationKind::kAck;
  op.task = parent;
  op.token = task.token;
  return SessionOperations{task.session, OpSeq(), {op}};
}

void Generator::add_wishes(Operation& op) {
  if (wishes_.saves && chance(25)) {
    op.kind = OperationKind::kSave;
    op.checkpoint = chance(60);
    if (chance(50)) op.percent = static_cast<std::uint32_t>(random_.below(120));
    if (chance(50)) op.progress = "p" + std::to_string(random_.below(10));
  }
  if (wishes_.family) op.on_failed_child = policy();
  if (!wishes_.times || op.kind != OperationKind::kNack) return;
  if (chance(30)) op.delay = Millis(random_.below(5'000));
  op.dead = chance(15);
  if (chance(50)) op.reason = "r" + std::to_string(random_.below(10));
}

// ---- queues ----

Command Generator::set_queue() {
  SetQueue c{any_queue(), {}};
  for (std::uint64_t i = 1 + random_.below(3); i > 0; --i) {
    if (wishes_.times && chance(50)) change_times(c.change);
    if (wishes_.limits && chance(70)) change_limits(c.change);
    if (wishes_.acts && chance(50)) change_keeping(c.change);
    if (wishes_.shares && chance(50))
      c.change.max_per_fair_key = static_cast<std::uint32_t>(random_.below(3));
    if (wishes_.order && chance(40)) c.change.ordered = chance(40);
    if (wishes_.order && chance(20)) c.change.on_dead = OnDead::kHoldKey;
    if (wishes_.keys && chance(40)) c.change.key_count = chance(70) ? 1 + random_.below(4) : 1'000;
    if (wishes_.keys && chance(20)) c.change.key_window = Millis(60'000);
    if (chance(20)) c.change.ageing = static_cast<std::uint32_t>(any<int>({0, 1, 3, 32}));
  }
  if (chance(3)) c.change.attempt_timeout = Millis(0);  // which it may not be
  if (chance(3)) c.queue = "not a name";
  return c;
}

void Generator::change_times(QueueChange& change) {
  const std::uint64_t dice = random_.below(8);
  if (dice == 0) change.lease = Millis(3'000 + random_.below(5'000));
  if (dice == 1) change.max_attempts = static_cast<std::uint32_t>(1 + random_.below(5));
  if (dice == 2) change.max_expiries = static_cast<std::uint32_t>(1 + random_.below(3));
  if (dice == 3) {
    change.backoff_min = Millis(any<int>({0, 500, 1'000, 4'000}));
    change.backoff_max = Millis(any<int>({4'000, 9'000, 300'000}));
    change.backoff_factor_percent = static_cast<std::uint32_t>(any<int>({100, 150, 200, 300}));
    change.backoff_jitter_percent = static_cast<std::uint32_t>(any<int>({0, 50, 100}));
  }
  if (dice == 4) change.time_to_live = span();
  if (dice == 5) change.wait_timeout = span();
  if (dice == 6) change.total_timeout = span();
  if (dice == 7) change.attempt_timeout = Millis(1 + random_.below(20'000));
}

void Generator::change_limits(QueueChange& change) {
  const std::uint64_t dice = random_.below(6);
  if (dice == 0) {
    change.paused = chance(40);
    change.paused_until = WallTime{chance(50) ? 0 : oracle_.calendar + roll(20'000)};
  }
  if (dice == 1) change.max_in_flight = static_cast<std::uint32_t>(random_.below(4));
  if (dice == 2) change.max_rate = static_cast<std::uint32_t>(any<int>({0, 1, 3, 40}));
  if (dice == 3) change.weight = static_cast<std::uint32_t>(1 + random_.below(4));
  if (dice == 4) change.max_tasks = random_.below(3) * 30;
  if (dice == 5) change.max_bytes = random_.below(3) * 800;
}

void Generator::change_keeping(QueueChange& change) {
  const std::uint64_t dice = random_.below(5);
  if (dice == 0) change.keep = static_cast<KeepFinished>(random_.below(3));
  if (dice == 1) change.keep_age = Millis(any<int>({0, 5'000, 60'000, 86'400'000}));
  if (dice == 2) change.keep_count = static_cast<std::uint64_t>(any<int>({0, 2, 6, 100'000}));
  if (dice == 3) change.keep_bytes = random_.below(3) * 100;
  if (dice == 4) change.on_uncertain = static_cast<OnUncertain>(random_.below(2));
}

Command Generator::borrow() {
  Borrow c{any_queue(), random_.below(10), random_.below(200), 0, 0};
  c.want_tasks = random_.below(40);
  c.want_bytes = random_.below(1'000);
  return c;
}

// ---- operators ----

Command Generator::act() {
  if (chance(4)) return Purge{chance(95) ? any_queue() : "q99"};
  ActOn c;
  c.action = static_cast<TaskAction>(1 + random_.below(6));
  for (std::uint64_t i = 1 + random_.below(3); i > 0; --i) {
    c.tasks.push_back(chance(97) ? any_task() : TaskId(random_.below(1'000'000)));
  }
  if (chance(50)) c.reason = "r" + std::to_string(random_.below(10));
  return c;
}

std::optional<Command> Generator::wished_command(const std::string& manager) {
  const std::uint64_t dice = random_.below(100);
  if (dice < 4) return set_queue();
  if (dice < 12 && wishes_.acts) return act();
  if (dice < 15 && wishes_.limits && !manager.empty()) return borrow();
  return std::nullopt;
}

}  // namespace baton::center::model
