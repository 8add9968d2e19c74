// Do today's programs read and write what yesterday's wrote: entries of the ledger's log, segments
// of its archive. The .txt says in words what the .hex says in bytes; a change of either is a
// change of a format (proto/storage.proto has the procedure).
#include <fstream>
#include <set>
#include <sstream>

#include <catch2/catch.hpp>
#include <google/protobuf/text_format.h>

#include "center/storage/archive_segment.h"
#include "center/storage/command_codec.h"
#include "center/storage/entry_codec.h"
#include "tests/formats/hex_lines.h"

using namespace baton;
using namespace baton::center;

namespace {

std::string read(const std::string& name) {
  std::ifstream file(std::string(BATON_FORMATS_DIR) + "/" + name);
  REQUIRE(file.good());
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

v1::LedgerEntry entry_in_words() {
  v1::LedgerEntry wire;
  REQUIRE(google::protobuf::TextFormat::ParseFromString(read("ledger_entry_v1.txt"), &wire));
  return wire;
}

std::string segment_bytes() {
  ChainHash before{};
  before[0] = 0xab;
  Transition claimed;
  claimed.first = TaskId(ShardId(3), Offset(70'000));
  claimed.count = 5;
  claimed.from = TaskState::kReady;
  claimed.to = TaskState::kClaimed;
  claimed.cause = Cause::kGranted;
  claimed.token = Token((std::uint64_t{1} << 52) | 99);
  claimed.session = SessionId(Uuid{0x0102030405060708, 0x1112131415161718});
  std::string bytes = encode_segment_header(Lsn(41), before);
  const ChainHash first =
      append_archive_record(bytes, before, Lsn(41), Term(2), "an entry", {claimed, claimed});
  const ChainHash second = append_archive_record(bytes, first, Lsn(42), Term(3), "", {});
  return bytes + encode_segment_footer(Lsn(42), second);
}

}  // namespace

TEST_CASE("an entry of the ledger's log has the bytes of version 1") {
  CHECK(to_hex_lines(encode_entry(entry_in_words())) == read("ledger_entry_v1.hex"));
}

TEST_CASE("the bytes of version 1 are read as the entry they were") {
  const v1::LedgerEntry wire = entry_in_words();
  const Result<Entry> entry = decode_entry(Lsn(9), from_hex_lines(read("ledger_entry_v1.hex")));
  REQUIRE(entry.status() == Status());

  REQUIRE(entry.value().batches.size() == static_cast<std::size_t>(wire.batch_size()));
  for (int i = 0; i < wire.batch_size(); ++i) {
    const Batch& batch = entry.value().batches[static_cast<std::size_t>(i)];
    CHECK(batch.incarnation.value() == wire.batch(i).incarnation());
    REQUIRE(batch.commands.size() == static_cast<std::size_t>(wire.batch(i).command_size()));
    for (int k = 0; k < wire.batch(i).command_size(); ++k) {
      v1::Command command;
      encode_command(batch.commands[static_cast<std::size_t>(k)], &command);
      CHECK(command.DebugString() == wire.batch(i).command(k).DebugString());
    }
  }
}

TEST_CASE("the golden entry has every kind of command") {
  const v1::LedgerEntry wire = entry_in_words();
  std::set<int> kinds;
  for (const v1::LedgerBatch& batch : wire.batch()) {
    for (const v1::Command& command : batch.command()) kinds.insert(command.kind_case());
  }
  CHECK(kinds.size() ==
        static_cast<std::size_t>(v1::Command::descriptor()->oneof_decl(0)->field_count()));
}

TEST_CASE("a segment of the archive has the bytes of version 1") {
  CHECK(to_hex_lines(segment_bytes()) == read("ledger_entry_segment_v1.hex"));
}
