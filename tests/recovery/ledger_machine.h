// LedgerMachine: a center's data directory: the ledger's log, its snapshots and its archive.
//
// Opens the same parts in the same order as CenterNode does, up to LedgerHost, and keeps the book:
// every entry that was ever proposed, by its index, and how far the log has told that they are
// committed. A second ledger that applies exactly these entries says what the state must be.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "center/service/ledger_host.h"
#include "common/log/local_log.h"
#include "common/storage/data_dir.h"
#include "tests/recovery/store_machine.h"

namespace baton::recovery {

class LedgerMachine final : public StoreMachine {
 public:
  struct Scenario {
    const char* name;
    void (*script)(LedgerMachine&);
    SyncMode sync_mode = SyncMode::kInline;
    std::uint64_t snapshot_log_bytes = std::uint64_t{1} << 30;
    std::uint64_t segment_bytes = std::uint64_t{16} << 20;
    std::uint64_t archive_bytes_max = std::uint64_t{4} << 30;
    std::size_t write_buffer_bytes = std::size_t{16} << 20;
  };

  LedgerMachine(const Scenario& scenario, std::uint64_t seed, Plant plant = Plant::kNone);
  ~LedgerMachine() override;

  std::string verify() override;
  void go_on() override;
  [[nodiscard]] std::unique_ptr<StoreMachine> twin() const override;
  void check_refuses() override;

  // ---- steps of scripts ----

  // A manager with a shard, and a session.
  void join();
  // The session waits for tasks, `total` since it joined.
  void demand(std::uint64_t total);
  // Proposes entries; each reports `tasks` tasks of one run. Some of them are granted at once.
  void report(int entries, int tasks = 1);
  // One entry of so many runs, each of a queue of its own.
  void report_queues(int queues);
  // Proposes the acks of every claim that was told and is not acked yet.
  void ack();
  void tick(Millis length);
  // A snapshot was written since the last call, and is finished.
  void expect_snapshot();

 private:
  class RecordingLog;
  struct Book {
    std::vector<std::string> entries;  // by index - 1: committed ones, then those of this life
    Lsn told;                          // the last that was told to be committed
    std::uint64_t next_operation = 1;
  };
  // Keeps what must not be said any more.
  class QuietLogger final : public Logger {
   public:
    void write(LogLevel, std::string_view event, std::span<const LogField>) override {
      if (event == "archive begins with a gap") archive_gap = true;
    }
    [[nodiscard]] bool enabled(LogLevel) const override { return true; }
    bool archive_gap = false;
  };

  void run_script() override { scenario_.script(*this); }
  Status open_store() override;
  void close_store() override;
  Status open_parts();

  void propose(center::Command command);
  void propose_as(Incarnation incarnation, center::Command command);
  [[nodiscard]] Incarnation incarnation() const;
  void on_entry(Lsn index, std::string_view entry);
  void compare_opened();
  void compare_with_reference() const;
  void check_archive();
  void check_snapshots() const;

  const Scenario& scenario_;
  Book book_;
  QuietLogger logger_;
  std::unique_ptr<DataDir> data_dir_;
  std::unique_ptr<KvStore> store_;
  std::unique_ptr<center::LedgerHost> host_;
  RecordingLog* log_ = nullptr;  // of the host
  bool serving_ = false;
  Lsn handed_;                  // the last entry that came from the log
  std::uint64_t reported_ = 0;  // tasks, proposed ones too
  std::uint64_t snapshots_seen_ = 0;
};

}  // namespace baton::recovery
