#include "common/storage/commit_pacer.h"

#include <algorithm>

namespace baton {

MonoTime CommitPacer::start_at(MonoTime now, std::uint32_t waiting) const {
  if (!is_deep(waiting) || waiting >= kFullRecords) return now;
  return std::max(now, last_start_ + kGather);
}

bool CommitPacer::runs_on_worker(std::uint32_t waiting) {
  switch (mode_) {
    case SyncMode::kAdaptive:
      return is_deep(waiting) || last_took_ >= kFastSync;
    case SyncMode::kInline:
      return false;
    case SyncMode::kWorker:
      return true;
    case SyncMode::kAlternating:
      worker_turn_ = !worker_turn_;
      return worker_turn_;
  }
  return true;
}

}  // namespace baton
