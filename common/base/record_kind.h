// The kinds of records that belong to a claim and not to its task's payload (R16).
//
// Manager and ledger name such a record by (task, token, kind). Numbers are never reused; a number
// that is not here was written by a newer Baton: its record is kept until the ledger says otherwise.
#pragma once

#include <cstdint>

namespace baton {

enum class RecordKind : std::uint8_t {
  kResult = 1,
  kCheckpoint = 2,
};

}  // namespace baton
