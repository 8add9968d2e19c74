// What an examination of a data directory finds, one thing at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "common/base/ids.h"

namespace baton {

struct Finding {
  enum class Kind : std::uint8_t {
    kNote,    // nothing that was acknowledged is hurt
    kDamage,  // something is not as it was written
    kNewer,   // written by a newer Baton: not damage, but nothing that can be judged here
  };
  Kind kind = Kind::kDamage;
  std::string file;                   // full path, of a file or of the folder that lacks one
  std::optional<std::uint64_t> byte;  // in that file
  std::optional<std::uint32_t> log;   // shard of a payload log, 0 for the ledger's
  Lsn first, last;                    // batches of that log, or entries; 0: not known
  Offset from, to;                    // tasks [from, to) of that shard; 0: none, or not known
  std::string what;                   // a sentence
  std::string advice;                 // what happens at the next start, and what can be done
};

// Called for each finding, in the order in which they are met.
using OnFinding = std::function<void(const Finding&)>;

// Called now and then with how many bytes were looked at since the last call.
using OnProgress = std::function<void(std::uint64_t bytes)>;

}  // namespace baton
