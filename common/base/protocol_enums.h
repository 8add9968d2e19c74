// What ledger, managers and clients all name in the same way. The numbers are those of proto/; 0 is
// none of them.
#pragma once

#include <cstdint>

namespace baton {

// What a consumer may do with a claim.
enum class OperationKind : std::uint8_t { kAck = 1, kNack = 2, kRelease = 3, kExtend = 4 };

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
