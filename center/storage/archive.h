// Archive: what became of every entry, kept after the log is cut (R19).
//
// Applied entries with their transitions go into segment files (archive_segment.h), hash-chained
// over all of them. Writing is never waited for and synced only when a segment ends, so it is on
// nobody's path: what a crash loses is still in the log and comes again by replay. A segment ends
// at every snapshot, before the log is cut there; so after a restart the archive holds whole
// segments up to the snapshot, and those behind it are compared with what the replay gives. When
// the directory is too large the oldest segments go.
//
// All methods on the loop; files are touched by the worker only, once it is open.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "center/core/effects.h"
#include "center/storage/archive_segment.h"
#include "common/base/loop.h"
#include "common/storage/durable_env.h"
#include "common/storage/job_gate.h"

namespace baton::center {

class Archive {
 public:
  struct Options {
    std::string directory;  // made when missing
    std::uint64_t bytes_max = std::uint64_t{4} << 30;
    std::uint64_t segment_bytes = std::uint64_t{16} << 20;
  };
  // An entry and the hash after it. Snapshots keep the one they were taken at.
  struct Position {
    Lsn index;
    ChainHash hash{};
    friend bool operator==(const Position&, const Position&) = default;
  };

  // `snapshot` is where the replay will start. Checks that the segments are one chain that reaches
  // it, and the newest one entry by entry; data_loss otherwise. An empty directory begins with a
  // gap: first_index() is behind the snapshot. Blocks. What is referred to outlives the archive.
  static Result<std::unique_ptr<Archive>> open(Loop& loop, Worker& worker, DurableEnv& env,
                                               Options options, Position snapshot);
  ~Archive();

  // Posted once, when a file cannot be written or the replay contradicts what was archived.
  void set_on_failed(std::function<void(const Status&)> on_failed) {
    on_failed_ = std::move(on_failed);
  }

  // REQUIRES: index is the one after head().
  void append(Lsn index, Term term, std::string_view entry,
              const std::vector<Transition>& transitions);
  [[nodiscard]] const Position& head() const { return head_; }

  // Ends the segment: posts `done(ok)` once everything appended so far is durable.
  void seal(std::function<void(Status)> done);
  // The log was cut behind `index`: segments up to there are no longer needed to start again.
  void snapshot_saved(Lsn index);

  // Entries below this one are not in the archive.
  [[nodiscard]] Lsn first_index() const;
  [[nodiscard]] std::uint64_t bytes() const { return closed_bytes_ + open_bytes_; }

 private:
  Archive(Loop& loop, Worker& worker, DurableEnv& env, Options options, Position snapshot);
  Status read_directory();
  [[nodiscard]] Status write_anew(const std::string& path) const;
  [[nodiscard]] std::string scratch_path() const;
  Status check_chain() const;
  void check_replayed();

  void begin_segment(Lsn first);
  void end_segment();
  void flush();
  void drop_oldest();
  void run(std::function<Status()> job);
  void fail(const Status& status);

  // The segment being written; its file belongs to the worker.
  struct Open {
    std::string path;
    std::unique_ptr<leveldb::WritableFile> file;
  };

  Loop& loop_;
  Worker& worker_;
  DurableEnv& env_;
  const Options options_;
  std::function<void(const Status&)> on_failed_;

  Position head_;
  Lsn snapshot_;                      // the replay after a restart begins behind it
  std::deque<SegmentInfo> segments_;  // finished ones, oldest first
  std::uint64_t closed_bytes_ = 0;
  std::shared_ptr<Open> open_;
  SegmentInfo open_info_;
  std::uint64_t open_bytes_ = 0;
  std::string buffer_;  // of the open segment, not yet given to the worker
  Status failure_;
  bool job_failed_ = false;  // the worker's
  JobGate gate_;             // last: closes before anything above goes
};

}  // namespace baton::center
