// A snapshot as a file: pages, each with its length and CRC32C, between a header and a footer.
//
//   header  "BtSn" | version u8 | 0 x3 | index u64 | term u64
//   page    length u32 | CRC32C u32 | bytes            (any number of them)
//   footer  0xffffffff u32 | pages u64 | CRC32C u32 of the page CRCs in order
// All numbers little-endian. A file without a right footer is no snapshot: nothing points to it
// yet.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <leveldb/env.h>

#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/storage/durable_env.h"

namespace baton {

// Writes one snapshot. Every method blocks; one thread at a time. After an error the file is given
// up.
class SnapshotFileWriter {
 public:
  static Result<std::unique_ptr<SnapshotFileWriter>> create(DurableEnv& env,
                                                            const std::string& path, Lsn index,
                                                            Term term);
  // Written and synced: many small syncs do not hold up the log's own for long.
  Status write_pages(const std::vector<std::string>& pages);
  // The footer. Once it returns ok the file is durable as a whole.
  Status finish();

 private:
  explicit SnapshotFileWriter(std::unique_ptr<leveldb::WritableFile> file)
      : file_(std::move(file)) {}
  Status append_and_sync(std::string_view bytes);

  std::unique_ptr<leveldb::WritableFile> file_;
  std::uint64_t pages_ = 0;
  std::uint32_t crc_ = 0;  // of the page CRCs
};

// All pages, checked. data_loss names the file and what is wrong.
Result<std::vector<std::string>> read_snapshot_file(leveldb::Env& env, const std::string& path,
                                                    Lsn index);

}  // namespace baton
