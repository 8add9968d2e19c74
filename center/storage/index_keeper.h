// IndexKeeper: makes the indexes of finished segments (segment_index.h), one after the other, in
// jobs of a few milliseconds, so that commits on the same worker are not held up.
//
// On the loop; files are touched by the worker only. A segment that cannot be read gets no index:
// whoever looks something up in it is told why. A write that fails is told to `on_failed`.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "center/storage/segment_index.h"
#include "common/base/loop.h"
#include "common/storage/durable_env.h"
#include "common/storage/job_gate.h"

namespace baton::center {

class IndexKeeper {
 public:
  using Done = std::function<void(const Status&)>;

  // What is referred to outlives the keeper.
  IndexKeeper(Worker& worker, DurableEnv& env, std::string directory, Done on_failed);

  // The segment has ended, with these postings. When many wait, what they say is read again later.
  void add(const SegmentInfo& segment, Postings postings);
  // Reads the segment for it, after what waits.
  void add(const SegmentInfo& segment);
  // The same, before what waits; `done` when it is there, or cannot be.
  void make_now(const SegmentInfo& segment, Done done);
  // The segment was removed, its index must go, too.
  void drop(Lsn first);

  [[nodiscard]] std::string path_of(Lsn first) const;
  [[nodiscard]] std::size_t waiting() const { return queue_.size() + (building_ ? 1 : 0); }

 private:
  // Postings of more segments than this are not kept in memory: 16 MiB of segment may have 6 MB.
  static constexpr std::size_t kPostingsKept = 4;
  struct Build;

  void enqueue(std::shared_ptr<Build> build, bool first);
  void start_next();
  void step();
  void end(const Status& status);

  Worker& worker_;
  DurableEnv& env_;
  const std::string directory_;
  const Done on_failed_;
  std::deque<std::shared_ptr<Build>> queue_;
  std::shared_ptr<Build> building_;
  JobGate gate_;  // last: closes before anything above goes
};

}  // namespace baton::center
