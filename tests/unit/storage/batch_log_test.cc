#include "common/storage/batch_log.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include "tests/support/manual_loop.h"
#include "tests/unit/storage/store_rig.h"

namespace baton {
namespace {

using testing::ManualLoop;
using testing::ManualWorker;
using testing::StoreRig;

class LogRig : public StoreRig {
 public:
  LogRig() : worker(loop) {}
  ~LogRig() { log.reset(); }

  Status try_open_log() {
    log.reset();
    BATON_RETURN_IF_ERROR(try_open());
    recovered.clear();
    BATON_ASSIGN_OR_RETURN(
        log, BatchLog::open(loop, worker, store(), random, options, [&](const StoredBatch& batch) {
          recovered.emplace_back(batch.body());
          return Status();
        }));
    return {};
  }
  void open_log() {
    const Status opened = try_open_log();
    if (!opened.ok()) throw std::runtime_error(opened.to_string());
  }
  void end(bool power_cut) {
    env().stop();
    log.reset();
    loop.drop_everything();
    worker.drop_everything();
    power_cut ? cut_power() : kill();
  }

  Lsn add(const std::string& text, std::uint32_t records = 1) {
    const BatchLog::Gathering batch = log->gather(records, text.size());
    batch.body.append(text);
    return batch.lsn;
  }
  // One batch each, all synced.
  void add_batches(const std::vector<std::string>& texts) {
    for (const std::string& text : texts) {
      add(text);
      log->close_batch();
    }
    settle();
  }
  void settle() { run_until_idle(loop, worker); }
  Result<StoredBatch> read(Lsn lsn) {
    std::optional<Result<StoredBatch>> answer;
    log->read(lsn, [&](Result<StoredBatch> batch) { answer = std::move(batch); });
    CHECK_FALSE(answer);
    settle();
    return *answer;
  }
  void change(Lsn lsn, const std::function<void(std::string&)>& edit) {
    std::string batch = store().get(batch_key(options.log, lsn)).value();
    edit(batch);
    REQUIRE(put(batch_key(options.log, lsn), batch).ok());
  }

  ManualLoop loop;
  ManualWorker worker;
  Random random{1};
  BatchLog::Options options;
  std::vector<std::string> recovered;
  std::unique_ptr<BatchLog> log;
};

TEST_CASE("what is added in one turn of the loop is one batch and one sync") {
  LogRig rig;
  rig.open_log();
  const std::uint64_t syncs = rig.env().syncs();

  CHECK(rig.add("a") == Lsn(1));
  CHECK(rig.add("b") == Lsn(1));
  CHECK(rig.log->durable_lsn() == Lsn(0));
  rig.settle();

  CHECK(rig.env().syncs() == syncs + 1);
  CHECK(rig.log->durable_lsn() == Lsn(1));
  CHECK(rig.read(Lsn(1)).value().body() == "ab");
}

TEST_CASE("closed batches have numbers of their own and share a sync") {
  LogRig rig;
  rig.open_log();
  const std::uint64_t syncs = rig.env().syncs();

  rig.add_batches({"a", "b", "c"});

  CHECK(rig.env().syncs() == syncs + 1);
  CHECK(rig.log->last_lsn() == Lsn(3));
  CHECK(rig.read(Lsn(2)).value().body() == "b");
  CHECK(rig.read(Lsn(4)).status().code() == ErrorCode::kNotFound);
}

TEST_CASE("a batch is closed by its number of records and by its size") {
  LogRig rig;
  rig.options.batch_records_max = 3;
  rig.options.batch_bytes_max = 1000;
  rig.open_log();

  CHECK(rig.add("a", 2) == Lsn(1));
  CHECK(rig.add("b", 1) == Lsn(1));
  CHECK(rig.add("c", 1) == Lsn(2));
  CHECK(rig.add(std::string(2000, 'x'), 1) == Lsn(3));
  CHECK(rig.add("d", 1) == Lsn(4));
}

TEST_CASE(
    "waiters are told in order of batch, never inside the call, also when it is durable already") {
  LogRig rig;
  rig.open_log();
  std::vector<int> told;
  rig.add("a");
  rig.log->close_batch();
  rig.add("b");

  rig.log->when_durable(Lsn(2), [&](const Status& status) { told.push_back(status.ok() ? 2 : 0); });
  rig.log->when_durable(Lsn(1), [&](const Status& status) { told.push_back(status.ok() ? 1 : 0); });
  CHECK(told.empty());
  rig.settle();
  CHECK(told == std::vector<int>{1, 2});
  rig.log->when_durable(Lsn(1), [&](const Status&) { told.push_back(3); });
  CHECK(told.size() == 2);
  rig.settle();
  CHECK(told.size() == 3);
}

TEST_CASE("while a sync runs on the worker the next batches gather for one sync") {
  LogRig rig;
  rig.options.sync_mode = SyncMode::kWorker;
  rig.open_log();
  rig.add("a");
  rig.loop.run_posted();
  REQUIRE(rig.worker.jobs() == 1);

  rig.add("b");
  rig.loop.run_posted();
  rig.add("c");
  rig.loop.run_posted();
  CHECK(rig.worker.jobs() == 1);
  CHECK(rig.worker.run_job());
  rig.loop.run_posted();

  CHECK(rig.log->durable_lsn() == Lsn(1));
  CHECK(rig.worker.jobs() == 1);
  rig.settle();
  CHECK(rig.log->durable_lsn() == Lsn(2));
  CHECK(rig.read(Lsn(2)).value().body() == "bc");
}

TEST_CASE("many waiting records wait for more, or for 0.7 ms since the last sync began") {
  CommitPacer pacer(SyncMode::kAdaptive);
  const MonoTime start{std::chrono::seconds(5)};
  pacer.started(start);
  pacer.finished(std::chrono::microseconds(300));
  const MonoTime now = start + std::chrono::microseconds(400);

  CHECK(pacer.start_at(now, 64) == now);
  CHECK(pacer.start_at(now, 65) == start + std::chrono::microseconds(700));
  CHECK(pacer.start_at(now, 255) == start + std::chrono::microseconds(700));
  CHECK(pacer.start_at(now, 256) == now);
  CHECK_FALSE(pacer.runs_on_worker(64));
  CHECK(pacer.runs_on_worker(65));
  pacer.finished(std::chrono::milliseconds(1));
  CHECK(pacer.runs_on_worker(1));
}

TEST_CASE("the pause before a deep commit ends by itself") {
  LogRig rig;
  rig.open_log();
  rig.add("a", 1);
  rig.settle();
  rig.add("b", 100);
  rig.settle();
  CHECK(rig.log->durable_lsn() == Lsn(1));

  rig.loop.advance(std::chrono::microseconds(700));
  rig.settle();

  CHECK(rig.log->durable_lsn() == Lsn(2));
}

TEST_CASE("each open raises the epoch, draws a life and goes on behind the last batch") {
  LogRig rig;
  rig.open_log();
  const Life life = rig.log->life();
  rig.add_batches({"a", "b"});
  rig.end(true);
  rig.open_log();

  CHECK(rig.log->epoch() == Epoch(2));
  CHECK(rig.log->life() != life);
  CHECK(rig.recovered == std::vector<std::string>{"a", "b"});
  rig.add_batches({"c"});
  CHECK(rig.log->last_lsn() == Lsn(3));
  CHECK(rig.read(Lsn(3)).value().header.epoch == Epoch(2));
  CHECK(rig.read(Lsn(1)).value().header.epoch == Epoch(1));
}

TEST_CASE("only what is behind the last checkpoint is read at open") {
  LogRig rig;
  rig.options.checkpoint_bytes = 300;
  std::vector<Lsn> checkpoints;
  rig.options.on_checkpoint = [&](Lsn last, KvBatch& changes) {
    checkpoints.push_back(last);
    changes.put("checkpoint " + std::to_string(last.value()), "with it");
  };
  rig.open_log();
  for (int i = 0; i < 7; ++i) rig.add_batches({std::string(100, 'x')});
  REQUIRE(checkpoints == std::vector<Lsn>{Lsn(3), Lsn(6)});
  rig.end(true);

  rig.open_log();

  CHECK(rig.recovered.size() == 1);
  CHECK(rig.store().get("checkpoint 6").value() == "with it");
  CHECK(rig.read(Lsn(2)).value().body() == std::string(100, 'x'));
}

TEST_CASE("damage behind the checkpoint is refused, naming the batch") {
  LogRig rig;
  rig.open_log();
  rig.add_batches({"first", "second", "third"});
  std::string expected = "batch 2 of log 0";
  const Lsn second(2);

  SECTION("a flipped bit") {
    rig.change(second, [](std::string& batch) { batch[35] = static_cast<char>(batch[35] ^ 1); });
  }
  SECTION("a shorter batch") {
    rig.change(second, [](std::string& batch) { batch.resize(batch.size() - 1); });
  }
  SECTION("a missing batch") {
    KvBatch batch;
    batch.remove(batch_key(0, second));
    REQUIRE(rig.store().write(batch).ok());
  }
  SECTION("a batch of another place") {
    const std::string other = rig.store().get(batch_key(0, Lsn(3))).value();
    rig.change(second, [&](std::string& batch) { batch = other; });
  }
  SECTION("a batch of another log") {
    rig.change(second, [](std::string& batch) {
      OpenedBatch opened = open_batch(batch).value();
      opened.header.log = 9;
      batch = std::string(kBatchHeaderBytes, '\0') + std::string(opened.body);
      seal_batch(opened.header, batch);
    });
  }
  SECTION("a batch that is right by itself but not the one that was followed") {
    rig.change(second, [](std::string& batch) {
      const BatchHeader header = open_batch(batch).value().header;
      batch = std::string(kBatchHeaderBytes, '\0') + "instead";
      seal_batch(header, batch);
    });
    expected = "batch 3 of log 0";
  }
  SECTION("a batch of an epoch that never was") {
    rig.change(second, [](std::string& batch) {
      OpenedBatch opened = open_batch(batch).value();
      opened.header.epoch = Epoch(5);
      batch = std::string(kBatchHeaderBytes, '\0') + std::string(opened.body);
      seal_batch(opened.header, batch);
    });
    expected = "batch 2";
  }
  rig.log.reset();

  const Status opened = rig.try_open_log();

  CHECK(opened.code() == ErrorCode::kDataLoss);
  INFO(opened.message());
  CHECK(opened.message().find(expected) != std::string::npos);
}

TEST_CASE("a log that ends before what an earlier open had synced is refused") {
  LogRig rig;
  rig.open_log();
  rig.add_batches({"first", "second"});
  rig.open_log();
  KvBatch batch;
  batch.remove(batch_key(0, Lsn(2)));
  REQUIRE(rig.store().write(batch).ok());

  const Status opened = rig.try_open_log();

  CHECK(opened.code() == ErrorCode::kDataLoss);
  CHECK(opened.message().find("ends at batch 1, but batch 2 was synced") != std::string::npos);
}

TEST_CASE("a log that lost its epoch is refused") {
  LogRig rig;
  rig.open_log();
  rig.add_batches({"first"});
  KvBatch batch;
  batch.remove(std::string("h\0\0\0\0e", 6));
  REQUIRE(rig.store().write(batch).ok());

  CHECK(rig.try_open_log().code() == ErrorCode::kDataLoss);
}

TEST_CASE("truncating removes what is in front and survives a restart") {
  LogRig rig;
  rig.open_log();
  rig.add_batches({"a", "b", "c", "d"});
  KvBatch changes;
  changes.put("snapshot", "at 2");
  std::optional<Status> done;

  rig.log->truncate_front(Lsn(3), std::move(changes), [&](const Status& status) { done = status; });
  CHECK_FALSE(done);
  rig.settle();

  REQUIRE(done);
  CHECK(done->ok());
  CHECK(rig.log->first_lsn() == Lsn(3));
  CHECK(rig.read(Lsn(2)).status().code() == ErrorCode::kNotFound);
  rig.end(true);
  rig.open_log();
  CHECK(rig.log->first_lsn() == Lsn(3));
  CHECK(rig.recovered == std::vector<std::string>{"c", "d"});
  CHECK(rig.store().get("snapshot").value() == "at 2");
  CHECK(rig.store().get(batch_key(0, Lsn(2))).status().code() == ErrorCode::kNotFound);
  CHECK(rig.read(Lsn(3)).value().body() == "c");
}

TEST_CASE("a log may be truncated as a whole and go on") {
  LogRig rig;
  rig.open_log();
  rig.add_batches({"a", "b"});
  rig.log->truncate_front(Lsn(3), {}, [](const Status&) {});
  rig.settle();
  rig.open_log();
  rig.add_batches({"c"});
  rig.open_log();

  CHECK(rig.recovered == std::vector<std::string>{"c"});
  CHECK(rig.log->last_lsn() == Lsn(3));
}

TEST_CASE("a truncation that a crash cut off is finished by the next open") {
  for (std::uint64_t at = 1; at <= 6; ++at) {
    LogRig rig;
    rig.open_log();
    rig.add_batches({"a", "b", "c"});
    rig.log->truncate_front(Lsn(3), {}, [](const Status&) {});
    rig.env().crash_at(rig.env().operations() + at);
    rig.settle();
    rig.end(true);

    rig.open_log();

    const Lsn first = rig.log->first_lsn();
    CHECK((first == Lsn(1) || first == Lsn(3)));
    CHECK(rig.store().get(batch_key(0, Lsn(2))).ok() == (first == Lsn(1)));
  }
}

TEST_CASE("after a failed commit every waiter fails, the owner is told once, nothing is written") {
  for (const SyncMode mode : {SyncMode::kInline, SyncMode::kWorker}) {
    LogRig rig;
    rig.options.sync_mode = mode;
    rig.open_log();
    int failures = 0;
    rig.log->set_on_failed([&](const Status&) { ++failures; });
    std::vector<ErrorCode> told;
    const auto tell = [&](const Status& status) { told.push_back(status.code()); };

    rig.env().fail_at(rig.env().operations() + 1, sim::Fault::kError);
    rig.log->when_durable(rig.add("a"), tell);
    rig.log->close_batch();
    rig.log->when_durable(rig.add("b"), tell);
    CHECK(told.empty());
    rig.settle();
    rig.log->when_durable(rig.add("c"), tell);
    rig.settle();

    CHECK(told == std::vector<ErrorCode>(3, ErrorCode::kUnavailable));
    CHECK(failures == 1);
    CHECK(rig.log->durable_lsn() == Lsn(0));
  }
}

TEST_CASE("a callback may destroy the log") {
  LogRig rig;
  rig.open_log();
  const Lsn lsn = rig.add("a");
  int later = 0;
  rig.log->when_durable(lsn, [&](const Status&) { rig.log.reset(); });
  rig.log->when_durable(lsn, [&](const Status&) { ++later; });

  rig.settle();

  CHECK(rig.log == nullptr);
  CHECK(later == 0);
}

TEST_CASE("a log that is destroyed leaves its jobs and callbacks without effect") {
  LogRig rig;
  rig.options.sync_mode = SyncMode::kWorker;
  rig.open_log();
  int told = 0;
  rig.log->when_durable(rig.add("a"), [&](const Status&) { ++told; });
  rig.loop.run_posted();
  REQUIRE(rig.worker.jobs() == 1);

  rig.log.reset();
  rig.settle();

  CHECK(told == 0);
  CHECK(rig.store().get(batch_key(0, Lsn(1))).status().code() == ErrorCode::kNotFound);
}

TEST_CASE("a batch that the disk lost is told as such when it is read") {
  LogRig rig;
  rig.options.cache_bytes = 0;
  rig.open_log();
  rig.add_batches({"a", "b"});
  rig.change(Lsn(1), [](std::string& batch) { batch[33] = 'x'; });
  KvBatch batch;
  batch.remove(batch_key(0, Lsn(2)));
  REQUIRE(rig.store().write(batch).ok());

  CHECK(rig.read(Lsn(1)).status().code() == ErrorCode::kDataLoss);
  CHECK(rig.read(Lsn(2)).status().code() == ErrorCode::kDataLoss);
}

TEST_CASE("nothing acknowledged is lost, whatever operation is the last one before a power cut") {
  const auto run = [](LogRig& rig) {
    std::vector<Lsn> acknowledged;
    if (!rig.try_open_log().ok()) return acknowledged;
    for (int i = 0; i < 30; ++i) {
      const Lsn lsn = rig.add("entry " + std::to_string(i) +
                              std::string(static_cast<std::size_t>(i % 7) * 400, '.'));
      rig.log->when_durable(lsn, [&, lsn](const Status& status) {
        if (status.ok()) acknowledged.push_back(lsn);
      });
      rig.settle();
    }
    return acknowledged;
  };
  LogRig trial;
  trial.options.checkpoint_bytes = 4000;
  REQUIRE(run(trial).size() == 30);
  const std::uint64_t operations = trial.env().operations();
  for (std::uint64_t at = 1; at <= operations; ++at) {
    LogRig rig;
    rig.options.checkpoint_bytes = 4000;
    rig.env().crash_at(at);
    const std::vector<Lsn> acknowledged = run(rig);
    rig.end(true);

    INFO("operation " << at);
    REQUIRE(rig.try_open_log().to_string() == "ok");
    for (const Lsn lsn : acknowledged) REQUIRE(rig.read(lsn).ok());
    rig.end(at % 2 == 0);
    REQUIRE(rig.try_open_log().to_string() == "ok");
    for (const Lsn lsn : acknowledged) REQUIRE(rig.read(lsn).ok());
  }
}

}  // namespace
}  // namespace baton
