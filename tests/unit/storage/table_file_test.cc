// Damage to LevelDB's tables: an error that names the file, never more memory than the file is
// large, and never a key that is not found in silence.
#include <memory>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "common/storage/table_format.h"
#include "tests/unit/storage/store_rig.h"

namespace baton {
namespace {

using testing::StoreRig;

constexpr int kKeys = 60;

std::string key_of(int i) { return "k" + std::to_string(1000 + i); }
std::string value_of(int i) { return std::string(1000, static_cast<char>('a' + i % 26)); }

// A store whose only table has all keys.
struct Made {
  sim::SimDisk disk{true};
  std::string table;  // its path
};

Made make_table() {
  StoreRig rig;
  rig.open();
  for (int i = 0; i < kKeys; ++i) REQUIRE(rig.put(key_of(i), value_of(i)).ok());
  rig.kill();
  rig.open();  // the log goes into a table
  rig.kill();
  Made made;
  made.disk = rig.env().disk().copy();
  for (const auto& [path, file] : made.disk.files()) {
    if (path.ends_with(".ldb")) made.table = path;
  }
  REQUIRE_FALSE(made.table.empty());
  return made;
}

std::size_t index_begin(const std::string& table) {
  const std::string_view footer = std::string_view(table).substr(table.size() - kTableFooterBytes);
  return static_cast<std::size_t>(index_of_table(footer, table.size()).value().offset);
}

// Every key is right, or its absence is an error that names the table.
void expect_right_or_named(const Made& made, const sim::SimDisk& damaged) {
  StoreRig rig;
  rig.env().disk() = damaged.copy();
  const Status opened = rig.try_open();
  if (!opened.ok()) {
    CHECK(opened.message().find(made.table) != std::string::npos);
    return;
  }
  for (int i = 0; i < kKeys; ++i) {
    const Result<std::string> found = rig.store().get(key_of(i));
    if (found.ok()) {
      REQUIRE(found.value() == value_of(i));
    } else {
      REQUIRE(found.status().code() == ErrorCode::kDataLoss);
      REQUIRE(found.status().message().find(made.table) != std::string::npos);
    }
  }
}

TEST_CASE("a bit flipped in the index or the footer of a table is named, or does no harm") {
  const Made made = make_table();
  const std::string& whole = made.disk.find(made.table)->data;
  // scripts/damage.sh tries all of them.
  constexpr std::size_t kStep = 7;
  for (std::size_t bit = index_begin(whole) * 8; bit < whole.size() * 8; bit += kStep) {
    sim::SimDisk damaged = made.disk.copy();
    char& byte = damaged.find(made.table)->data[bit / 8];
    byte = static_cast<char>(byte ^ (1 << (bit % 8)));
    INFO("bit " << bit);
    expect_right_or_named(made, damaged);
  }
}

TEST_CASE("a damaged block is named with its place in the file") {
  const Made made = make_table();
  sim::SimDisk damaged = made.disk.copy();
  damaged.find(made.table)->data[100] ^= 1;
  StoreRig rig;
  rig.env().disk() = damaged.copy();
  rig.open();

  const Result<std::string> found = rig.store().get(key_of(0));

  REQUIRE(found.status().message().find(made.table + " (at byte 0)") != std::string::npos);
}

TEST_CASE("a block whose structure is wrong never reaches LevelDB, one with a wrong value does") {
  const Made made = make_table();
  const std::string& table = made.disk.find(made.table)->data;
  const std::string_view footer = std::string_view(table).substr(table.size() - kTableFooterBytes);
  const BlockHandle index = index_of_table(footer, table.size()).value();
  BlockHandle first;
  REQUIRE(read_block(std::string_view(table).substr(index.offset, index.size + kBlockTrailerBytes),
                     [&](std::string_view, std::string_view value) {
                       if (first.size == 0) first = decode_block_handle(value).value();
                       return Status();
                     })
              .ok());
  const std::string block = table.substr(first.offset, first.size + kBlockTrailerBytes);
  const auto ignore = [](std::string_view, std::string_view) { return Status(); };
  REQUIRE(block_is_whole(block));
  REQUIRE(read_block(block, ignore).ok());

  std::string value = block;
  value[100] ^= 1;
  CHECK_FALSE(block_is_whole(value));
  CHECK(read_block(value, ignore).ok());
  std::string length = block;
  length[1] ^= 0x40;  // of the first key
  CHECK(read_block(length, ignore).code() == ErrorCode::kDataLoss);
  std::string kind = block;
  kind[4 + 5] ^= 0x10;  // behind the lengths and the key
  CHECK(read_block(kind, ignore).code() == ErrorCode::kDataLoss);
  std::string order = block;
  order[4] ^= 0x08;  // "k1000" becomes "c1000": still in front of the next
  CHECK(read_block(order, ignore).ok());
  order[4] ^= 0x10;  // "s1000"
  CHECK(read_block(order, ignore).code() == ErrorCode::kDataLoss);
}

// Reads every block of a table as a compaction does, after one byte of the block-th was changed.
Status read_changed(const Made& made, std::size_t block, std::size_t byte, char change) {
  const std::string& table = made.disk.find(made.table)->data;
  std::vector<BlockHandle> blocks;
  const BlockHandle index =
      index_of_table(std::string_view(table).substr(table.size() - kTableFooterBytes), table.size())
          .value();
  REQUIRE(read_block(std::string_view(table).substr(index.offset, index.size + kBlockTrailerBytes),
                     [&](std::string_view, std::string_view value) {
                       blocks.push_back(decode_block_handle(value).value());
                       return Status();
                     })
              .ok());
  REQUIRE(blocks.size() >= 4);
  sim::SimEnv env;
  env.disk() = made.disk.copy();
  env.disk().find(made.table)->data[blocks.at(block).offset + byte] ^= change;
  DurableEnv durable(env);
  leveldb::RandomAccessFile* opened = nullptr;
  BATON_RETURN_IF_ERROR(from_leveldb(durable.NewRandomAccessFile(made.table, &opened)));
  const std::unique_ptr<leveldb::RandomAccessFile> file(opened);
  for (const BlockHandle& at : blocks) {
    std::string buffer(static_cast<std::size_t>(at.size) + kBlockTrailerBytes, '\0');
    leveldb::Slice found;
    BATON_RETURN_IF_ERROR(
        from_leveldb(file->Read(at.offset, buffer.size(), &found, buffer.data())));
  }
  return {};
}

TEST_CASE("a compaction carries a damaged value along, and stops at a key that it cannot place") {
  const Made made = make_table();
  constexpr std::size_t kValueByte = 500;  // of the first entry of a block
  constexpr std::size_t kKeyByte = 4;      // behind the lengths

  CHECK(read_changed(made, 1, kValueByte, 1).ok());
  CHECK(read_changed(made, 1, kKeyByte, 0x08).code() == ErrorCode::kDataLoss);
  // Nothing tells what may be in front of the first and behind the last.
  CHECK(read_changed(made, 0, kValueByte, 1).code() == ErrorCode::kDataLoss);
  CHECK(read_changed(made, 3, kValueByte, 1).code() == ErrorCode::kDataLoss);
}

TEST_CASE("no bytes make the reader of blocks read beyond them") {
  const Made made = make_table();
  const std::string& table = made.disk.find(made.table)->data;
  Random random(3);
  for (int i = 0; i < 20000; ++i) {
    std::string block = table.substr(random.below(table.size() / 2), random.below(300));
    for (int flips = 0; flips < 3 && !block.empty(); ++flips) {
      block[random.below(block.size())] = static_cast<char>(random.below(256));
    }
    static_cast<void>(read_block(block, [](auto, auto) { return Status(); }));
  }
}

}  // namespace
}  // namespace baton
