#include "manager/storage/payload_log.h"

#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "common/storage/batch_reader.h"
#include "manager/storage/payload_keys.h"
#include "tests/support/payload_log_rig.h"

namespace baton::manager {
namespace {

using testing::PayloadLogRig;

TEST_CASE("an empty shard begins at epoch 1 and offset 1") {
  PayloadLogRig rig;

  rig.open();

  CHECK(rig.log().epoch() == Epoch(1));
  CHECK(rig.log().life());
  CHECK(rig.log().next_offset() == Offset(1));
  CHECK(rig.log().durable_end() == Offset(1));
}

TEST_CASE("what was appended is durable only after a posted event") {
  PayloadLogRig rig;
  rig.open();

  const LogStore::Appended appended = rig.append("mail", {"one", "two"});
  bool told = false;
  rig.log().when_durable(appended.lsn, [&](const Status& status) { told = status.ok(); });

  CHECK_FALSE(told);
  CHECK(rig.log().next_offset() == Offset(3));
  CHECK(rig.log().durable_end() == Offset(1));
  CHECK(rig.read(Offset(1)).status().code() == ErrorCode::kNotFound);
  rig.settle();
  CHECK(told);
  CHECK(rig.log().durable_end() == Offset(3));
  CHECK(rig.read(Offset(1)).value() == "one");
  CHECK(rig.read(Offset(2)).value() == "two");
  CHECK(rig.read(Offset(3)).status().code() == ErrorCode::kNotFound);
}

TEST_CASE("a new open raises the epoch, draws a new life and goes on behind the last offset") {
  PayloadLogRig rig;
  rig.open();
  rig.append("mail", {"one", "", std::string(100'000, 'x')});
  rig.settle();
  const Life life = rig.log().life();

  rig.reopen();

  CHECK(rig.log().epoch() == Epoch(2));
  CHECK(rig.log().life() != life);
  CHECK(rig.log().next_offset() == Offset(4));
  CHECK(rig.read(Offset(1)).value() == "one");
  CHECK(rig.read(Offset(2)).value().empty());
  CHECK(rig.read(Offset(3)).value() == std::string(100'000, 'x'));
}

TEST_CASE("a result is found by its task, token and batch, also after a restart") {
  PayloadLogRig rig;
  rig.open();
  const TaskId task(rig.shard(), Offset(7));
  const Lsn lsn = rig.log().append_result({task, Token(9), RecordKind::kResult, "the result"});
  rig.settle();

  CHECK(rig.read_result(task, Token(9), lsn).value() == "the result");
  rig.reopen();
  CHECK(rig.read_result(task, Token(9), lsn).value() == "the result");
  CHECK(rig.read_result(task, Token(9), Lsn(lsn.value() + 1)).status().code() ==
        ErrorCode::kNotFound);
}

TEST_CASE("records of one claim are told apart by their kind, in one batch and as survivors") {
  PayloadLogRig rig;
  rig.open();
  const TaskId task(rig.shard(), Offset(7));
  const auto unknown = static_cast<RecordKind>(200);
  const Lsn lsn = rig.log().append_result({task, Token(9), RecordKind::kCheckpoint, "half"});
  REQUIRE(rig.log().append_result({task, Token(9), RecordKind::kResult, "done"}) == lsn);
  REQUIRE(rig.log().append_result({task, Token(9), unknown, "of a newer Baton"}) == lsn);
  rig.fill_stretch();
  const Stretch stretch = rig.log().closed_stretches(1).at(0);
  CHECK(stretch.results ==
        std::vector<ResultRecordId>{{task, Token(9), RecordKind::kCheckpoint, lsn},
                                    {task, Token(9), RecordKind::kResult, lsn},
                                    {task, Token(9), unknown, lsn}});

  for (int round = 0; round < 2; ++round) {
    CHECK(rig.read_result(task, Token(9), lsn).value() == "done");
    CHECK(rig.read_result(task, Token(9), lsn, RecordKind::kCheckpoint).value() == "half");
    CHECK(rig.read_result(task, Token(9), lsn, unknown).value() == "of a newer Baton");
    rig.reopen();
  }
  REQUIRE(rig.collect(stretch, {},
                      {{task, Token(9), RecordKind::kResult, lsn}, {task, Token(9), unknown, lsn}})
              .ok());

  for (int round = 0; round < 2; ++round) {
    CHECK(rig.read_result(task, Token(9), lsn).value() == "done");
    CHECK(rig.read_result(task, Token(9), lsn, RecordKind::kCheckpoint).status().code() ==
          ErrorCode::kNotFound);
    CHECK(rig.read_result(task, Token(9), lsn, unknown).value() == "of a newer Baton");
    rig.reopen();
  }
}
TEST_CASE("a task is read with its options, fresh, cold and as a survivor") {
  PayloadLogRig rig;
  rig.open();
  TaskAttributes attributes;
  attributes.queue = "mail";
  attributes.options.type = "resize";
  attributes.options.key = "k";
  rig.append(attributes, {"keyed"});
  rig.append("mail", {"plain"});
  rig.fill_stretch();
  const Stretch stretch = rig.log().closed_stretches(1).at(0);

  for (int round = 0; round < 3; ++round) {
    CHECK(rig.read_task(Offset(1)).value().payload == "keyed");
    CHECK(rig.read_task(Offset(1)).value().options == attributes.options);
    CHECK(rig.read_task(Offset(2)).value().options == TaskOptions());
    if (round == 1) REQUIRE(rig.collect(stretch, {Offset(1), Offset(2)}, {}).ok());
    rig.reopen();
  }
}

TEST_CASE(
    "a result keeps its content type, and of two checkpoints in a batch the later one counts") {
  PayloadLogRig rig;
  rig.open();
  const TaskId task(rig.shard(), Offset(7));
  const ResultRecordId result{
      task, Token(9), RecordKind::kResult,
      rig.log().append_result({task, Token(9), RecordKind::kResult, "{}", "application/json"})};
  rig.log().append_result({task, Token(9), RecordKind::kCheckpoint, "half"});
  const Lsn lsn = rig.log().append_result({task, Token(9), RecordKind::kCheckpoint, "more"});
  const ResultRecordId checkpoint{task, Token(9), RecordKind::kCheckpoint, lsn};
  rig.fill_stretch();
  const Stretch stretch = rig.log().closed_stretches(1).at(0);

  for (int round = 0; round < 3; ++round) {
    CHECK(rig.read_record(result).value().bytes == "{}");
    CHECK(rig.read_record(result).value().content_type == "application/json");
    CHECK(rig.read_record(checkpoint).value().bytes == "more");
    CHECK(rig.read_record(checkpoint).value().content_type.empty());
    if (round == 1) REQUIRE(rig.collect(stretch, {}, {result, checkpoint}).ok());
    rig.reopen();
  }
}

TEST_CASE("scan gives the attributes of what was stored, from the middle of a run too") {
  PayloadLogRig rig;
  rig.open();
  TaskAttributes attributes;
  attributes.queue = "mail";
  attributes.options.priority = 3;
  attributes.producer = ProducerId(Uuid{1, 2});
  attributes.seq = ProducerSeq(10);
  const LogStore::Appended plain = rig.append(attributes, {"a", "b", "c"});
  attributes.waits = attributes.moved = true;
  attributes.seq = ProducerSeq(13);
  attributes.maybe_at = {ShardId(4), ShardId(5)};
  const LogStore::Appended moved = rig.append(attributes, {"d"});
  rig.settle();
  rig.reopen();

  const std::vector<StoredRun> runs = rig.scan(Offset(2), 100).value();

  REQUIRE(runs.size() == 2);
  CHECK(runs[0].first == Offset(2));
  CHECK(runs[0].count == 2);
  CHECK(runs[0].attributes.queue == "mail");
  CHECK(runs[0].attributes.options.priority == 3);
  CHECK(runs[0].attributes.seq == ProducerSeq(11));
  CHECK_FALSE(runs[0].attributes.waits);
  CHECK(runs[0].content_hash ==
        std::vector<std::uint64_t>{plain.content_hash[1], plain.content_hash[2]});
  CHECK(runs[0].crc_last == plain.crc_last);
  CHECK(runs[0].stored_at == rig.wall_now());
  CHECK(runs[1].attributes == attributes);
  CHECK(runs[1].crc_last == moved.crc_last);
  CHECK(rig.scan(Offset(1), 2).value().front().count == 2);
  CHECK(rig.scan(Offset(5), 2).value().empty());
  CHECK(rig.record_crc(Offset(3)).value() == plain.crc_last);
}

// Flips a bit in the middle of a stored batch.
void damage_batch(PayloadLogRig& rig, Lsn lsn) {
  const std::string key = batch_key(rig.shard().value(), lsn);
  std::string bytes = rig.store().get(key).value();
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  KvBatch change;
  change.put(key, bytes);
  REQUIRE(rig.store().write(change).ok());
}

TEST_CASE("scan ends in front of a damaged batch, and tells how far the damage goes") {
  PayloadLogRig rig;
  rig.open();
  rig.append("mail", {"one"});
  rig.settle();
  const Lsn second = rig.append("mail", {"two", "three"}).lsn;
  rig.settle();
  const Lsn third = rig.append("mail", {"four"}).lsn;
  rig.settle();
  damage_batch(rig, second);

  const auto before = rig.scan(Offset(1), 100).value();
  REQUIRE(before.size() == 1);
  CHECK(before[0].count == 1);
  CHECK_FALSE(before[0].unreadable);
  const auto damaged = rig.scan(Offset(2), 100).value();
  REQUIRE(damaged.size() == 1);
  CHECK(damaged[0].unreadable);
  CHECK(damaged[0].first == Offset(2));
  CHECK(damaged[0].count == 2);
  CHECK(rig.scan(Offset(2), 1).value().at(0).count == 1);
  CHECK(rig.scan(Offset(3), 100).value().at(0).unreadable);
  const auto behind = rig.scan(Offset(4), 100).value();
  REQUIRE(behind.size() == 1);
  CHECK_FALSE(behind[0].unreadable);

  damage_batch(rig, third);
  const auto to_the_end = rig.scan(Offset(2), 100).value();
  REQUIRE(to_the_end.size() == 1);
  CHECK(to_the_end[0].count == 3);
}

TEST_CASE("recent runs are the plain ones of producers, from closed stretches and the open one") {
  PayloadLogRig rig;
  rig.open();
  TaskAttributes attributes;
  attributes.queue = "mail";
  attributes.producer = ProducerId(Uuid{1, 2});
  for (std::uint64_t seq = 1; seq <= 40; ++seq) {
    attributes.seq = ProducerSeq(seq);
    attributes.waits = seq % 10 == 0;
    rig.append(attributes, {std::string(1000, 'x')});
    rig.settle();
  }
  rig.append("mail", {"of nobody"});
  rig.settle();
  REQUIRE(rig.log().closed_stretches(100).size() >= 2);

  rig.reopen();
  std::vector<std::uint64_t> seqs;
  const Status read = rig.log().recent_runs([&](const StoredRun& run) {
    seqs.push_back(run.attributes.seq.value());
    CHECK(run.count == 1);
    CHECK(run.content_hash.size() == 1);
  });
  CHECK(read.ok());

  CHECK(seqs.size() == 36);
  CHECK(std::is_sorted(seqs.begin(), seqs.end()));
  CHECK(std::count(seqs.begin(), seqs.end(), 10) == 0);
}

TEST_CASE("every task of a log of many stretches is found again, warm and cold") {
  PayloadLogRig rig;
  rig.open();
  for (int i = 0; i < 300; ++i) {
    rig.append("mail", {"first of " + std::to_string(i), std::string(200, 'x'), ""});
    if (i % 7 == 0) rig.settle();
  }
  rig.settle();

  for (int round = 0; round < 2; ++round) {
    for (std::uint64_t i = 0; i < 300; ++i) {
      CHECK(rig.read(Offset(3 * i + 1)).value() == "first of " + std::to_string(i));
      CHECK(rig.read(Offset(3 * i + 3)).value().empty());
    }
    rig.reopen();
  }
  CHECK(rig.log().take_damaged().empty());
}

TEST_CASE("a read ends with the payload that reaches its limit, warm and cold") {
  PayloadLogRig rig;
  rig.open();
  for (int i = 0; i < 4; ++i) {
    rig.append("mail", {std::string(1000, 'x')});
    rig.settle();
  }
  for (int round = 0; round < 2; ++round) {
    const auto payloads = rig.read({Offset(1), Offset(2), Offset(3), Offset(4)}, 1001);
    CHECK(payloads[0].ok());
    CHECK(payloads[1].ok());
    CHECK(payloads[2].status().code() == ErrorCode::kRetryLater);
    CHECK(payloads[3].status().code() == ErrorCode::kRetryLater);
    CHECK(rig.read({Offset(3)}, 1).at(0).ok());
    rig.reopen();
  }
}

TEST_CASE("a collected stretch keeps what lives and drops the rest, over restarts") {
  PayloadLogRig rig;
  rig.open();
  const TaskId task(rig.shard(), Offset(1));
  rig.append("mail", {"one", "two", "three", "four"});
  const Lsn kept = rig.log().append_result({task, Token(1), RecordKind::kResult, "kept"});
  const Lsn dropped = rig.log().append_result({task, Token(2), RecordKind::kResult, "dropped"});
  rig.fill_stretch();
  const std::uint32_t crc = rig.record_crc(Offset(2)).value();
  const Stretch stretch = rig.log().closed_stretches(1).at(0);
  REQUIRE(stretch.results.size() == 2);

  CHECK(rig.collect(stretch, {Offset(2)}, {{task, Token(1), RecordKind::kResult, kept}}).ok());
  rig.append("mail", {"behind"});
  rig.settle();

  for (int round = 0; round < 3; ++round) {
    CHECK(rig.read(Offset(2)).value() == "two");
    CHECK(rig.record_crc(Offset(2)).value() == crc);
    CHECK(rig.read(Offset(1)).status().code() == ErrorCode::kNotFound);
    CHECK(rig.read(Offset(4)).status().code() == ErrorCode::kNotFound);
    CHECK(rig.read_result(task, Token(1), kept).value() == "kept");
    CHECK(rig.read_result(task, Token(2), dropped).status().code() == ErrorCode::kNotFound);
    CHECK(rig.read(stretch.to).value() == "behind");
    rig.reopen();
    rig.verify_all();
  }
  CHECK(rig.log().take_damaged().empty());
}

TEST_CASE("survivors that are dropped while they are looked at are no damage") {
  PayloadLogRig rig;
  rig.open();
  rig.append("mail", {"one", "two"});
  rig.fill_stretch();
  const Stretch stretch = rig.log().closed_stretches(1).at(0);
  REQUIRE(rig.collect(stretch, {Offset(2)}, {}).ok());
  rig.reopen();

  bool collected = false;
  rig.log().collect(stretch, {}, {}, [&](const Status& status) { collected = status.ok(); });
  rig.loop().advance(std::chrono::milliseconds(20));  // the look waits behind it
  REQUIRE(rig.worker().jobs() == 2);
  rig.settle();
  CHECK(collected);
  rig.verify_all();
  CHECK(rig.log().take_damaged().empty());
}

TEST_CASE("a live task that was dropped is told as missing, a survivor is not") {
  PayloadLogRig rig;
  rig.open();
  rig.fill_stretch();
  rig.fill_stretch();
  CHECK_FALSE(rig.log().next_dropped(Offset(1)));
  const Stretch stretch = rig.log().closed_stretches(2).at(1);
  REQUIRE(rig.collect(stretch, {stretch.from}, {}).ok());

  const auto dropped = rig.log().next_dropped(Offset(1));
  REQUIRE(dropped);
  CHECK(dropped->from == stretch.from);
  CHECK(dropped->to == stretch.to);
  CHECK_FALSE(rig.log().next_dropped(stretch.to));

  rig.log().note_live(Offset(stretch.from.value() - 1), 3);

  CHECK(rig.log().take_damaged() == std::vector{stretch.from.next()});
}

TEST_CASE("survivors that end are dropped by the next collection, and empty stretches are joined") {
  PayloadLogRig rig;
  rig.open();
  for (int i = 0; i < 4; ++i) rig.fill_stretch();
  const std::vector<Stretch> stretches = rig.log().closed_stretches(100);
  REQUIRE(stretches.size() == 4);
  const Offset survivor = stretches[1].from;

  for (int i = 0; i < 4; ++i) {
    std::vector<Offset> live;
    if (i == 1) live.push_back(survivor);
    CHECK(rig.collect(stretches[static_cast<std::size_t>(i)], live, {}).ok());
  }
  CHECK(rig.read(survivor).ok());
  const std::vector<Stretch> left = rig.log().closed_stretches(100);
  REQUIRE(left.size() == 1);
  CHECK(left[0].first == stretches[1].first);
  CHECK(rig.collect(left[0], {}, {}).ok());

  CHECK(rig.read(survivor).status().code() == ErrorCode::kNotFound);
  CHECK(rig.keys_of_kind('s') == 1);
  CHECK(rig.keys_of_kind('v') == 0);
  rig.reopen();
  CHECK(rig.read(survivor).status().code() == ErrorCode::kNotFound);
}

TEST_CASE("an old dedup record is deleted once, not again by every later collection") {
  PayloadLogRig rig;
  rig.open();
  TaskAttributes attributes;
  attributes.queue = "mail";
  attributes.producer = ProducerId(Uuid{1, 2});
  for (std::uint64_t seq = 1; seq <= 260; ++seq) {
    attributes.seq = ProducerSeq(seq);
    rig.append(attributes, {"x"});
    rig.fill_stretch();
  }
  const std::vector<Stretch> stretches = rig.log().closed_stretches(2);
  const std::string oldest = dedup_key(rig.shard(), stretches.at(0).first);
  REQUIRE(rig.store().get(oldest).ok());
  REQUIRE(rig.collect(stretches.at(0), {}, {}).ok());
  REQUIRE(rig.store().get(oldest).status().code() == ErrorCode::kNotFound);

  KvBatch mark;
  mark.put(oldest, "not there for a second collection");
  REQUIRE(rig.store().write(mark).ok());
  REQUIRE(rig.collect(stretches.at(1), {}, {}).ok());

  CHECK(rig.store().get(oldest).ok());
}

TEST_CASE("whatever is named as living is kept, be it the whole stretch") {
  PayloadLogRig rig;
  rig.open();
  rig.fill_stretch();
  const Stretch stretch = rig.log().closed_stretches(1).at(0);
  std::vector<Offset> live;
  for (Offset offset = stretch.from; offset < stretch.to; offset = offset.next()) {
    live.push_back(offset);
  }

  CHECK(rig.collect(stretch, live, {}).ok());

  CHECK(rig.keys_of_kind('v') == live.size());
  for (const Offset offset : live) CHECK(rig.read(offset).ok());
}

TEST_CASE("stretches that nobody wants now take no place from those behind them") {
  PayloadLogRig rig;
  rig.open();
  for (int i = 0; i < 4; ++i) rig.fill_stretch();
  const std::vector<Stretch> all = rig.log().closed_stretches(100);
  REQUIRE(all.size() == 4);

  const std::vector<Stretch> some =
      rig.log().closed_stretches(2, [&](Lsn first) { return first >= all[1].first; });

  REQUIRE(some.size() == 2);
  CHECK(some[0].first == all[1].first);
  CHECK(some[1].first == all[2].first);
}

TEST_CASE("two shards share a store, and a sealed one stays readable without a new epoch") {
  PayloadLogRig rig;
  rig.open();
  rig.append("mail", {"in the first"});
  rig.settle();
  rig.close();

  rig.open(ShardId(8));
  rig.append("mail", {"in the second"});
  rig.settle();
  const auto sealed = rig.open_beside(ShardId(7), true);

  CHECK(sealed->epoch() == Epoch(1));
  CHECK(sealed->next_offset() == Offset(2));
  CHECK(rig.read_from(*sealed, Offset(1)).value() == "in the first");
  CHECK(rig.read(Offset(1)).value() == "in the second");
}

TEST_CASE("after a failed sync nothing is acknowledged and the owner is told once") {
  PayloadLogRig rig;
  rig.open();
  rig.append("mail", {"durable"});
  rig.settle();
  int failures = 0;
  rig.log().set_on_failed([&](const Status& status) {
    CHECK(status.code() == ErrorCode::kUnavailable);
    ++failures;
  });
  std::vector<ErrorCode> told;

  rig.env().fail_at(rig.env().operations() + 1, sim::Fault::kError);
  for (int i = 0; i < 3; ++i) {
    const LogStore::Appended appended = rig.append("mail", {"lost"});
    rig.log().when_durable(appended.lsn,
                           [&](const Status& status) { told.push_back(status.code()); });
    rig.settle();
  }

  CHECK(told == std::vector<ErrorCode>(3, ErrorCode::kUnavailable));
  CHECK(failures == 1);
  CHECK(rig.log().durable_end() == Offset(2));
  CHECK(rig.read(Offset(1)).value() == "durable");
}

}  // namespace
}  // namespace baton::manager
