// T4: what reads a disk again after a crash, on any bytes at all. Nothing is ever returned whose
// checksum or place is wrong, and nothing takes longer than its bytes are many.
//
//   input: u8, which reader:
//     0 a batch as it is stored        1 the body of a batch whose envelope is right
//     2 the value of a bookkeeping key 3 a file in LevelDB's log format
//     4 the same, of fragments with right checksums  5 a whole store with damaged files
//   and what it reads.
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/crc32c.h"
#include "common/storage/batch_envelope.h"
#include "common/storage/batch_reader.h"
#include "common/storage/identity.h"
#include "common/storage/small_record.h"
#include "common/storage/wal_check.h"
#include "common/storage/wal_reader.h"
#include "manager/storage/dedup_record.h"
#include "manager/storage/record_codec.h"
#include "manager/storage/stretch.h"
#include "manager/storage/survivor.h"
#include "manager/storage/task_batch.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/support/payload_log_rig.h"
#include "tests/support/sim_env.h"

namespace baton::fuzz {
namespace {

using manager::TaskBatch;

const ShardId kShard(7);
const Lsn kLsn(3);

std::uint64_t number_at(std::string_view bytes, std::size_t at, std::size_t width) {
  std::uint64_t value = 0;
  for (std::size_t i = width; i-- > 0;)
    value = value << 8 | static_cast<std::uint8_t>(bytes[at + i]);
  return value;
}

// ---- batches ------------------------------------------------------------------------------------

// Whatever a batch gives out proves itself.
void look_through(const TaskBatch& batch) {
  std::size_t looked = 0;
  for (Offset offset = batch.first(); offset < batch.end() && looked < 4096;
       offset = offset.next(), ++looked) {
    const auto record = batch.task(offset);
    if (!record.ok()) {
      FUZZ_CHECK(record.status().code() == ErrorCode::kDataLoss, "a task in reach is not found");
      continue;
    }
    const TaskId task(kShard, offset);
    FUZZ_CHECK(
        record.value().header == manager::RecordHeader::of_task(task, record.value().payload),
        "a task whose checksum is wrong");
    FUZZ_CHECK(record.value().header.payload_crc == crc32c(record.value().payload),
               "a payload whose checksum is wrong");
  }
  for (const TaskBatch::ResultPlace& place : batch.results()) {
    const auto bytes = batch.result(place.task, place.token, place.kind);
    if (!bytes.ok()) continue;
    const manager::ResultOwner owner{place.task, place.token, place.kind,
                                     bytes.value().content_type};
    const auto header = manager::RecordHeader::of_result(owner, bytes.value().bytes);
    FUZZ_CHECK(header.payload_crc == crc32c(bytes.value().bytes),
               "a result whose checksum is wrong");
  }
  const auto runs = batch.runs(batch.first(), 5000);
  if (!runs.ok()) return;
  Offset next = batch.first();
  for (const manager::StoredRun& run : runs.value()) {
    FUZZ_CHECK(run.first == next, "the runs have a gap");
    next = Offset(next.value() + run.count);
  }
}

void read_batch(std::string bytes) {
  const std::string before = bytes;
  const Result<StoredBatch> batch = check_batch(kShard.value(), kLsn, bytes);
  if (batch.ok()) {
    FUZZ_CHECK(number_at(before, before.size() - 4, 4) ==
                   crc32c(std::string_view(before).substr(0, before.size() - 4)),
               "a batch whose checksum is wrong");
    FUZZ_CHECK(number_at(before, 4, 4) == kShard.value() && number_at(before, 12, 8) == 3,
               "a batch of another place");
    FUZZ_CHECK(batch.value().body().size() == number_at(before, 20, 4), "another body");
  }
  const auto taken = TaskBatch::check(kShard, kLsn, bytes);
  if (taken.ok()) {
    FUZZ_CHECK(batch.ok(), "the tasks of a batch that is none");
    look_through(*taken.value());
  }
  look_through(*TaskBatch::salvage(kShard, std::move(bytes)));
}

void read_body(std::string_view body) {
  std::string batch(kBatchHeaderBytes, '\0');
  batch += body;
  seal_batch({kShard.value(), Epoch(1), kLsn, 0, Lsn(1)}, batch);
  read_batch(std::move(batch));
}

// ---- bookkeeping --------------------------------------------------------------------------------

void read_record(std::string_view bytes) {
  const auto body = open_record("key", bytes, 1, "record");
  if (!body.ok()) return;
  FUZZ_CHECK(seal_record("key", static_cast<std::uint8_t>(bytes[0]), body.value()) == bytes,
             "a record whose checksum is wrong");
}

void read_stretch(std::string_view bytes) {
  const auto record = manager::decode_stretch(bytes);
  if (!record.ok()) return;
  const std::string again = manager::encode_stretch(record.value());
  const auto second = manager::decode_stretch(again);
  FUZZ_CHECK(second.ok() && manager::encode_stretch(second.value()) == again,
             "a stretch record that changes when it is written again");
}

void read_dedup(std::string_view bytes) {
  const auto runs = manager::decode_dedup(bytes);
  if (!runs.ok()) return;
  const std::string again = manager::encode_dedup(runs.value());
  const auto second = manager::decode_dedup(again);
  FUZZ_CHECK(second.ok() && manager::encode_dedup(second.value()) == again,
             "a dedup record that changes when it is written again");
}

void read_attributes(std::string_view bytes) {
  const auto attributes = manager::decode_attributes(bytes);
  if (!attributes.ok()) return;
  const auto second = manager::decode_attributes(manager::encode_attributes(attributes.value()));
  FUZZ_CHECK(second.ok() && second.value() == attributes.value(),
             "attributes that change when they are written again");
}

void read_survivor(std::string_view bytes) {
  const auto survivor = manager::decode_survivor(kShard, Offset(5), bytes);
  FUZZ_CHECK(!survivor.ok() || survivor.value().header.fits_task(TaskId(kShard, Offset(5)),
                                                                 survivor.value().payload),
             "a survivor that is another task's");
}

void read_result_survivor(std::string_view bytes) {
  const manager::ResultRecordId id{TaskId(kShard, Offset(5)), Token(9), RecordKind::kResult,
                                   Lsn(2)};
  (void)manager::decode_result_survivor(kShard, id, bytes);
}

void read_identity(std::string_view bytes) {
  const auto identity = decode_identity(bytes);
  if (!identity.ok()) return;
  const auto second = decode_identity(encode_identity(identity.value()));
  FUZZ_CHECK(second.ok() && second.value() == identity.value(),
             "an identity that changes when it is written again");
}

void read_small(FuzzInput in) {
  static constexpr void (*kReaders[])(std::string_view) = {
      read_record,   read_stretch,         read_dedup,   read_attributes,
      read_survivor, read_result_survivor, read_identity};
  const std::size_t which = in.below(std::size(kReaders));
  kReaders[which](in.rest());
}

// ---- LevelDB's logs -----------------------------------------------------------------------------

constexpr std::size_t kBlockBytes = 32768;
constexpr std::size_t kFragmentHeaderBytes = 7;

std::uint32_t masked_crc(std::string_view type_and_data) {
  const std::uint32_t crc = crc32c(type_and_data);
  return ((crc >> 15) | (crc << 17)) + 0xa282ead8U;
}

// A record is made of fragments, each of which has its checksum; read from where it should begin.
bool is_record_at(std::string_view file, std::size_t at, std::string_view record) {
  std::string found;
  for (bool first = true;; first = false) {
    if (kBlockBytes - at % kBlockBytes < kFragmentHeaderBytes) at += kBlockBytes - at % kBlockBytes;
    if (file.size() < at + kFragmentHeaderBytes) return false;
    const std::size_t length = number_at(file, at + 4, 2);
    const auto type = static_cast<std::uint8_t>(file[at + 6]);
    if (file.size() - at - kFragmentHeaderBytes < length) return false;
    if (number_at(file, at, 4) != masked_crc(file.substr(at + 6, 1 + length))) return false;
    found += file.substr(at + kFragmentHeaderBytes, length);
    at += kFragmentHeaderBytes + length;
    if (first ? type != 1 && type != 2 : type != 3 && type != 4) return false;
    if (type == 1 || type == 4) return found == record;
  }
}

void read_wal(std::string_view file) {
  std::uint64_t behind = 0;
  const auto good =
      WalReader(file, "file")
          .read_all(
              [&](std::string_view record, std::uint64_t position) {
                FUZZ_CHECK(position >= behind, "records out of order");
                FUZZ_CHECK(is_record_at(file, position, record), "a record that is not there");
                behind = position + kFragmentHeaderBytes + record.size();
                return Status();
              },
              [](std::string_view start) { return start.size() >= 12; });
  FUZZ_CHECK(!good.ok() || (good.value() <= file.size() && good.value() >= behind),
             "the good part does not hold its records");

  // The same file as a store's log and as its MANIFEST.
  for (const char* place : {"/store/000005.log", "/store/MANIFEST-000004"}) {
    sim::SimEnv env;
    env.disk().make_directory("/store");
    env.disk().create("/store/CURRENT")->data = "MANIFEST-000004\n";
    env.disk().create("/store/MANIFEST-000004");
    env.disk().create("/store/000005.log");
    env.disk().find(place)->data = file;
    const auto checked = check_wal(env, "/store");
    if (!checked.ok()) continue;
    for (const WalCheck::TornTail& torn : checked.value().torn) {
      FUZZ_CHECK(torn.keep <= file.size(), "more is kept than there is");
    }
  }
}

// Fragments with right checksums, most of them: type u8 | length u16 | bytes.
void read_fragments(FuzzInput in) {
  std::string file;
  while (!in.empty()) {
    const std::uint8_t how = in.u8();
    const std::string_view data = in.sized();
    const std::size_t left = kBlockBytes - file.size() % kBlockBytes;
    if (left < kFragmentHeaderBytes) file.append(left, '\0');
    std::string body(1, static_cast<char>(how % 5));
    body += data;
    std::uint32_t crc = masked_crc(body);
    if (how >= 240) crc ^= 1U << (how % 32);
    for (int i = 0; i < 4; ++i) file.push_back(static_cast<char>(crc >> (8 * i)));
    file.push_back(static_cast<char>(data.size() & 255));
    file.push_back(static_cast<char>(data.size() >> 8));
    file += body;
  }
  read_wal(file);
}

// ---- a whole store ------------------------------------------------------------------------------

constexpr std::uint64_t kTasks = 40;

std::string payload_of(std::uint64_t offset) {
  return "payload of " + std::to_string(offset) + std::string(offset * 37 % 400, '.');
}

void configure(manager::testing::PayloadLogRig& rig) { rig.options().stretch_bytes = 3 << 10; }

// Closed stretches, one of them collected, and an open one; a table file and a log file.
const sim::SimDisk& good_disk() {
  static const sim::SimDisk disk = [] {
    manager::testing::PayloadLogRig rig;
    configure(rig);
    rig.open(kShard);
    for (std::uint64_t offset = 1; offset <= kTasks;) {
      std::vector<std::string> payloads;
      for (int i = 0; i < 4; ++i) payloads.push_back(payload_of(offset++));
      manager::TaskAttributes attributes;
      attributes.queue = "mail";
      attributes.producer = ProducerId(Uuid{1, 1});
      attributes.seq = ProducerSeq(offset);
      rig.append(attributes, payloads);
      rig.settle();
      if (offset == kTasks / 2 + 1) rig.reopen();
    }
    const manager::Stretch stretch = rig.log().closed_stretches(1).at(0);
    FUZZ_CHECK(rig.collect(stretch, {Offset(stretch.from.value() + 1)}, {}).ok(), "not collected");
    rig.die(false);
    return rig.env().disk().copy();
  }();
  return disk;
}

// True when the damage is one flipped bit, which must never shorten the log in silence.
bool damage(sim::SimDisk& disk, FuzzInput& in) {
  std::vector<std::string> paths;
  for (const auto& [path, file] : disk.files()) paths.push_back(path);
  std::size_t damages = 0;
  bool only_bits = true;
  for (; damages < 4 && !in.empty(); ++damages) {
    const std::string& path = paths[in.below(paths.size())];
    const sim::SimFilePtr file = disk.find(path);
    const std::size_t kind = in.below(7);
    const std::size_t where = in.u16();
    if (file == nullptr || file->data.empty()) continue;
    std::string& data = file->data;
    const std::size_t at = where % data.size();
    only_bits = only_bits && kind == 0;
    switch (kind) {
      case 0: {
        data[at] = static_cast<char>(data[at] ^ (1 << in.below(8)));
        break;
      }
      case 1: {
        const std::string_view bytes = in.bytes(in.u8());
        data.replace(at, std::min(bytes.size(), data.size() - at), bytes);
        break;
      }
      case 2:
        data.resize(at);
        break;
      case 3:
        std::fill_n(data.begin() + static_cast<std::ptrdiff_t>(at),
                    std::min<std::size_t>(in.u16(), data.size() - at), '\0');
        break;
      case 4: {  // a part of it again, elsewhere: its checksums are right
        const std::string part = data.substr(in.u16() % data.size(), in.u16());
        data.insert(at, part);
        break;
      }
      case 5:
        data.erase(at, in.u16());
        break;
      default:
        disk.remove(path);
    }
  }
  return damages == 1 && only_bits;
}

void read_store(FuzzInput in) {
  manager::testing::PayloadLogRig rig;
  configure(rig);
  rig.env().disk() = good_disk().copy();
  const bool one_bit = damage(rig.env().disk(), in);
  if (const Status opened = rig.try_open(kShard); !opened.ok()) {
    FUZZ_CHECK(!opened.message().empty(), "refused without a word");
    return;
  }
  FUZZ_CHECK(!one_bit || rig.log().next_offset() == Offset(kTasks + 1),
             "the log is silently shorter");
  for (int i = 0; i < 20; ++i) rig.advance(std::chrono::milliseconds(20));
  for (std::uint64_t offset = 1; offset <= kTasks; ++offset) {
    const Result<std::string> payload = rig.read(Offset(offset));
    FUZZ_CHECK(!payload.ok() || payload.value() == payload_of(offset), "a payload that is wrong");
  }
  (void)rig.log().take_damaged();
}

}  // namespace
}  // namespace baton::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace baton::fuzz;
  FuzzInput in(data, size);
  switch (in.below(6)) {
    case 0:
      read_batch(std::string(in.rest()));
      break;
    case 1:
      read_body(in.rest());
      break;
    case 2:
      read_small(in);
      break;
    case 3:
      read_wal(in.rest());
      break;
    case 4:
      read_fragments(in);
      break;
    default:
      read_store(in);
  }
  return 0;
}
