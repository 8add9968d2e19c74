#include "manager/core/created_reporter.h"

#include <catch2/catch.hpp>

#include "common/base/random.h"

namespace baton::manager {
namespace {

const ProducerId kProducer(Uuid{1, 2});

ReportRun run(std::uint64_t first, std::uint32_t count, const std::string& queue = "mail") {
  ReportRun value;
  value.first = Offset(first);
  value.count = count;
  value.queue = queue;
  value.crc_last = static_cast<std::uint32_t>(first + count - 1);
  return value;
}

TEST_CASE("nothing is reported before the shard is registered") {
  CreatedReporter reporter(Offset(1));
  reporter.stored(run(1, 10));
  CHECK_FALSE(reporter.next_batch());

  reporter.start(Offset(1));
  const auto batch = reporter.next_batch();
  REQUIRE(batch);
  CHECK(batch->from == Offset(1));
  CHECK(batch->end == Offset(11));
  CHECK_FALSE(reporter.next_batch());
}

TEST_CASE("runs of one kind are merged, with the CRC of the last record") {
  CreatedReporter reporter(Offset(1));
  reporter.start(Offset(1));
  ReportRun first = run(1, 10);
  first.producer = kProducer;
  first.seq = ProducerSeq(5);
  ReportRun second = run(11, 10);
  second.producer = kProducer;
  second.seq = ProducerSeq(15);
  ReportRun other = run(21, 1, "other");
  reporter.stored(first);
  reporter.stored(second);
  reporter.stored(other);

  const auto batch = reporter.next_batch();
  REQUIRE(batch);
  REQUIRE(batch->runs.size() == 2);
  CHECK(batch->runs[0].count == 20);
  CHECK(batch->runs[0].crc_last == 20);
  CHECK(batch->runs[1].queue == "other");
}

TEST_CASE("tasks that were damaged before they were reported stay apart from all others") {
  CreatedReporter reporter(Offset(4));
  reporter.start(Offset(1));
  REQUIRE(reporter.next_scan());
  ReportRun damaged = run(2, 1);
  damaged.unreadable = true;
  reporter.scanned({run(1, 1), damaged, run(3, 1)});

  const auto batch = reporter.next_batch();
  REQUIRE(batch);
  REQUIRE(batch->runs.size() == 3);
  CHECK(batch->runs[1].unreadable);
  CHECK(batch->end == Offset(4));
}

TEST_CASE("runs with a gap in the producer's numbers, or that wait, stay apart") {
  CreatedReporter reporter(Offset(1));
  reporter.start(Offset(1));
  ReportRun first = run(1, 1);
  first.producer = kProducer;
  first.seq = ProducerSeq(5);
  ReportRun second = run(2, 1);
  second.producer = kProducer;
  second.seq = ProducerSeq(7);
  ReportRun waiting = run(3, 1);
  waiting.waits = true;
  waiting.content_hash = {42};
  ReportRun waiting_too = run(4, 1);
  waiting_too.waits = true;
  waiting_too.content_hash = {43};
  for (const ReportRun& next : {first, second, waiting, waiting_too}) reporter.stored(next);

  CHECK(reporter.next_batch()->runs.size() == 4);
}

TEST_CASE("at most four batches of at most 4,096 tasks are in flight") {
  CreatedReporter reporter(Offset(1));
  reporter.start(Offset(1));
  for (std::uint64_t i = 0; i < 20; ++i) reporter.stored(run(1 + i * 1000, 1000));

  std::vector<CreatedBatch> sent;
  while (auto batch = reporter.next_batch()) sent.push_back(*batch);

  REQUIRE(sent.size() == 4);
  for (std::size_t i = 0; i < sent.size(); ++i) {
    CHECK(sent[i].end.value() - sent[i].from.value() <= kCreatedTasksMax);
    if (i > 0) CHECK(sent[i].from == sent[i - 1].end);
  }
  reporter.accepted(sent[0].id, sent[0].end);
  CHECK(reporter.created_hi() == sent[0].end);
  CHECK(reporter.next_batch()->from == sent[3].end);
}

TEST_CASE("after the channel was lost everything above created_hi is sent again") {
  CreatedReporter reporter(Offset(1));
  reporter.start(Offset(1));
  reporter.stored(run(1, 4096));
  reporter.stored(run(4097, 100));
  const auto first = reporter.next_batch();
  const auto second = reporter.next_batch();
  REQUIRE(second);
  reporter.accepted(first->id, first->end);

  reporter.stop();
  CHECK_FALSE(reporter.next_batch());
  reporter.start(reporter.created_hi());

  const auto again = reporter.next_batch();
  REQUIRE(again);
  CHECK(again->from == second->from);
  CHECK(again->end == second->end);
  reporter.accepted(second->id, Offset(9999));  // an answer of the old channel means nothing
  CHECK(reporter.created_hi() == first->end);
}

TEST_CASE(
    "a refused batch is sent again from the created_hi that was named, after the others are "
    "answered") {
  CreatedReporter reporter(Offset(1));
  reporter.start(Offset(1));
  reporter.stored(run(1, 4096));
  reporter.stored(run(4097, 4096));
  const auto first = reporter.next_batch();
  const auto second = reporter.next_batch();

  reporter.refused(first->id, Offset(1));
  CHECK_FALSE(reporter.next_batch());
  reporter.refused(second->id, Offset(1));

  CHECK(reporter.next_batch()->from == Offset(1));
  CHECK_FALSE(reporter.stuck());
}

TEST_CASE("a reporter that is refused twice at the same place is stuck") {
  CreatedReporter reporter(Offset(1));
  reporter.start(Offset(1));
  reporter.stored(run(1, 1));
  reporter.refused(reporter.next_batch()->id, Offset(1));
  reporter.refused(reporter.next_batch()->id, Offset(1));
  CHECK(reporter.stuck());
}

TEST_CASE("what an earlier life stored is read from the log, and what waited there is void") {
  CreatedReporter reporter(Offset(100));
  reporter.start(Offset(50));
  CHECK_FALSE(reporter.next_batch());
  const auto scan = reporter.next_scan();
  REQUIRE(scan);
  CHECK(scan->from == Offset(50));
  CHECK_FALSE(reporter.next_scan());

  ReportRun waited = run(50, 1);
  waited.waits = true;
  waited.content_hash = {7};
  reporter.scanned({waited, run(51, 49)});

  const auto batch = reporter.next_batch();
  REQUIRE(batch);
  CHECK(batch->end == Offset(100));
  CHECK(batch->runs[0].is_void);
  CHECK_FALSE(batch->runs[1].is_void);
}

TEST_CASE("what this life stored and must read again is not void") {
  CreatedReporter reporter(Offset(1), {.tasks_in_memory_max = 10});
  ReportRun waiting = run(1, 8);
  waiting.waits = true;
  waiting.content_hash.assign(8, 1);
  reporter.stored(run(1, 8));
  reporter.stored(run(9, 8));  // does not fit
  CHECK(reporter.tasks_in_memory() == 8);
  reporter.start(Offset(1));
  reporter.accepted(reporter.next_batch()->id, Offset(9));

  const auto scan = reporter.next_scan();
  REQUIRE(scan);
  CHECK(scan->from == Offset(9));
  waiting.first = Offset(9);
  reporter.scanned({waiting});
  CHECK_FALSE(reporter.next_batch()->runs[0].is_void);
}

TEST_CASE("a scan that an answer has overtaken does no harm") {
  CreatedReporter reporter(Offset(100));
  reporter.start(Offset(1));
  REQUIRE(reporter.next_scan());
  reporter.stop();
  reporter.start(Offset(100));
  reporter.scanned({run(1, 99)});
  CHECK_FALSE(reporter.next_batch());
  CHECK(reporter.lag() == 0);
}

TEST_CASE(
    "whatever is lost, refused or forgotten, the ledger gets every offset once and in order") {
  const std::uint64_t seed = 42;
  CAPTURE(seed);
  Random random(seed);
  CreatedReporter reporter(Offset(1), {.tasks_in_memory_max = 300, .batch_tasks_max = 50});
  std::vector<ReportRun> log;  // everything stored
  std::uint64_t stored = 1;
  std::uint64_t ledger = 1;  // created_hi
  std::vector<CreatedBatch> in_flight;
  reporter.start(Offset(1));

  const auto deliver = [&] {
    const CreatedBatch batch = in_flight.front();
    in_flight.erase(in_flight.begin());
    if (batch.from.value() > ledger) return reporter.refused(batch.id, Offset(ledger));
    ledger = std::max(ledger, batch.end.value());
    reporter.accepted(batch.id, Offset(ledger));
  };
  const auto scan = [&] {
    const auto wanted = reporter.next_scan();
    if (!wanted) return;
    std::vector<ReportRun> found;
    std::size_t tasks = 0;
    for (const ReportRun& next : log) {
      if (next.end() <= wanted->from || tasks + next.count > wanted->tasks_max) continue;
      if (next.first != wanted->from && found.empty()) {
        ReportRun part = next;
        part.count = static_cast<std::uint32_t>(next.end().value() - wanted->from.value());
        part.first = wanted->from;
        found.push_back(part);
      } else {
        found.push_back(next);
      }
      tasks += found.back().count;
    }
    reporter.scanned(found);
  };

  for (int step = 0; step < 20'000 || ledger < stored; ++step) {
    REQUIRE(step < 200'000);
    switch (random.below(step < 20'000 ? 6 : 4)) {
      case 0:
        if (auto batch = reporter.next_batch()) in_flight.push_back(*batch);
        break;
      case 1:
        if (!in_flight.empty()) deliver();
        break;
      case 2:
        scan();
        break;
      case 3:
        if (!random.one_in(20)) break;
        if (!in_flight.empty() && random.one_in(2))
          deliver();  // its answer is lost with the channel
        in_flight.clear();
        reporter.stop();
        reporter.start(Offset(ledger));
        break;
      default: {
        const auto count = static_cast<std::uint32_t>(1 + random.below(20));
        log.push_back(run(stored, count));
        reporter.stored(log.back());
        stored += count;
      }
    }
    REQUIRE(reporter.tasks_in_memory() <= 350);
  }
  CHECK(ledger == stored);
}

TEST_CASE("runs with other options stay apart, and a task with a key stays alone") {
  CreatedReporter reporter(Offset(1));
  reporter.start(Offset(1));
  ReportRun urgent = run(3, 1);
  urgent.options.priority = 9;
  ReportRun late = run(4, 1);
  late.options.not_before = WallTime{1000};
  ReportRun keyed = run(5, 1);
  keyed.key_hash = Uuid{1, 2};
  ReportRun also_keyed = run(6, 1);
  also_keyed.key_hash = Uuid{1, 3};
  reporter.stored(run(1, 1));
  reporter.stored(run(2, 1));
  for (const ReportRun& one : {urgent, late, keyed, also_keyed}) reporter.stored(one);

  const auto batch = reporter.next_batch();
  REQUIRE(batch);
  REQUIRE(batch->runs.size() == 5);
  CHECK(batch->runs[0].count == 2);
  CHECK(batch->runs[1].options.priority == 9);
  CHECK(batch->runs[2].options.not_before == WallTime{1000});
  CHECK(batch->runs[4].key_hash == Uuid{1, 3});
}

TEST_CASE("merged runs know the size of each payload, as one number where all are the same") {
  const auto sized = [](std::uint64_t first, std::uint32_t count,
                        std::vector<std::uint32_t> payload_bytes) {
    ReportRun value = run(first, count);
    value.payload_bytes = std::move(payload_bytes);
    return value;
  };
  CreatedReporter reporter(Offset(1));
  reporter.start(Offset(1));
  reporter.stored(sized(1, 3, {10}));
  reporter.stored(sized(4, 2, {10}));
  auto batch = reporter.next_batch();
  REQUIRE(batch);
  REQUIRE(batch->runs.size() == 1);
  CHECK(batch->runs[0].payload_bytes == std::vector<std::uint32_t>{10});

  reporter.stored(sized(6, 2, {10}));
  reporter.stored(sized(8, 2, {7, 8}));
  reporter.stored(sized(10, 2, {9}));
  batch = reporter.next_batch();
  REQUIRE(batch);
  REQUIRE(batch->runs.size() == 1);
  CHECK(batch->runs[0].payload_bytes == std::vector<std::uint32_t>{10, 10, 7, 8, 9, 9});

  reporter.stored(sized(12, 1, {9}));
  reporter.stored(run(13, 1));
  batch = reporter.next_batch();
  REQUIRE(batch);
  CHECK(batch->runs.size() == 2);
}

}  // namespace
}  // namespace baton::manager
