// check_wal: looks at LevelDB's own log files before LevelDB does, and changes nothing.
//
// LevelDB opens without a word when a flipped bit hides records that were synced, or when a whole
// log file is gone (docs/storage-format.md tells which cases). Here every live log file and the
// MANIFEST must be whole but for a torn last write, the log files must follow one another by
// LevelDB's sequence numbers, and the one that the MANIFEST names must be there, as must be every
// table.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <leveldb/env.h>

#include "common/base/status.h"

namespace baton {

struct WalCheck {
  bool exists = false;  // there is a store at all
  // Files whose last write was torn by a crash: everything from `keep` on was never acknowledged.
  struct TornTail {
    std::string file;  // full path
    std::uint64_t keep = 0;
  };
  std::vector<TornTail> torn;
  // What the MANIFEST says that the store consists of.
  struct Table {
    std::string file;  // full path
    std::uint64_t bytes = 0;
  };
  std::vector<Table> tables;
  std::vector<std::string> logs;  // full paths, the oldest first
};

// data_loss with file and position when something that was synced is damaged or missing;
// unavailable when it cannot be read.
Result<WalCheck> check_wal(leveldb::Env& env, const std::string& directory);

// The whole file. For files of a few MiB.
Result<std::string> read_file(leveldb::Env& env, const std::string& name);

}  // namespace baton
