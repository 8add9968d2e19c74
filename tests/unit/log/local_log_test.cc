#include <catch2/catch.hpp>

#include "tests/unit/log/log_fixture.h"

using namespace baton;
using baton::testing::LogMachine;

namespace {

// Alone, led and idle.
void start_and_lead(LogMachine& machine) {
  REQUIRE(machine.start().ok());
  machine.run();
  REQUIRE(machine.life->led.size() == 1);
}

}  // namespace

TEST_CASE("entries are handed out in the order they were proposed, each before its fate") {
  LogMachine machine;
  start_and_lead(machine);

  for (int i = 1; i <= 100; ++i) machine.life->propose("entry " + std::to_string(i));
  machine.run();

  CHECK(machine.life->in_order);
  REQUIRE(machine.life->acknowledged.size() == 100);
  CHECK(machine.life->entries == machine.life->acknowledged);
  CHECK(machine.life->log().last_index() == Lsn(100));
}

TEST_CASE("nothing is called from inside propose, and nothing before the sync") {
  LogMachine machine;
  start_and_lead(machine);
  const std::uint64_t syncs = machine.env.syncs();

  machine.life->propose("entry");
  CHECK(machine.life->fates.empty());
  CHECK(machine.env.syncs() == syncs);
  machine.run();

  CHECK(machine.env.syncs() > syncs);
  CHECK(machine.life->acknowledged.size() == 1);
}

TEST_CASE("all that is proposed while a sync is under way shares the next one") {
  LogMachine machine;
  REQUIRE(machine.start(SyncMode::kWorker).ok());
  machine.run();
  const std::uint64_t syncs = machine.env.syncs();

  machine.life->propose("first");
  machine.loop.run_posted();  // its sync is now the worker's job
  REQUIRE(machine.worker.jobs() == 1);
  for (int i = 0; i < 50; ++i) machine.life->propose("later");
  machine.run();

  CHECK(machine.life->acknowledged.size() == 51);
  CHECK(machine.env.syncs() - syncs == 2);
}

TEST_CASE("each start is a term of its own, and entries keep the term they were proposed in") {
  LogMachine machine;
  start_and_lead(machine);
  const Term first = machine.life->led.front();
  machine.life->propose("a");
  machine.run();

  start_and_lead(machine);
  machine.life->propose("b");
  machine.run();

  CHECK(machine.life->led.front() == first.next());
  CHECK(machine.life->entries == std::vector<std::string>{"a", "b"});
  CHECK(machine.life->terms == std::vector<Term>{first, first.next()});
}

TEST_CASE("a proposal before leading is dropped") {
  LogMachine machine;
  REQUIRE(machine.start().ok());

  machine.life->propose("too early");
  machine.run();

  REQUIRE(machine.life->fates.size() == 1);
  CHECK(machine.life->fates.front().second == ProposalFate::kDropped);
  CHECK(machine.life->entries.empty());
}

TEST_CASE("a barrier waits for everything proposed before it") {
  LogMachine machine;
  start_and_lead(machine);
  std::vector<std::size_t> seen;
  const auto note = [&](const Status& status) {
    if (status.ok()) seen.push_back(machine.life->entries.size());
  };

  machine.life->log().barrier(note);
  machine.run();
  CHECK(seen == std::vector<std::size_t>{0});

  machine.life->propose("a");
  machine.life->propose("b");
  machine.life->log().barrier(note);
  machine.life->propose("c");
  CHECK(seen.size() == 1);
  machine.run();
  CHECK(seen == std::vector<std::size_t>{0, 2});
}

TEST_CASE("after a failed sync nothing is acknowledged any more") {
  LogMachine machine;
  start_and_lead(machine);
  machine.life->propose("good");
  machine.run();
  std::vector<Status> barriers;

  machine.env.fail_at(machine.env.operations() + 1, sim::Fault::kError);
  machine.life->propose("bad");
  machine.life->log().barrier([&](const Status& status) { barriers.push_back(status); });
  machine.run();
  machine.life->propose("after");
  machine.life->log().barrier([&](const Status& status) { barriers.push_back(status); });
  machine.run();

  CHECK(machine.life->acknowledged == std::vector<std::string>{"good"});
  REQUIRE(machine.life->fates.size() == 3);
  CHECK(machine.life->fates[1].second == ProposalFate::kUnknown);
  CHECK(machine.life->fates[2].second == ProposalFate::kUnknown);
  CHECK(machine.life->failures.size() == 1);
  REQUIRE(barriers.size() == 2);
  CHECK_FALSE(barriers[0].ok());
  CHECK_FALSE(barriers[1].ok());
  CHECK_FALSE(machine.life->log().is_leader());
}

TEST_CASE("a long log is replayed over several turns of the loop") {
  LogMachine machine;
  start_and_lead(machine);
  for (int i = 0; i < 6; ++i)
    machine.life->propose(std::string(700'000, static_cast<char>('a' + i)));
  machine.run();

  REQUIRE(machine.start().ok());
  REQUIRE(machine.loop.run_one());
  CHECK_FALSE(machine.life->entries.empty());
  CHECK(machine.life->entries.size() < 6);
  CHECK(machine.life->led.empty());
  machine.run();

  CHECK(machine.life->entries.size() == 6);
  CHECK(machine.life->in_order);
  CHECK(machine.life->led.size() == 1);
}

TEST_CASE("an entry that is missing or damaged refuses to open, and is named") {
  LogMachine machine;
  start_and_lead(machine);
  for (int i = 1; i <= 20; ++i) machine.life->propose("entry " + std::to_string(i));
  machine.run();
  machine.end();
  {
    DurableEnv env(machine.env);
    Result<std::unique_ptr<KvStore>> store = KvStore::open(env, baton::testing::kStoreDirectory);
    REQUIRE(store.ok());
    KvBatch changes;
    SECTION("missing") { changes.remove(batch_key(0, Lsn(7))); }
    SECTION("damaged") {
      std::string bytes = store.value()->get(batch_key(0, Lsn(7))).value();
      bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
      changes.put(batch_key(0, Lsn(7)), bytes);
    }
    REQUIRE(store.value()->write(changes).ok());
  }

  const Status opened = machine.start();

  CHECK(opened.code() == ErrorCode::kDataLoss);
  CHECK_THAT(opened.message(), Catch::Contains("7"));
}
