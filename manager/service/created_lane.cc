#include "manager/service/created_lane.h"

#include <algorithm>
#include <utility>

#include "common/base/limits.h"
#include "manager/service/report_run.h"
#include "manager/service/wire.h"

namespace baton::manager {
namespace {

// A center that is short of room refuses created batches for a while.
constexpr Duration kPauseAfterRefusal = std::chrono::milliseconds(200);
constexpr Duration kPauseAfterReadError = std::chrono::seconds(1);

ReportRun to_report(const StoredRun& run) {
  if (run.unreadable) {
    ReportRun report;
    report.first = run.first;
    report.count = run.count;
    report.unreadable = true;
    report.queue = kLostAndFoundQueue;
    return report;
  }
  ReportRun report = report_run(run.attributes, run.content_hash);
  report.first = run.first;
  report.crc_last = run.crc_last;
  report.stored_at = run.stored_at;
  return report;
}

}  // namespace

CreatedLane::CreatedLane(ServiceContext& context, CenterLink& link, Events events)
    : context_(context), link_(link), events_(std::move(events)) {}

void CreatedLane::open(LogStore& log, Epoch epoch) {
  ++turn_;
  log_ = &log;
  epoch_ = epoch;
  reporter_ = std::make_unique<CreatedReporter>(log.next_offset());
}

void CreatedLane::registered(Offset created_hi) {
  ++turn_;
  // The answer to a repeated register may be the first one's: what was confirmed since then stays
  // so.
  reporter_->start(std::max(created_hi, reporter_->created_hi()));
  events_.on_reported(log_->shard(), reporter_->created_hi(), {});
  pump();
}

void CreatedLane::channel_closed() {
  ++turn_;
  if (reporter_) reporter_->stop();
}

void CreatedLane::stored(ReportRun run) { reporter_->stored(std::move(run)); }

void CreatedLane::pump() {
  if (!reporter_) return;
  while (auto batch = reporter_->next_batch()) send(*batch);
  scan();
}

void CreatedLane::send(const CreatedBatch& batch) {
  commands_.Clear();
  v1::Created& created = *commands_.add_command()->mutable_created();
  created.set_shard(log_->shard().value());
  created.set_epoch(epoch_.value());
  to_wire(batch, *reporter_, created);
  link_.send(commands_, [this, id = batch.id, end = batch.end, turn = turn_](
                            const Status& status, const v1::ChannelOutcomes& outcomes) {
    if (turn == turn_) on_outcome(id, end, status, outcomes);
  });
}

void CreatedLane::on_outcome(std::uint64_t batch, Offset end, const Status& status,
                             const v1::ChannelOutcomes& outcomes) {
  if (status.ok() && outcomes.outcome_size() == 1) {
    on_created(batch, outcomes.outcome(0).created());
  } else if (status.code() == ErrorCode::kDenied) {
    events_.on_stuck();
  } else if (link_.is_open()) {
    context_.logger.warn("created refused", {kv("status", status), kv("end", end)});
    pause();
  }
}

void CreatedLane::on_created(std::uint64_t batch, const v1::CreatedOutcome& outcome) {
  for (const v1::QueueIdentity& queue : outcome.queue()) {
    reporter_->learn_queue(queue.name(), QueueId(queue.id()));
  }
  // A center that is short of room: later. The ledger has refused nothing.
  if (outcome.code() == v1::RETRY_LATER) return pause();
  const Offset before = reporter_->created_hi();
  const Offset created_hi(outcome.created_hi());
  if (outcome.code() == v1::OK) {
    reporter_->accepted(batch, created_hi);
  } else {
    reporter_->refused(batch, created_hi);
  }
  if (reporter_->stuck()) return events_.on_stuck();
  context_.metrics.tasks_reported += reporter_->created_hi().value() - before.value();

  std::vector<MovedWinner> winners;
  for (const v1::Winner& winner : outcome.winner()) {
    winners.push_back({Offset(winner.offset()), TaskId(winner.task()), from_wire(winner.code()),
                       winner.duplicate(), winner.state()});
  }
  events_.on_reported(log_->shard(), reporter_->created_hi(), winners);
  pump();
}

void CreatedLane::scan() {
  const auto wanted = reporter_->next_scan();
  if (!wanted) return;
  log_->scan(wanted->from, wanted->tasks_max,
             context_.guarded(
                 [this, log = log_, from = wanted->from](Result<std::vector<StoredRun>> found) {
                   if (log == log_) on_scanned(from, std::move(found));
                 }));
}

void CreatedLane::on_scanned(Offset from, Result<std::vector<StoredRun>> found) {
  const Status status = found.ok() && found.value().empty()
                            ? Status(ErrorCode::kDataLoss, "the log has none of them")
                            : found.status();
  std::vector<ReportRun> runs;
  if (status.ok()) {
    for (StoredRun& run : found.value()) {
      if (run.unreadable && run.first >= reporter_->created_hi()) alarm_unreadable(run);
      runs.push_back(to_report(run));
    }
  }
  reporter_->scanned(std::move(runs));
  // The question may be older than the ledger's word that it has them: then nothing is lost.
  if (status.ok() || from < reporter_->created_hi()) return pump();
  if (status.code() == ErrorCode::kUnavailable) {
    context_.logger.warn("log cannot be read now", {kv("status", status)});
    context_.call_after(kPauseAfterReadError, [this] { pump(); });
    return;
  }
  // To go on would leave tasks unreported that their producers believe to be safe (I1, I17).
  events_.on_failed(Status(status.code(), "tasks of shard " +
                                              std::to_string(log_->shard().value()) +
                                              " from offset " + std::to_string(from.value()) +
                                              " on were confirmed, but the center has not heard "
                                              "of them and they cannot be read: " +
                                              status.message()));
}

// Confirmed tasks that were lost before anybody but their producer knew of them.
void CreatedLane::alarm_unreadable(const StoredRun& run) {
  context_.logger.error("records damaged before they were reported",
                        {kv("shard", log_->shard()), kv("from", run.first), kv("tasks", run.count),
                         kv("queue", kLostAndFoundQueue)});
}

void CreatedLane::pause() {
  ++turn_;
  reporter_->stop();
  context_.call_after(kPauseAfterRefusal, [this, turn = turn_] {
    if (turn != turn_) return;
    reporter_->start(reporter_->created_hi());
    pump();
  });
}

}  // namespace baton::manager
