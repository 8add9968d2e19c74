// LedgerHost: the ledger, the log that orders its entries and the archive of what became of them.
//
// Brings the ledger up (snapshot, then replay), begins each term of ours with a TermStart, applies
// what is committed and tells the service, and writes snapshots. An auditor watches every entry. It
// only tells: a center that ended because of it would help nobody, and what it says needs a person.
// Knows nothing of managers or connections.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "proto/storage.pb.h"

#include "center/core/auditor.h"
#include "center/core/ledger.h"
#include "center/storage/archive.h"
#include "center/storage/history_lookups.h"
#include "common/base/logger.h"
#include "common/base/loop.h"
#include "common/log/replicated_log.h"

namespace baton::center {

class LedgerHost {
 public:
  struct Options {
    Archive::Options archive;
    std::uint64_t snapshot_log_bytes = 0;  // a snapshot after so many bytes of log
    ClusterId cluster;                     // of the data directory: what the first TermStart names
  };
  struct Events {
    // Our term's first entry is applied: serve. A later on_stopped ends it.
    std::function<void()> on_serving;
    std::function<void()> on_stopped;
    // After each entry applied while serving, before the fate of its proposal.
    std::function<void(const Effects&)> on_applied;
    // The process must end; nothing more will be acknowledged.
    std::function<void(const Status&)> on_failed;
  };
  // Of a proposal of ours that was applied. Null effects: it never was, or nobody knows.
  using Applied = std::function<void(Lsn index, const Effects* effects)>;

  // Reads the snapshot and the log; blocks. What is referred to outlives the host.
  static Result<std::unique_ptr<LedgerHost>> open(Loop& loop, Worker& worker, DurableEnv& env,
                                                  Logger& logger,
                                                  std::unique_ptr<ReplicatedLog> log,
                                                  Options options);

  // Replays, then leads. Events come from the loop, never from inside a call.
  void start(Events events);

  // REQUIRES: serving().
  void propose(const v1::LedgerEntry& entry, Applied done);
  // `done(ok)` when everything proposed before is applied and we still lead: a linearizable read.
  void barrier(std::function<void(Status)> done) { log_->barrier(std::move(done)); }

  // What became of a task, from the archive: HistoryLookups::look_up. Manager and time of its
  // creation are filled in.
  void look_up(TaskId task, std::string_view cursor, std::size_t limit, HistoryLookups::Done done);

  // The archive's files get what was applied so far.
  void write_out_archive() { archive_->write_out(); }
  [[nodiscard]] const Auditor& auditor() const { return auditor_; }
  [[nodiscard]] Lsn audited_from() const { return audited_from_; }
  [[nodiscard]] const Archive& archive() const { return *archive_; }
  [[nodiscard]] bool serving() const { return serving_; }
  [[nodiscard]] const Ledger& ledger() const { return ledger_; }
  [[nodiscard]] const ReplicatedLog& log() const { return *log_; }
  [[nodiscard]] Lsn snapshot_index() const { return snapshot_index_; }
  [[nodiscard]] std::uint64_t entries() const { return entries_; }
  [[nodiscard]] std::uint64_t snapshots() const { return snapshots_; }

 private:
  LedgerHost(Logger& logger, std::unique_ptr<ReplicatedLog> log, std::unique_ptr<Archive> archive,
             std::unique_ptr<HistoryLookups> lookups, Ledger ledger, Options options,
             Lsn snapshot_index);

  void lead(Term term);
  void apply(Lsn index, Term term, std::string_view bytes);
  void audit(Lsn index);
  void save_snapshot_if_due();
  void fail(const Status& status);

  Logger& logger_;
  const std::unique_ptr<ReplicatedLog> log_;
  const std::unique_ptr<Archive> archive_;
  const std::unique_ptr<HistoryLookups> lookups_;
  const Options options_;
  Events events_;

  Ledger ledger_;
  Effects effects_;  // of the entry applied last
  Auditor auditor_;
  Lsn audited_from_;  // the first entry that it saw
  bool serving_ = false;
  bool failed_ = false;
  bool saving_ = false;
  Lsn snapshot_index_;
  std::uint64_t entries_ = 0;
  std::uint64_t snapshots_ = 0;
};

}  // namespace baton::center
