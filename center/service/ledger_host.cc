#include "center/service/ledger_host.h"

#include <utility>

#include "center/storage/command_codec.h"
#include "center/storage/entry_codec.h"
#include "center/storage/snapshot_pages.h"

namespace baton::center {

LedgerHost::LedgerHost(Logger& logger, std::unique_ptr<ReplicatedLog> log,
                       std::unique_ptr<Archive> archive, std::unique_ptr<HistoryLookups> lookups,
                       Ledger ledger, Options options, Lsn snapshot_index)
    : logger_(logger),
      log_(std::move(log)),
      archive_(std::move(archive)),
      lookups_(std::move(lookups)),
      options_(std::move(options)),
      ledger_(std::move(ledger)),
      audited_from_(snapshot_index.next()),
      snapshot_index_(snapshot_index) {
  auditor_.begin_at(ledger_);
  archive_->set_name_of([this](const SessionId& id) { return ledger_.session_name(id); });
}

Result<std::unique_ptr<LedgerHost>> LedgerHost::open(Loop& loop, Worker& worker, DurableEnv& env,
                                                     Logger& logger,
                                                     std::unique_ptr<ReplicatedLog> log,
                                                     Options options) {
  BATON_ASSIGN_OR_RETURN(ReplicatedLog::Restored restored, log->restore());
  const Lsn snapshot_index = restored.index;
  BATON_ASSIGN_OR_RETURN(RestoredCenter center, restore_center(std::move(restored)));
  BATON_ASSIGN_OR_RETURN(std::unique_ptr<Archive> archive,
                         Archive::open(loop, worker, env, options.archive, center.archive));
  if (snapshot_index && archive->first_index() > snapshot_index) {
    logger.warn("archive begins with a gap", {kv("first_entry", archive->first_index())});
  }
  auto lookups = std::make_unique<HistoryLookups>(loop, worker, env, *archive);
  return std::unique_ptr<LedgerHost>(new LedgerHost(logger, std::move(log), std::move(archive),
                                                    std::move(lookups), std::move(center.ledger),
                                                    std::move(options), snapshot_index));
}

void LedgerHost::start(Events events) {
  events_ = std::move(events);
  archive_->set_on_failed([this](const Status& status) { fail(status); });
  log_->start({
      .on_entry = [this](Lsn index, Term term,
                         std::string_view entry) { apply(index, term, entry); },
      .on_leader = [this](Term term) { lead(term); },
      .on_follower =
          [this](Term) {
            if (std::exchange(serving_, false)) events_.on_stopped();
          },
      .on_failed = [this](const Status& status) { fail(status); },
  });
}

// The first entry of a term: what was committed before it is applied when it is, and no lease
// expires for a while after it (R15).
void LedgerHost::lead(Term term) {
  if (failed_) return;
  v1::LedgerEntry entry;
  const ClusterId cluster = ledger_.cluster() ? ledger_.cluster() : options_.cluster;
  encode_command(TermStart{term, cluster}, entry.add_batch()->add_command());
  log_->propose(encode_entry(entry), [this, term](ProposalFate fate, Lsn index) {
    if (fate != ProposalFate::kApplied || failed_) return;
    serving_ = true;
    logger_.info("serving", {kv("term", term), kv("index", index)});
    events_.on_serving();
  });
}

void LedgerHost::propose(const v1::LedgerEntry& entry, Applied done) {
  BATON_CHECK(serving_);
  log_->propose(encode_entry(entry), [this, done = std::move(done)](ProposalFate fate, Lsn index) {
    const bool applied = fate == ProposalFate::kApplied && !failed_;
    done(index, applied ? &effects_ : nullptr);
  });
}

void LedgerHost::apply(Lsn index, Term term, std::string_view bytes) {
  if (failed_) return;
  const Result<Entry> entry = decode_entry(index, bytes);
  if (!entry.ok()) return fail(entry.status());
  effects_ = ledger_.apply(entry.value());
  archive_->append({index, term, bytes, entry.value(), effects_.transitions, ledger_.times()});
  audit(index);
  ++entries_;
  if (serving_) events_.on_applied(effects_);
  save_snapshot_if_due();
}

// The logger limits how often the same phrase is written.
void LedgerHost::audit(Lsn index) {
  if (auditor_.check(index, effects_.transitions) == 0) return;
  logger_.error("audit violation", {kv("index", index), kv("what", auditor_.last().what),
                                    kv("violations", auditor_.violations())});
}

void LedgerHost::look_up(TaskId task, std::string_view cursor, std::size_t limit,
                         HistoryLookups::Done done) {
  lookups_->look_up(task, cursor, limit,
                    [this, task, done = std::move(done)](const Result<HistoryPage>& found) {
                      if (!found.ok()) return done(found);
                      HistoryPage page = found.value();
                      for (HistoryEvent& event : page.events) {
                        const bool of_shard = event.transition.from == TaskState::kNone &&
                                              !is_note(event.transition) && event.manager.empty();
                        if (of_shard) event.manager = ledger_.manager_of(task.shard());
                      }
                      done(page);
                    });
}

// The archive must be durable before the log is cut. The ledger's pages are those of this moment,
// whatever is applied while they are written.
void LedgerHost::save_snapshot_if_due() {
  if (saving_ || !serving_ || log_->bytes_since_snapshot() < options_.snapshot_log_bytes) return;
  saving_ = true;
  const Lsn index = ledger_.index();
  auto source = std::make_shared<std::unique_ptr<SnapshotSource>>(
      std::make_unique<CenterSnapshotSource>(archive_->head(), ledger_.snapshot()));
  archive_->seal([this, index, source](const Status& sealed) {
    if (!sealed.ok() || failed_) return;  // on_failed has said so
    log_->save_snapshot(index, std::move(*source), [this, index](const Status& saved) {
      if (!saved.ok()) return;  // likewise
      saving_ = false;
      snapshot_index_ = index;
      ++snapshots_;
      archive_->snapshot_saved(index);
      logger_.info("snapshot saved", {kv("index", index), kv("archive_bytes", archive_->bytes())});
      save_snapshot_if_due();
    });
  });
}

void LedgerHost::fail(const Status& status) {
  if (std::exchange(failed_, true)) return;
  serving_ = false;
  events_.on_failed(status);
}

}  // namespace baton::center
