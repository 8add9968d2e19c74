#include <catch2/catch.hpp>

#include "tests/unit/log/log_fixture.h"

using namespace baton;
using baton::testing::LogMachine;

namespace {

void fill(LogMachine& machine, int from, int to) {
  for (int i = from; i <= to; ++i) machine.life->propose("entry " + std::to_string(i));
  machine.run();
}

std::vector<std::string> entries_to(int last) {
  std::vector<std::string> entries;
  for (int i = 1; i <= last; ++i) entries.push_back("entry " + std::to_string(i));
  return entries;
}

// 30 entries, a snapshot of them, 5 more.
void fill_with_snapshot(LogMachine& machine) {
  REQUIRE(machine.start().ok());
  machine.run();
  fill(machine, 1, 30);
  machine.life->save_snapshot();
  machine.run();
  REQUIRE(machine.life->snapshots.size() == 1);
  REQUIRE(machine.life->snapshots.front().ok());
  fill(machine, 31, 35);
}

}  // namespace

TEST_CASE("a snapshot cuts the log, and the next start begins with it") {
  LogMachine machine;
  fill_with_snapshot(machine);
  CHECK(machine.life->log().first_index() == Lsn(31));

  REQUIRE(machine.start().ok());
  CHECK(machine.life->restored_index == Lsn(30));
  CHECK(machine.life->entries == entries_to(30));
  machine.run();
  CHECK(machine.life->entries == entries_to(35));
  CHECK(machine.life->in_order);
}

TEST_CASE("entries proposed while a snapshot is written are kept behind it") {
  LogMachine machine;
  REQUIRE(machine.start().ok());
  machine.run();
  fill(machine, 1, 30);

  machine.life->save_snapshot();
  for (int i = 31; i <= 40; ++i) {
    machine.life->propose("entry " + std::to_string(i));
    machine.worker.run_job();
    machine.loop.run_posted();
  }
  machine.run();
  REQUIRE(machine.life->snapshots.size() == 1);

  REQUIRE(machine.start().ok());
  CHECK(machine.life->restored_index == Lsn(30));
  machine.run();
  CHECK(machine.life->entries == entries_to(40));
}

TEST_CASE("a second snapshot replaces the first, whose file goes") {
  LogMachine machine;
  fill_with_snapshot(machine);
  machine.life->save_snapshot();
  machine.run();
  REQUIRE(machine.life->snapshots.size() == 2);

  REQUIRE(machine.start().ok());
  CHECK(machine.life->restored_index == Lsn(35));
  CHECK(machine.env.disk().children(baton::testing::kSnapshotDirectory).size() == 1);
}

TEST_CASE("bytes since the snapshot fall when there is one, also after a restart") {
  LogMachine machine;
  REQUIRE(machine.start().ok());
  machine.run();
  fill(machine, 1, 30);
  const std::uint64_t before = machine.life->log().bytes_since_snapshot();
  machine.life->save_snapshot();
  machine.run();

  CHECK(before > 0);
  CHECK(machine.life->log().bytes_since_snapshot() == 0);
  fill(machine, 31, 31);
  const std::uint64_t after = machine.life->log().bytes_since_snapshot();
  REQUIRE(machine.start().ok());
  CHECK(machine.life->log().bytes_since_snapshot() == after);
}

TEST_CASE("a damaged, cut or missing snapshot refuses to open") {
  LogMachine machine;
  fill_with_snapshot(machine);
  machine.end();
  const auto paths = machine.env.disk().children(baton::testing::kSnapshotDirectory);
  REQUIRE(paths.size() == 1);
  const std::string path = std::string(baton::testing::kSnapshotDirectory) + "/" + paths.front();
  std::string& data = machine.env.disk().find(path)->data;

  SECTION("a flipped bit anywhere") {
    const std::size_t at = GENERATE(0U, 9U, 30U, 100U);
    data[at] = static_cast<char>(data[at] ^ 4);
  }
  SECTION("cut off") { data.resize(data.size() - GENERATE(1U, 12U, 40U)); }
  SECTION("missing") { machine.env.disk().remove(path); }

  const Status opened = machine.start();
  CHECK((opened.code() == ErrorCode::kDataLoss || opened.code() == ErrorCode::kUnsupportedVersion));
  CHECK_THAT(opened.message(), Catch::Contains("snapshot"));
}

TEST_CASE("a crash at any step of a snapshot leaves the old one or the new one, and every entry") {
  // How many operations the whole course needs; then a crash at each of them.
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  {
    LogMachine machine;
    fill_with_snapshot(machine);
    first = machine.env.operations() + 1;
    machine.life->save_snapshot();
    machine.run();
    last = machine.env.operations();
  }
  REQUIRE(last > first);

  for (std::uint64_t operation = first; operation <= last; ++operation) {
    for (const bool power_cut : {false, true}) {
      CAPTURE(operation, power_cut);
      LogMachine machine;
      fill_with_snapshot(machine);
      machine.env.crash_at(operation);
      machine.life->save_snapshot();
      machine.run();
      machine.end();
      power_cut ? machine.env.restart_after_power_cut() : machine.env.restart_after_kill();

      REQUIRE(machine.start().ok());
      CHECK((machine.life->restored_index == Lsn(30) || machine.life->restored_index == Lsn(35)));
      machine.run();
      CHECK(machine.life->entries == entries_to(35));
    }
  }
}
