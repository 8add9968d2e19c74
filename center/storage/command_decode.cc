#include <algorithm>
#include <string>
#include <utility>

#include "center/storage/command_codec.h"
#include "center/storage/wire_values.h"
#include "common/base/limits.h"
#include "common/base/wire_options.h"

namespace baton::center {
namespace {

// Longest host name (253) with a port.
constexpr std::size_t kAddressBytesMax = 260;

Status invalid(const char* what) { return Status(ErrorCode::kInvalidArgument, what); }

Status check(bool condition, const char* what) { return condition ? Status() : invalid(what); }

bool is_shard(std::uint32_t shard) { return shard >= 1 && shard <= kShardIdMax; }
bool is_offset(std::uint64_t offset) { return offset >= 1 && offset <= kOffsetMax; }
// One past the last offset is a bound, too.
bool is_bound(std::uint64_t offset) { return offset >= 1 && offset <= kOffsetMax + 1; }
bool is_uuid(const v1::Uuid& uuid) { return uuid.hi() != 0 || uuid.lo() != 0; }
bool is_task(std::uint64_t task) { return TaskId(task).valid(); }

Result<Command> decode(const v1::Enroll& wire) {
  BATON_RETURN_IF_ERROR(check(is_uuid(wire.store()), "enroll: no store"));
  BATON_RETURN_IF_ERROR(validate_manager_name(wire.name()));
  BATON_RETURN_IF_ERROR(
      check(wire.address().size() <= kAddressBytesMax, "enroll: address too long"));
  BATON_RETURN_IF_ERROR(check(wire.sealed() <= kShardIdMax, "enroll: sealed is no shard"));
  return Command(Enroll{StoreId(from_wire(wire.store())), wire.name(), wire.address(),
                        ShardId(wire.sealed())});
}

Result<Command> decode(const v1::Register& wire) {
  BATON_RETURN_IF_ERROR(check(is_shard(wire.shard()), "register: no shard"));
  BATON_RETURN_IF_ERROR(check(is_uuid(wire.store()), "register: no store"));
  BATON_RETURN_IF_ERROR(check(wire.epoch() >= 1, "register: no epoch"));
  BATON_RETURN_IF_ERROR(check(is_uuid(wire.life()), "register: no life"));
  BATON_RETURN_IF_ERROR(check(is_bound(wire.next_offset()), "register: next_offset out of range"));
  BATON_RETURN_IF_ERROR(
      check(is_bound(wire.created_hi_seen()), "register: created_hi_seen out of range"));
  BATON_RETURN_IF_ERROR(
      check(wire.address().size() <= kAddressBytesMax, "register: address too long"));
  return Command(Register{.shard = ShardId(wire.shard()),
                          .store = StoreId(from_wire(wire.store())),
                          .epoch = Epoch(wire.epoch()),
                          .life = Life(from_wire(wire.life())),
                          .next_offset = Offset(wire.next_offset()),
                          .created_hi_seen = Offset(wire.created_hi_seen()),
                          .crc_below = wire.crc_below(),
                          .address = wire.address()});
}

Status check_producer(const v1::CreatedRun& wire) {
  if (!is_uuid(wire.producer()))
    return check(!wire.waits(), "created: a waiting run has no producer");
  // With this a manager checks before it confirms: what it confirmed is never refused here (R1).
  BATON_RETURN_IF_ERROR(validate_producer_seqs(wire.seq(), wire.count()));
  // What waits is told apart from another use of the same number by its content (R5).
  const int hashes = wire.waits() ? static_cast<int>(wire.count()) : 0;
  return check(wire.content_hash_size() == hashes,
               "created: content_hash must be one per waiting task");
}

// The manager checked the same before it confirmed (R1).
Status check_options(const v1::CreatedRun& wire, const TaskOptions& options) {
  BATON_RETURN_IF_ERROR(validate_task_options(options));
  BATON_RETURN_IF_ERROR(
      check(options.key.empty() && options.type.empty() && options.delay == Millis(0),
            "created: options that are not the ledger's"));
  const int keys = static_cast<int>(2 * wire.count());
  BATON_RETURN_IF_ERROR(check(wire.key_hash_size() == 0 || wire.key_hash_size() == keys,
                              "created: key_hash must be two per task"));
  const int sizes = wire.payload_bytes_size();
  BATON_RETURN_IF_ERROR(check(sizes <= 1 || sizes == static_cast<int>(wire.count()),
                              "created: payload_bytes must be one, or one per task"));
  const bool needs_ledger = options.waits_for_ledger() || wire.key_hash_size() > 0;
  return check(!needs_ledger || wire.waits() || wire.is_void() || wire.unreadable(),
               "created: a task that the ledger decides about does not wait for it");
}

Result<CreatedRun> decode_run(const v1::CreatedRun& wire) {
  BATON_RETURN_IF_ERROR(
      check(wire.count() >= 1 && wire.count() <= kCreatedTasksMax, "created: count of a run"));
  if (wire.queue().empty()) {
    BATON_RETURN_IF_ERROR(check(wire.queue_id() != 0, "created: no queue"));
  } else {
    BATON_RETURN_IF_ERROR(validate_queue_name(wire.queue()));
  }
  BATON_RETURN_IF_ERROR(check(wire.priority() >= kPriorityMin && wire.priority() <= kPriorityMax,
                              "created: priority out of range"));
  BATON_RETURN_IF_ERROR(check_producer(wire));
  BATON_RETURN_IF_ERROR(check(wire.maybe_at_size() <= static_cast<int>(kMaybeAtMax),
                              "created: too many shards in maybe_at"));

  CreatedRun run{.count = wire.count(),
                 .queue = wire.queue(),
                 .queue_id = QueueId(wire.queue_id()),
                 .priority = wire.priority(),
                 .producer = ProducerId(from_wire(wire.producer())),
                 .seq = ProducerSeq(wire.seq()),
                 .resolved_below = ProducerSeq(wire.resolved_below()),
                 .waits = wire.waits(),
                 .is_void = wire.is_void(),
                 .maybe_at = {},
                 .content_hash = {wire.content_hash().begin(), wire.content_hash().end()},
                 .unreadable = wire.unreadable(),
                 .options = task_options_from_wire(wire.options()),
                 .key_hash = {},
                 .payload_bytes = {wire.payload_bytes().begin(), wire.payload_bytes().end()},
                 .only_waits = wire.only_waits()};
  BATON_RETURN_IF_ERROR(check_options(wire, run.options));
  for (int i = 0; i + 1 < wire.key_hash_size(); i += 2) {
    run.key_hash.push_back(Uuid{wire.key_hash(i), wire.key_hash(i + 1)});
  }
  for (const std::uint32_t shard : wire.maybe_at()) {
    BATON_RETURN_IF_ERROR(check(is_shard(shard), "created: maybe_at names no shard"));
    run.maybe_at.emplace_back(shard);
  }
  return run;
}

Result<Command> decode(const v1::Created& wire) {
  BATON_RETURN_IF_ERROR(check(is_shard(wire.shard()), "created: no shard"));
  BATON_RETURN_IF_ERROR(check(wire.epoch() >= 1, "created: no epoch"));
  BATON_RETURN_IF_ERROR(check(is_offset(wire.from()), "created: from out of range"));
  BATON_RETURN_IF_ERROR(
      check(wire.durable_end() <= kOffsetMax + 1, "created: durable_end out of range"));

  Created created{.shard = ShardId(wire.shard()),
                  .epoch = Epoch(wire.epoch()),
                  .from = Offset(wire.from()),
                  .runs = {},
                  .durable_end = Offset(wire.durable_end()),
                  .crc_last = wire.crc_last(),
                  .wall = WallTime{wire.wall_ms()}};
  std::uint64_t tasks = 0;
  created.runs.reserve(static_cast<std::size_t>(wire.run_size()));
  for (const v1::CreatedRun& run : wire.run()) {
    tasks += run.count();
    BATON_RETURN_IF_ERROR(check(tasks <= kCreatedTasksMax, "created: more than 4096 tasks"));
    BATON_ASSIGN_OR_RETURN(CreatedRun decoded, decode_run(run));
    created.runs.push_back(std::move(decoded));
  }
  BATON_RETURN_IF_ERROR(
      check(wire.from() + tasks <= kOffsetMax + 1, "created: offsets out of range"));
  return Command(std::move(created));
}

Status check_tokens(const google::protobuf::RepeatedField<std::uint64_t>& tokens, std::size_t max,
                    const char* too_many) {
  return check(tokens.size() <= static_cast<int>(max), too_many);
}

std::vector<Token> decode_tokens(const google::protobuf::RepeatedField<std::uint64_t>& wire) {
  std::vector<Token> tokens;
  tokens.reserve(static_cast<std::size_t>(wire.size()));
  for (const std::uint64_t token : wire) tokens.emplace_back(token);
  return tokens;
}

Result<Command> decode(const v1::AttachSession& wire) {
  BATON_RETURN_IF_ERROR(check(is_uuid(wire.session()), "attach: no session"));
  BATON_RETURN_IF_ERROR(check(wire.conn_epoch() >= 1, "attach: no conn_epoch"));
  BATON_RETURN_IF_ERROR(check_tokens(wire.held(), kHeldMax, "attach: more than 5120 tokens held"));
  BATON_RETURN_IF_ERROR(
      check(wire.consumer().size() <= kConsumerNameBytesMax, "attach: consumer name too long"));
  return Command(AttachSession{SessionId(from_wire(wire.session())), ConnEpoch(wire.conn_epoch()),
                               decode_tokens(wire.held()), wire.consumer()});
}

Result<Command> decode(const v1::SessionDemand& wire) {
  BATON_RETURN_IF_ERROR(check(is_uuid(wire.session()), "demand: no session"));
  BATON_RETURN_IF_ERROR(check(wire.conn_epoch() >= 1, "demand: no conn_epoch"));
  BATON_RETURN_IF_ERROR(check(wire.line() >= 1, "demand: no line"));
  BATON_RETURN_IF_ERROR(validate_queue_name(wire.queue()));
  if (wire.lease_ms() != 0) BATON_RETURN_IF_ERROR(validate_lease(Millis(wire.lease_ms())));
  BATON_RETURN_IF_ERROR(check(wire.task() == 0 || is_task(wire.task()), "demand: no such task id"));
  return Command(SessionDemand{.session = SessionId(from_wire(wire.session())),
                               .conn_epoch = ConnEpoch(wire.conn_epoch()),
                               .line = LineId(wire.line()),
                               .queue = wire.queue(),
                               .lease = Millis(wire.lease_ms()),
                               .total = wire.total(),
                               .task = TaskId(wire.task())});
}

Result<Command> decode(const v1::SessionEndWait& wire) {
  BATON_RETURN_IF_ERROR(check(is_uuid(wire.session()), "end_wait: no session"));
  BATON_RETURN_IF_ERROR(check(wire.conn_epoch() >= 1, "end_wait: no conn_epoch"));
  BATON_RETURN_IF_ERROR(check(wire.line() >= 1, "end_wait: no line"));
  return Command(SessionEndWait{SessionId(from_wire(wire.session())), ConnEpoch(wire.conn_epoch()),
                                LineId(wire.line())});
}

Result<Command> decode(const v1::SessionClosed& wire) {
  BATON_RETURN_IF_ERROR(check(is_uuid(wire.session()), "session_closed: no session"));
  BATON_RETURN_IF_ERROR(check(wire.conn_epoch() >= 1, "session_closed: no conn_epoch"));
  return Command(SessionClosed{SessionId(from_wire(wire.session())), ConnEpoch(wire.conn_epoch())});
}

Result<Operation> decode_operation(const v1::LedgerOperation& wire) {
  BATON_RETURN_IF_ERROR(check(wire.seq() >= 1, "operation: no seq"));
  BATON_RETURN_IF_ERROR(
      check(wire.kind() >= v1::ACK && wire.kind() <= v1::SAVE, "operation: unknown kind"));
  BATON_RETURN_IF_ERROR(check(is_task(wire.task()), "operation: no such task id"));
  BATON_RETURN_IF_ERROR(
      check(wire.reason().size() <= kReasonBytesMax, "operation: reason too long"));
  if (wire.kind() == v1::EXTEND) BATON_RETURN_IF_ERROR(validate_lease(Millis(wire.lease_ms())));
  if (wire.result_lsn() != 0) {
    BATON_RETURN_IF_ERROR(
        check(is_shard(wire.result_shard()), "operation: result_shard is no shard"));
    BATON_RETURN_IF_ERROR(
        check(wire.result_bytes() <= kResultBytesMax, "operation: result too large"));
  }
  const Millis delay = millis_from_wire(wire.delay_ms());
  BATON_RETURN_IF_ERROR(check(delay <= kTaskSpanMax, "operation: delay too long"));
  BATON_RETURN_IF_ERROR(
      check(wire.on_failed_child() <= v1::WAIT, "operation: unknown on_failed_child"));
  BATON_RETURN_IF_ERROR(check(wire.percent() <= 100, "operation: percent over 100"));
  BATON_RETURN_IF_ERROR(
      check(wire.progress().size() <= kTaskTextBytesMax, "operation: progress too long"));
  return Operation{.seq = OpSeq(wire.seq()),
                   .kind = static_cast<OperationKind>(wire.kind()),
                   .task = TaskId(wire.task()),
                   .token = Token(wire.token()),
                   .wants_next = wire.wants_next(),
                   .started = wire.started(),
                   .lease = Millis(wire.lease_ms()),
                   .result = wire.result_lsn() == 0
                                 ? ResultPlace{}
                                 : ResultPlace{ShardId(wire.result_shard()), Lsn(wire.result_lsn()),
                                               wire.result_bytes()},
                   .reason = wire.reason(),
                   .delay = wire.has_delay_ms() ? std::optional(delay) : std::nullopt,
                   .dead = wire.dead(),
                   .on_failed_child = enum_from_wire<FailurePolicy>(wire.on_failed_child()),
                   .percent = wire.has_percent() ? std::optional(wire.percent()) : std::nullopt,
                   .progress = wire.progress(),
                   .checkpoint = wire.checkpoint()};
}

Result<Command> decode(const v1::SessionOperations& wire) {
  BATON_RETURN_IF_ERROR(check(is_uuid(wire.session()), "operations: no session"));
  BATON_RETURN_IF_ERROR(check(wire.operation_size() <= static_cast<int>(kBatchItemsMax),
                              "operations: more than 1024"));
  SessionOperations operations{
      SessionId(from_wire(wire.session())), OpSeq(wire.answered_through()), {}};
  operations.operations.reserve(static_cast<std::size_t>(wire.operation_size()));
  for (const v1::LedgerOperation& operation : wire.operation()) {
    BATON_ASSIGN_OR_RETURN(Operation decoded, decode_operation(operation));
    operations.operations.push_back(std::move(decoded));
  }
  return Command(std::move(operations));
}

Result<Command> decode(const v1::SessionHeartbeat& wire) {
  BATON_RETURN_IF_ERROR(check(is_uuid(wire.session()), "heartbeat: no session"));
  BATON_RETURN_IF_ERROR(
      check_tokens(wire.token(), kBatchItemsMax, "heartbeat: more than 1024 tokens"));
  return Command(
      SessionHeartbeat{SessionId(from_wire(wire.session())), decode_tokens(wire.token())});
}

Result<Command> decode(const v1::GiveBack& wire) {
  BATON_RETURN_IF_ERROR(check(is_task(wire.task()), "give_back: no such task id"));
  BATON_RETURN_IF_ERROR(check(wire.reason() >= v1::UNDELIVERED && wire.reason() <= v1::DAMAGED,
                              "give_back: unknown reason"));
  return Command(GiveBack{TaskId(wire.task()), Token(wire.token()),
                          static_cast<GiveBackReason>(wire.reason())});
}

Result<Command> decode(const v1::Report& wire) {
  BATON_RETURN_IF_ERROR(check(is_shard(wire.shard()), "report: no shard"));
  BATON_RETURN_IF_ERROR(check(is_bound(wire.durable_end()), "report: durable_end out of range"));
  return Command(Report{ShardId(wire.shard()), Offset(wire.durable_end())});
}

Result<Command> decode(const v1::ProducerDone& wire) {
  BATON_RETURN_IF_ERROR(check(is_uuid(wire.producer()), "producer_done: no producer"));
  return Command(
      ProducerDone{ProducerId(from_wire(wire.producer())), ProducerSeq(wire.resolved_below())});
}

Result<Command> decode(const v1::ShardOffline& wire) {
  BATON_RETURN_IF_ERROR(check(is_shard(wire.shard()), "shard_offline: no shard"));
  return Command(
      ShardOffline{ShardId(wire.shard()), Epoch(wire.epoch()), Life(from_wire(wire.life()))});
}

Result<Command> decode(const v1::Seal& wire) {
  BATON_RETURN_IF_ERROR(check(is_shard(wire.shard()), "seal: no shard"));
  BATON_RETURN_IF_ERROR(check(wire.epoch() >= 1, "seal: no epoch"));
  BATON_RETURN_IF_ERROR(check(is_bound(wire.next_offset()), "seal: next_offset out of range"));
  return Command(Seal{ShardId(wire.shard()), Epoch(wire.epoch()), Life(from_wire(wire.life())),
                      Offset(wire.next_offset())});
}

Result<Command> decode(const v1::TermStart& wire) {
  BATON_RETURN_IF_ERROR(check(wire.term() >= 1, "term_start: no term"));
  return Command(TermStart{Term(wire.term()), ClusterId(from_wire(wire.cluster()))});
}

Result<Command> decode(const v1::Tick& wire) {
  BATON_RETURN_IF_ERROR(check(Millis(wire.elapsed_ms()) <= kTickCap, "tick: longer than the cap"));
  return Command(Tick{Millis(wire.elapsed_ms()), WallTime{wire.wall_ms()}});
}

Result<Command> decode(const v1::Remove& wire) {
  BATON_RETURN_IF_ERROR(validate_manager_name(wire.name()));
  return Command(Remove{wire.name()});
}

Result<Command> decode(const v1::Quarantine& wire) {
  BATON_RETURN_IF_ERROR(check(is_shard(wire.shard()), "quarantine: no shard"));
  BATON_RETURN_IF_ERROR(check(wire.epoch() >= 1, "quarantine: no epoch"));
  BATON_RETURN_IF_ERROR(check(wire.offset_size() <= static_cast<int>(kEntryTasksMax),
                              "quarantine: more than 4096 offsets"));
  Quarantine quarantine{ShardId(wire.shard()), Epoch(wire.epoch()), {}};
  for (const std::uint64_t offset : wire.offset()) {
    BATON_RETURN_IF_ERROR(check(is_offset(offset), "quarantine: offset out of range"));
    quarantine.offsets.emplace_back(offset);
  }
  return Command(std::move(quarantine));
}

Result<Command> decode(const v1::SetQueue& wire) {
  BATON_RETURN_IF_ERROR(validate_queue_name(wire.queue()));
  const QueueChange change = queue_change_from_wire(wire.settings());
  // Each value is checked here; what they mean together, when they are applied.
  BATON_RETURN_IF_ERROR(check(changed(QueueSettings(), change).keep <= KeepFinished::kAll,
                              "set_queue: unknown keep"));
  return Command(SetQueue{wire.queue(), change});
}

Result<Command> decode(const v1::ActOn& wire) {
  BATON_RETURN_IF_ERROR(
      check(wire.action() >= v1::CANCEL && wire.action() <= v1::KILL, "act_on: unknown action"));
  BATON_RETURN_IF_ERROR(
      check(wire.task_size() >= 1 && wire.task_size() <= static_cast<int>(kBatchItemsMax),
            "act_on: 1 to 1024 tasks"));
  BATON_RETURN_IF_ERROR(check(wire.reason().size() <= kReasonBytesMax, "act_on: reason too long"));
  ActOn act{static_cast<TaskAction>(wire.action()), {}, wire.reason()};
  for (const std::uint64_t task : wire.task()) act.tasks.emplace_back(task);
  return Command(std::move(act));
}

Result<Command> decode(const v1::Purge& wire) {
  BATON_RETURN_IF_ERROR(validate_queue_name(wire.queue()));
  return Command(Purge{wire.queue()});
}

Result<Command> decode(const v1::Borrow& wire) {
  BATON_RETURN_IF_ERROR(validate_queue_name(wire.queue()));
  return Command(Borrow{wire.queue(), wire.have_tasks(), wire.have_bytes(), wire.want_tasks(),
                        wire.want_bytes()});
}

}  // namespace

Result<Command> decode_command(const v1::Command& wire) {
  switch (wire.kind_case()) {
    case v1::Command::kEnroll:
      return decode(wire.enroll());
    case v1::Command::kRegister:
      return decode(wire.register_());
    case v1::Command::kCreated:
      return decode(wire.created());
    case v1::Command::kAttach:
      return decode(wire.attach());
    case v1::Command::kDemand:
      return decode(wire.demand());
    case v1::Command::kEndWait:
      return decode(wire.end_wait());
    case v1::Command::kOperations:
      return decode(wire.operations());
    case v1::Command::kHeartbeat:
      return decode(wire.heartbeat());
    case v1::Command::kGiveBack:
      return decode(wire.give_back());
    case v1::Command::kReport:
      return decode(wire.report());
    case v1::Command::kProducerDone:
      return decode(wire.producer_done());
    case v1::Command::kShardOffline:
      return decode(wire.shard_offline());
    case v1::Command::kSeal:
      return decode(wire.seal());
    case v1::Command::kTermStart:
      return decode(wire.term_start());
    case v1::Command::kTick:
      return decode(wire.tick());
    case v1::Command::kRemove:
      return decode(wire.remove());
    case v1::Command::kQuarantine:
      return decode(wire.quarantine());
    case v1::Command::kSessionClosed:
      return decode(wire.session_closed());
    case v1::Command::kContinue:
      return Command(Continue{});
    case v1::Command::kSetQueue:
      return decode(wire.set_queue());
    case v1::Command::kActOn:
      return decode(wire.act_on());
    case v1::Command::kPurge:
      return decode(wire.purge());
    case v1::Command::kBorrow:
      return decode(wire.borrow());
    case v1::Command::KIND_NOT_SET:
      break;
  }
  return invalid("a command that this center does not know");
}

bool is_center_command(const v1::Command& wire) {
  switch (wire.kind_case()) {
    case v1::Command::kShardOffline:
    case v1::Command::kTermStart:
    case v1::Command::kTick:
    case v1::Command::kRemove:
    case v1::Command::kContinue:
      return true;
    default:
      return false;
  }
}

std::size_t command_weight(const v1::Command& wire) {
  switch (wire.kind_case()) {
    case v1::Command::kCreated: {
      std::size_t tasks = 0;
      for (const v1::CreatedRun& run : wire.created().run()) tasks += run.count();
      return std::max<std::size_t>(tasks, 1);
    }
    case v1::Command::kAttach:
      return kSessionWindowMax;  // all that the session claims may come back
    case v1::Command::kOperations:
      return 1 + static_cast<std::size_t>(wire.operations().operation_size());
    case v1::Command::kHeartbeat:
      return 1 + static_cast<std::size_t>(wire.heartbeat().token_size());
    case v1::Command::kQuarantine:
      return 1 + static_cast<std::size_t>(wire.quarantine().offset_size());
    case v1::Command::kActOn:
      return 1 + static_cast<std::size_t>(wire.act_on().task_size());
    default:
      return 1;
  }
}

}  // namespace baton::center
