// TableFile: one of LevelDB's tables, so opened and read that damage is an error and nothing worse.
//
// LevelDB believes three things without a checksum: the footer and the index of a table (a wrong
// size there makes it reserve any amount of memory; a wrong key hides whole blocks from a search
// without a word), and in a compaction every block (an entry that is none makes it read outside of
// the block). Here footer and index are verified when a table is opened, and a block whose checksum
// is wrong is only handed on while its structure is right: what it holds is then carried along, and
// its own checksum tells later which tasks were hit.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <leveldb/env.h>

namespace baton {

bool is_table_name(std::string_view path);

// Told once for each block that was read damaged, with the file and the byte it begins at. On any
// thread.
using OnDamagedBlock = std::function<void(const std::string& where)>;

// Takes over `file`, which has `bytes` bytes, when it returns ok. Corruption, naming the file, when
// its end is not that of a table, or its index is damaged.
leveldb::Status open_table_file(const std::string& path, std::uint64_t bytes,
                                std::unique_ptr<leveldb::RandomAccessFile> file,
                                OnDamagedBlock on_damaged, leveldb::RandomAccessFile** result);

}  // namespace baton
