// The proof of a center's history from its data directory (R19), which may belong to a running
// center: what is finished never changes, and of what is being written the whole records are read.
//
// 1. The chain: every entry is tied to all before it.
// 2. The replay: a ledger that starts empty, or from the snapshot at the oldest segment, comes to
//    the same transitions, times and names for every entry, and to the same state as each snapshot
//    kept on the way.
// 3. The promises, by the transitions alone (core/auditor.h), and that nothing that was created is
//    lost: at the end ledger and auditor agree on what is finished and where everything else is.
//
// Where the snapshot at the oldest segment is missing, the replay begins at the first one that is
// there, and tasks from before are taken on trust: the report says so.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <leveldb/env.h>

#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/storage/examine_finding.h"

namespace baton::center {

struct AuditReport {
  Lsn first;  // entries looked at; 0: none
  Lsn last;
  std::uint64_t segments = 0;  // finished ones
  bool open_end = false;       // the last entries are of the segment that is being written
  // The entry behind which the replay begins: 0 for the empty ledger; nothing: it never could.
  std::optional<Lsn> replayed_from;
  std::uint64_t entries = 0;
  std::uint64_t replayed = 0;  // of them
  std::uint64_t transitions = 0;
  std::uint64_t tasks = 0;  // created, void ones too
  std::uint64_t claims = 0;
  std::uint64_t completions = 0;
  std::uint64_t uncertain = 0;   // attempts that were cut off
  std::uint64_t unfinished = 0;  // at the end, of all that are known
  std::vector<std::string> notes;

  // The first thing that is wrong; nothing behind it was looked at.
  struct Problem {
    std::string file;
    Lsn index;  // 0: no entry
    std::string what;
  };
  std::optional<Problem> problem;
};

// not_found: no archive there. Memory: a ledger and its shadow, and a record at a time.
Result<AuditReport> audit_archive(leveldb::Env& env, const std::string& data,
                                  const OnProgress& progress);

}  // namespace baton::center
