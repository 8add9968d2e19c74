// R26: snapshots, and that damage to them is found.
#include <catch2/catch.hpp>

#include "common/base/crc32c.h"
#include "tests/unit/center/ledger_driver.h"

using namespace baton;
using namespace baton::center;
using namespace baton::center::test;

namespace {

std::vector<std::string> pages_of(const Ledger& ledger) {
  std::vector<std::string> pages;
  const auto snapshot = ledger.snapshot();
  while (auto page = snapshot->next_page()) pages.push_back(*std::move(page));
  return pages;
}

// A ledger that has something in every section.
struct Busy {
  Busy() {
    m = world.manager(1);
    n = world.manager(2);
    world.create(m, 4096);
    world.create(n, 3, "other", 9);
    CreatedRun run;
    run.count = 1;
    run.queue = "q";
    run.producer = producer_of(1);
    run.seq = ProducerSeq(1);
    run.waits = true;
    run.content_hash = {5};
    world.create(n, {run});
    world.attach(m, 1);
    world.demand(m, 1, 4);
    const std::vector<Grant> grants = world.grants();
    Operation ack = LedgerDriver::operation(1, OperationKind::kAck, grants.at(0));
    ack.result = {m.shard, Lsn(4), 2};
    world.operate(m, 1, ack);
    Operation nack = LedgerDriver::operation(2, OperationKind::kNack, grants.at(1));
    nack.reason = "why";
    world.operate(m, 1, nack);
    REQUIRE(world
                .tell(m.incarnation,
                      GiveBack{grants.at(2).task, grants.at(2).token, GiveBackReason::kUnreachable})
                .ok());
  }
  LedgerDriver world;
  TestManager m;
  TestManager n;
};

}  // namespace

TEST_CASE("a restored ledger goes on exactly as the one it was taken from") {
  Busy busy;
  Result<Ledger> restored = Ledger::restore(pages_of(busy.world.ledger()));
  REQUIRE(restored.ok());
  Ledger copy = std::move(restored).value();
  CHECK(copy.index() == busy.world.ledger().index());

  for (int i = 0; i < 50; ++i) {
    busy.world.pass(std::chrono::seconds(2));
    busy.world.create(busy.m, 2);
  }
  for (const Entry& entry : busy.world.log()) {
    if (entry.index > copy.index()) copy.apply(entry);
  }
  CHECK(copy.state_hash() == busy.world.ledger().state_hash());
  CHECK(pages_of(copy) == pages_of(busy.world.ledger()));
}

TEST_CASE("a snapshot shows one index, whatever is applied while it is read") {
  Busy busy;
  const std::vector<std::string> before = pages_of(busy.world.ledger());
  const auto snapshot = busy.world.ledger().snapshot();
  std::vector<std::string> pages;
  while (auto page = snapshot->next_page()) {
    pages.push_back(*std::move(page));
    busy.world.create(busy.n, 100);
    busy.world.demand(busy.m, 1, 10 + pages.size());
    busy.world.tick(Millis(900));
  }
  CHECK(pages == before);
}

TEST_CASE("a snapshot of version 2 has the bytes that it had") {
  Busy busy;
  std::uint32_t crc = 0;
  for (const std::string& page : pages_of(busy.world.ledger())) crc = crc32c_extend(crc, page);
  CHECK(crc == 0x97013b01);
}

TEST_CASE("work that an entry left over survives a restart") {
  LedgerDriver world;
  TestManager m = world.manager(1);
  const TestManager n = world.manager(2);
  for (int i = 0; i < 3; ++i) world.create(m, 4096);
  for (int i = 0; i < 3; ++i) world.create(n, 4096);
  world.stop(m);
  std::vector<Command> demands;
  for (std::uint64_t s = 1; s <= 8; ++s) {
    world.attach(n, s);
    demands.emplace_back(LedgerDriver::demand_of(s, 1000));
  }
  world.apply({Batch{n.incarnation, demands},
               Batch{Incarnation(), {Seal{m.shard, m.epoch, m.life, Offset(2)}}}});
  REQUIRE(world.ledger().wants_continue());
  Ledger copy = Ledger::restore(pages_of(world.ledger())).value();
  REQUIRE(copy.wants_continue());

  while (world.ledger().wants_continue()) REQUIRE(world.tell(Incarnation(), Continue{}).ok());
  for (const Entry& entry : world.log()) {
    if (entry.index > copy.index()) copy.apply(entry);
  }

  CHECK(copy.state_hash() == world.ledger().state_hash());
  CHECK_FALSE(copy.wants_continue());
  CHECK(copy.totals().claimed == 8000);
  CHECK(copy.list_queues("", "", 1).queues.at(0).quarantined == 3 * 4096 - 1);
}

TEST_CASE("no page is larger than 64 KiB, also of mixed tasks") {
  LedgerDriver world;
  const TestManager m = world.manager(1);
  for (int i = 0; i < 12; ++i) {
    std::vector<CreatedRun> runs(4096);
    for (std::size_t r = 0; r < runs.size(); ++r) {
      runs[r].count = 1;
      runs[r].queue = r % 2 == 0 ? "a" : "b";
    }
    world.create(m, std::move(runs));
  }
  const std::vector<std::string> pages = pages_of(world.ledger());
  CHECK(pages.size() > 3);
  for (const std::string& page : pages) CHECK(page.size() <= std::size_t{64} << 10);
  CHECK(Ledger::restore(pages).ok());
}

TEST_CASE("no page is larger than 64 KiB, also while a purge has thousands of shards before it") {
  LedgerDriver world;
  for (std::uint32_t id = 1; id <= 17'000; ++id) world.create(world.manager(id), 128);
  REQUIRE(world.ask<PurgeOutcome>(Incarnation(), Purge{"q"}).status.ok());
  REQUIRE(world.ledger().wants_continue());

  const std::vector<std::string> pages = pages_of(world.ledger());
  for (const std::string& page : pages) CHECK(page.size() <= std::size_t{64} << 10);
  CHECK(pages_of(Ledger::restore(pages).value()) == pages);
}

TEST_CASE("every flipped bit, cut and missing page of a snapshot is found") {
  Busy busy;
  const std::vector<std::string> pages = pages_of(busy.world.ledger());
  for (std::size_t p = 0; p < pages.size(); ++p) {
    for (std::size_t at = 0; at < pages[p].size(); at += 1 + pages[p].size() / 60) {
      std::vector<std::string> damaged = pages;
      damaged[p][at] = static_cast<char>(damaged[p][at] ^ 0x10);
      CHECK(Ledger::restore(damaged).status().code() == ErrorCode::kDataLoss);
    }
    std::vector<std::string> cut = pages;
    cut[p].pop_back();
    CHECK(Ledger::restore(cut).status().code() == ErrorCode::kDataLoss);
    std::vector<std::string> missing = pages;
    missing.erase(missing.begin() + static_cast<std::ptrdiff_t>(p));
    CHECK(Ledger::restore(missing).status().code() == ErrorCode::kDataLoss);
    std::vector<std::string> twice = pages;
    twice.insert(twice.begin() + static_cast<std::ptrdiff_t>(p), pages[p]);
    CHECK(Ledger::restore(twice).status().code() == ErrorCode::kDataLoss);
  }
  CHECK(Ledger::restore({}).status().code() == ErrorCode::kDataLoss);
}
