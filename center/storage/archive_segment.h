// One file of the archive: applied entries with their transitions, each tied to all before it
// (R19).
//
//   header     "BtAr" | version u8 | 0 x3 | first index u64 | hash before it, 32 bytes | CRC32C u32
//   record     length u32 | content | hash after it, 32 bytes
//   footer     0xffffffff u32 | last index u64 | hash after it, 32 bytes | CRC32C u32
//
//   content    index u64 | term u64 | entry length u32 | transitions u32 | entry | transitions
//   transition first task u64 | count u32 | from u8 | to u8 | cause u8 | 0 | token u64 |
//              session, 16 bytes; 40 bytes in all
//
// Numbers little-endian; `length` counts the content; each CRC covers what is before it in header
// or footer. hash = SHA-256(hash before, content). A file without a right footer was being written
// when it ended.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <leveldb/env.h>

#include "center/core/effects.h"
#include "center/storage/chain_hash.h"
#include "common/base/ids.h"
#include "common/base/status.h"

namespace baton::center {

// What header and footer of a finished segment say.
struct SegmentInfo {
  std::string path;
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
  std::string entry;
  std::vector<Transition> transitions;
  ChainHash hash{};
};

std::string encode_segment_header(Lsn first, const ChainHash& before);
// Appends the record to `out` and returns the hash after it.
ChainHash append_archive_record(std::string& out, const ChainHash& before, Lsn index, Term term,
                                std::string_view entry, const std::vector<Transition>& transitions);
std::string encode_segment_footer(Lsn last, const ChainHash& after);

// Header and footer of `path`. not_found when it has no footer: it was not finished. data_loss when
// they are damaged, unsupported_version when a newer Baton wrote it.
Result<SegmentInfo> read_segment_info(leveldb::Env& env, const std::string& path);

// Reads the whole segment and computes every hash again; hands each entry to `visit`. data_loss
// names the file and the first entry that is not what was archived.
Status verify_segment(leveldb::Env& env, const SegmentInfo& segment,
                      const std::function<void(const ArchivedEntry&)>& visit = {});

}  // namespace baton::center
