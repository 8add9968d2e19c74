// The index of a finished segment: which of its records tell of a task, and which name a session.
//
// It lies beside the segment and is derived from it: when it is missing, damaged or of another
// segment, it is made again, and nothing is lost. Looking up costs its header and a few pages.
//
//   header  "BtAx" | version u8 | 0 x3 | first index u64 | last index u64 | segment bytes u64 |
//           hash after the segment, 32 bytes | task pages u32 | session pages u32 | wide u32 |
//           first key of each page u64, task pages before session pages |
//           wide: first task u64 | tasks u32 | place u32 each | CRC32C u32 of all before
//   page    postings u16 | postings | 0 up to 4,092 bytes | CRC32C u32; 4,096 bytes
//   posting key - key of the posting before, or - first key of the page: varint |
//           keys varint | place varint
//
// A posting says that the record at byte `place` tells of `keys` tasks from `key` on; postings are
// ordered by (key, place). One that tells of more than 4,096 is among the wide ones instead, so
// that what covers a task is found close before it. Keys of sessions are hashes: whoever looks one
// up reads the record and sees. Numbers little-endian.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "center/storage/archive_segment.h"

namespace baton::center {

struct Posting {
  std::uint64_t key = 0;
  std::uint32_t count = 0;
  std::uint32_t place = 0;
  friend auto operator<=>(const Posting&, const Posting&) = default;
};

// What is known of a segment's records while they are written, or read again: 16 bytes for each run
// of tasks in a record. Records are added in order.
class Postings {
 public:
  void add(const std::vector<Transition>& transitions, const std::vector<SessionName>& names,
           std::uint64_t place);
  // Places of the records that tell of the task, or may name the session, in order.
  [[nodiscard]] std::vector<std::uint32_t> find_task(TaskId task) const;
  [[nodiscard]] std::vector<std::uint32_t> find_session(const SessionId& session) const;
  [[nodiscard]] bool empty() const { return tasks.empty() && sessions.empty(); }

  std::vector<Posting> tasks;  // in the order of the records
  std::vector<Posting> sessions;
};

// Makes the bytes of an index, a few milliseconds of work at a time.
class IndexBuilder {
 public:
  IndexBuilder(SegmentInfo segment, Postings postings);
  // True when bytes() are complete.
  bool step();
  [[nodiscard]] const std::string& bytes() const { return bytes_; }
  [[nodiscard]] const SegmentInfo& segment() const { return segment_; }

 private:
  // One step of a merge sort from below; false when everything is in order.
  bool sort_some();
  void encode();

  const SegmentInfo segment_;
  Postings postings_;
  std::vector<Posting> merged_;
  std::size_t width_ = 0;  // sorted stretches are that long; 0: the chunks are being sorted
  std::size_t at_ = 0;
  std::string bytes_;
};

// An index that is looked things up in. Reads its file when asked; blocks.
class SegmentIndex {
 public:
  // not_found when there is none; data_loss when it is damaged, of another segment, or of a version
  // that this program does not know: in each case it can be made again.
  static Result<SegmentIndex> open(leveldb::Env& env, const std::string& path,
                                   const SegmentInfo& segment);
  // As of Postings; data_loss names the file.
  [[nodiscard]] Result<std::vector<std::uint32_t>> find_task(TaskId task) const;
  [[nodiscard]] Result<std::vector<std::uint32_t>> find_session(const SessionId& session) const;

 private:
  SegmentIndex() = default;
  // Of pages [from, to): the places whose postings cover `key`, which is at most `reach` before it.
  Status find(std::size_t from, std::size_t to, std::uint64_t key, std::uint64_t reach,
              std::vector<std::uint32_t>& places) const;
  [[nodiscard]] Result<std::string> read_page(std::size_t page) const;

  std::string path_;
  std::unique_ptr<leveldb::RandomAccessFile> file_;
  std::uint64_t pages_at_ = 0;
  std::size_t task_pages_ = 0;
  std::vector<std::uint64_t> first_keys_;
  std::vector<Posting> wide_;
};

// Key of a session.
std::uint64_t session_key(const SessionId& session);

}  // namespace baton::center
