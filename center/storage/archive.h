// Archive: what became of every entry, kept after the log is cut (R19).
//
// Applied entries with their transitions go into segment files (archive_segment.h), hash-chained
// over all of them. Writing is never waited for and synced only when a segment ends, so it is on
// nobody's path: what a crash loses is still in the log and comes again by replay. A segment ends
// at every snapshot, before the log is cut there; so after a restart the archive holds whole
// segments up to the snapshot, and those behind it are compared with what the replay gives. When
// the directory is too large the oldest segments go.
//
// Beside each finished segment lies its index by task (segment_index.h). Beside some of them lies
// the snapshot that was taken at the end of the one before: snapshots that the log has replaced
// come into this directory and are kept now and then, so that `baton audit verify` can replay what
// is left after the oldest segments went; they go with the segments before the next kept one.
//
// All methods on the loop; files are touched by the worker only, once it is open.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "center/core/effects.h"
#include "center/storage/archive_segment.h"
#include "center/storage/index_keeper.h"
#include "center/storage/record_writer.h"
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

  // Where entries from one on are: a segment, and what is known of it without reading.
  struct Located {
    SegmentInfo info;  // of the open one without last index, hash and bytes
    Lsn last;          // last entry in it now
    bool open = false;
    std::vector<std::uint32_t> places;  // open: of the records that tell of the task
    std::vector<Posting> sessions;      // open: where sessions are named
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

  // Who a session is, after the entry that is being appended; without it sessions have no names.
  void set_name_of(RecordWriter::NameOf name_of) { name_of_ = std::move(name_of); }

  // REQUIRES: index is the one after head().
  void append(const AppliedEntry& applied);
  [[nodiscard]] const Position& head() const { return head_; }

  // The segment of the first entry from `from` on that the archive has; nothing: it ends before.
  // What was appended to the open one is given to the worker: a job that is run now can read it.
  [[nodiscard]] std::optional<Located> locate(Lsn from, TaskId task);
  // What was appended so far can be read in its file soon: for who looks at a running center's
  // archive. Nothing is synced.
  void write_out();
  [[nodiscard]] IndexKeeper& indexes() { return indexes_; }
  [[nodiscard]] const IndexKeeper& indexes() const { return indexes_; }

  // Ends the segment: posts `done(ok)` once everything appended so far is durable.
  void seal(std::function<void(Status)> done);
  // The log was cut behind `index`: segments up to there are no longer needed to start again. The
  // snapshot that it replaced may be in the archive's directory by now.
  void snapshot_saved(Lsn index);

  // Entries below this one are not in the archive.
  [[nodiscard]] Lsn first_index() const;
  [[nodiscard]] std::uint64_t bytes() const { return closed_bytes_ + open_bytes_ + kept_bytes_; }
  [[nodiscard]] std::size_t segments() const { return segments_.size() + (open_ ? 1 : 0); }
  // The entry at which a replay of the archive can begin: 0 when it is complete; nothing when the
  // snapshot at its oldest segment is not there.
  [[nodiscard]] std::optional<Lsn> replay_base() const;

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
  void drop_first_segment();
  Status read_kept(const std::vector<std::string>& names);
  Status queue_indexes(const std::vector<std::string>& names);
  void judge_replaced(Lsn index, std::uint64_t file_bytes);
  [[nodiscard]] bool should_keep(Lsn index, std::uint64_t file_bytes) const;
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

  // A snapshot in this directory.
  struct Kept {
    Lsn index;
    std::uint64_t bytes = 0;
  };

  RecordWriter::NameOf name_of_;
  RecordWriter writer_;
  IndexKeeper indexes_;

  Position head_;
  Lsn snapshot_;                      // the replay after a restart begins behind it
  std::deque<SegmentInfo> segments_;  // finished ones, oldest first
  std::uint64_t closed_bytes_ = 0;
  std::deque<Kept> kept_;  // oldest first
  std::uint64_t kept_bytes_ = 0;
  std::shared_ptr<Open> open_;
  SegmentInfo open_info_;
  std::uint64_t open_bytes_ = 0;
  Postings open_postings_;
  std::string buffer_;  // of the open segment, not yet given to the worker
  Status failure_;
  bool job_failed_ = false;  // the worker's
  JobGate gate_;             // last: closes before anything above goes
};

}  // namespace baton::center
