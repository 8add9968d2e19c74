#include "tests/recovery/ledger_scenarios.h"

namespace baton::recovery {
namespace {

using Machine = LedgerMachine;
using Scenario = LedgerMachine::Scenario;

constexpr SyncMode kWorker = SyncMode::kWorker;
constexpr std::uint64_t kSnapshotSoon = 700;  // bytes of log
constexpr std::uint64_t kSmallSegment = 700;
constexpr std::size_t kSmallBuffer = 64 << 10;  // the least that LevelDB takes

void begin(Machine& m) {
  m.open();
  m.join();
}

void first_start(Machine& m) { m.open(); }

void started_again(Machine& m) {
  m.open();
  m.restart();
  m.restart_after(Death::kKill);
  m.restart_after(Death::kPowerCut);
}

void one_entry(Machine& m) {
  m.open();
  m.tick(Millis(5));
}

void one_by_one(Machine& m) {
  begin(m);
  for (int i = 0; i < 4; ++i) {
    m.report(1);
    m.settle();
  }
}

void a_group(Machine& m) {
  begin(m);
  m.report(5);
  m.settle();
  m.report(2, 10);
}

void while_a_sync_is_in_flight(Machine& m) {
  begin(m);
  for (int i = 0; i < 5; ++i) {
    m.report(2);
    m.run_some(2);
    m.report(1);
    m.run_some(1);
  }
}

void claimed_and_acked(Machine& m) {
  begin(m);
  m.report(1, 3);
  m.demand(2);
  m.ack();
  m.demand(3);
  m.ack();
}

void acked_over_restarts(Machine& m) {
  begin(m);
  m.report(1, 3);
  m.demand(1);
  m.ack();
  m.restart_after(Death::kKill);
  m.demand(2);
  m.ack();
  m.restart_after(Death::kPowerCut);
  m.demand(3);
  m.ack();
}

void leases_end(Machine& m) {
  begin(m);
  m.report(1, 2);
  m.demand(1);
  for (int i = 0; i < 45; ++i) m.tick(Millis(1000));
  m.settle();
  m.demand(2);
  m.ack();
}

void restarted(Machine& m) {
  begin(m);
  m.report(2);
  m.restart();
  m.report(2);
  m.restart();
  m.report(1);
}

void killed_with_a_tail(Machine& m) {
  begin(m);
  m.report(2);
  m.settle();
  m.report(3);
  m.run_some(1);
  m.restart_after(Death::kKill);
  m.report(1);
}

void killed_twice(Machine& m) {
  begin(m);
  m.report(2);
  m.run_some(1);
  m.restart_after(Death::kKill);
  m.report(2);
  m.run_some(1);
  m.restart_after(Death::kKill);
  m.report(1);
}

void power_cut_with_a_tail(Machine& m) {
  begin(m);
  m.report(2);
  m.settle();
  m.report(3);
  m.run_some(1);
  m.restart_after(Death::kPowerCut);
  m.report(1);
}

void killed_then_power_cut(Machine& m) {
  begin(m);
  m.report(4);
  m.run_some(1);
  m.restart_after(Death::kKill);
  m.report(1);
  m.settle();
  m.restart_after(Death::kPowerCut);
  m.report(1);
}

void a_snapshot(Machine& m) {
  begin(m);
  m.report(12);
  m.expect_snapshot();
  m.report(2);
}

void a_snapshot_while_entries_come(Machine& m) {
  begin(m);
  m.report(10);
  for (int i = 0; i < 12; ++i) {
    m.run_some(2);
    m.report(1);
  }
  m.expect_snapshot();
}

void one_snapshot_after_the_other(Machine& m) {
  begin(m);
  for (int i = 0; i < 3; ++i) {
    m.report(12);
    m.expect_snapshot();
  }
}

void restored(Machine& m) {
  begin(m);
  m.report(12);
  m.expect_snapshot();
  m.restart();
  m.report(2);
  m.restart();
}

void restored_with_entries_behind(Machine& m) {
  begin(m);
  m.report(12);
  m.expect_snapshot();
  m.report(3);
  m.settle();
  m.report(2);
  m.run_some(1);
  m.restart_after(Death::kKill);
  m.report(1);
  m.settle();
  m.restart_after(Death::kPowerCut);
}

void killed_in_a_snapshot(Machine& m) {
  begin(m);
  m.report(12);
  m.run_some(8);
  m.restart_after(Death::kKill);
  m.report(12);
  m.expect_snapshot();
}

void power_cut_in_a_snapshot(Machine& m) {
  begin(m);
  m.report(12);
  m.expect_snapshot();
  m.report(12);
  m.run_some(10);
  m.restart_after(Death::kPowerCut);
  m.report(12);
  m.expect_snapshot();
}

void a_snapshot_of_claims(Machine& m) {
  begin(m);
  m.report(1, 4);
  m.demand(2);
  m.ack();
  m.demand(3);
  m.report(10);
  m.expect_snapshot();
  m.restart_after(Death::kKill);
  m.ack();
}

void a_snapshot_of_many_pages(Machine& m) {
  begin(m);
  for (int i = 0; i < 5; ++i) {
    m.report_queues(150);
    m.settle();
  }
  m.expect_snapshot();
  m.restart();
}

void segments_end(Machine& m) {
  begin(m);
  for (int i = 0; i < 5; ++i) {
    m.report(4);
    m.settle();
  }
}

void segments_end_and_restart(Machine& m) {
  begin(m);
  m.report(12);
  m.restart();
  m.report(6);
  m.settle();
  m.restart_after(Death::kKill);
  m.report(6);
  m.settle();
  m.restart_after(Death::kPowerCut);
  m.report(1);
}

void the_oldest_segments_go(Machine& m) {
  begin(m);
  for (int i = 0; i < 3; ++i) {
    m.report(14);
    m.expect_snapshot();
  }
  m.restart();
  m.report(14);
  m.expect_snapshot();
}

void an_entry_over_blocks(Machine& m) {
  begin(m);
  m.report_queues(320);
  m.settle();
  m.report(1);
  m.settle();
  m.restart_after(Death::kKill);
  m.report_queues(300);
  m.run_some(1);
  m.restart_after(Death::kKill);
  m.report(1);
}

void the_memtable_is_full(Machine& m) {
  begin(m);
  for (int i = 0; i < 5; ++i) {
    m.report_queues(150);
    m.settle();
  }
}

void leveldb_compacts(Machine& m) {
  begin(m);
  for (int i = 0; i < 4; ++i) {
    m.report(2);
    m.restart();
  }
  m.report(1);
}

}  // namespace

std::span<const Scenario> ledger_scenarios() {
  static const Scenario kScenarios[] = {
      {.name = "the first start", .script = first_start},
      {.name = "started again and again", .script = started_again},
      {.name = "one entry", .script = one_entry},
      {.name = "one by one", .script = one_by_one},
      {.name = "a group shares a sync", .script = a_group},
      {.name = "a group on the worker", .script = a_group, .sync_mode = kWorker},
      {.name = "more comes while a sync is in flight",
       .script = while_a_sync_is_in_flight,
       .sync_mode = kWorker},
      {.name = "syncs here and there",
       .script = while_a_sync_is_in_flight,
       .sync_mode = SyncMode::kAlternating},
      {.name = "claimed and acked", .script = claimed_and_acked},
      {.name = "acked over restarts", .script = acked_over_restarts},
      {.name = "leases end", .script = leases_end},
      {.name = "restarted", .script = restarted},
      {.name = "killed with a tail", .script = killed_with_a_tail, .sync_mode = kWorker},
      {.name = "killed twice", .script = killed_twice},
      {.name = "a power cut with a tail", .script = power_cut_with_a_tail},
      {.name = "killed, then a power cut", .script = killed_then_power_cut},
      {.name = "a snapshot", .script = a_snapshot, .snapshot_log_bytes = kSnapshotSoon},
      {.name = "a snapshot while entries come",
       .script = a_snapshot_while_entries_come,
       .sync_mode = kWorker,
       .snapshot_log_bytes = kSnapshotSoon},
      {.name = "one snapshot after the other",
       .script = one_snapshot_after_the_other,
       .snapshot_log_bytes = kSnapshotSoon},
      {.name = "restored", .script = restored, .snapshot_log_bytes = kSnapshotSoon},
      {.name = "restored with entries behind the snapshot",
       .script = restored_with_entries_behind,
       .snapshot_log_bytes = kSnapshotSoon},
      {.name = "killed in a snapshot",
       .script = killed_in_a_snapshot,
       .snapshot_log_bytes = kSnapshotSoon},
      {.name = "a power cut in a snapshot",
       .script = power_cut_in_a_snapshot,
       .snapshot_log_bytes = kSnapshotSoon},
      {.name = "a snapshot of claims",
       .script = a_snapshot_of_claims,
       .snapshot_log_bytes = kSnapshotSoon},
      {.name = "a snapshot of many pages",
       .script = a_snapshot_of_many_pages,
       .snapshot_log_bytes = 70'000},
      {.name = "segments of the archive end",
       .script = segments_end,
       .segment_bytes = kSmallSegment},
      {.name = "segments end, and restarts",
       .script = segments_end_and_restart,
       .segment_bytes = kSmallSegment},
      {.name = "segments and snapshots",
       .script = one_snapshot_after_the_other,
       .snapshot_log_bytes = kSnapshotSoon,
       .segment_bytes = kSmallSegment},
      {.name = "the oldest segments go",
       .script = the_oldest_segments_go,
       .snapshot_log_bytes = kSnapshotSoon,
       .segment_bytes = kSmallSegment,
       .archive_bytes_max = 3000},
      {.name = "an entry over several blocks", .script = an_entry_over_blocks},
      {.name = "the memtable is full",
       .script = the_memtable_is_full,
       .write_buffer_bytes = kSmallBuffer},
      {.name = "LevelDB compacts", .script = leveldb_compacts},
  };
  return kScenarios;
}

}  // namespace baton::recovery
