// CommitPacer: when the next group commit starts, and where (R25).
//
// Few waiting: at once, inline on the loop while the disk answers within 1 ms, since handing over
// costs more than such a sync. Many waiting: on the Worker, and not before there are 256 records or
// 0.7 ms have passed since the last start, so that a sync carries more.
#pragma once

#include <cstdint>

#include "common/base/time.h"

namespace baton {

// What the simulator may force, so that every order of events is met.
enum class SyncMode : std::uint8_t { kAdaptive, kInline, kWorker, kAlternating };

class CommitPacer {
 public:
  explicit CommitPacer(SyncMode mode) : mode_(mode) {}

  // Many waiting.
  [[nodiscard]] static bool is_deep(std::uint32_t waiting) { return waiting > kShallowRecords; }
  // REQUIRES: no commit is in flight, waiting > 0. When the commit may start: `now`, or a later
  // time (ask again then, or when more has come).
  [[nodiscard]] MonoTime start_at(MonoTime now, std::uint32_t waiting) const;
  // Where a commit that starts now runs. Changes nothing but the turn of kAlternating.
  [[nodiscard]] bool runs_on_worker(std::uint32_t waiting);

  void started(MonoTime now) { last_start_ = now; }
  void finished(Duration took) { last_took_ = took; }

 private:
  static constexpr std::uint32_t kShallowRecords = 64;
  static constexpr std::uint32_t kFullRecords = 256;
  static constexpr Duration kGather = std::chrono::microseconds(700);
  static constexpr Duration kFastSync = std::chrono::milliseconds(1);

  const SyncMode mode_;
  MonoTime last_start_{};
  Duration last_took_{0};
  bool worker_turn_ = false;
};

}  // namespace baton
