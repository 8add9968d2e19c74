#include "common/storage/table_file.h"

#include <utility>

#include "common/storage/durable_env.h"
#include "common/storage/table_format.h"

namespace baton {
namespace {

std::string_view view(const leveldb::Slice& slice) { return {slice.data(), slice.size()}; }

std::string at_byte(const std::string& path, std::uint64_t offset) {
  return path + " (at byte " + std::to_string(offset) + ")";
}

class TableFile final : public leveldb::RandomAccessFile {
 public:
  TableFile(std::string path, std::uint64_t bytes, std::unique_ptr<leveldb::RandomAccessFile> file,
            OnDamagedBlock on_damaged)
      : path_(std::move(path)),
        bytes_(bytes),
        file_(std::move(file)),
        on_damaged_(std::move(on_damaged)) {}

  leveldb::Status Read(std::uint64_t offset, std::size_t size, leveldb::Slice* result,
                       char* scratch) const override {
    leveldb::Status read = file_->Read(offset, size, result, scratch);
    // Everything but the footer is read as whole blocks.
    if (!read.ok() || offset + kTableFooterBytes >= bytes_ || block_is_whole(view(*result))) {
      return read;
    }
    on_damaged_(at_byte(path_, offset));
    const Status usable = check_damaged(offset, view(*result));
    if (usable.ok()) return read;
    return leveldb::Status::Corruption(at_byte(path_, offset), "a block " + usable.message());
  }

  // Reads footer and index once, as LevelDB will.
  [[nodiscard]] leveldb::Status check_end() const {
    std::string index;
    return read_index(index);
  }

 private:
  leveldb::Status read_index(std::string& block) const {
    const auto damaged = [this](const std::string& what) {
      return leveldb::Status::Corruption(path_, what);
    };
    if (bytes_ < kTableFooterBytes) return damaged("is too short for a table");
    char footer[kTableFooterBytes];
    leveldb::Slice found;
    const leveldb::Status read =
        file_->Read(bytes_ - kTableFooterBytes, kTableFooterBytes, &found, footer);
    if (!read.ok()) return read;
    const Result<BlockHandle> index = index_of_table(view(found), bytes_);
    if (!index.ok()) return damaged(index.status().message());
    block.resize(static_cast<std::size_t>(index.value().size) + kBlockTrailerBytes);
    const leveldb::Status read_block =
        file_->Read(index.value().offset, block.size(), &found, block.data());
    if (!read_block.ok()) return read_block;
    block.assign(found.data(), found.size());
    return block_is_whole(block) ? leveldb::Status::OK() : damaged("has a damaged index");
  }

  // Ok when a block whose checksum is wrong can do no harm to LevelDB.
  [[nodiscard]] Status check_damaged(std::uint64_t offset, std::string_view block) const {
    std::string first;
    std::string last;
    BATON_RETURN_IF_ERROR(read_block(block, [&](std::string_view key, std::string_view) {
      if (first.empty()) first = key;
      last = key;
      return Status();
    }));
    std::string index;
    if (const leveldb::Status read = read_index(index); !read.ok()) return from_leveldb(read);
    // The key of an index entry is at or behind the last of its block, and in front of the next.
    std::string below;
    std::string above;
    bool has_next = false;
    BATON_RETURN_IF_ERROR(read_block(index, [&](std::string_view key, std::string_view value) {
      BATON_ASSIGN_OR_RETURN(const BlockHandle handle, decode_block_handle(value));
      if (handle.offset < offset) below = key;
      if (handle.offset == offset) above = key;
      has_next = has_next || handle.offset > offset;
      return Status();
    }));
    const bool between = !first.empty() && !below.empty() && !above.empty() && has_next &&
                         is_behind(below, first) && !is_behind(above, last);
    return between ? Status() : Status(ErrorCode::kDataLoss, "is damaged at the edge of its keys");
  }

  const std::string path_;
  const std::uint64_t bytes_;
  const std::unique_ptr<leveldb::RandomAccessFile> file_;
  const OnDamagedBlock on_damaged_;
};

}  // namespace

bool is_table_name(std::string_view path) { return path.ends_with(".ldb"); }

leveldb::Status open_table_file(const std::string& path, std::uint64_t bytes,
                                std::unique_ptr<leveldb::RandomAccessFile> file,
                                OnDamagedBlock on_damaged, leveldb::RandomAccessFile** result) {
  *result = nullptr;
  auto table = std::make_unique<TableFile>(path, bytes, std::move(file), std::move(on_damaged));
  if (leveldb::Status end = table->check_end(); !end.ok()) return end;
  *result = table.release();  // LevelDB's interface: the caller owns it
  return leveldb::Status::OK();
}

}  // namespace baton
