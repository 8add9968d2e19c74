// Do today's programs read and write the bytes of yesterday's stores: one file of hex per record,
// named after the record and its version. docs/storage-format.md tells what to do when a format
// changes; BATON_REWRITE=1 writes the files of new versions, and the difference is reviewed.
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <catch2/catch.hpp>

#include "common/base/crc32c.h"
#include "common/storage/batch_envelope.h"
#include "common/storage/batch_log_meta.h"
#include "common/storage/identity.h"
#include "common/storage/small_record.h"
#include "manager/storage/dedup_record.h"
#include "manager/storage/payload_keys.h"
#include "manager/storage/record_codec.h"
#include "manager/storage/stretch.h"
#include "manager/storage/survivor.h"
#include "manager/storage/task_batch.h"
#include "tests/formats/hex_lines.h"
#include "tests/support/payload_log_rig.h"

namespace baton::manager {
namespace {

// The golden bytes, after checking that today's writer still writes them.
std::string golden(const std::string& name, std::string_view written) {
  const std::string path = std::string(BATON_FORMATS_DIR) + "/" + name + ".hex";
  if (std::getenv("BATON_REWRITE") != nullptr) std::ofstream(path) << to_hex_lines(written);
  std::ifstream file(path);
  INFO(path);
  REQUIRE(file.good());
  std::stringstream text;
  text << file.rdbuf();
  CHECK(text.str() == to_hex_lines(written));
  return from_hex_lines(text.str());
}

const ShardId kShard(7);

TaskAttributes all_attributes() {
  TaskAttributes attributes;
  attributes.queue = "mail";
  attributes.options.priority = 3;
  attributes.producer = ProducerId(Uuid{0x0102030405060708, 0x090a0b0c0d0e0f10});
  attributes.seq = ProducerSeq(300);
  attributes.waits = true;
  attributes.moved = true;
  attributes.maybe_at = {ShardId(4), ShardId(500)};
  return attributes;
}

// Every option that a record can have.
TaskAttributes all_options() {
  TaskAttributes attributes;
  attributes.queue = "mail";
  attributes.producer = ProducerId(Uuid{0x0102030405060708, 0x090a0b0c0d0e0f10});
  attributes.seq = ProducerSeq(7);
  attributes.waits = true;
  TaskOptions& options = attributes.options;
  options.priority = 9;
  options.not_before = WallTime{1'790'000'000'000};
  options.time_to_live = std::chrono::hours(2);
  options.wait_timeout = std::chrono::minutes(3);
  options.attempt_timeout = std::chrono::seconds(4);
  options.total_timeout = std::chrono::hours(24) * 3653;
  options.max_attempts = 12;
  options.key = std::string("invoice\0 17", 11);
  options.order_key = "customer 5";
  options.fair_key = "tenant a";
  options.fair_weight = 20;
  options.type = "resize";
  options.after = {TaskId(ShardId(4), Offset(11)), TaskId(kShard, Offset(12))};
  options.on_failed = FailurePolicy::kWait;
  options.parent = TaskId(kShard, Offset(3));
  options.parent_token = Token(0x0010'0000'0000'0001);
  options.with_completion = true;
  options.retry_of = TaskId(kShard, Offset(2));
  return attributes;
}

std::string payload_batch() {
  std::string batch(kBatchHeaderBytes, '\0');
  write_prologue(batch, Offset(41), WallTime{1'790'000'000'123});
  TaskAttributes plain;
  plain.queue = "mail";
  write_task_run(batch, kShard, Offset(41), plain,
                 std::vector<std::string_view>{"one", "", "three"});
  write_task_run(batch, kShard, Offset(44), all_attributes(),
                 std::vector<std::string_view>{"four"});
  write_result(batch, {TaskId(kShard, Offset(2)), Token(99), RecordKind::kResult, "a result"});
  seal_batch({kShard.value(), Epoch(5), Lsn(12), 0xdeadbeef, Lsn(10)}, batch);
  return batch;
}

std::shared_ptr<const TaskBatch> decoded(const std::string& bytes) {
  return TaskBatch::check(kShard, Lsn(12), bytes).value();
}

TEST_CASE("batch version 1 and its records are read and written as ever") {
  const std::string bytes = golden("batch_v1", payload_batch());

  const OpenedBatch opened = open_batch(bytes).value();
  CHECK(opened.header == BatchHeader{kShard.value(), Epoch(5), Lsn(12), 0xdeadbeef, Lsn(10)});
  const auto batch = decoded(bytes);
  CHECK(batch->first() == Offset(41));
  CHECK(batch->end() == Offset(45));
  CHECK(batch->task(Offset(41)).value().payload == "one");
  CHECK(batch->task(Offset(42)).value().payload.empty());
  CHECK(batch->task(Offset(44)).value().payload == "four");
  CHECK(batch->result(TaskId(kShard, Offset(2)), Token(99), RecordKind::kResult).value().bytes ==
        "a result");
  const std::vector<StoredRun> runs = batch->runs(Offset(41), 100).value();
  REQUIRE(runs.size() == 2);
  CHECK(runs[0].attributes.queue == "mail");
  CHECK(runs[0].stored_at == WallTime{1'790'000'000'123});
  CHECK(runs[1].attributes == all_attributes());
}

TEST_CASE("the options of a task are read and written as ever") {
  const std::string bytes = golden("options_v1", encode_attributes(all_options()));

  CHECK(decode_attributes(bytes).value() == all_options());
  CHECK(decode_options(bytes).value() == all_options().options);
}

TEST_CASE("an attribute block with options proves itself") {
  const std::string block = encode_attributes(all_options());
  for (std::size_t bit = 0; bit < block.size() * 8; ++bit) {
    std::string damaged = block;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    INFO("bit " << bit);
    CHECK_FALSE(decode_attributes(damaged).ok());
  }
}

TEST_CASE("a block without options is what it was before there were any") {
  TaskAttributes plain;
  plain.queue = "mail";
  CHECK(encode_attributes(plain) == std::string("\x01\x04mail\x02\x01\x05", 9));
}

std::string typed_result_batch() {
  std::string batch(kBatchHeaderBytes, '\0');
  write_prologue(batch, Offset(41), WallTime{1'790'000'000'123});
  const TaskId task(kShard, Offset(2));
  write_result(batch, {task, Token(99), RecordKind::kCheckpoint, "half"});
  write_result(batch, {task, Token(99), RecordKind::kResult, "{}", "application/json"});
  write_result(batch, {task, Token(99), RecordKind::kCheckpoint, "three quarters"});
  seal_batch({kShard.value(), Epoch(5), Lsn(12), 0xdeadbeef, Lsn(10)}, batch);
  return batch;
}

TEST_CASE("a result with a content type is read and written as ever") {
  const auto batch = decoded(golden("typed_result_v1", typed_result_batch()));
  const TaskId task(kShard, Offset(2));

  const auto result = batch->result(task, Token(99), RecordKind::kResult).value();
  CHECK(result.bytes == "{}");
  CHECK(result.content_type == "application/json");
  const auto checkpoint = batch->result(task, Token(99), RecordKind::kCheckpoint).value();
  CHECK(checkpoint.bytes == "three quarters");
  CHECK(checkpoint.content_type.empty());

  const ResultRecordId id{task, Token(99), RecordKind::kResult, Lsn(12)};
  const std::string kept =
      golden("result_survivor_v2", encode_result_survivor(kShard, id, *batch).value());
  CHECK(decode_result_survivor(kShard, id, kept).value().content_type == "application/json");
}

TEST_CASE("a result whose content type is damaged is no result") {
  std::string bytes = typed_result_batch();
  bytes[bytes.find("application/json")] = 'A';
  const auto batch = TaskBatch::salvage(kShard, bytes);

  const TaskId task(kShard, Offset(2));
  CHECK(batch->result(task, Token(99), RecordKind::kResult).status().code() ==
        ErrorCode::kDataLoss);
  CHECK(batch->result(task, Token(99), RecordKind::kCheckpoint).ok());
}

TEST_CASE("a batch costs 40 bytes and a task 12 beside its payload and the attributes of its run") {
  CHECK(kBatchHeaderBytes + kBatchFooterBytes == 40);
  CHECK(RecordHeader::kBytes == 12);
}

TEST_CASE("identity version 1 is read and written as ever") {
  Identity identity;
  identity.kind = StoreKind::kManager;
  identity.store = StoreId(Uuid{0x0102030405060708, 0x090a0b0c0d0e0f10});
  identity.cluster = ClusterId(Uuid{0x1112131415161718, 0x191a1b1c1d1e1f20});
  identity.name = "127.0.0.1:7101";
  identity.shards = {{ShardId(7), true}, {ShardId(9), false}};
  identity.generation = Generation(2);
  identity.ledger_index = Lsn(123'456);
  identity.has_store = true;

  const std::string bytes = golden("identity_v1", encode_identity(identity));

  CHECK(decode_identity(bytes).value() == identity);
}

TEST_CASE("an identity of a newer version is refused as such, not as damaged") {
  std::string bytes = encode_identity(Identity{});
  bytes[8] = 2;
  bytes.resize(bytes.size() - 4);
  ByteWriter(bytes).u32(crc32c(bytes));
  const Status status = decode_identity(bytes).status();
  CHECK(status.code() == ErrorCode::kUnsupportedVersion);
  CHECK(status.message().find("format 2") != std::string::npos);
}

TEST_CASE("a batch and a record of a newer version are refused as such") {
  std::string batch = payload_batch();
  batch[2] = 2;
  batch.resize(batch.size() - 4);
  ByteWriter(batch).u32(crc32c(batch));
  CHECK(open_batch(batch).status().code() == ErrorCode::kUnsupportedVersion);
  const std::string record = seal_record("key", 2, "body");
  CHECK(open_record("key", record, 1, "it").status().code() == ErrorCode::kUnsupportedVersion);
  CHECK(open_record("yek", record, 2, "it").status().code() == ErrorCode::kDataLoss);
  CHECK(open_record("key", record, 2, "it").value() == "body");
}

TEST_CASE("attributes and records of a newer Baton are refused, not skipped") {
  std::string block = encode_attributes(all_attributes());
  ByteWriter out(block);
  out.u8(22);
  out.sized("new");
  CHECK(decode_attributes(block).status().code() == ErrorCode::kUnsupportedVersion);

  std::string batch(kBatchHeaderBytes, '\0');
  write_prologue(batch, Offset(1), WallTime{0});
  ByteWriter(batch).u8(4);
  seal_batch({kShard.value(), Epoch(1), Lsn(1), 0, Lsn(0)}, batch);
  CHECK(TaskBatch::check(kShard, Lsn(1), batch).status().code() == ErrorCode::kUnsupportedVersion);
}

TEST_CASE("a stretch record version 1 is read and written as ever") {
  StretchRecord closed;
  closed.first = Lsn(10);
  closed.last = Lsn(30);
  closed.from = Offset(1000);
  closed.to = Offset(5000);
  closed.bytes = 4'194'999;
  closed.index = {{Offset(1000), Lsn(10)}, {Offset(2500), Lsn(17)}};
  closed.results = {{TaskId(kShard, Offset(3)), Token(77), RecordKind::kResult, Lsn(20)},
                    {TaskId(kShard, Offset(3)), Token(77), RecordKind::kCheckpoint, Lsn(21)}};
  const std::string closed_key = stretch_key(kShard, closed.first);
  const std::string closed_bytes =
      golden("stretch_closed_v1", seal_record(closed_key, kStretchVersion, encode_stretch(closed)));
  const StretchRecord read =
      decode_stretch(open_record(closed_key, closed_bytes, kStretchVersion, "it").value()).value();
  CHECK(read.last == Lsn(30));
  CHECK(read.to == Offset(5000));
  CHECK(read.index == closed.index);
  CHECK(read.results == closed.results);
  CHECK_FALSE(read.collected);

  StretchRecord collected = closed;
  collected.collected = true;
  collected.index.clear();
  collected.survivors = {{Offset(1001), 3}, {Offset(4000), 1}};
  const std::string collected_bytes = golden(
      "stretch_collected_v1", seal_record(closed_key, kStretchVersion, encode_stretch(collected)));
  const StretchRecord again =
      decode_stretch(open_record(closed_key, collected_bytes, kStretchVersion, "it").value())
          .value();
  CHECK(again.collected);
  CHECK(again.survivors == collected.survivors);
}

TEST_CASE("a dedup record version 1 is read and written as ever") {
  StoredRun first;
  first.first = Offset(100);
  first.count = 2;
  first.attributes.producer = ProducerId(Uuid{1, 2});
  first.attributes.seq = ProducerSeq(5);
  first.content_hash = {0x0102030405060708, 9};
  first.stored_at = WallTime{1'790'000'000'000};
  StoredRun second = first;
  second.first = Offset(150);
  second.count = 1;
  second.attributes.producer = ProducerId(Uuid{3, 4});
  second.content_hash = {10};
  second.stored_at = WallTime{1'789'999'999'000};  // the wall clock went back
  const std::string key = dedup_key(kShard, Lsn(10));

  const std::string bytes =
      golden("dedup_v1", seal_record(key, kDedupVersion, encode_dedup({first, second})));

  const auto runs = decode_dedup(open_record(key, bytes, kDedupVersion, "it").value()).value();
  REQUIRE(runs.size() == 2);
  CHECK(runs[0].content_hash == first.content_hash);
  CHECK(runs[1].first == Offset(150));
  CHECK(runs[1].attributes.producer == second.attributes.producer);
  CHECK(runs[1].stored_at == second.stored_at);
}

TEST_CASE("survivors version 1 are read and written as ever") {
  const auto batch = decoded(payload_batch());
  const std::string task =
      golden("survivor_v1", encode_survivor(kShard, Offset(43), *batch).value());
  CHECK(decode_survivor(kShard, Offset(43), task).value().payload == "three");
  CHECK(decode_survivor(kShard, Offset(42), task).status().code() == ErrorCode::kDataLoss);

  const ResultRecordId id{TaskId(kShard, Offset(2)), Token(99), RecordKind::kResult, Lsn(12)};
  const std::string result =
      golden("result_survivor_v1", encode_result_survivor(kShard, id, *batch).value());
  CHECK(decode_result_survivor(kShard, id, result).value().bytes == "a result");
  CHECK(decode_result_survivor(kShard, id, result).value().content_type.empty());
}

TEST_CASE("keys are written as ever") {
  const ResultRecordId id{TaskId(kShard, Offset(2)), Token(99), RecordKind::kResult, Lsn(12)};
  std::string keys;
  for (const std::string& key :
       {batch_key(7, Lsn(12)), stretch_key(kShard, Lsn(12)), dedup_key(kShard, Lsn(12)),
        survivor_key(kShard, Offset(41)), result_survivor_key(kShard, id)}) {
    keys += key;
  }
  golden("keys_v1", keys);
}

// A whole directory, as a process left it that was killed: what it holds is told by the rig that
// made it.
TEST_CASE("a store that version 1 left behind opens with everything in it") {
  manager::testing::PayloadLogRig rig;
  rig.open();
  TaskAttributes attributes = all_attributes();
  attributes.waits = attributes.moved = false;
  attributes.maybe_at.clear();
  rig.append(attributes, {"one", "two"});
  const TaskId task(rig.shard(), Offset(1));
  const Lsn lsn = rig.log().append_result({task, Token(5), RecordKind::kResult, "done"});
  rig.fill_stretch();
  REQUIRE(rig.collect(rig.log().closed_stretches(1).at(0), {Offset(2)},
                      {{task, Token(5), RecordKind::kResult, lsn}})
              .ok());
  rig.append("mail", {"behind"});
  rig.settle();
  std::string entries;
  REQUIRE(rig.store()
              .scan("", "\xff",
                    [&](std::string_view key, std::string_view value) {
                      ByteWriter out(entries);
                      out.sized(key);
                      out.sized(value);
                      return true;
                    })
              .ok());
  rig.close();

  const std::string stored = golden("store_v1", entries);

  manager::testing::PayloadLogRig later;
  later.open();
  KvBatch batch;
  ByteReader in(stored);
  while (in.ok() && in.remaining() > 0) {
    const std::string_view key = in.sized();
    batch.put(key, in.sized());
  }
  REQUIRE(in.at_end());
  REQUIRE(later.store().write(batch).ok());
  later.reopen();
  CHECK(later.log().epoch() == Epoch(2));
  CHECK(later.read(Offset(2)).value() == "two");
  CHECK(later.read(Offset(1)).status().code() == ErrorCode::kNotFound);
  CHECK(later.read_result(task, Token(5), lsn).value() == "done");
  CHECK(later.read(Offset(later.log().next_offset().value() - 1)).value() == "behind");
  int runs = 0;
  const Status read =
      later.log().recent_runs([&](const StoredRun& run) { runs += static_cast<int>(run.count); });
  CHECK(read.ok());
  CHECK(runs == 2);
}

}  // namespace
}  // namespace baton::manager
