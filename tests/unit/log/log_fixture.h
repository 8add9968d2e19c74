// A LocalLog on a simulated disk, and an owner that remembers what it was told.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/base/random.h"
#include "common/log/local_log.h"
#include "tests/support/manual_loop.h"
#include "tests/support/sim_env.h"

namespace baton::testing {

inline constexpr char kStoreDirectory[] = "/store";
inline constexpr char kSnapshotDirectory[] = "/snapshots";

// The state of the ledger in these tests is the list of its entries; its pages are the entries
// themselves.
class EntriesSource final : public SnapshotSource {
 public:
  explicit EntriesSource(std::vector<std::string> entries) : entries_(std::move(entries)) {}
  std::optional<std::string> next_page() override {
    if (at_ == entries_.size()) return std::nullopt;
    return entries_[at_++];
  }

 private:
  std::vector<std::string> entries_;
  std::size_t at_ = 0;
};

// One life of a process with a log. Everything it learns goes into its members.
class LogLife {
 public:
  LogLife(sim::SimEnv& env, ManualLoop& loop, ManualWorker& worker, std::uint64_t seed,
          SyncMode mode = SyncMode::kAdaptive)
      : loop_(loop), worker_(worker), random_(seed), env_(env), mode_(mode) {}
  ~LogLife() {
    log_.reset();
    store_.reset();
  }

  // Up to start(); the replay needs the loop.
  Status open() {
    BATON_ASSIGN_OR_RETURN(store_, KvStore::open(env_, kStoreDirectory));
    LocalLog::Options options;
    options.snapshot_directory = kSnapshotDirectory;
    options.sync_mode = mode_;
    BATON_ASSIGN_OR_RETURN(log_, LocalLog::open(loop_, worker_, env_, *store_, random_, options));
    BATON_ASSIGN_OR_RETURN(ReplicatedLog::Restored restored, log_->restore());
    restored_index = restored.index;
    entries = std::move(restored.pages);
    log_->start({.on_entry =
                     [this](Lsn index, Term term, std::string_view entry) {
                       in_order = in_order && index.value() == entries.size() + 1;
                       entries.emplace_back(entry);
                       terms.push_back(term);
                       last_handed = index;
                     },
                 .on_leader = [this](Term term) { led.push_back(term); },
                 .on_follower = [](Term) {},
                 .on_failed = [this](const Status& status) { failures.push_back(status); }});
    return Status();
  }

  void propose(const std::string& entry) {
    ++proposed;
    log_->propose(entry, [this, entry](ProposalFate fate, Lsn index) {
      fates.emplace_back(entry, fate);
      if (fate != ProposalFate::kApplied) return;
      // The fate follows its entry directly.
      in_order = in_order && index == last_handed && entries.back() == entry;
      acknowledged.push_back(entry);
    });
  }

  void save_snapshot() {
    log_->save_snapshot(Lsn(entries.size()), std::make_unique<EntriesSource>(entries),
                        [this](const Status& status) { snapshots.push_back(status); });
  }

  LocalLog& log() { return *log_; }

  Lsn restored_index;
  std::vector<std::string> entries;  // all, from the snapshot or handed out
  std::vector<Term> terms;           // of those handed out
  Lsn last_handed;
  std::vector<Term> led;
  std::vector<std::pair<std::string, ProposalFate>> fates;
  std::vector<std::string> acknowledged;
  std::vector<Status> snapshots;
  std::vector<Status> failures;
  std::uint64_t proposed = 0;
  bool in_order = true;

 private:
  ManualLoop& loop_;
  ManualWorker& worker_;
  Random random_;
  DurableEnv env_;
  SyncMode mode_;
  std::unique_ptr<KvStore> store_;
  std::unique_ptr<LocalLog> log_;
};

// A machine on which one life follows the other.
struct LogMachine {
  explicit LogMachine(std::uint64_t seed = 1) : seed(seed), env({.seed = seed}), worker(loop) {}

  // A new life after the one before ended (cleanly, as far as the disk is concerned).
  Status start(SyncMode mode = SyncMode::kAdaptive) {
    end();
    life = std::make_unique<LogLife>(env, loop, worker, ++seed, mode);
    return life->open();
  }
  // Runs what is posted and due; commits may wait a moment for company.
  void run() {
    for (int i = 0; i < 4; ++i) {
      run_until_idle(loop, worker);
      loop.advance(std::chrono::milliseconds(1));
    }
    run_until_idle(loop, worker);
  }
  void end() {
    life.reset();
    loop.drop_everything();
    worker.drop_everything();
  }

  std::uint64_t seed;
  sim::SimEnv env;
  ManualLoop loop;
  ManualWorker worker;
  std::unique_ptr<LogLife> life;
};

}  // namespace baton::testing
