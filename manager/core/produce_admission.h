// What becomes of each item of a produce request: append it, it is stored already, or its number
// was used for other content (R5).
//
// A moved request is appended anew whatever the table says, and never enters it: only the ledger's
// answer counts for it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/base/time.h"
#include "manager/core/dedup_table.h"

namespace baton::manager {

// Consecutive sequence numbers of one producer. No producer: nothing can be a repetition.
struct ProduceNumbers {
  ProducerId producer;
  ProducerSeq seq;
  ProducerSeq resolved_below;
  std::size_t count = 0;
  bool moved = false;
};

enum class ItemFate : std::uint8_t {
  kAppend,
  kStored,    // a repetition: `offset` is its task
  kConflict,  // the number names a task with other content
};

struct AdmittedRun {
  ItemFate fate = ItemFate::kAppend;
  std::size_t item = 0;  // index of the first
  std::size_t count = 0;
  Offset offset{};  // kStored: of the first; the others follow it
  Lsn lsn{};        // kStored, kConflict: the reply waits until this batch is durable
};

// `content_hash(i)` is called only for items whose number is stored. Errors are those of
// DedupTable::admit; then nothing may be appended.
template <class ContentHash>
Result<std::vector<AdmittedRun>> admit_produce(DedupTable& table, const ProduceNumbers& numbers,
                                               MonoTime now, ContentHash content_hash) {
  if (!numbers.producer) return std::vector{AdmittedRun{.count = numbers.count}};
  if (Status status =
          table.admit(numbers.producer, numbers.seq, numbers.count, numbers.resolved_below, now);
      !status.ok()) {
    return status;
  }
  if (numbers.moved) return std::vector{AdmittedRun{.count = numbers.count}};

  std::vector<AdmittedRun> runs;
  for (std::size_t i = 0; i < numbers.count; ++i) {
    AdmittedRun next{.item = i, .count = 1};
    const auto* stored = table.find(numbers.producer, ProducerSeq(numbers.seq.value() + i));
    if (stored != nullptr) {
      const bool same = stored->content_hash == content_hash(i);
      next.fate = same ? ItemFate::kStored : ItemFate::kConflict;
      if (same) next.offset = stored->offset;
      next.lsn = stored->lsn;
    }
    if (!runs.empty() && runs.back().fate == next.fate) {
      AdmittedRun& last = runs.back();
      const bool follows =
          next.fate != ItemFate::kStored || last.offset.value() + last.count == next.offset.value();
      if (follows) {
        ++last.count;
        last.lsn = std::max(last.lsn, next.lsn);
        continue;
      }
    }
    runs.push_back(next);
  }
  return runs;
}

}  // namespace baton::manager
