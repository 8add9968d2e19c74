// PayloadMachine: a manager's data directory with the payload logs of its shards in it.
//
// Opens the same parts in the same order as ShardLogs does, but with small stretches and write
// buffers, and keeps the book: a PayloadOracle per shard and what the identity was told to be.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "common/storage/data_dir.h"
#include "manager/storage/payload_log.h"
#include "tests/model/payload_log/payload_oracle.h"
#include "tests/recovery/store_machine.h"

namespace baton::recovery {

class PayloadMachine final : public StoreMachine {
 public:
  struct Scenario {
    const char* name;
    void (*script)(PayloadMachine&);
    SyncMode sync_mode = SyncMode::kInline;
    std::size_t stretch_bytes = std::size_t{1} << 20;
    std::size_t write_buffer_bytes = std::size_t{16} << 20;
  };

  PayloadMachine(const Scenario& scenario, std::uint64_t seed, Plant plant = Plant::kNone);
  ~PayloadMachine() override;

  std::string verify() override;
  void go_on() override;
  [[nodiscard]] std::unique_ptr<StoreMachine> twin() const override;
  void check_refuses() override;

  // ---- steps of scripts ----

  // A new shard becomes the active one; the one before is sealed.
  void add_shard();
  void save_position(std::uint64_t index);
  // Tasks of nobody, of a producer (its next numbers), or moved ones, which wait.
  void put(int count, std::size_t bytes = 40);
  void put_from(std::uint64_t producer, int count, std::size_t bytes = 40);
  void put_waiting(std::uint64_t producer);
  void put_result(std::size_t bytes = 60, RecordKind kind = RecordKind::kResult);
  // Until so many more stretches of the active shard are closed.
  void fill_stretches(int count);
  // Every task and result that was told is finished, but for each `keep`-th. 0: all.
  void finish(std::uint64_t keep = 0);
  // Begins to collect every closed stretch of every shard.
  void collect();
  void read_all();
  // The background verification gets some time.
  void verify_in_background() { advance(std::chrono::milliseconds(100)); }

 private:
  using Oracle = manager::model::PayloadOracle;
  struct Shard {
    Oracle oracle;
    Epoch epoch;
    bool told = false;  // that it exists
    bool sealed = false;
  };
  struct Book {
    std::map<ShardId, Shard> shards;
    std::set<Life> lives;
    std::map<std::uint64_t, std::uint64_t> next_seq;  // by producer
    std::uint64_t position = 0;
    std::uint64_t stamp = 0;  // makes payloads differ
  };

  void run_script() override { scenario_.script(*this); }
  Status open_store() override;
  void close_store() override;

  Result<std::unique_ptr<manager::PayloadLog>> open_log(ShardId id, bool sealed);
  // Not ok: the disk did not give what a manager needs to start.
  Status compare_opened(ShardId id, bool sealed);
  Status compare_recent_runs(ShardId id);
  void append(manager::TaskAttributes attributes, int count, std::size_t bytes);
  void watch(ShardId id, Lsn lsn);
  void read_all_of(ShardId id, std::string* contents);
  std::string payload_answer(ShardId id, Offset offset, bool told,
                             const Result<std::string>& answer);
  [[nodiscard]] std::size_t closed_stretches_of_active();
  manager::PayloadLog& active() { return *logs_.at(active_); }

  const Scenario& scenario_;
  Book book_;
  std::unique_ptr<DataDir> data_dir_;
  std::unique_ptr<KvStore> store_;
  std::map<ShardId, std::unique_ptr<manager::PayloadLog>> logs_;
  ShardId active_;
  std::map<ShardId, int> reports_;  // of a failure, in this life
};

}  // namespace baton::recovery
