// What ledger, managers and clients all name in the same way. The numbers are those of proto/; 0 is
// none of them.
#pragma once

#include <cstdint>

namespace baton {

// What a consumer may do with a claim.
enum class OperationKind : std::uint8_t {
  kAck = 1,
  kNack = 2,
  kRelease = 3,
  kExtend = 4,
  kSave = 5,  // progress, and a checkpoint for the next attempt
};

// What an operator may do with a task.
enum class TaskAction : std::uint8_t {
  kCancel = 1,    // what waits or is claimed, held, blocked: cancelled
  kRedrive = 2,   // dead: ready again, with its attempts forgotten
  kDiscard = 3,   // dead: gone for good
  kResume = 4,    // held: ready again; blocked by a failed task: as if that had finished
  kComplete = 5,  // held, or blocked by a failed child: done, by an operator's word
  kKill = 6,      // held, blocked, ready or delayed: dead
};

// Why a session lost a claim without its own doing.
enum class LostCause : std::uint8_t {
  kCancelled = 1,
  kLease = 2,    // the lease, or the time of the attempt, is over
  kTimeout = 3,  // the time of the whole task is over
  kDecided = 4,  // an operator or a parent ended it
};

// Why a manager could not deliver a grant.
enum class GiveBackReason : std::uint8_t {
  kUndelivered = 1,  // the connection was gone, or its line had ended
  kUnreachable = 2,  // the payload's manager does not answer: this pair is barred for a while
  kDamaged = 3,      // the payload is missing or its checksum is wrong: quarantined
};

// What the ledger says to a store that wants to be the one of its shard (R2).
enum class RegisterResult : std::uint8_t {
  kRegistered = 1,
  kBehind = 2,      // a later epoch, or another life of this epoch, is registered
  kExpected = 3,    // created_hi_seen is not created_hi: read the record, ask again
  kRolledBack = 4,  // the store has lost, or has other, records than those already reported
  kSealed = 5,
  kInUse = 6,    // another life of this shard is online: a running copy
  kUnknown = 7,  // no such shard, or it belongs to another store
};

// What becomes of a result record whose ack has no answer yet (R16). Open: ask again.
enum class SettleVerdict : std::uint8_t { kKeep = 1, kDrop = 2, kOpen = 3 };

}  // namespace baton
