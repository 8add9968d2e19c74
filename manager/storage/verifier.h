// Verifier: looks through the closed stretches after an open, a little at a time, for damage behind
// the last checkpoint (R24). Each step is a job on the Worker.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/storage/batch_reader.h"
#include "common/storage/kv_store.h"
#include "manager/storage/stretch.h"

namespace baton::manager {

class Verifier {
 public:
  Verifier(const KvStore& store, ShardId shard) : store_(store), shard_(shard) {}

  // Where the next step goes on within a stretch.
  struct Cursor {
    Lsn lsn;
    Offset offset;
  };
  struct Step {
    std::optional<Cursor> next;   // none: the stretch is done
    std::vector<Offset> damaged;  // tasks of it that are damaged or missing
  };
  // Reads at most `bytes_max` of a stretch that is not collected.
  [[nodiscard]] Step verify_batches(const StretchRecord& stretch, Cursor at,
                                    std::size_t bytes_max) const;
  // Reads the survivors of a collected one.
  [[nodiscard]] Step verify_survivors(const StretchRecord& stretch) const;

 private:
  const KvStore& store_;
  const ShardId shard_;
};

}  // namespace baton::manager
