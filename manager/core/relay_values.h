// The values that pass through SessionRelay: what clients ask, what is forwarded to the ledger,
// what goes back. The service translates them from and to the messages of proto/.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/base/ids.h"
#include "common/base/protocol_enums.h"
#include "common/base/record_kind.h"
#include "common/base/status.h"
#include "common/base/task_options.h"
#include "common/base/time.h"

namespace baton::manager {

using ConnectionId = std::uint64_t;  // of a client's connection, never reused within a process
using CommandId = std::uint64_t;     // of a forwarded command, from 1

// ---- towards the ledger -------------------------------------------------------------------------

struct AttachCommand {
  SessionId session;
  ConnEpoch conn_epoch;
  std::vector<Token> held;
  std::string consumer;
};

struct DemandCommand {
  SessionId session;
  ConnEpoch conn_epoch;
  LineId line;
  std::string queue;
  Millis lease{0};
  std::uint64_t total = 0;
  TaskId task;  // set: only this one
};

struct EndWaitCommand {
  SessionId session;
  ConnEpoch conn_epoch;
  LineId line;
};

// The connection is gone: its lines end, its claims stay.
struct ClosedCommand {
  SessionId session;
  ConnEpoch conn_epoch;
};

struct SessionOperation {
  OpSeq seq;
  OperationKind kind = OperationKind::kAck;
  TaskId task;
  Token token;
  bool wants_next = false;
  bool started = false;
  Millis lease{0};
  // An ack whose result, or a save whose checkpoint, is a durable record.
  ShardId result_shard;
  Lsn result_lsn;
  std::uint32_t result_bytes = 0;
  std::string reason;                                       // a nack
  std::optional<Millis> delay;                              // a nack: instead of the backoff
  bool dead = false;                                        // a nack: at once
  FailurePolicy on_failed_child = FailurePolicy::kDefault;  // an ack
  std::optional<std::uint32_t> percent;                     // a save
  std::string progress;                                     // a save
  bool checkpoint = false;  // a save: the record is the checkpoint; no record: none any more

  // Of its record, if it has one.
  [[nodiscard]] RecordKind record_kind() const {
    return kind == OperationKind::kSave ? RecordKind::kCheckpoint : RecordKind::kResult;
  }
  // It frees a slot of the consumer.
  [[nodiscard]] bool ends_claim() const {
    return kind != OperationKind::kExtend && kind != OperationKind::kSave;
  }
};

struct OperationsCommand {
  SessionId session;
  OpSeq answered_through;
  std::vector<SessionOperation> operations;
};

struct HeartbeatCommand {
  SessionId session;
  std::vector<Token> tokens;
};

struct GiveBackCommand {
  TaskId task;
  Token token;
  GiveBackReason reason = GiveBackReason::kUndelivered;
};

using RelayCommand = std::variant<AttachCommand, DemandCommand, EndWaitCommand, ClosedCommand,
                                  OperationsCommand, HeartbeatCommand, GiveBackCommand>;

// ---- from the ledger ----------------------------------------------------------------------------

// What an earlier attempt saved, under its own token.
struct CheckpointPlace {
  Token token;
  ShardId shard;
  Lsn lsn;
  std::uint32_t bytes = 0;

  explicit operator bool() const { return static_cast<bool>(lsn); }
};

struct SessionGrant {
  SessionId session;
  ConnEpoch conn_epoch;
  GrantNumber number;
  LineId line;
  TaskId task;
  Token token;
  std::uint32_t attempt = 0;
  Millis lease{0};
  std::uint32_t expiries = 0;
  CheckpointPlace checkpoint{};
  // Progress that an earlier attempt saved last.
  std::uint32_t percent = 0;
  std::string progress{};
};

// A claim that its session lost without its own doing.
struct LostClaim {
  SessionId session;
  ConnEpoch conn_epoch;
  TaskId task;
  Token token;
  LostCause cause = LostCause::kLease;
};

struct OperationResult {
  OpSeq seq;
  ErrorCode code = ErrorCode::kOk;
  std::string message;
  bool finished_unknown = false;
};

struct ResyncItem {
  SessionId session;
  ConnEpoch conn_epoch;
  std::uint64_t credit_total = 0;
  GrantNumber last_number;
};

struct ResyncResult {
  SessionId session;
  Status status;  // conflict: attached elsewhere or later; not_found: removed
  ConnEpoch conn_epoch;
  GrantNumber grants;  // given out since attach
  std::vector<SessionGrant> claims;
};

// ---- towards clients ----------------------------------------------------------------------------

struct TellAttached {
  ConnectionId connection = 0;
  std::uint64_t request = 0;
  Status status;
  ConnEpoch conn_epoch;
  std::vector<Token> kept;
};

struct TellWaitEnded {
  ConnectionId connection = 0;
  std::uint64_t request = 0;
  LineId line;
};

struct TellOperationsDone {
  ConnectionId connection = 0;
  std::uint64_t request = 0;
  std::vector<OperationResult> outcomes;
};

struct TellHeartbeatDone {
  ConnectionId connection = 0;
  std::uint64_t request = 0;
  Status status;
  std::vector<Token> lost;
};

struct TellError {
  ConnectionId connection = 0;
  std::uint64_t request = 0;
  Status status;
};

struct TellDied {
  ConnectionId connection = 0;
  ConnEpoch conn_epoch;
  std::vector<GrantNumber> numbers;
};

struct TellLost {
  ConnectionId connection = 0;
  std::vector<LostClaim> claims;
};

// The connection has lost its session: it must be closed.
struct TellClose {
  ConnectionId connection = 0;
  Status status;
};

// The payload must be found and delivered; SessionRelay::delivered or undeliverable ends it.
struct Deliver {
  ConnectionId connection = 0;
  SessionGrant grant;
  bool lost = false;  // its claim has ended meanwhile: nobody is to work on it
};

// These operations will not be sent any more: their connection ended while the center was away.
struct Forgotten {
  std::vector<SessionOperation> operations;
};

using RelayEffect = std::variant<TellAttached, TellWaitEnded, TellOperationsDone, TellHeartbeatDone,
                                 TellError, TellDied, TellLost, TellClose, Deliver, Forgotten>;

}  // namespace baton::manager
