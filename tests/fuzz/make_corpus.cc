// Writes seeds of the corpora from real encodings: fuzz_make_corpus DIR. Each target's input is
// described at the top of its file. To be run again when a format or a story's steps change; what
// fuzzing itself has added to the corpora stays.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proto/broker.pb.h"
#include "proto/center.pb.h"
#include "proto/peer.pb.h"
#include "proto/storage.pb.h"

#include "center/storage/archive_segment.h"
#include "center/storage/command_codec.h"
#include "center/storage/entry_codec.h"
#include "common/base/bytes.h"
#include "common/net/frame.h"
#include "common/storage/batch_envelope.h"
#include "common/storage/identity.h"
#include "common/storage/small_record.h"
#include "manager/storage/dedup_record.h"
#include "manager/storage/record_codec.h"
#include "manager/storage/stretch.h"
#include "tests/model/ledger/generator.h"

namespace baton::fuzz {
namespace {

using google::protobuf::MessageLite;

std::filesystem::path g_directory;

void save(const std::string& target, const std::string& name, std::string_view bytes) {
  std::filesystem::create_directories(g_directory / target);
  std::ofstream file(g_directory / target / name, std::ios::binary);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

// What FuzzInput reads.
class Bytes {
 public:
  Bytes& u8(std::uint64_t value) { return number(value, 1); }
  Bytes& u16(std::uint64_t value) { return number(value, 2); }
  Bytes& raw(std::string_view bytes) {
    out_ += bytes;
    return *this;
  }
  Bytes& sized(std::string_view bytes) { return u16(bytes.size()).raw(bytes); }
  Bytes& sized(const MessageLite& message) { return sized(message.SerializeAsString()); }
  Bytes& frame(v1::FrameType type, std::uint64_t request, const MessageLite& message,
               std::string_view payload = {}) {
    return u8(static_cast<std::uint64_t>(type)).u8(request).sized(message).sized(payload);
  }
  [[nodiscard]] const std::string& str() const { return out_; }

 private:
  Bytes& number(std::uint64_t value, int width) {
    for (int i = 0; i < width; ++i) out_.push_back(static_cast<char>(value >> (8 * i)));
    return *this;
  }
  std::string out_;
};

void set_uuid(v1::Uuid* to, std::uint64_t hi, std::uint64_t lo) {
  to->set_hi(hi);
  to->set_lo(lo);
}

// ---- messages -----------------------------------------------------------------------------------

v1::Produce produce(std::uint64_t seq, std::uint32_t items, bool moved = false) {
  v1::Produce message;
  set_uuid(message.mutable_producer(), 3, 4);
  message.set_seq(seq);
  message.set_resolved_below(1);
  message.set_queue("mail");
  message.set_moved(moved);
  if (moved) message.add_maybe_at(9);
  message.set_timeout_ms(1000);
  for (std::uint32_t i = 0; i < items; ++i) message.add_length(4);
  return message;
}

v1::Attach attach(std::uint64_t conn_epoch) {
  v1::Attach message;
  set_uuid(message.mutable_session(), 5, 6);
  message.set_conn_epoch(conn_epoch);
  message.set_consumer("host/7");
  return message;
}

v1::Demand demand(std::uint32_t line) {
  v1::Demand message;
  message.set_line(line);
  message.set_queue("mail");
  message.set_lease_ms(30'000);
  message.set_total(8);
  return message;
}

v1::Operations operations(std::uint64_t seq) {
  v1::Operations message;
  message.set_answered_through(seq - 1);
  for (int kind = v1::ACK; kind <= v1::EXTEND; ++kind) {
    v1::Operation& operation = *message.add_operation();
    operation.set_seq(seq++);
    operation.set_kind(static_cast<v1::OperationKind>(kind));
    operation.set_task((std::uint64_t{5} << 44) + 1);
    operation.set_token(1001);
    operation.set_wants_next(kind == v1::ACK);
    operation.set_length(kind <= v1::NACK ? 3 : 0);
    operation.set_lease_ms(5000);
  }
  return message;
}

std::vector<v1::Query> queries() {
  std::vector<v1::Query> all(7);
  all[0].mutable_task_show()->set_task((std::uint64_t{5} << 44) + 1);
  all[1].mutable_task_list()->set_queue("mail");
  all[1].mutable_task_list()->set_state(v1::READY);
  all[1].mutable_task_list()->set_limit(10);
  all[2].mutable_queue_list()->set_limit(10);
  all[3].mutable_manager_list();
  all[4].mutable_center_status();
  all[5].mutable_manager_remove()->set_name("m2");
  all[6].mutable_task_result()->set_task((std::uint64_t{5} << 44) + 1);
  for (v1::Query& query : all) query.set_timeout_ms(500);
  return all;
}

v1::Heartbeat heartbeat() {
  v1::Heartbeat message;
  message.add_token(1001);
  message.add_token(77);
  return message;
}

// ---- T1 -----------------------------------------------------------------------------------------

void frame_decoder() {
  const auto settings = [] { return Bytes().u16(4096).u16(20'000).u8(0).u8(7); };
  std::string stream;
  v1::Hello hello;
  hello.set_version_min(1);
  hello.set_version_max(1);
  hello.set_role(v1::ROLE_CLIENT);
  hello.set_software("baton 0.1.0");
  append_frame(stream, v1::HELLO, 1, hello);
  save("frame_decoder", "hello", settings().raw(stream).str());
  const std::string_view payload[] = {"work", "some", "more"};
  append_frame(stream, v1::PRODUCE, 2, produce(1, 3), payload);
  append_frame(stream, v1::PING, 3, v1::Ping());
  save("frame_decoder", "conversation", settings().raw(stream).str());
  save("frame_decoder", "cut", settings().raw(stream.substr(0, stream.size() - 5)).str());
  save("frame_decoder", "stop", Bytes().u16(4096).u16(20'000).u8(1).u8(7).raw(stream).str());
  save("frame_decoder", "small-limit", Bytes().u16(4096).u16(8).u8(0).u8(7).raw(stream).str());
  std::string wrong = stream;
  wrong.back() = static_cast<char>(wrong.back() ^ 1);
  save("frame_decoder", "bad-checksum", settings().raw(wrong).str());
  save("frame_decoder", "http", settings().raw("GET / HTTP/1.1\r\n\r\n").str());
  save("frame_decoder", "tls", settings().raw("\x16\x03\x01\x02").str());
  wrong = stream;
  wrong[3] = 2;
  save("frame_decoder", "version", settings().raw(wrong).str());
  wrong = stream;
  wrong[6] = 1;
  save("frame_decoder", "flags", settings().raw(wrong).str());
}

// ---- T2 -----------------------------------------------------------------------------------------

constexpr int kSay = 0;
constexpr int kWait = 9;

void client_requests() {
  const auto say = [](Bytes& story, v1::FrameType type, std::uint64_t request,
                      const MessageLite& message, std::string_view payload = {}) {
    story.u8(kSay).frame(type, request, message, payload);
  };
  Bytes life;
  say(life, v1::PRODUCE, 10, produce(1, 2), "onetwo.."), life.u8(kWait).u8(2);
  say(life, v1::ATTACH, 11, attach(1)), say(life, v1::DEMAND, 12, demand(1));
  life.u8(kWait).u8(2).u8(13).u8(kWait).u8(2);  // the center grants
  say(life, v1::OPERATIONS, 13, operations(1), "resbad");
  say(life, v1::HEARTBEAT, 14, heartbeat());
  v1::EndWait end_wait;
  end_wait.set_line(1);
  say(life, v1::END_WAIT, 15, end_wait), life.u8(kWait).u8(4);
  v1::ProducerResolved resolved;
  set_uuid(resolved.mutable_producer(), 3, 4);
  resolved.set_resolved_below(3);
  say(life, v1::PRODUCER_RESOLVED, 0, resolved), life.u8(11).u8(10);
  save("client_requests", "life", life.str());

  Bytes moved;
  say(moved, v1::PRODUCE, 10, produce(1, 2, true), "onetwo.."), moved.u8(kWait).u8(9);
  say(moved, v1::PRODUCE, 11, produce(1, 2, true), "onetwo.."), moved.u8(kWait).u8(9);
  say(moved, v1::PRODUCE, 12, produce(2, 1), "else"), moved.u8(kWait).u8(9);
  save("client_requests", "moved", moved.str());

  Bytes asked;
  for (const v1::Query& query : queries()) say(asked, v1::QUERY, 20, query);
  asked.u8(kWait).u8(100);
  save("client_requests", "queries", asked.str());

  Bytes twice;
  say(twice, v1::ATTACH, 1, attach(1)), twice.u8(10), say(twice, v1::ATTACH, 1, attach(2));
  say(twice, v1::DEMAND, 2, demand(1)), twice.u8(15).u8(kWait).u8(80);
  say(twice, v1::OPERATIONS, 3, operations(1), "resbad"), twice.u8(14).u8(1);
  save("client_requests", "fail-over", twice.str());

  Bytes slow;
  slow.u8(12).u8(0);
  for (std::uint64_t i = 0; i < 6; ++i)
    say(slow, v1::PRODUCE, 30 + i, produce(1 + 4 * i, 4), "aaaabbbbccccdddd");
  slow.u8(kWait).u8(40).u8(12).u8(1).u8(kWait).u8(40);
  save("client_requests", "slow-reader", slow.str());

  Bytes values;  // well formed, and out of range
  say(values, v1::ATTACH, 1, v1::Attach()), say(values, v1::ATTACH, 2, attach(1));
  v1::Demand bad = demand(1);
  bad.set_lease_ms(0);
  say(values, v1::DEMAND, 3, bad);
  bad = demand(0);
  say(values, v1::DEMAND, 4, bad);
  bad = demand(2);
  bad.set_queue("no spaces");
  say(values, v1::DEMAND, 5, bad);
  bad = demand(3);
  bad.set_task(1);
  say(values, v1::DEMAND, 6, bad);
  v1::Operations wrong = operations(1);
  wrong.mutable_operation(0)->set_seq(0);
  wrong.mutable_operation(1)->set_task(0);
  wrong.mutable_operation(2)->set_kind(v1::OPERATION_NONE);
  wrong.mutable_operation(3)->set_lease_ms(1);
  say(values, v1::OPERATIONS, 7, wrong, "resbad");
  say(values, v1::PRODUCE, 8, produce(0, 1), "zero");
  say(values, v1::PRODUCE, 9, produce(std::uint64_t{1} << 63, 1), "over");
  v1::Query limit = queries()[1];
  limit.mutable_task_list()->set_limit(0);
  say(values, v1::QUERY, 10, limit), values.u8(kWait).u8(100);
  save("client_requests", "bad-values", values.str());

  Bytes broken;
  broken.u8(kSay).u8(v1::PRODUCE).u8(5).sized("\xff\xff").sized("");
  broken.u8(kSay).u8(200).u8(6).sized("").sized("x");
  say(broken, v1::HELLO, 7, v1::Hello());
  save("client_requests", "broken", broken.str());
}

// ---- T3 -----------------------------------------------------------------------------------------

// A step's byte: the client or node in the upper three bits.
std::uint64_t step(std::uint64_t who, std::uint64_t what) { return who << 5 | what; }

// What happens on a bad day: mostly work, and now and then a lost answer, a late lease, a crash.
std::string random_story(Random random) {
  Bytes story;
  story.u8(random.below(256)).u8(step(1, 27));
  for (std::uint64_t left = 40 + random.below(90); left > 0; --left) {
    const std::uint64_t who = random.below(3);
    const std::uint64_t dice = random.below(100);
    if (dice < 14) {
      story.u8(step(who, 0)).u8(random.below(16));  // produces
    } else if (dice < 26) {
      story.u8(step(who, 3)).u8(7);  // reports
    } else if (dice < 33) {
      story.u8(step(who, 5)).u8(random.below(2));  // attaches
    } else if (dice < 47) {
      story.u8(step(who, 6)).u8(random.below(4));  // demands
    } else if (dice < 75) {                        // ends a claim, its own or any
      static constexpr std::uint64_t kHow[] = {1, 1, 0, 0, 136, 132, 138, 17};
      story.u8(step(who, 9)).u8(kHow[random.below(8)]).u8(random.below(256));
    } else if (dice < 80) {
      for (std::uint64_t i = random.below(5); i > 0; --i) story.u8(21);  // a second of lease time
    } else if (dice < 86) {
      story.u8(step(who, dice < 83 ? 13 : 15));  // a heartbeat, a repetition
    } else if (dice < 90) {
      story.u8(dice < 88 ? 29 : 31).u8(random.below(4));  // deliveries, answers get lost
    } else if (dice < 94) {
      story.u8(step(who, dice < 92 ? 17 : 18));  // the channel
    } else if (dice < 95) {
      story.u8(22).u8(23);  // a snapshot, a crash of the center
    } else if (dice < 97) {
      story.u8(step(who % 2, dice < 96 ? 24 : 25)).u8(step(who % 2, 27));
    } else if (dice < 99) {
      story.u8(step(who % 2, 26)).u8(random.below(30)).u8(step(who % 2, 0)).u8(3);
    } else {
      story.u8(30).u8(random.below(3));  // grants are given back
    }
  }
  return story.str();
}

void session_ledger() {
  Bytes good;
  good.u8(1).u8(step(1, 27));
  for (std::uint64_t i = 0; i < 4; ++i) good.u8(step(i % 2, 0)).u8(3).u8(step(i % 2, 3)).u8(7);
  for (std::uint64_t who = 0; who < 3; ++who) {
    good.u8(step(who, 5)).u8(who).u8(step(who, 6)).u8(1).u8(step(who, 13));
  }
  for (std::uint64_t i = 0; i < 12; ++i)
    good.u8(step(i % 3, 9)).u8(1).u8(i).u8(step(i % 3, 6)).u8(0);
  save("session_ledger", "good", good.str());

  Bytes late;  // leases end, and everybody answers all the same
  late.raw(good.str().substr(0, 40));
  for (int i = 0; i < 5; ++i) late.u8(21);
  for (std::uint64_t who = 0; who < 3; ++who)
    late.u8(step(who, 5)).u8(who + 1).u8(step(who, 6)).u8(1);
  for (std::uint64_t i = 0; i < 12; ++i) late.u8(step(i % 3, 9)).u8(i % 2).u8(i);
  save("session_ledger", "late", late.str());

  Bytes crashes;
  crashes.raw(good.str().substr(0, 40)).u8(22).u8(23).u8(step(0, 24)).u8(step(0, 27));
  crashes.u8(step(1, 26)).u8(9).u8(step(1, 0)).u8(3).u8(step(1, 25)).u8(step(1, 27)).u8(23);
  crashes.u8(step(0, 17)).u8(step(0, 9)).u8(1).u8(0).u8(step(0, 18)).u8(step(0, 15));
  crashes.u8(step(0, 28)).u8(0).u8(29).u8(3).u8(31).u8(2).raw(good.str().substr(20));
  save("session_ledger", "crashes", crashes.str());

  for (std::uint64_t seed = 0; seed < 16; ++seed) {
    save("session_ledger", "story-" + std::to_string(seed), random_story(Random(seed)));
  }
}

// ---- T4 -----------------------------------------------------------------------------------------

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

void recovery_readers() {
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

// ---- T5 -----------------------------------------------------------------------------------------

std::string encode(const center::Entry& entry) {
  v1::LedgerEntry wire;
  for (const center::Batch& from : entry.batches) {
    v1::LedgerBatch& batch = *wire.add_batch();
    batch.set_incarnation(from.incarnation.value());
    for (const center::Command& command : from.commands)
      center::encode_command(command, batch.add_command());
  }
  return center::encode_entry(wire);
}

void ledger_bytes() {
  for (std::uint64_t seed = 0; seed < 8; ++seed) {
    center::model::Oracle oracle;
    center::model::Generator generator(seed, oracle);
    Lsn index;
    const auto next = [&] {
      index = index.next();
      const center::Entry entry = generator.next(index);
      generator.learn(oracle.apply(entry));
      return encode(entry);
    };
    for (std::uint64_t i = 0; i < 12 * seed; ++i) next();  // as the target's Past
    Bytes entries;
    entries.u8(seed % 2).u8(seed);
    for (int i = 0; i < 20; ++i) entries.sized(next());
    save("ledger_bytes", "entries-" + std::to_string(seed), entries.str());
  }
  for (std::uint64_t kind = 0; kind < 7; ++kind) {
    Bytes damage;
    damage.u8(2).u8(1 + kind).u8(2 + kind).u8(kind).u16(5 + kind).u8(1).u8(1);
    save("ledger_bytes", "pages-" + std::to_string(kind), damage.str());
  }
  save("ledger_bytes", "snapshot",
       Bytes().u8(3).u8(1).sized("page one").sized("").sized("3").str());
  std::string file("BtSn\1\0\0\0", 8);
  ByteWriter(file).u64(9), ByteWriter(file).u64(1);
  ByteWriter(file).u32(0xffffffff), ByteWriter(file).u64(0), ByteWriter(file).u32(0);
  save("ledger_bytes", "snapshot-file", Bytes().u8(3).u8(0).raw(file).str());
  for (std::uint64_t mask = 0; mask < 2; ++mask) {
    Bytes segment;
    segment.u8(4)
        .u8(1)
        .u16(mask == 0 ? 70 : 170)
        .u8(mask)
        .u8(2)
        .u8(7)
        .u8(8)
        .sized("entry")
        .u8(0)
        .sized("another");
    save("ledger_bytes", "segment-" + std::to_string(mask), segment.str());
  }
  center::ChainHash hash{};
  std::string segment = center::encode_segment_header(Lsn(4), hash);
  hash = center::append_archive_record(
      segment, hash, {Lsn(4), Term(1), {}, "entry", {{}, {}}, {{{}, "consumer", "manager"}}});
  segment += center::encode_segment_footer(Lsn(4), hash);
  save("ledger_bytes", "segment-file", Bytes().u8(4).u8(0).raw(segment).str());
}

// ---- T6 -----------------------------------------------------------------------------------------

void typed_texts() {
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
}

// ---- T7 -----------------------------------------------------------------------------------------

// Numbers of steps, as kSteps in client_library.cc has them.
void client_library() {
  enum : std::uint8_t {
    kProduce,
    kEndClaim,
    kAsk,
    kAnswerRaw,
    kAnswerWell,
    kPushRaw,
    kPushTasks,
    kPushManyTasks,
    kDrop,
    kListen,
    kHelloRaw,
    kHelloWell,
    kPassTime,
    kOther,
    kStop,
    kAnswerRaw2,
    kAnswerAllWell
  };
  Bytes good;
  good.u8(kPassTime).u8(1).u8(kAnswerAllWell).u8(kPassTime).u8(1).u8(kAnswerAllWell);
  good.u8(kProduce).u8(3).raw(std::string(4, '\0')).u8(kPassTime).u8(1).u8(kAnswerAllWell);
  good.u8(kPushTasks).u8(3).u8(kEndClaim).u8(0).u8(kEndClaim).u8(2).u8(kEndClaim).u8(3);
  good.u8(kEndClaim).u8(5).u8(kPassTime).u8(1).u8(kAnswerAllWell).u8(kPassTime).u8(200);
  good.u8(kAnswerAllWell).u8(kStop).u8(1).u8(kPassTime).u8(2).u8(kAnswerAllWell);
  save("client_library", "good", good.str());

  Bytes lies;
  v1::Produced produced;
  produced.set_shard(1);
  v1::ProducedRun& run = *produced.add_run();
  run.set_count(4);
  run.set_first_task((std::uint64_t{1} << 44) + 1);
  lies.u8(kProduce).u8(1).u8(0).u8(0).u8(kPassTime).u8(1);
  lies.u8(kAnswerRaw).u8(1).frame(v1::PRODUCED, 0, produced);
  run.set_code(v1::CONFLICT);
  lies.u8(kAnswerRaw).u8(3).frame(v1::PRODUCED, 0, produced);
  v1::Attached attached;
  attached.set_code(v1::CONFLICT);
  attached.set_conn_epoch(9);
  attached.add_kept(5);
  lies.u8(kAnswerRaw).u8(0).frame(v1::ATTACHED, 0, attached);
  v1::OperationsDone done;
  done.add_outcome()->set_seq(1);
  done.add_outcome()->set_seq(1);
  done.mutable_outcome(1)->set_code(v1::CLAIM_SUPERSEDED);
  lies.u8(kAnswerRaw).u8(0).frame(v1::OPERATIONS_DONE, 0, done);
  v1::HeartbeatDone beat;
  beat.add_lost(1'000'001);
  lies.u8(kPushRaw).frame(v1::HEARTBEAT_DONE, 3, beat);
  save("client_library", "lies", lies.str());

  Bytes pushed;
  pushed.u8(kPassTime).u8(1).u8(kAnswerAllWell).u8(kPassTime).u8(1).u8(kAnswerAllWell);
  v1::Tasks tasks;
  tasks.set_conn_epoch(1);
  for (std::uint64_t i = 1; i <= 3; ++i) {
    v1::Delivery& delivery = *tasks.add_delivery();
    delivery.set_number(i % 2 + 1);
    delivery.set_line(1);
    delivery.set_task((std::uint64_t{1} << 44) + i);
    delivery.set_token(100 + i % 2);
    delivery.set_attempt(1);
    delivery.set_lease_ms(3000);
    delivery.set_length(2);
  }
  tasks.add_died(7);
  tasks.add_died(1);
  pushed.u8(kPushRaw).frame(v1::TASKS, 0, tasks, "aabbcc").u8(kPassTime).u8(30);
  pushed.u8(kPushManyTasks).u8(60).u8(kPassTime).u8(10).u8(kDrop).u8(kPassTime).u8(50);
  v1::Goodbye goodbye;
  goodbye.set_reason("restart");
  pushed.u8(kAnswerAllWell).u8(kPushRaw).frame(v1::GOODBYE, 0, goodbye).u8(kPassTime).u8(20);
  save("client_library", "pushed", pushed.str());

  Bytes errors;
  v1::Error error;
  error.set_code(v1::RETRY_LATER);
  error.set_message("later");
  error.set_retry_after_ms(20);
  errors.u8(kProduce).u8(2).u8(0).u8(0).u8(0).u8(kPassTime).u8(1);
  errors.u8(kAnswerRaw).u8(0).frame(v1::ERROR, 0, error).u8(kPassTime).u8(9);
  errors.u8(kAnswerRaw).u8(0).frame(v1::ERROR, 0, error).u8(kListen).u8(0).u8(kDrop).u8(kOther);
  v1::HelloOk hello;
  hello.set_version(7);
  hello.set_frame_bytes_max(3);
  errors.u8(kHelloRaw).frame(v1::HELLO_OK, 0, hello).u8(kPassTime).u8(60).u8(kHelloWell);
  for (std::uint64_t i = 0; i < 6; ++i) errors.u8(kAsk).u8(i);
  v1::Answer answer;
  answer.set_index(9);
  answer.mutable_tasks()->add_task()->set_state(v1::READY);
  answer.mutable_tasks()->set_next("x");
  errors.u8(kPassTime).u8(1).u8(kAnswerRaw).u8(0).frame(v1::ANSWER, 0, answer);
  answer.mutable_center()->set_term(3);
  errors.u8(kAnswerRaw).u8(0).frame(v1::ANSWER, 0, answer);
  answer.mutable_result()->set_length(5);
  errors.u8(kAnswerRaw).u8(2).frame(v1::ANSWER, 0, answer, "12345");
  save("client_library", "errors", errors.str());
}

// ---- T8 -----------------------------------------------------------------------------------------

v1::Command created(std::uint64_t from, std::uint32_t count) {
  v1::Command command;
  v1::Created& message = *command.mutable_created();
  message.set_shard(1);
  message.set_epoch(1);
  message.set_from(from);
  message.set_durable_end(from + count);
  message.set_wall_ms(1'790'000'000'000);
  v1::CreatedRun& run = *message.add_run();
  run.set_count(count);
  run.set_queue("mail");
  run.set_priority(5);
  set_uuid(run.mutable_producer(), 3, 4);
  run.set_seq(from);
  return command;
}

std::vector<v1::Command> session_commands() {
  std::vector<v1::Command> all(8);
  set_uuid(all[0].mutable_attach()->mutable_session(), 5, 6);
  all[0].mutable_attach()->set_conn_epoch(1);
  v1::SessionDemand& demand = *all[1].mutable_demand();
  set_uuid(demand.mutable_session(), 5, 6);
  demand.set_conn_epoch(1);
  demand.set_line(1);
  demand.set_queue("mail");
  demand.set_lease_ms(30'000);
  demand.set_total(2);
  v1::SessionOperations& operations = *all[2].mutable_operations();
  set_uuid(operations.mutable_session(), 5, 6);
  v1::LedgerOperation& ack = *operations.add_operation();
  ack.set_seq(1);
  ack.set_kind(v1::ACK);
  ack.set_task((std::uint64_t{1} << 44) + 1);
  ack.set_token((std::uint64_t{1} << 52) + 1);
  ack.set_wants_next(true);
  ack.set_result_shard(1);
  ack.set_result_lsn(4);
  ack.set_result_bytes(6);
  set_uuid(all[3].mutable_heartbeat()->mutable_session(), 5, 6);
  all[3].mutable_heartbeat()->add_token((std::uint64_t{1} << 52) + 2);
  all[4].mutable_give_back()->set_task((std::uint64_t{1} << 44) + 2);
  all[4].mutable_give_back()->set_token((std::uint64_t{1} << 52) + 2);
  all[4].mutable_give_back()->set_reason(v1::UNREACHABLE);
  set_uuid(all[5].mutable_end_wait()->mutable_session(), 5, 6);
  all[5].mutable_end_wait()->set_conn_epoch(1);
  all[5].mutable_end_wait()->set_line(1);
  all[6].mutable_quarantine()->set_shard(1);
  all[6].mutable_quarantine()->set_epoch(1);
  all[6].mutable_quarantine()->add_offset(2);
  set_uuid(all[7].mutable_session_closed()->mutable_session(), 5, 6);
  all[7].mutable_session_closed()->set_conn_epoch(1);
  return all;
}

void center_channel() {
  constexpr int kCommands = 6;
  constexpr int kJoin = 9;
  constexpr int kPass = 10;
  v1::ChannelCommands commands;
  Bytes life;
  life.u8(kJoin);
  *commands.add_command() = created(1, 3);
  life.u8(kCommands).u8(1).sized(commands);
  for (const v1::Command& command : session_commands()) {
    commands.Clear();
    *commands.add_command() = command;
    life.u8(kCommands).u8(2).sized(commands);
  }
  life.u8(14).u8(kPass).u8(200).u8(15).u8(kJoin);
  save("center_channel", "life", life.str());

  Bytes together;
  together.u8(kJoin).u8(11).u8(kJoin).u8(11).u8(11);
  commands.Clear();
  *commands.add_command() = created(1, 5);
  for (const v1::Command& command : session_commands()) *commands.add_command() = command;
  together.u8(kCommands).u8(1).sized(commands).u8(12).u8(kJoin).u8(kCommands).u8(1).sized(commands);
  commands.mutable_command(0)->mutable_created()->mutable_run(0)->set_waits(true);
  for (int i = 0; i < 5; ++i)
    commands.mutable_command(0)->mutable_created()->mutable_run(0)->add_content_hash(7);
  together.u8(kCommands).u8(2).sized(commands).u8(13).u8(0).u8(kPass).u8(255).u8(13).u8(1);
  save("center_channel", "together", together.str());

  Bytes asked;
  asked.u8(kJoin);
  v1::ChannelQuery query;
  query.set_timeout_ms(100);
  for (const v1::Query& one : queries()) {
    *query.mutable_query() = one;
    asked.u8(0).frame(v1::CHANNEL_QUERY, 5, query);
  }
  v1::ResyncSession& session = *query.mutable_resync()->add_session();
  set_uuid(session.mutable_session(), 5, 6);
  session.set_conn_epoch(1);
  asked.u8(0).frame(v1::CHANNEL_QUERY, 6, query);
  query.mutable_settle()->add_item()->set_task((std::uint64_t{1} << 44) + 1);
  asked.u8(0).frame(v1::CHANNEL_QUERY, 7, query);
  query.mutable_live()->set_shard(1);
  query.mutable_live()->set_from(1);
  query.mutable_live()->set_to(9);
  query.mutable_live()->add_result()->set_lsn(4);
  asked.u8(0).frame(v1::CHANNEL_QUERY, 8, query);
  query.mutable_members();
  asked.u8(0).frame(v1::CHANNEL_QUERY, 9, query).u8(kPass).u8(60);
  save("center_channel", "queries", asked.str());

  Bytes forbidden;
  forbidden.u8(kJoin);
  commands.Clear();
  commands.add_command()->mutable_tick()->set_elapsed_ms(1000);
  commands.add_command()->mutable_term_start()->set_term(9);
  commands.add_command()->mutable_continue_();
  commands.add_command()->mutable_remove()->set_name("m1");
  commands.add_command()->mutable_shard_offline()->set_shard(1);
  commands.add_command()->mutable_seal()->set_shard(1);
  commands.mutable_command(5)->mutable_seal()->set_epoch(1);
  set_uuid(commands.mutable_command(5)->mutable_seal()->mutable_life(), 7, 1);
  commands.add_command()->mutable_report()->set_shard(1);
  set_uuid(commands.add_command()->mutable_producer_done()->mutable_producer(), 3, 4);
  for (const v1::Command& command :
       std::vector(commands.command().begin(), commands.command().end())) {
    v1::ChannelCommands one;
    *one.add_command() = command;
    forbidden.u8(kCommands).u8(1).sized(one);
  }
  forbidden.u8(0).frame(v1::CHANNEL_COMMANDS, 4, commands).u8(kPass).u8(20);
  save("center_channel", "forbidden", forbidden.str());
}

// Numbers of steps, as kSteps in manager_links.cc has them.
void manager_links() {
  enum : std::uint8_t {
    kCenterFrame,
    kRegister,
    kEnroll,
    kAttach,
    kHeartbeat,
    kResync,
    kMembers,
    kLive,
    kQuery,
    kWinner,
    kNumbers,
    kSilence,
    kGrant,
    kGoodGrant,
    kDrop,
    kPeerFrame,
    kFetch,
    kConnect,
    kProduce,
    kMoved,
    kDemand,
    kEndWait,
    kAck,
    kBeat,
    kAsk,
    kPass
  };
  Bytes life;
  life.u8(kProduce).u8(3).u8(kPass).u8(1).u8(kDemand).u8(kPass).u8(1).u8(kGoodGrant).u8(0).u8(0);
  life.u8(kGoodGrant).u8(1).u8(0).u8(kPass).u8(1).u8(kAck).u8(1).u8(kBeat).u8(kAck).u8(0);
  life.u8(kPass).u8(2).u8(kEndWait).u8(kMoved).u8(1).u8(kPass).u8(20).u8(kDrop).u8(kPass).u8(50);
  save("manager_links", "life", life.str());

  Bytes peers;
  peers.u8(kDemand).u8(kPass).u8(1).u8(kGoodGrant).u8(0).u8(1).u8(kGoodGrant).u8(1).u8(1);
  v1::PeerFetched fetched;
  fetched.add_item()->set_length(4);
  peers.u8(kFetch).frame(v1::PEER_FETCHED, 0, fetched, "work").u8(kPass).u8(4);
  fetched.add_item()->set_code(v1::DATA_LOSS);
  peers.u8(kGoodGrant).u8(2).u8(1).u8(kFetch).frame(v1::PEER_FETCHED, 0, fetched, "wor");
  peers.u8(kPass).u8(250);
  v1::PeerFetch fetch;
  fetch.add_task((std::uint64_t{5} << 44) + 1);
  fetch.add_result()->set_shard(5);
  fetch.mutable_result(0)->set_lsn(1);
  peers.u8(kProduce).u8(2).u8(kPass).u8(1).u8(kPeerFrame).frame(v1::PEER_FETCH, 3, fetch);
  v1::PeerBeat beat;
  beat.add_end()->set_shard(5);
  beat.mutable_end(0)->set_durable_end(99);
  peers.u8(kPeerFrame).frame(v1::PEER_BEAT, 0, beat).u8(kPass).u8(30);
  save("manager_links", "peers", peers.str());

  Bytes lies;
  v1::AttachOutcome attached;
  attached.set_code(v1::CONFLICT);
  attached.set_conn_epoch(7);
  lies.u8(kAttach).sized(attached).u8(kConnect).u8(kPass).u8(2).u8(kConnect).u8(kPass).u8(2);
  v1::SessionHeartbeatOutcome lost;
  lost.set_code(v1::NOT_FOUND);
  lost.add_lost(1001);
  lies.u8(kDemand).u8(kGoodGrant).u8(0).u8(0).u8(kHeartbeat).sized(lost).u8(kBeat).u8(kPass).u8(1);
  v1::ChannelOutcomes outcomes;
  outcomes.set_index(50);
  outcomes.add_outcome()->mutable_operations()->add_outcome()->set_seq(1);
  for (std::uint64_t request = 1; request < 12; ++request) {
    lies.u8(kCenterFrame).frame(v1::CHANNEL_OUTCOMES, request, outcomes);
  }
  v1::ChannelAnswer answer;
  answer.mutable_live()->set_created_hi(9);
  answer.mutable_live()->add_first(1);
  answer.mutable_live()->add_count(3);
  lies.u8(kCenterFrame).frame(v1::CHANNEL_ANSWER, 3, answer).u8(kLive).sized(answer.live());
  lies.u8(kPass).u8(100);
  save("manager_links", "lies", lies.str());

  Bytes registering;
  v1::RegisterOutcome outcome;
  for (int result = v1::REGISTER_BEHIND; result <= v1::REGISTER_UNKNOWN; ++result) {
    outcome.set_result(static_cast<v1::RegisterResult>(result));
    outcome.set_created_hi(2);
    registering.u8(kRegister).sized(outcome).u8(kDrop).u8(kPass).u8(60);
  }
  v1::EnrollOutcome enrolled;
  enrolled.set_shard(6);
  enrolled.set_created_hi(1);
  registering.u8(kEnroll).sized(enrolled).u8(kDrop).u8(kPass).u8(60);
  save("manager_links", "registering", registering.str());

  Bytes silent;
  silent.u8(kSilence).u8(1).u8(7).u8(kDemand).u8(kAck).u8(1).u8(kPass).u8(30).u8(kDrop);
  v1::ResyncState state;
  set_uuid(state.mutable_session(), 5, 6);
  state.set_conn_epoch(1);
  state.set_grants(5);
  v1::Grant& claim = *state.add_claim();
  set_uuid(claim.mutable_session(), 5, 6);
  claim.set_conn_epoch(1);
  claim.set_number(3);
  claim.set_line(1);
  claim.set_task((std::uint64_t{5} << 44) + 1);
  claim.set_token(1001);
  silent.u8(kResync).sized(state).u8(kPass).u8(100).u8(kGrant).sized(claim).u8(kPass).u8(10);
  v1::MembersAnswer members;
  members.add_member()->set_address("peer:7101");
  members.mutable_member(0)->add_shard(5);
  silent.u8(kMembers).sized(members).u8(kPass).u8(120);
  for (const v1::Query& query : queries()) silent.u8(kAsk).sized(query);
  v1::ChannelAnswer place;
  place.mutable_result()->set_shard(9);
  place.mutable_result()->set_lsn(1);
  silent.u8(kQuery).sized(place).u8(kAsk).sized(queries()[6]).u8(kPass).u8(80);
  silent.u8(kNumbers).u8(0).u8(230).u8(kWinner).u8(1).u8(9).u8(kMoved).u8(1).u8(kPass).u8(30);
  save("manager_links", "silent", silent.str());
}

}  // namespace
}  // namespace baton::fuzz

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: fuzz_make_corpus DIR\n");
    return 2;
  }
  baton::fuzz::g_directory = argv[1];
  baton::fuzz::frame_decoder();
  baton::fuzz::client_requests();
  baton::fuzz::session_ledger();
  baton::fuzz::recovery_readers();
  baton::fuzz::ledger_bytes();
  baton::fuzz::typed_texts();
  baton::fuzz::client_library();
  baton::fuzz::center_channel();
  baton::fuzz::manager_links();
  return 0;
}
