#include "common/log/snapshot_file.h"

#include <utility>

#include "common/base/bytes.h"
#include "common/base/crc32c.h"
#include "common/storage/stored_files.h"

namespace baton {
namespace {

constexpr std::string_view kMagic = "BtSn";
constexpr std::uint8_t kVersion = 1;
constexpr std::uint32_t kFooterMark = 0xffffffffU;
constexpr std::size_t kHeaderBytes = 4 + 4 + 8 + 8;
constexpr std::size_t kFooterBytes = 8 + 4;  // behind its mark
// A page is at most a few hundred KiB: a length beyond this is damage, not a reason to reserve
// memory.
constexpr std::uint32_t kPageBytesReadMax = std::uint32_t{64} << 20;

std::uint32_t extend_with(std::uint32_t crc, std::uint32_t page_crc) {
  std::string bytes;
  ByteWriter(bytes).u32(page_crc);
  return crc32c_extend(crc, bytes);
}

Status damaged(const std::string& path, const char* what) {
  return Status(ErrorCode::kDataLoss, "snapshot " + path + " is damaged: " + what);
}

// The file by pieces: a snapshot of many tasks must not be in memory twice.
class PieceReader {
 public:
  explicit PieceReader(std::unique_ptr<leveldb::SequentialFile> file) : file_(std::move(file)) {}

  // Exactly `size` bytes; false at the end of the file or on an error, which status() tells.
  bool read(std::size_t size, std::string& out) {
    out.resize(size);
    std::size_t have = 0;
    while (have < size) {
      leveldb::Slice piece;
      const leveldb::Status read = file_->Read(size - have, &piece, out.data() + have);
      if (!read.ok()) status_ = from_leveldb(read);
      if (!read.ok() || piece.empty()) return false;
      if (piece.data() != out.data() + have)
        out.replace(have, piece.size(), piece.data(), piece.size());
      have += piece.size();
    }
    return true;
  }

  [[nodiscard]] const Status& status() const { return status_; }

 private:
  std::unique_ptr<leveldb::SequentialFile> file_;
  Status status_;
};

Status check_header(const std::string& path, std::string_view bytes, Lsn index) {
  ByteReader in(bytes);
  if (in.bytes(kMagic.size()) != kMagic) return damaged(path, "it does not begin as a snapshot");
  BATON_RETURN_IF_ERROR(check_format_version("snapshot " + path, in.u8(), kVersion));
  in.bytes(3);
  if (Lsn(in.u64()) != index) return damaged(path, "it is of another index");
  return Status();
}

}  // namespace

Result<std::unique_ptr<SnapshotFileWriter>> SnapshotFileWriter::create(DurableEnv& env,
                                                                       const std::string& path,
                                                                       Lsn index, Term term) {
  leveldb::WritableFile* file = nullptr;
  if (const leveldb::Status made = env.NewWritableFile(path, &file); !made.ok())
    return from_leveldb(made);
  std::unique_ptr<SnapshotFileWriter> writer(
      new SnapshotFileWriter(std::unique_ptr<leveldb::WritableFile>(file)));
  std::string header;
  ByteWriter out(header);
  out.bytes(kMagic);
  out.u8(kVersion);
  out.bytes(std::string_view("\0\0\0", 3));
  out.u64(index.value());
  out.u64(term.value());
  BATON_RETURN_IF_ERROR(writer->append_and_sync(header));
  return writer;
}

Status SnapshotFileWriter::write_pages(const std::vector<std::string>& pages) {
  std::string bytes;
  ByteWriter out(bytes);
  for (const std::string& page : pages) {
    const std::uint32_t crc = crc32c(page);
    out.u32(static_cast<std::uint32_t>(page.size()));
    out.u32(crc);
    out.bytes(page);
    crc_ = extend_with(crc_, crc);
    ++pages_;
  }
  return append_and_sync(bytes);
}

Status SnapshotFileWriter::finish() {
  std::string footer;
  ByteWriter out(footer);
  out.u32(kFooterMark);
  out.u64(pages_);
  out.u32(crc_);
  BATON_RETURN_IF_ERROR(append_and_sync(footer));
  return from_leveldb(file_->Close());
}

Status SnapshotFileWriter::append_and_sync(std::string_view bytes) {
  BATON_RETURN_IF_ERROR(from_leveldb(file_->Append(leveldb::Slice(bytes.data(), bytes.size()))));
  return from_leveldb(file_->Sync());
}

namespace {

Result<std::vector<std::string>> read_pages(PieceReader& file, const std::string& path, Lsn index) {
  std::string piece;
  if (!file.read(kHeaderBytes, piece)) return damaged(path, "its header is cut off");
  BATON_RETURN_IF_ERROR(check_header(path, piece, index));

  std::vector<std::string> pages;
  std::uint32_t crc = 0;
  for (;;) {
    if (!file.read(4, piece)) return damaged(path, "its end is cut off");
    const std::uint32_t length = ByteReader(piece).u32();
    if (length == kFooterMark) break;
    if (!file.read(4, piece)) return damaged(path, "its end is cut off");
    const std::uint32_t page_crc = ByteReader(piece).u32();
    if (length > kPageBytesReadMax) return damaged(path, "the length of a page");
    std::string page;
    if (!file.read(length, page)) return damaged(path, "a page is cut off");
    if (crc32c(page) != page_crc) return damaged(path, "the checksum of a page");
    crc = extend_with(crc, page_crc);
    pages.push_back(std::move(page));
  }
  if (!file.read(kFooterBytes, piece)) return damaged(path, "its footer is cut off");
  ByteReader footer(piece);
  if (footer.u64() != pages.size() || footer.u32() != crc)
    return damaged(path, "its footer does not fit");
  return pages;
}

}  // namespace

Result<std::vector<std::string>> read_snapshot_file(leveldb::Env& env, const std::string& path,
                                                    Lsn index) {
  leveldb::SequentialFile* opened = nullptr;
  if (const leveldb::Status status = env.NewSequentialFile(path, &opened); !status.ok()) {
    return Status(ErrorCode::kDataLoss,
                  "snapshot " + path + " is missing or unreadable: " + status.ToString());
  }
  PieceReader file{std::unique_ptr<leveldb::SequentialFile>(opened)};
  Result<std::vector<std::string>> pages = read_pages(file, path, index);
  // Cut off by a failed read: not damage, as far as anybody knows.
  if (!file.status().ok()) return file.status();
  return pages;
}

}  // namespace baton
