#include "tests/unit/center_service/random_commands.h"

#include "common/base/limits.h"

namespace baton::center::testing {

ShardId RandomCommands::shard() { return ShardId(static_cast<std::uint32_t>(number(kShardIdMax))); }

// Far enough from the end for any run behind it.
Offset RandomCommands::offset() { return Offset(number(kOffsetMax - kCreatedTasksMax)); }

TaskId RandomCommands::task() { return TaskId(shard(), offset()); }

Millis RandomCommands::lease() {
  const auto range = static_cast<std::uint64_t>((kLeaseMax - kLeaseMin).count());
  return kLeaseMin + Millis(static_cast<std::int64_t>(random_.below(range + 1)));
}

std::string RandomCommands::name() {
  std::string text;
  for (std::uint64_t i = 0, n = number(20); i < n; ++i) {
    text.push_back(static_cast<char>('a' + random_.below(26)));
  }
  return text;
}

std::vector<Token> RandomCommands::tokens() {
  std::vector<Token> tokens(number(8));
  for (Token& one : tokens) one = token();
  return tokens;
}

// Those that the ledger keeps, each with a value.
TaskOptions RandomCommands::options() {
  const auto span = [this] { return Millis(static_cast<std::int64_t>(number(1'000'000))); };
  TaskOptions options;
  options.not_before = WallTime{static_cast<std::int64_t>(number(1'790'000'000'000))};
  options.time_to_live = span();
  options.wait_timeout = span();
  options.attempt_timeout = span();
  options.total_timeout = span();
  options.max_attempts = static_cast<std::uint32_t>(number(kMaxAttemptsMax));
  options.order_key = name();
  options.fair_key = name();
  options.fair_weight = static_cast<std::uint32_t>(number(kWeightMax));
  options.after = {task()};
  options.on_failed = static_cast<FailurePolicy>(number(3));
  options.parent = task();
  options.parent_token = token();
  options.with_completion = true;
  options.retry_of = task();
  return options;
}

CreatedRun RandomCommands::run() {
  CreatedRun run;
  run.count = static_cast<std::uint32_t>(number(50));
  run.queue = name();
  run.queue_id = QueueId(static_cast<std::uint32_t>(number(UINT32_MAX)));
  run.priority = static_cast<std::uint32_t>(number(kPriorityMax));
  run.producer = ProducerId(random_.uuid());
  run.seq = ProducerSeq(number(std::uint64_t{1} << 60));
  run.resolved_below = ProducerSeq(number(std::uint64_t{1} << 60));
  run.waits = true;
  run.is_void = true;
  run.unreadable = true;
  for (std::uint64_t i = 0, n = number(3); i < n; ++i) run.maybe_at.push_back(shard());
  for (std::uint32_t i = 0; i < run.count; ++i) {
    run.content_hash.push_back(random_.next());
    run.key_hash.push_back(random_.uuid());
    run.payload_bytes.push_back(static_cast<std::uint32_t>(number(UINT32_MAX)));
  }
  run.only_waits = true;
  run.options = options();
  return run;
}

Created RandomCommands::created() {
  Created command{.shard = shard(),
                  .epoch = Epoch(number(1'000'000)),
                  .from = offset(),
                  .runs = {},
                  .durable_end = offset(),
                  .crc_last = static_cast<std::uint32_t>(number(UINT32_MAX)),
                  .wall = WallTime{static_cast<std::int64_t>(number(std::uint64_t{1} << 42))}};
  for (std::uint64_t i = 0, n = number(4); i < n; ++i) command.runs.push_back(run());
  return command;
}

Operation RandomCommands::operation() {
  Operation operation;
  operation.seq = OpSeq(number(UINT64_MAX - 1));
  operation.kind = static_cast<OperationKind>(number(5));
  operation.task = task();
  operation.token = token();
  operation.wants_next = true;
  operation.started = true;
  operation.lease = lease();
  operation.result = {shard(), Lsn(number(UINT64_MAX - 1)),
                      static_cast<std::uint32_t>(number(kResultBytesMax))};
  operation.reason = name() + std::string("\0\xff", 2);  // bytes, not text
  operation.delay = lease();
  operation.dead = true;
  operation.on_failed_child = static_cast<FailurePolicy>(number(3));
  operation.percent = static_cast<std::uint32_t>(number(100));
  operation.progress = name();
  operation.checkpoint = true;
  return operation;
}

SessionOperations RandomCommands::operations() {
  SessionOperations command{SessionId(random_.uuid()), OpSeq(number(1'000)), {}};
  for (std::uint64_t i = 0, n = number(5); i < n; ++i) command.operations.push_back(operation());
  return command;
}

Command RandomCommands::make(int kind) {
  const ConnEpoch conn_epoch(number(1'000'000));
  switch (kind) {
    case 0:
      return Enroll{StoreId(random_.uuid()), name(), name() + ":7101", shard()};
    case 1:
      return Register{.shard = shard(),
                      .store = StoreId(random_.uuid()),
                      .epoch = Epoch(number(1'000'000)),
                      .life = Life(random_.uuid()),
                      .next_offset = offset(),
                      .created_hi_seen = offset(),
                      .crc_below = static_cast<std::uint32_t>(number(UINT32_MAX)),
                      .address = name() + ":7101"};
    case 2:
      return created();
    case 3:
      return AttachSession{SessionId(random_.uuid()), conn_epoch, tokens(), name()};
    case 4:
      return SessionDemand{.session = SessionId(random_.uuid()),
                           .conn_epoch = conn_epoch,
                           .line = LineId(static_cast<std::uint32_t>(number(UINT32_MAX))),
                           .queue = name(),
                           .lease = lease(),
                           .total = number(1'000'000),
                           .task = task()};
    case 5:
      return SessionEndWait{SessionId(random_.uuid()), conn_epoch, LineId(7)};
    case 6:
      return SessionClosed{SessionId(random_.uuid()), conn_epoch};
    case 7:
      return operations();
    case 8:
      return SessionHeartbeat{SessionId(random_.uuid()), tokens()};
    case 9:
      return GiveBack{task(), token(), static_cast<GiveBackReason>(number(3))};
    case 10:
      return Report{shard(), offset()};
    case 11:
      return ProducerDone{ProducerId(random_.uuid()), ProducerSeq(number(1'000'000))};
    case 12:
      return ShardOffline{shard(), Epoch(number(1'000'000)), Life(random_.uuid())};
    case 13:
      return Seal{shard(), Epoch(number(1'000'000)), Life(random_.uuid()), offset()};
    case 14:
      return TermStart{Term(number(1'000'000)), ClusterId(random_.uuid())};
    case 15:
      return Tick{Millis(static_cast<std::int64_t>(number(1000))), WallTime{1'790'000'000'000}};
    case 16:
      return Remove{name()};
    case 17:
      return Quarantine{shard(), Epoch(number(1'000'000)), {offset(), offset()}};
    case 19:
      return SetQueue{name(), change_to(QueueSettings())};
    case 20:
      return ActOn{static_cast<TaskAction>(number(6)), {task(), task()}, name()};
    case 21:
      return Purge{name()};
    case 22:
      return Borrow{name(), number(1000), number(1000), number(1000), number(1000)};
    default:
      return Continue{};
  }
}

}  // namespace baton::center::testing
