#include "manager/service/produce_service.h"

#include <algorithm>
#include <utility>

#include "common/base/content_hash.h"
#include "common/base/limits.h"
#include "common/net/frame.h"
#include "manager/service/wire.h"

namespace baton::manager {
namespace {

constexpr Duration kMovedTimeoutMax = std::chrono::seconds(60);
constexpr std::uint32_t kRetryAfterMs = 500;  // the disk floor and a full table do not heal at once

Status invalid(const char* why) { return Status(ErrorCode::kInvalidArgument, why); }

}  // namespace

ProduceService::ProduceService(ServiceContext& context, CreatedLane& lane,
                               std::function<bool()> may_append, Options options)
    : context_(context), lane_(lane), may_append_(std::move(may_append)), options_(options) {}

Status ProduceService::open(LogStore& log) {
  log_ = &log;
  // What was appended to a log that is no longer ours is not confirmed: its producers repeat it.
  durable_queue_.clear();
  durable_asked_ = Lsn();
  dedup_ = std::make_unique<DedupTable>();
  BATON_RETURN_IF_ERROR(log.recent_runs([this](const StoredRun& run) {
    const TaskAttributes& attributes = run.attributes;
    if (!attributes.producer || attributes.waits) return;
    // Everything found at start is durable: nothing has to wait for it.
    dedup_->record(attributes.producer, attributes.seq, run.first, run.content_hash, Lsn());
  }));
  // Moved records of a shard that was sealed under us: nobody will name their winners here.
  while (!moved_.empty()) {
    answer_moved(moved_.begin()->first, ErrorCode::kUnavailable, "the shard was sealed");
  }
  return {};
}

Status ProduceService::on_produce(Peer& peer, const Frame& frame) {
  BATON_RETURN_IF_ERROR(parse_metadata(frame.metadata, request_));
  BATON_RETURN_IF_ERROR(check_items("length", request_.length_size(), kBatchItemsMax));
  auto cut = cut_payload(
      frame.payload, {request_.length().data(), static_cast<std::size_t>(request_.length_size())});
  if (!cut.ok()) return cut.status();
  payloads_ = std::move(cut).value();
  if (Status status = check(); !status.ok()) {
    peer.send_error(frame.request_id, status);
    return {};
  }
  if (const Run refused = refusal(); refused.code != ErrorCode::kOk) {
    const Run all{payloads_.size(), refused.code, TaskId(), refused.message};
    reply(peer.id(), frame.request_id, {&all, 1}, ShardId());
    return {};
  }
  store(peer, frame.request_id, payloads_);
  return {};
}

Status ProduceService::check() const {
  if (payloads_.empty()) return invalid("a produce request has at least one item");
  BATON_RETURN_IF_ERROR(validate_queue_name(request_.queue()));
  const bool named = request_.producer().hi() != 0 || request_.producer().lo() != 0;
  if (named) BATON_RETURN_IF_ERROR(validate_producer_seqs(request_.seq(), payloads_.size()));
  if (request_.moved() && !named) return invalid("a moved request names its producer");
  if (request_.maybe_at_size() > static_cast<int>(kMaybeAtMax)) {
    return invalid("maybe_at has more than 64 shards");
  }
  for (const std::uint32_t shard : request_.maybe_at()) {
    if (shard == 0 || shard > kShardIdMax)
      return invalid("maybe_at names a shard that cannot exist");
  }
  return {};
}

ProduceService::Run ProduceService::refusal() const {
  if (draining_) return {.code = ErrorCode::kUnavailable, .message = "the manager is stopping"};
  if (log_ == nullptr || !may_append_()) {
    return {.code = ErrorCode::kUnavailable,
            .message = "this manager is not registered with the center yet"};
  }
  if (disk_low_) {
    return {.code = ErrorCode::kRetryLater, .message = "the disk is nearly full"};
  }
  if (request_.moved() && moved_items_.size() + payloads_.size() > options_.moved_max) {
    return {.code = ErrorCode::kRetryLater, .message = "too many moved tasks wait for the center"};
  }
  return {};
}

void ProduceService::store(Peer& peer, std::uint64_t request,
                           std::span<const std::string_view> payloads) {
  ProduceNumbers numbers{ProducerId(from_wire(request_.producer())), ProducerSeq(request_.seq()),
                         ProducerSeq(request_.resolved_below()), payloads.size(), request_.moved()};
  auto admitted =
      admit_produce(*dedup_, numbers, context_.loop.now(),
                    [payloads](std::size_t item) { return content_hash(payloads[item]); });
  if (!admitted.ok()) {
    peer.send_error(request, admitted.status(), Millis(kRetryAfterMs));
    return;
  }
  attributes_.queue = request_.queue();
  attributes_.producer = numbers.producer;
  attributes_.waits = numbers.moved;
  attributes_.maybe_at.clear();
  for (const std::uint32_t shard : request_.maybe_at()) attributes_.maybe_at.emplace_back(shard);

  WhenDurable waiting{.peer = peer.id(), .request = request, .shard = log_->shard()};
  for (const AdmittedRun& run : admitted.value()) append(run, payloads, waiting);
  if (numbers.moved) {
    // Too large items are decided already, so a moved request is stored in one piece or as the
    // table of its runs says.
    Moved moved{peer.id(), request, {}, {}, 0, 0};
    for (const Run& run : waiting.reply) {
      for (std::size_t i = 0; i < run.count; ++i) {
        const bool stored = run.code == ErrorCode::kOk;
        moved.items.push_back(
            {1, stored ? ErrorCode::kUnavailable : run.code, TaskId(), run.message});
        if (!stored) continue;
        const Offset offset(run.first.offset().value() + i);
        moved_items_[offset] = {next_moved_, moved.items.size() - 1};
        moved.offsets.push_back(offset);
        ++moved.open;
      }
    }
    waiting.peer = 0;
    const std::uint64_t id = next_moved_++;
    const bool nothing_waits = moved.open == 0;
    const Duration timeout =
        request_.timeout_ms() == 0
            ? kMovedTimeoutMax
            : std::min<Duration>(Millis(request_.timeout_ms()), kMovedTimeoutMax);
    moved.timer = context_.call_after(timeout, [this, id] {
      answer_moved(id, ErrorCode::kDeadlineExceeded, "the ledger did not name the task in time");
    });
    moved_.emplace(id, std::move(moved));
    if (nothing_waits) answer_moved(id, ErrorCode::kInternal, "");
  }
  enqueue(std::move(waiting));
}

// Appends the items of one admitted run, around those that are too large.
void ProduceService::append(const AdmittedRun& run, std::span<const std::string_view> payloads,
                            WhenDurable& waiting) {
  if (run.fate == ItemFate::kConflict) {
    waiting.lsn = std::max(waiting.lsn, run.lsn);
    waiting.reply.push_back({run.count, ErrorCode::kConflict, TaskId(),
                             "another payload was produced with this sequence number"});
    return;
  }
  if (run.fate == ItemFate::kStored) {
    waiting.lsn = std::max(waiting.lsn, run.lsn);
    waiting.reply.push_back({run.count, ErrorCode::kOk, TaskId(waiting.shard, run.offset), ""});
    context_.metrics.tasks_repeated += run.count;
    return;
  }
  const std::size_t end = run.item + run.count;
  for (std::size_t item = run.item; item < end;) {
    const bool fits = payloads[item].size() <= options_.payload_bytes_max;
    std::size_t next = item + 1;
    while (next < end && (payloads[next].size() <= options_.payload_bytes_max) == fits) ++next;
    if (!fits) {
      waiting.reply.push_back(
          {next - item, ErrorCode::kTooLarge, TaskId(), "the payload is over the limit"});
      item = next;
      continue;
    }
    attributes_.seq = ProducerSeq(request_.seq() + item);
    const auto appended = log_->append_tasks(attributes_, payloads.subspan(item, next - item));
    if (attributes_.producer && !attributes_.waits) {
      dedup_->record(attributes_.producer, attributes_.seq, appended.first, appended.content_hash,
                     appended.lsn);
    }
    waiting.lsn = std::max(waiting.lsn, appended.lsn);
    waiting.reply.push_back(
        {next - item, ErrorCode::kOk, TaskId(waiting.shard, appended.first), ""});
    waiting.reports.push_back(report_of(attributes_, appended, next - item));
    item = next;
  }
}

ReportRun ProduceService::report_of(const TaskAttributes& attributes,
                                    const LogStore::Appended& appended, std::size_t count) const {
  ReportRun run;
  run.first = appended.first;
  run.count = static_cast<std::uint32_t>(count);
  run.queue = attributes.queue;
  run.priority = attributes.priority;
  run.producer = attributes.producer;
  run.seq = attributes.seq;
  run.resolved_below = ProducerSeq(request_.resolved_below());
  run.waits = attributes.waits;
  if (run.waits) {
    run.maybe_at = attributes.maybe_at;
    run.content_hash = appended.content_hash;
  }
  run.crc_last = appended.crc_last;
  run.stored_at = context_.loop.wall_now();
  return run;
}

// ---- durable ------------------------------------------------------------------------------------

void ProduceService::enqueue(WhenDurable waiting) {
  if (waiting.lsn <= log_->durable_lsn() && waiting.reports.empty()) {
    if (waiting.peer != 0) reply(waiting.peer, waiting.request, waiting.reply, waiting.shard);
    return;
  }
  // Only repeats may name an earlier batch than the last one asked for: they leave with that one.
  waiting.lsn = std::max(waiting.lsn, durable_asked_);
  const Lsn lsn = waiting.lsn;
  durable_queue_.push_back(std::move(waiting));
  if (lsn == durable_asked_) return;
  durable_asked_ = lsn;
  log_->when_durable(lsn, context_.guarded([this, lsn, log = log_](Status status) {
    if (log == log_) on_durable(lsn, status);
  }));
}

void ProduceService::on_durable(Lsn lsn, const Status& status) {
  // After a failed write nothing is confirmed any more; the node is about to end (I15).
  if (!status.ok()) return;
  while (!durable_queue_.empty() && durable_queue_.front().lsn <= lsn) {
    WhenDurable& front = durable_queue_.front();
    if (front.peer != 0) reply(front.peer, front.request, front.reply, front.shard);
    for (ReportRun& run : front.reports) lane_.stored(std::move(run));
    durable_queue_.pop_front();
  }
  lane_.pump();
}

void ProduceService::reply(PeerId peer_id, std::uint64_t request, std::span<const Run> runs,
                           ShardId shard) {
  Peer* peer = server_->find(peer_id);
  if (peer == nullptr) return;
  answer_.Clear();
  answer_.set_shard(shard.value());
  for (const Run& run : runs) {
    v1::ProducedRun& out = *answer_.add_run();
    out.set_count(static_cast<std::uint32_t>(run.count));
    out.set_code(to_wire(run.code));
    out.set_first_task(run.first.value());
    out.set_message(run.message);
    if (run.code == ErrorCode::kRetryLater) out.set_retry_after_ms(kRetryAfterMs);
    (run.code == ErrorCode::kOk ? context_.metrics.tasks_confirmed
                                : context_.metrics.tasks_refused) += run.count;
  }
  peer->send(v1::PRODUCED, request, answer_);
}

// ---- moved --------------------------------------------------------------------------------------

void ProduceService::reported(ShardId shard, Offset created_hi,
                              const std::vector<MovedWinner>& winners) {
  if (log_ == nullptr || shard != log_->shard()) return;
  for (const MovedWinner& winner : winners) {
    const auto found = moved_items_.find(winner.offset);
    if (found == moved_items_.end()) continue;
    const MovedItem where = found->second;
    moved_items_.erase(found);
    const bool named = winner.code == ErrorCode::kOk && winner.task;
    decide(where, named ? Run{1, ErrorCode::kOk, winner.task, ""}
                        : Run{1, winner.code, TaskId(), "the ledger refused the task"});
  }
  // Known to the ledger, but its answer was lost with a channel: the producer asks again.
  while (!moved_items_.empty() && moved_items_.begin()->first < created_hi) {
    const MovedItem where = moved_items_.begin()->second;
    moved_items_.erase(moved_items_.begin());
    decide(where,
           Run{1, ErrorCode::kUnavailable, TaskId(), "the ledger's answer was lost: repeat"});
  }
}

void ProduceService::decide(MovedItem where, Run outcome) {
  const auto found = moved_.find(where.moved);
  if (found == moved_.end()) return;
  Moved& moved = found->second;
  moved.items[where.item] = outcome;
  if (--moved.open == 0) answer_moved(where.moved, ErrorCode::kInternal, "");
}

// `rest` is for items that are still open.
void ProduceService::answer_moved(std::uint64_t id, ErrorCode rest, const char* message) {
  const auto found = moved_.find(id);
  if (found == moved_.end()) return;
  Moved moved = std::move(found->second);
  moved_.erase(found);
  context_.loop.cancel(moved.timer);
  for (const Offset offset : moved.offsets) {
    const auto item = moved_items_.find(offset);
    if (item == moved_items_.end() || item->second.moved != id) continue;
    moved.items[item->second.item] = {1, rest, TaskId(), message};
    moved_items_.erase(item);
  }
  reply(moved.peer, moved.request, moved.items, log_->shard());
}

void ProduceService::drain() {
  draining_ = true;
  while (!moved_.empty()) {
    answer_moved(moved_.begin()->first, ErrorCode::kUnavailable, "the manager is stopping");
  }
}

}  // namespace baton::manager
