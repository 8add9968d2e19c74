// Do today's programs read and write what yesterday's wrote: entries of the ledger's log, segments
// of its archive. The .txt says in words what the .hex says in bytes; a change of either is a
// change of a format (proto/storage.proto has the procedure).
#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

#include <catch2/catch.hpp>
#include <google/protobuf/text_format.h>

#include "center/storage/archive_segment.h"
#include "center/storage/command_codec.h"
#include "center/storage/entry_codec.h"
#include "center/storage/segment_index.h"
#include "tests/formats/hex_lines.h"
#include "tests/support/sim_env.h"

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

std::string segment_bytes(std::uint8_t version) {
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
  const std::vector<Transition> transitions = {claimed, claimed};
  const std::vector<SessionName> names = {{claimed.session, "worker", "A"}, {{}, "", ""}};
  const LedgerTimes times{Millis(123'456), WallTime{1'790'000'000'123}};
  std::string bytes = encode_segment_header(Lsn(41), before, version);
  const ChainHash first = append_archive_record(
      bytes, before, {Lsn(41), Term(2), times, "an entry", transitions, names}, version);
  const ChainHash second =
      append_archive_record(bytes, first, {Lsn(42), Term(3), {}, "", {}, {}}, version);
  return bytes + encode_segment_footer(Lsn(42), second);
}

// The golden bytes, after checking that today's writer still writes them.
std::string golden(const std::string& name, std::string_view written) {
  const std::string file = name + ".hex";
  if (std::getenv("BATON_REWRITE") != nullptr) {
    std::ofstream(std::string(BATON_FORMATS_DIR) + "/" + file) << to_hex_lines(written);
  }
  CHECK(read(file) == to_hex_lines(written));
  return from_hex_lines(read(file));
}

std::vector<ArchivedEntry> read_back(const std::string& bytes) {
  sim::SimEnv env;
  REQUIRE(leveldb::WriteStringToFile(&env, bytes, "/segment").ok());
  std::vector<ArchivedEntry> entries;
  const Result<SegmentInfo> info = read_segment_info(env, "/segment");
  REQUIRE(info.ok());
  REQUIRE(verify_segment(env, info.value(), [&](const ArchivedEntry& entry) {
            entries.push_back(entry);
          }).ok());
  return entries;
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

TEST_CASE("a segment of the archive of version 1 is read as ever, without times and names") {
  const std::vector<ArchivedEntry> entries =
      read_back(golden("ledger_entry_segment_v1", segment_bytes(1)));

  REQUIRE(entries.size() == 2);
  CHECK(entries[0].entry == "an entry");
  CHECK(entries[0].transitions.at(1).token == Token((std::uint64_t{1} << 52) | 99));
  CHECK(entries[0].times == LedgerTimes());
  CHECK(entries[0].names.empty());
}

TEST_CASE("a segment of the archive has the bytes of version 2") {
  const std::vector<ArchivedEntry> entries =
      read_back(golden("ledger_entry_segment_v2", segment_bytes(2)));

  REQUIRE(entries.size() == 2);
  CHECK(entries[0].index == Lsn(41));
  CHECK(entries[0].term == Term(2));
  CHECK(entries[0].times == LedgerTimes{Millis(123'456), WallTime{1'790'000'000'123}});
  CHECK(entries[0].names.at(0).consumer == "worker");
  CHECK(entries[0].names.at(0).manager == "A");
  CHECK(entries[0].transitions.size() == 2);
}

TEST_CASE("the index of a segment has the bytes of version 1") {
  SegmentInfo segment;
  segment.first = Lsn(41);
  segment.last = Lsn(42);
  segment.bytes = 999;
  segment.after[31] = 0xcd;
  Postings postings;
  Transition wide;
  wide.first = TaskId(ShardId(9), Offset(1));
  wide.count = 5000;
  Transition run;
  run.first = TaskId(ShardId(3), Offset(70'000));
  run.count = 5;
  postings.add({run, wide}, {{SessionId(Uuid{1, 2}), "worker", "A"}}, 300);
  run.count = 1;
  postings.add({run}, {}, 500);
  IndexBuilder builder(segment, postings);
  while (!builder.step()) {
  }

  const std::string bytes = golden("ledger_entry_index_v1", builder.bytes());

  sim::SimEnv env;
  REQUIRE(leveldb::WriteStringToFile(&env, bytes, "/index").ok());
  const Result<SegmentIndex> index = SegmentIndex::open(env, "/index", segment);
  REQUIRE(index.status() == Status());
  CHECK(index.value().find_task(run.first).value() == std::vector<std::uint32_t>{300, 500});
  CHECK(index.value().find_task(TaskId(ShardId(9), Offset(4999))).value() ==
        std::vector<std::uint32_t>{300});
  CHECK(index.value().find_session(SessionId(Uuid{1, 2})).value() ==
        std::vector<std::uint32_t>{300});
}
