#include "tests/recovery/payload_scenarios.h"

namespace baton::recovery {
namespace {

using Machine = PayloadMachine;
using Scenario = PayloadMachine::Scenario;

constexpr std::size_t kSmallStretch = 2 << 10;
constexpr std::size_t kSmallBuffer = 64 << 10;  // the least that LevelDB takes
constexpr SyncMode kWorker = SyncMode::kWorker;

void begin(Machine& m) {
  m.open();
  m.add_shard();
}

void one_task(Machine& m) {
  begin(m);
  m.put(1);
}

void one_by_one(Machine& m) {
  begin(m);
  for (int i = 0; i < 6; ++i) {
    m.put(1);
    m.settle();
  }
}

void a_group(Machine& m) {
  begin(m);
  m.put(3);
  m.put_from(1, 2);
  m.put_result();
  m.put(1);
  m.settle();
}

// What comes while a sync is in flight gathers and shares the next one.
void while_a_sync_is_in_flight(Machine& m) {
  begin(m);
  for (int i = 0; i < 5; ++i) {
    m.put(2);
    m.run_some(2);
    m.put(1);
    m.run_some(1);
  }
}

void results(Machine& m) {
  begin(m);
  m.put(2);
  m.put_result();
  m.settle();
  m.put_result(200, RecordKind::kCheckpoint);
  m.put_result(0);
  m.put_result(10, static_cast<RecordKind>(200));
  m.settle();
  m.restart();
  m.read_all();
}

void clean_restart(Machine& m) {
  begin(m);
  m.put(2);
  m.restart();
  m.put(2);
}

void restarted_twice(Machine& m) {
  begin(m);
  m.put(1);
  m.restart();
  m.restart();
  m.put(1);
}

// The tail is in the page cache only: the next life must make it durable before it tells of it.
void killed_with_a_tail(Machine& m) {
  begin(m);
  m.put(2);
  m.settle();
  m.put(3);
  m.run_some(1);
  m.restart_after(Death::kKill);
  m.put(1);
}

void killed_twice(Machine& m) {
  begin(m);
  m.put(2);
  m.run_some(1);
  m.restart_after(Death::kKill);
  m.put(2);
  m.run_some(1);
  m.restart_after(Death::kKill);
  m.put(1);
}

void power_cut_with_a_tail(Machine& m) {
  begin(m);
  m.put(2);
  m.settle();
  m.put(3);
  m.run_some(1);
  m.restart_after(Death::kPowerCut);
  m.put(1);
}

void killed_then_power_cut(Machine& m) {
  begin(m);
  m.put(2, 3000);
  m.restart_after(Death::kKill);
  m.put(2);
  m.settle();
  m.restart_after(Death::kPowerCut);
  m.put(1);
}

// LevelDB's log has blocks of 32 KiB: the record is cut into pieces.
void a_payload_over_blocks(Machine& m) {
  begin(m);
  m.put(1, 100'000);
  m.settle();
  m.put(2);
  m.settle();
  m.restart();
  m.read_all();
  m.put(1, 40'000);
}

void killed_in_a_payload_over_blocks(Machine& m) {
  begin(m);
  m.put(1);
  m.settle();
  m.put(1, 100'000);
  m.run_some(1);
  m.restart_after(Death::kKill);
  m.put(1, 70'000);
}

void a_new_stretch(Machine& m) {
  begin(m);
  m.fill_stretches(1);
  m.put(1);
}

void stretches_of_producers(Machine& m) {
  begin(m);
  for (int i = 0; i < 8; ++i) {
    m.put_from(1, 2, 300);
    m.put_from(2, 1, 300);
    if (i % 3 == 0) m.put_waiting(1);
    m.settle();
  }
  m.restart();
  m.put_from(1, 1);
}

// What a producer sent must still be known: it may send it again. So much that LevelDB has a block
// for it alone.
void stretches_of_producers_are_collected(Machine& m) {
  begin(m);
  for (int i = 0; i < 2; ++i) {
    m.put_from(1, 1100, 6);
    m.settle();
  }
  m.finish();
  m.collect();
  m.settle();
  m.restart();
  m.put_from(1, 1);
  m.settle();
  m.restart();
}

void restarted_at_a_checkpoint(Machine& m) {
  begin(m);
  m.fill_stretches(1);
  m.restart();
  m.fill_stretches(1);
  m.restart_after(Death::kKill);
  m.put(1);
}

void all_collected(Machine& m) {
  begin(m);
  m.fill_stretches(1);
  m.finish();
  m.collect();
  m.settle();
  m.read_all();
}

void collected_with_survivors(Machine& m) {
  begin(m);
  m.put_from(1, 3, 100);
  m.put_result();
  m.put_result();
  m.fill_stretches(2);
  m.finish(3);
  m.collect();
  m.settle();
  m.restart();
  m.read_all();
}

// The ledger needs the survivors no more.
void survivors_end(Machine& m) {
  begin(m);
  m.put_result();
  m.fill_stretches(2);
  m.finish(2);
  m.collect();
  m.settle();
  m.finish(5);
  m.collect();
  m.settle();
  m.finish();
  m.collect();
  m.settle();
  m.put(1);
}

void collected_while_producing(Machine& m) {
  begin(m);
  m.fill_stretches(2);
  m.finish(4);
  m.collect();
  for (int i = 0; i < 4; ++i) {
    m.put(1, 100);
    m.run_some(3);
  }
}

void killed_while_collecting(Machine& m) {
  begin(m);
  m.fill_stretches(2);
  m.finish(3);
  m.collect();
  m.run_some(2);
  m.restart_after(Death::kKill);
  m.collect();
  m.settle();
  m.put(1);
}

void power_cut_while_collecting(Machine& m) {
  begin(m);
  m.put_result(300);
  m.fill_stretches(2);
  m.finish(3);
  m.collect();
  m.run_some(1);
  m.restart_after(Death::kPowerCut);
  m.collect();
  m.settle();
  m.restart();
}

void empty_stretches_join(Machine& m) {
  begin(m);
  m.fill_stretches(3);
  m.finish();
  m.collect();
  m.settle();
  m.restart();
  m.fill_stretches(1);
  m.finish();
  m.collect();
  m.settle();
}

void several_shards(Machine& m) {
  begin(m);
  m.put(2);
  m.put_result();
  m.settle();
  m.add_shard();
  m.put(2);
  m.put_result();
  m.settle();
  m.read_all();
}

void several_shards_restarted(Machine& m) {
  begin(m);
  m.put_from(1, 2);
  m.settle();
  m.add_shard();
  m.put_from(1, 2);
  m.restart();
  m.add_shard();
  m.put(1);
  m.restart_after(Death::kPowerCut);
  m.put(1);
}

void a_sealed_shard_is_collected(Machine& m) {
  begin(m);
  m.fill_stretches(2);
  m.add_shard();
  m.put(1);
  m.settle();
  m.restart();
  m.finish(4);
  m.collect();
  m.settle();
  m.read_all();
}

// LevelDB's memtable is full: it becomes a table while more is written.
void the_memtable_is_full(Machine& m) {
  begin(m);
  for (int i = 0; i < 6; ++i) {
    m.put(1, 15'000);
    m.settle();
  }
  m.read_all();
}

// Four tables of level 0 and LevelDB merges them.
void leveldb_compacts(Machine& m) {
  begin(m);
  for (int i = 0; i < 5; ++i) {
    m.put(1, 200);
    m.restart();
  }
  m.read_all();
  m.put(1);
}

void leveldb_compacts_what_was_collected(Machine& m) {
  begin(m);
  for (int i = 0; i < 8; ++i) m.put(1, 9'000);
  m.fill_stretches(1);
  m.finish(5);
  m.collect();
  m.settle();
  for (int i = 0; i < 4; ++i) {
    m.put(1, 16'000);
    m.settle();
  }
  m.read_all();
}

void an_empty_store(Machine& m) {
  m.open();
  m.restart();
  m.restart_after(Death::kKill);
  m.restart_after(Death::kPowerCut);
}

// The identity changes while tasks are written: who we are, and how far the ledger was.
void the_identity_changes(Machine& m) {
  m.open();
  m.save_position(3);
  m.add_shard();
  m.put(1);
  m.save_position(9);
  m.put(1);
  m.settle();
  m.restart_after(Death::kKill);
  m.save_position(12);
}

void verified_in_the_background(Machine& m) {
  begin(m);
  m.fill_stretches(2);
  m.put_result();
  m.restart();
  m.verify_in_background();
  m.put(1);
}

}  // namespace

std::span<const Scenario> payload_scenarios() {
  static const Scenario kScenarios[] = {
      {.name = "one task in a new directory", .script = one_task},
      {.name = "an empty store is restarted", .script = an_empty_store},
      {.name = "one by one", .script = one_by_one},
      {.name = "a group shares a sync", .script = a_group},
      {.name = "a group on the worker", .script = a_group, .sync_mode = kWorker},
      {.name = "more comes while a sync is in flight",
       .script = while_a_sync_is_in_flight,
       .sync_mode = kWorker},
      {.name = "syncs here and there",
       .script = while_a_sync_is_in_flight,
       .sync_mode = SyncMode::kAlternating},
      {.name = "results of every kind", .script = results},
      {.name = "a clean restart", .script = clean_restart},
      {.name = "restarted twice", .script = restarted_twice},
      {.name = "killed with a tail", .script = killed_with_a_tail, .sync_mode = kWorker},
      {.name = "killed twice", .script = killed_twice},
      {.name = "a power cut with a tail", .script = power_cut_with_a_tail},
      {.name = "killed, then a power cut", .script = killed_then_power_cut},
      {.name = "a payload over several blocks", .script = a_payload_over_blocks},
      {.name = "killed in a payload over several blocks",
       .script = killed_in_a_payload_over_blocks},
      {.name = "a new stretch", .script = a_new_stretch, .stretch_bytes = kSmallStretch},
      {.name = "stretches of producers",
       .script = stretches_of_producers,
       .stretch_bytes = kSmallStretch},
      {.name = "stretches of producers are collected",
       .script = stretches_of_producers_are_collected,
       .stretch_bytes = kSmallStretch},
      {.name = "restarted at a checkpoint",
       .script = restarted_at_a_checkpoint,
       .stretch_bytes = kSmallStretch},
      {.name = "a stretch is collected", .script = all_collected, .stretch_bytes = kSmallStretch},
      {.name = "collected with survivors",
       .script = collected_with_survivors,
       .stretch_bytes = kSmallStretch},
      {.name = "survivors end", .script = survivors_end, .stretch_bytes = kSmallStretch},
      {.name = "collected while producing",
       .script = collected_while_producing,
       .sync_mode = kWorker,
       .stretch_bytes = kSmallStretch},
      {.name = "killed while collecting",
       .script = killed_while_collecting,
       .stretch_bytes = kSmallStretch},
      {.name = "a power cut while collecting",
       .script = power_cut_while_collecting,
       .stretch_bytes = kSmallStretch},
      {.name = "empty stretches join",
       .script = empty_stretches_join,
       .stretch_bytes = kSmallStretch},
      {.name = "several shards", .script = several_shards},
      {.name = "several shards, restarted", .script = several_shards_restarted},
      {.name = "a sealed shard is collected",
       .script = a_sealed_shard_is_collected,
       .stretch_bytes = kSmallStretch},
      {.name = "the memtable is full",
       .script = the_memtable_is_full,
       .write_buffer_bytes = kSmallBuffer},
      {.name = "LevelDB compacts", .script = leveldb_compacts},
      {.name = "LevelDB compacts what was collected",
       .script = leveldb_compacts_what_was_collected,
       .stretch_bytes = 16 << 10,
       .write_buffer_bytes = kSmallBuffer},
      {.name = "the identity changes", .script = the_identity_changes},
      {.name = "verified in the background",
       .script = verified_in_the_background,
       .stretch_bytes = kSmallStretch},
  };
  return kScenarios;
}

}  // namespace baton::recovery
