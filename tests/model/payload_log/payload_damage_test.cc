// Damage to the files of a payload log: whatever is flipped or cut off, the log refuses to open, or
// names the tasks that it lost, or nothing was lost. It never gives wrong bytes and is never
// silently shorter.
#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "common/base/random.h"
#include "common/storage/batch_reader.h"
#include "tests/support/payload_log_rig.h"

namespace baton::manager {
namespace {

using testing::PayloadLogRig;

constexpr std::uint64_t kTasks = 240;

std::string payload_of(std::uint64_t offset) {
  return "payload of " + std::to_string(offset) + std::string(offset * 37 % 1200, '.');
}

// Of the group of four that the offset is in: every other one has options.
std::string type_of(std::uint64_t offset) {
  const std::uint64_t group = (offset - 1) / 4;
  return group % 2 == 0 ? "" : "type " + std::to_string(group);
}

// Closed stretches, one of them collected with survivors, an open one, in several table files and a
// log file.
struct Disk {
  sim::SimDisk disk{true};
  std::set<std::uint64_t> dropped;
};

Disk make_disk() {
  PayloadLogRig rig;
  rig.store_options().write_buffer_bytes = 616 << 10;
  rig.options().stretch_bytes = 16 << 10;
  rig.open();
  for (std::uint64_t offset = 1; offset <= kTasks;) {
    std::vector<std::string> payloads;
    for (int i = 0; i < 4; ++i) payloads.push_back(payload_of(offset++));
    TaskAttributes attributes;
    attributes.queue = "mail";
    attributes.options.type = type_of(offset - 1);
    attributes.producer = ProducerId(Uuid{1, 1});
    attributes.seq = ProducerSeq(offset);
    rig.append(attributes, payloads);
    rig.settle();
    if (offset == kTasks / 2 + 1) rig.reopen();
  }
  Disk made;
  const Stretch stretch = rig.log().closed_stretches(1).at(0);
  const Offset survivor(stretch.from.value() + 1);
  REQUIRE(rig.collect(stretch, {survivor}, {}).ok());
  for (Offset offset = stretch.from; offset < stretch.to; offset = offset.next()) {
    if (offset != survivor) made.dropped.insert(offset.value());
  }
  REQUIRE(rig.log().closed_stretches(100).size() >= 3);
  rig.die(false);
  made.disk = rig.env().disk().copy();
  return made;
}

struct Outcome {
  bool refused = false;
  std::uint64_t lost = 0;  // tasks that read tells as damaged
};

// Opens the damaged disk and asks for every task, now and after the verification.
Outcome examine(const Disk& made, const sim::SimDisk& damaged, const std::string& what) {
  PayloadLogRig rig;
  rig.store_options().write_buffer_bytes = 616 << 10;
  rig.options().stretch_bytes = 16 << 10;
  rig.env().disk() = damaged.copy();
  const Status opened = rig.try_open();
  INFO(what << ": " << opened.to_string());
  if (!opened.ok()) {
    CHECK_FALSE(opened.message().empty());
    return {true, 0};
  }
  if (rig.log().next_offset() != Offset(kTasks + 1)) {
    FAIL("the log is silently shorter: it ends at " << rig.log().next_offset().value());
  }
  rig.verify_all();
  std::vector<Offset> told = rig.log().take_damaged();
  Outcome outcome;
  for (std::uint64_t offset = 1; offset <= kTasks; ++offset) {
    const Result<StoredTask> task = rig.read_task(Offset(offset));
    if (made.dropped.contains(offset)) {
      if (task.ok()) REQUIRE(task.value().payload == payload_of(offset));
      continue;
    }
    if (task.ok()) {
      REQUIRE(task.value().payload == payload_of(offset));
      REQUIRE(task.value().options.type == type_of(offset));
    } else {
      REQUIRE(task.status().code() == ErrorCode::kDataLoss);
      ++outcome.lost;
    }
  }
  const std::vector<Offset> more = rig.log().take_damaged();
  told.insert(told.end(), more.begin(), more.end());
  const std::set<Offset> once(told.begin(), told.end());
  CHECK(once.size() == told.size());
  CHECK(once.size() >= outcome.lost);
  return outcome;
}

TEST_CASE("a flipped bit anywhere in the files is refused, named or harmless") {
  const Disk made = make_disk();
  Random random(11);
  std::uint64_t refused = 0;
  std::uint64_t named = 0;
  std::uint64_t harmless = 0;
  for (const auto& [path, file] : made.disk.files()) {
    for (int i = 0; i < 120 && !file->data.empty(); ++i) {
      const std::uint64_t bit = random.below(file->data.size() * 8);
      sim::SimDisk damaged = made.disk.copy();
      std::string& data = damaged.find(path)->data;
      data[bit / 8] = static_cast<char>(data[bit / 8] ^ (1 << (bit % 8)));
      const Outcome outcome = examine(made, damaged, "bit " + std::to_string(bit) + " of " + path);
      ++(outcome.refused ? refused : outcome.lost > 0 ? named : harmless);
    }
  }
  WARN("refused " << refused << ", named " << named << ", harmless " << harmless);
  CHECK(refused > 0);
  CHECK(named > 0);
  CHECK(harmless > 0);
}

TEST_CASE("a file that was cut off anywhere is refused, named or harmless") {
  const Disk made = make_disk();
  Random random(12);
  for (const auto& [path, file] : made.disk.files()) {
    // What was cut off the end of the newest log file is the one loss that a store alone cannot
    // see: the ledger knows how far the log reached (R2).
    if (path.ends_with(".log")) continue;
    for (int i = 0; i < 40 && !file->data.empty(); ++i) {
      sim::SimDisk damaged = made.disk.copy();
      std::string& data = damaged.find(path)->data;
      data.resize(random.below(data.size()));
      examine(made, damaged, path + " cut to " + std::to_string(data.size()));
    }
  }
}

TEST_CASE("a file that is gone is refused") {
  const Disk made = make_disk();
  for (const auto& [path, file] : made.disk.files()) {
    if (path.ends_with("LOCK")) continue;
    // MANIFESTs and logs of the past are of no use any more.
    sim::SimDisk damaged = made.disk.copy();
    damaged.remove(path);
    INFO(path);
    CHECK(examine(made, damaged, path + " removed").refused);
  }
}

TEST_CASE("a record whose batch is damaged is lost alone: its neighbours prove themselves") {
  PayloadLogRig rig;
  rig.open();
  rig.append("mail", {"one", "two", "three"});
  rig.fill_stretch();
  rig.reopen();
  const std::string key = batch_key(rig.shard().value(), Lsn(1));
  std::string batch = rig.store().get(key).value();
  batch[batch.find("two")] = 'T';
  KvBatch change;
  change.put(key, batch);
  REQUIRE(rig.store().write(change).ok());

  rig.verify_all();

  CHECK(rig.log().take_damaged() == std::vector<Offset>{Offset(2)});
  CHECK(rig.read(Offset(1)).value() == "one");
  CHECK(rig.read(Offset(2)).status().code() == ErrorCode::kDataLoss);
  CHECK(rig.read(Offset(3)).value() == "three");
  CHECK(rig.log().take_damaged().empty());
  // Collecting does not turn a lost task into one that never was.
  const Stretch stretch = rig.log().closed_stretches(1).at(0);
  CHECK(rig.collect(stretch, {Offset(1), Offset(2)}, {}).ok());
  CHECK(rig.read(Offset(1)).value() == "one");
  CHECK(rig.read(Offset(2)).status().code() == ErrorCode::kDataLoss);
  CHECK(rig.read(Offset(3)).status().code() == ErrorCode::kNotFound);
}

TEST_CASE("a batch that is gone is named by the verification, with every task of it") {
  PayloadLogRig rig;
  rig.open();
  rig.append("mail", {"one", "two"});
  rig.settle();
  rig.append("mail", {"three", "four"});
  rig.settle();
  rig.fill_stretch();
  rig.reopen();
  KvBatch change;
  change.remove(batch_key(rig.shard().value(), Lsn(2)));
  REQUIRE(rig.store().write(change).ok());

  rig.verify_all();

  CHECK(rig.log().take_damaged() == std::vector<Offset>{Offset(3), Offset(4)});
  CHECK(rig.read(Offset(2)).value() == "two");
  CHECK(rig.read(Offset(3)).status().code() == ErrorCode::kDataLoss);
}

TEST_CASE("a survivor that is gone is named by the verification and by reading") {
  PayloadLogRig rig;
  rig.open();
  rig.append("mail", {"one", "two"});
  rig.fill_stretch();
  REQUIRE(rig.collect(rig.log().closed_stretches(1).at(0), {Offset(2)}, {}).ok());
  KvBatch change;
  change.remove(std::string("v\0\0\0\x07\0\0\0\0\0\0\0\x02", 13));
  REQUIRE(rig.store().write(change).ok());
  rig.reopen();

  rig.verify_all();

  CHECK(rig.log().take_damaged() == std::vector<Offset>{Offset(2)});
  CHECK(rig.read(Offset(2)).status().code() == ErrorCode::kDataLoss);
  CHECK(rig.read(Offset(1)).status().code() == ErrorCode::kNotFound);
}

TEST_CASE("what a damaged dedup record said is read from the log") {
  PayloadLogRig rig;
  rig.open();
  TaskAttributes attributes;
  attributes.queue = "mail";
  attributes.producer = ProducerId(Uuid{1, 1});
  attributes.seq = ProducerSeq(1);
  const LogStore::Appended appended = rig.append(attributes, {"one", "two"});
  rig.fill_stretch();
  const std::string key("d\0\0\0\x07\0\0\0\0\0\0\0\x01", 13);
  std::string record = rig.store().get(key).value();
  record[10] = static_cast<char>(record[10] ^ 1);
  KvBatch change;
  change.put(key, record);
  REQUIRE(rig.store().write(change).ok());
  rig.reopen();

  std::vector<StoredRun> runs;
  REQUIRE(rig.log().recent_runs([&](const StoredRun& run) { runs.push_back(run); }).ok());

  REQUIRE(runs.size() == 1);
  CHECK(runs[0].attributes.seq == ProducerSeq(1));
  CHECK(runs[0].content_hash == appended.content_hash);
}

TEST_CASE("a stretch record that is gone or of another place is refused at open") {
  for (const char first : {'\1', '\2'}) {
    PayloadLogRig rig;
    rig.open();
    for (int i = 0; i < 3; ++i) rig.fill_stretch();
    std::vector<std::string> keys;
    std::vector<std::string> values;
    REQUIRE(rig.store()
                .scan("s", "t",
                      [&](std::string_view key, std::string_view value) {
                        keys.emplace_back(key);
                        values.emplace_back(value);
                        return true;
                      })
                .ok());
    REQUIRE(keys.size() == 3);
    KvBatch change;
    if (first == '\1') {
      change.remove(keys[1]);
    } else {
      change.put(keys[1], values[2]);
    }
    REQUIRE(rig.store().write(change).ok());
    rig.close();

    CHECK(rig.try_open().code() == ErrorCode::kDataLoss);
  }
}

}  // namespace
}  // namespace baton::manager
