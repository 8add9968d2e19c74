// Seeds of what is read again at a start, and of texts: T4, T6.
#include <span>
#include <string>
#include <string_view>

#include "proto/storage.pb.h"

#include "common/base/bytes.h"
#include "common/storage/batch_envelope.h"
#include "common/storage/identity.h"
#include "common/storage/small_record.h"
#include "manager/storage/dedup_record.h"
#include "manager/storage/record_codec.h"
#include "manager/storage/stretch.h"
#include "tests/fuzz/corpus.h"

namespace baton::fuzz {
namespace {

std::string payload_body() {
  std::string body;
  manager::write_prologue(body, Offset(41), WallTime{1'790'000'000'123});
  manager::TaskAttributes attributes;
  attributes.queue = "mail";
  attributes.producer = ProducerId(Uuid{1, 2});
  attributes.seq = ProducerSeq(300);
  const std::string_view payloads[] = {"one", "", "three"};
  manager::write_task_run(body, ShardId(7), Offset(41), attributes, payloads);
  manager::write_result(body,
                        {TaskId(ShardId(7), Offset(3)), Token(9), RecordKind::kResult, "result"});
  attributes.waits = attributes.moved = true;
  attributes.maybe_at = {ShardId(4), ShardId(500)};
  manager::write_task_run(body, ShardId(7), Offset(44), attributes, std::span(payloads).first(1));
  attributes.moved = false;  // waits by its nature, with everything that a task can ask for
  attributes.maybe_at.clear();
  attributes.options.priority = 9;
  attributes.options.key = "order-1";
  attributes.options.order_key = "alice";
  attributes.options.fair_key = "acme";
  attributes.options.fair_weight = 3;
  attributes.options.type = "letter";
  attributes.options.not_before = WallTime{1'790'000'000'123};
  attributes.options.time_to_live = attributes.options.total_timeout = Millis(5000);
  attributes.options.max_attempts = 3;
  attributes.options.after = {TaskId(ShardId(7), Offset(1)), TaskId(ShardId(4), Offset(2))};
  attributes.options.parent = TaskId(ShardId(7), Offset(9));
  attributes.options.parent_token = Token(77);
  attributes.options.on_failed = FailurePolicy::kWait;
  manager::write_task_run(body, ShardId(7), Offset(45), attributes, std::span(payloads).first(1));
  manager::write_result(
      body, {TaskId(ShardId(7), Offset(3)), Token(9), RecordKind::kCheckpoint, "page 7"});
  return body;
}

std::string wal_fragments() {
  Bytes fragments;
  std::uint64_t sequence = 1;
  for (std::size_t i = 0; i < 6; ++i) {
    std::string batch;
    ByteWriter(batch).u64(sequence), ByteWriter(batch).u32(1);
    batch += std::string(i * 20, 'r');
    ++sequence;
    fragments.u8(1).sized(batch);
  }
  fragments.u8(2).sized("first of a long record").u8(3).sized("middle").u8(4).sized("last");
  return fragments.str();
}

}  // namespace

void recovery_readers_corpus() {
  std::string batch(kBatchHeaderBytes, '\0');
  batch += payload_body();
  seal_batch({7, Epoch(1), Lsn(3), 0, Lsn(1)}, batch);
  save("recovery_readers", "batch", Bytes().u8(0).raw(batch).str());
  std::string damaged = batch;
  damaged[44] = static_cast<char>(damaged[44] ^ 1);
  save("recovery_readers", "batch-damaged", Bytes().u8(0).raw(damaged).str());
  save("recovery_readers", "body", Bytes().u8(1).raw(payload_body()).str());
  const auto small = [](const std::string& name, std::uint64_t which, std::string_view bytes) {
    save("recovery_readers", name, Bytes().u8(2).u8(which).raw(bytes).str());
  };
  small("record", 0, seal_record("key", 1, "body"));
  manager::StretchRecord stretch{Lsn(1), Lsn(9), Offset(1), Offset(50), 4000, {}, {}, false, {}};
  stretch.index = {{Offset(1), Lsn(1)}, {Offset(20), Lsn(4)}};
  small("stretch", 1, manager::encode_stretch(stretch));
  stretch.index.clear();
  stretch.collected = true;
  stretch.survivors = {{Offset(3), 2}, {Offset(9), 1}};
  stretch.results = {{TaskId(ShardId(7), Offset(3)), Token(9), RecordKind::kResult, Lsn(2)}};
  small("stretch-collected", 1, manager::encode_stretch(stretch));
  manager::StoredRun run{Offset(41), 2, {}, {11, 12}, 0, WallTime{1'790'000'000'123}, false};
  run.attributes.producer = ProducerId(Uuid{1, 2});
  run.attributes.seq = ProducerSeq(300);
  small("dedup", 2, manager::encode_dedup({run, run}));
  run.attributes.queue = "mail";
  run.attributes.maybe_at = {ShardId(4)};
  small("attributes", 3, manager::encode_attributes(run.attributes));
  std::string survivor;
  ByteWriter out(survivor);
  manager::RecordHeader::of_task(TaskId(ShardId(7), Offset(5)), "kept").write(out);
  small("survivor", 4, survivor + "kept");
  Identity identity;
  identity.name = "m1";
  identity.cluster = ClusterId(Uuid{77, 77});
  identity.shards = {{ShardId(5), true}, {ShardId(6), false}};
  small("identity", 6, encode_identity(identity));
  save("recovery_readers", "wal", Bytes().u8(4).raw(wal_fragments()).str());
  save("recovery_readers", "wal-damaged",  // 241: a whole record whose checksum is wrong
       Bytes().u8(4).raw(wal_fragments()).u8(241).sized(std::string(30, 'd')).str());
  save("recovery_readers", "wal-zeros", Bytes().u8(3).raw(std::string(600, '\0')).str());
  for (std::uint64_t kind = 0; kind < 7; ++kind) {
    for (std::uint64_t file = 0; file < 2; ++file) {
      save("recovery_readers", "store-" + std::to_string(kind) + "-" + std::to_string(file),
           Bytes().u8(5).u8(file * 3 + kind).u8(kind).u16(300 * kind + 77).u8(9).u8(9).str());
    }
  }
}

void typed_texts_corpus() {
  const auto text = [](std::uint64_t which, const std::string& name, std::string_view bytes) {
    save("typed_texts", name, Bytes().u8(which).raw(bytes).str());
  };
  text(0, "address", "127.0.0.1:7101");
  text(0, "address-6", "[::1]:7101");
  text(0, "addresses", "a:1,b.example:65535,[fe80::1]:2");
  text(1, "duration", "1h30m");
  text(1, "duration-fraction", "1.5s");
  text(1, "duration-all", "1d2h3m4s5ms");
  text(1, "duration-over", "10001d");
  text(1, "size-over", "16777216TiB");
  text(1, "size", "64MiB");
  text(1, "size-short", "16T");
  text(2, "uuid", "0123456789abcdef0123456789ABCDEF");
  text(2, "task", "17592186044417");
  text(2, "state", "quarantined");
  text(2, "level", "debug");
  text(3, "name", "mail.eu-1:high/urgent+x_y");
  text(3, "verb", "prodcue");
  Identity identity;
  identity.kind = StoreKind::kCenter;
  identity.name = "center";
  identity.has_store = true;
  text(4, "identity", encode_identity(identity));
  text(5, "base64", "AAECAwQ=");
  text(6, "json-lines", "{\"payload\":\"work\"}\n{\"payload_base64\":\"AAE=\"}\n{}\n[1");
  text(6, "json-escapes", "{\"payload\":\"\\u00e9\\ud83d\\ude00\\n\"}\r\n");
  text(7, "payload", std::string_view("\xc3\xa9 and \xff\0", 9));
  text(8, "flags", "--listen\n127.0.0.1:0\n--center=a:1,b:2\n--timeout\n10s\n--size=1GiB");
  text(9, "config",
       "listen = \"127.0.0.1:7101\"\ncenter = [\"a:1\", \"b:2\"]\n# note\ntimeout = \"5s\"\n");
  text(
      10, "task-line",
      R"({"payload":"x","priority":9,"delay":"10m","ttl":"1d","key":"k","order_key":"o","fair_key":"f",)"
      R"("fair_weight":3,"type":"t","max_attempts":3,"after":["17592186044417"],"on_failed":"wait"})");
  text(10, "task-line-child",
       R"({"payload":"x","parent":"17592186044417","token":7,"with_completion":true})");
  text(10, "task-line-at", R"({"payload_base64":"AA==","at":"2026-12-24T18:00:00Z"})");
  text(11, "setting-duration", "backoff_max=1h30m");
  text(11, "setting-size", "keep_bytes=64MiB");
  text(11, "setting-word", "on_uncertain=hold");
  text(11, "setting-number", "max_rate=10000000");
  text(11, "setting-time", "paused_until=2026-12-24T18:00:00.250Z");
  text(11, "setting-flag", "ordered=yes");
  text(11, "setting-default", "lease=default");
  text(12, "time", "2026-12-24 19:00:00.5+01:00");
  text(12, "time-early", "1969-12-31T23:59:59Z");
}

}  // namespace baton::fuzz
