// One file of the archive: applied entries with their transitions, each tied to all before it
// (R19).
//
//   header     "BtAr" | version u8 | 0 x3 | first index u64 | hash before it, 32 bytes | CRC32C u32
//   record     length u32 | content | hash after it, 32 bytes
//   footer     0xffffffff u32 | last index u64 | hash after it, 32 bytes | CRC32C u32
//
//   content    index u64 | term u64 | lease time u64, ms | calendar time u64, ms since 1970 |
//              entry length u32 | transitions u32 | names u32 | entry | transitions | names
//   transition first task u64 | count u32 | from u8 | to u8 | cause u8 | 0 | token u64 |
//              session, 16 bytes; 40 bytes in all
//   name       session, 16 bytes | consumer sized | manager sized
//
// Numbers little-endian; `sized` is a varint length, then bytes; `length` counts the content; each
// CRC covers what is before it in header or footer. hash = SHA-256(hash before, content). A file
// without a right footer was being written when it ended.
//
// Names are those of sessions in the transitions, each told when a segment first mentions it and
// again after an attach, so that a segment explains itself (record_writer.h). Both times are those
// of the ledger after the entry.
//
// Version 1, still read: the content has no times, no names and no count of them.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <leveldb/env.h>

#include "center/core/effects.h"
#include "center/core/views.h"
#include "center/storage/chain_hash.h"
#include "common/base/ids.h"
#include "common/base/status.h"

namespace baton::center {

inline constexpr std::uint8_t kSegmentVersion = 2;
inline constexpr std::size_t kSegmentHeaderBytes = 4 + 4 + 8 + 32 + 4;

// What header and footer of a finished segment say.
struct SegmentInfo {
  std::string path;
  std::uint8_t version = kSegmentVersion;
  Lsn first;
  Lsn last;
  ChainHash before{};
  ChainHash after{};
  std::uint64_t bytes = 0;
};

// An archived entry as it was read back and checked.
struct ArchivedEntry {
  Lsn index;
  Term term;
  LedgerTimes times;  // zero in version 1
  std::string entry;
  std::vector<Transition> transitions;
  std::vector<SessionName> names;
  ChainHash hash{};         // after it
  std::uint64_t place = 0;  // byte of the file that its record begins at
};

// What a record is made of; the views must last for the call.
struct ArchiveRecord {
  Lsn index;
  Term term;
  LedgerTimes times;
  std::string_view entry;
  const std::vector<Transition>& transitions;
  const std::vector<SessionName>& names;
};
inline ArchiveRecord record_of(const ArchivedEntry& entry) {
  return {entry.index, entry.term, entry.times, entry.entry, entry.transitions, entry.names};
}

std::string encode_segment_header(Lsn first, const ChainHash& before,
                                  std::uint8_t version = kSegmentVersion);
// Appends the record to `out` and returns the hash after it.
ChainHash append_archive_record(std::string& out, const ChainHash& before,
                                const ArchiveRecord& record,
                                std::uint8_t version = kSegmentVersion);
std::string encode_segment_footer(Lsn last, const ChainHash& after);

// Header and footer of `path`. not_found when it has no footer: it was not finished. data_loss when
// they are damaged, unsupported_version when a newer Baton wrote it.
Result<SegmentInfo> read_segment_info(leveldb::Env& env, const std::string& path);
// The header alone, of a segment that may not be finished: last, after and bytes are not set.
Result<SegmentInfo> read_segment_header(leveldb::Env& env, const std::string& path);

// Reads a segment from front to back, a buffer of some hundred KiB and one record at a time.
class SegmentReader {
 public:
  enum class Check : std::uint8_t { kHashes, kStructure };

  // An `info` without a last index is of a segment that is still being written: it ends where no
  // whole record follows.
  SegmentReader(leveldb::Env& env, SegmentInfo info, Check check);
  ~SegmentReader();
  SegmentReader(const SegmentReader&) = delete;
  SegmentReader& operator=(const SegmentReader&) = delete;

  // The next entry, valid until the next call; null at the end. data_loss names the file and the
  // first entry that is not what was archived.
  Result<const ArchivedEntry*> next();
  [[nodiscard]] std::uint64_t position() const { return at_; }
  // The entry that comes next, or that could not be read.
  [[nodiscard]] Lsn next_index() const { return next_; }

 private:
  // `size` bytes at at_ in the buffer; less at the end of the file.
  Result<std::string_view> peek(std::size_t size);
  Status finish();

  leveldb::Env& env_;
  const SegmentInfo info_;
  const Check check_;
  std::unique_ptr<leveldb::RandomAccessFile> file_;
  std::string buffer_;
  std::uint64_t buffer_at_ = 0;  // place of the buffer in the file
  std::uint64_t at_ = kSegmentHeaderBytes;
  Lsn next_;
  ArchivedEntry entry_;
  bool ended_ = false;
};

// Reads one record by its place and checks it against the hash before it. data_loss names the file.
Result<ArchivedEntry> read_archived_entry(const leveldb::RandomAccessFile& file,
                                          const SegmentInfo& segment, std::uint64_t place);
Result<std::unique_ptr<leveldb::RandomAccessFile>> open_segment_file(leveldb::Env& env,
                                                                     const std::string& path);

// Reads the whole segment and computes every hash again; hands each entry to `visit`. data_loss
// names the file and the first entry that is not what was archived.
Status verify_segment(leveldb::Env& env, const SegmentInfo& segment,
                      const std::function<void(const ArchivedEntry&)>& visit = {});

}  // namespace baton::center
