// Reclaimer: gives the room of collected stretches back to the disk.
//
// The store only writes down that keys are removed; their bytes go when the tables that hold them
// are merged, which LevelDB puts off for as long as little is written over them. What was collected
// is therefore compacted range by range: once there is enough of it, or nothing came for a while.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string>

#include "common/base/loop.h"
#include "common/storage/job_gate.h"

namespace baton::manager {

class Reclaimer {
 public:
  // Blocks, on `background`'s thread: not the one that commits.
  using Compact = std::function<void(const std::string& from, const std::string& to)>;

  Reclaimer(Loop& loop, Worker& background, Compact compact)
      : loop_(loop), background_(background), compact_(std::move(compact)) {}
  ~Reclaimer() { loop_.cancel(timer_); }
  Reclaimer(const Reclaimer&) = delete;
  Reclaimer& operator=(const Reclaimer&) = delete;

  // Of the keys in [from, to), which were removed, about so many bytes are still on the disk.
  void add(std::string from, std::string to, std::uint64_t bytes);
  // Nothing waits, and nothing is being compacted.
  [[nodiscard]] bool idle() const { return ranges_.empty() && !busy_; }

  static constexpr std::uint64_t kBytes = std::uint64_t{32} << 20;
  static constexpr Duration kQuiet = std::chrono::seconds(10);

 private:
  struct Range {
    std::string from;
    std::string to;
    std::uint64_t bytes = 0;
  };

  void start();
  void wait();

  Loop& loop_;
  Worker& background_;
  const Compact compact_;
  std::deque<Range> ranges_;
  std::uint64_t bytes_ = 0;  // of these
  bool busy_ = false;
  Loop::TimerId timer_ = 0;
  JobGate gate_;  // last: a compaction under way is waited for before anything above goes
};

}  // namespace baton::manager
