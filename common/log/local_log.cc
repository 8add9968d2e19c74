#include "common/log/local_log.h"

#include <algorithm>
#include <utility>

#include "common/storage/batch_log_meta.h"

namespace baton {
namespace {

// The number of the ledger's log in its store.
constexpr std::uint32_t kLog = 0;

// Handed out per turn of the loop while replaying, so that a long log does not stop everything
// else.
constexpr std::size_t kReplayBytesPerTurn = std::size_t{1} << 20;
// Of a snapshot: taken per turn of the loop, and written with one sync.
constexpr std::size_t kPageBytesPerTurn = std::size_t{512} << 10;

}  // namespace

// A snapshot that is being written: its pages come from the loop, its file is touched by the worker
// only.
struct LocalLog::Saving {
  Lsn index;
  std::unique_ptr<SnapshotSource> source;
  std::function<void(Status)> done;
  std::unique_ptr<SnapshotFileWriter> file;
  std::uint64_t bytes_before = 0;  // of bytes_since_snapshot_, when it was taken
  // Carried from a job to its end on the loop.
  Status status;
  std::uint32_t chain = 0;
};

LocalLog::LocalLog(Loop& loop, Worker& worker, DurableEnv& env, Options options)
    : loop_(loop), worker_(worker), env_(env), options_(std::move(options)) {}

LocalLog::~LocalLog() { gate_.close(); }

Result<std::unique_ptr<LocalLog>> LocalLog::open(Loop& loop, Worker& worker, DurableEnv& env,
                                                 KvStore& store, Random& random, Options options) {
  std::unique_ptr<LocalLog> log(new LocalLog(loop, worker, env, std::move(options)));
  BATON_ASSIGN_OR_RETURN(log->snapshot_, read_snapshot_place(store));
  BatchLog::Options batch_options;
  batch_options.log = kLog;
  batch_options.sync_mode = log->options_.sync_mode;
  BATON_ASSIGN_OR_RETURN(log->log_,
                         BatchLog::open(loop, worker, store, random, std::move(batch_options),
                                        [](const StoredBatch&) { return Status(); }));
  if (log->log_->first_lsn() != log->snapshot_.index.next()) {
    return Status(ErrorCode::kDataLoss, "the ledger's log begins at entry " +
                                            std::to_string(log->log_->first_lsn().value()) +
                                            ", its snapshot ends at entry " +
                                            std::to_string(log->snapshot_.index.value()));
  }
  if (!env.FileExists(log->options_.snapshot_directory)) {
    BATON_RETURN_IF_ERROR(from_leveldb(env.CreateDir(log->options_.snapshot_directory)));
  }
  BATON_RETURN_IF_ERROR(log->remove_other_snapshots());
  return log;
}

// What a crash left: snapshots that were not finished, or that a newer one replaced.
Status LocalLog::remove_other_snapshots() const {
  std::vector<std::string> names;
  BATON_RETURN_IF_ERROR(from_leveldb(env_.GetChildren(options_.snapshot_directory, &names)));
  std::sort(names.begin(), names.end());
  for (const std::string& name : names) {
    const std::string path = options_.snapshot_directory + "/" + name;
    if (!name.starts_with(kSnapshotFilePrefix) ||
        path == snapshot_path(options_.snapshot_directory, snapshot_.index))
      continue;
    BATON_RETURN_IF_ERROR(from_leveldb(env_.RemoveFile(path)));
  }
  return Status();
}

Result<ReplicatedLog::Restored> LocalLog::restore() {
  Restored restored{.index = snapshot_.index, .pages = {}};
  if (snapshot_.index) {
    BATON_ASSIGN_OR_RETURN(
        restored.pages,
        read_snapshot_file(env_, snapshot_path(options_.snapshot_directory, snapshot_.index),
                           snapshot_.index));
  }
  BATON_RETURN_IF_ERROR(log_->reader().scan(
      snapshot_.index.next(), log_->last_lsn(), snapshot_.chain, [this](const StoredBatch& batch) {
        replay_.push_back(
            {batch.lsn(), Term(batch.header.epoch.value()), std::string(batch.body())});
        bytes_since_snapshot_ += batch.bytes.size();
        return Status();
      }));
  return restored;
}

void LocalLog::start(Events events) {
  events_ = std::move(events);
  log_->set_on_failed([this](const Status& status) { fail(status); });
  loop_.post(gate_.on_loop([this] { replay_some(); }));
}

void LocalLog::replay_some() {
  if (!failure_.ok()) return;
  std::size_t bytes = 0;
  while (!replay_.empty() && bytes < kReplayBytesPerTurn) {
    const ReplayEntry entry = std::move(replay_.front());
    replay_.pop_front();
    bytes += entry.bytes.size();
    events_.on_entry(entry.index, entry.term, entry.bytes);
  }
  if (!replay_.empty()) {
    loop_.post(gate_.on_loop([this] { replay_some(); }));
    return;
  }
  leader_ = true;
  events_.on_leader(term());
}

void LocalLog::propose(std::string entry, std::function<void(ProposalFate, Lsn)> done) {
  if (!leader_ || !failure_.ok()) {
    const ProposalFate fate = failure_.ok() ? ProposalFate::kDropped : ProposalFate::kUnknown;
    loop_.post(gate_.on_loop([done = std::move(done), fate] { done(fate, Lsn()); }));
    return;
  }
  BatchLog::Gathering batch = log_->gather(1, entry.size());
  const Lsn index = batch.lsn;
  batch.body.append(entry);
  log_->close_batch();
  bytes_since_snapshot_ += kBatchHeaderBytes + entry.size() + kBatchFooterBytes;
  proposals_.push_back({index, std::move(entry), std::move(done), {}});
  log_->when_durable(index, [this, index](const Status& status) { on_durable(index, status); });
}

void LocalLog::barrier(std::function<void(Status)> done) {
  if (!leader_ || !failure_.ok()) {
    const Status status =
        failure_.ok() ? Status(ErrorCode::kNotLeader, "this center does not lead yet") : failure_;
    loop_.post(gate_.on_loop([done = std::move(done), status] { done(status); }));
  } else if (proposals_.empty()) {
    loop_.post(gate_.on_loop([done = std::move(done)] { done(Status()); }));
  } else {
    proposals_.push_back({proposals_.back().index, {}, {}, std::move(done)});
  }
}

void LocalLog::on_durable(Lsn index, const Status& status) {
  if (!status.ok()) return fail(status);
  while (!proposals_.empty() && proposals_.front().index <= index && failure_.ok()) {
    const Proposal proposal = std::move(proposals_.front());
    proposals_.pop_front();
    if (proposal.barrier) {
      proposal.barrier(Status());
      continue;
    }
    events_.on_entry(proposal.index, term(), proposal.entry);
    proposal.done(ProposalFate::kApplied, proposal.index);
  }
}

void LocalLog::fail(const Status& status) {
  if (!failure_.ok()) return;
  failure_ = status;
  leader_ = false;
  auto proposals = std::exchange(proposals_, {});
  for (Proposal& proposal : proposals) {
    if (proposal.barrier) {
      proposal.barrier(status);
    } else {
      proposal.done(ProposalFate::kUnknown, Lsn());
    }
  }
  events_.on_failed(status);
}

void LocalLog::save_snapshot(Lsn index, std::unique_ptr<SnapshotSource> source,
                             std::function<void(Status)> done) {
  BATON_CHECK(!saving_ && index > snapshot_.index && index <= log_->durable_lsn());
  saving_ = std::make_unique<Saving>();
  saving_->index = index;
  saving_->source = std::move(source);
  saving_->done = std::move(done);
  saving_->bytes_before = bytes_since_snapshot_;
  worker_.run(gate_.job([this, term = term()] {
    Result<std::unique_ptr<SnapshotFileWriter>> file = SnapshotFileWriter::create(
        env_, snapshot_path(options_.snapshot_directory, saving_->index), saving_->index, term);
    saving_->status = file.status();
    if (file.ok()) saving_->file = std::move(file).value();
  }),
              gate_.on_loop([this] { save_next_pages(); }));
}

void LocalLog::save_next_pages() {
  if (!saving_->status.ok()) return end_saving(saving_->status);
  std::vector<std::string> pages;
  std::size_t bytes = 0;
  while (bytes < kPageBytesPerTurn) {
    std::optional<std::string> page = saving_->source->next_page();
    if (!page) break;
    bytes += page->size();
    pages.push_back(std::move(*page));
  }
  if (pages.empty()) return finish_pages();
  worker_.run(gate_.job([this, pages = std::move(pages)] {
    saving_->status = saving_->file->write_pages(pages);
  }),
              gate_.on_loop([this] { save_next_pages(); }));
}

void LocalLog::finish_pages() {
  worker_.run(gate_.job([this] {
    saving_->status = saving_->file->finish();
    if (!saving_->status.ok()) return;
    const Result<StoredBatch> last = log_->reader().get(saving_->index);
    saving_->status = last.status();
    if (last.ok()) saving_->chain = last.value().crc;
  }),
              gate_.on_loop([this] {
                if (!saving_->status.ok()) return end_saving(saving_->status);
                switch_snapshot(saving_->chain);
              }));
}

// From here on the new snapshot is the one: its name and the cut of the log are one write.
void LocalLog::switch_snapshot(std::uint32_t chain) {
  KvBatch changes;
  put_snapshot_place({saving_->index, chain}, changes);
  // Where the log is cut its chain must stay known, also when nothing is left behind the cut.
  put_log_checkpoint(kLog, saving_->index, chain, changes);
  log_->truncate_front(saving_->index.next(), std::move(changes), [this, chain](const Status& cut) {
    if (!cut.ok()) return end_saving(cut);
    const Lsn old = std::exchange(snapshot_, {saving_->index, chain}).index;
    bytes_since_snapshot_ -= saving_->bytes_before;
    if (!old) return end_saving(Status());
    worker_.run(gate_.job([this, old] { saving_->status = put_away(old); }),
                gate_.on_loop([this] { end_saving(saving_->status); }));
  });
}

Status LocalLog::put_away(Lsn replaced) const {
  const std::string path = snapshot_path(options_.snapshot_directory, replaced);
  if (options_.replaced_directory.empty()) return from_leveldb(env_.RemoveFile(path));
  return from_leveldb(env_.RenameFile(path, snapshot_path(options_.replaced_directory, replaced)));
}

void LocalLog::end_saving(const Status& status) {
  const std::unique_ptr<Saving> saving = std::move(saving_);
  saving->done(status);
  if (!status.ok()) fail(status);
}

}  // namespace baton
