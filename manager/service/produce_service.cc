#include "manager/service/produce_service.h"

#include <algorithm>
#include <utility>

#include "common/base/content_hash.h"
#include "common/base/limits.h"
#include "common/net/frame.h"
#include "manager/core/task_copy.h"
#include "manager/service/report_run.h"
#include "manager/service/wire.h"

namespace baton::manager {
namespace {

constexpr Duration kWaitingTimeoutMax = std::chrono::seconds(60);
constexpr std::size_t kCopiesAtOnce = 4;      // of one request
constexpr std::uint32_t kRetryAfterMs = 500;  // the disk floor and a full table do not heal at once

Status invalid(const char* why) { return Status(ErrorCode::kInvalidArgument, why); }

// What the ledger's refusal of a waiting item means.
std::string refusal_text(ErrorCode code, bool keyed) {
  if (code == ErrorCode::kClaimSuperseded) {
    return "the parent's claim is not current any more: nothing was created";
  }
  if (code == ErrorCode::kConflict && keyed) {
    return "another task was produced with this idempotency key (or sequence number)";
  }
  if (code == ErrorCode::kConflict) {
    return "another task was produced with this sequence number";
  }
  if (code == ErrorCode::kTooLarge) {
    return "the parent has " + std::to_string(kChildrenMax) + " children that have not ended";
  }
  return "the ledger refused the task";
}

}  // namespace

ProduceService::ProduceService(ServiceContext& context, CreatedLane& lane, QueueRules& rules,
                               TaskCopies& copies, std::function<bool()> may_append,
                               Options options)
    : context_(context),
      lane_(lane),
      rules_(rules),
      copies_(copies),
      may_append_(std::move(may_append)),
      options_(options) {}

Status ProduceService::open(LogStore& log) {
  log_ = &log;
  // What was appended to a log that is no longer ours is not confirmed: its producers repeat it.
  durable_queue_.clear();
  durable_asked_ = Lsn();
  dedup_ = std::make_unique<DedupTable>(options_.dedup);
  BATON_RETURN_IF_ERROR(log.recent_runs([this](const StoredRun& run) {
    const TaskAttributes& attributes = run.attributes;
    if (!attributes.producer || attributes.waits) return;
    // Everything found at start is durable: nothing has to wait for it.
    dedup_->record(attributes.producer, attributes.seq, run.first, run.content_hash, Lsn());
  }));
  // Waiting records of a shard that was sealed under us: nobody will name their winners here, and
  // what their producers sent later must not overtake them.
  while (!waiting_.empty()) {
    const Waiting& first = waiting_.begin()->second;
    if (first.first_ordered) order_.refused(first.peer, first.producer, *first.first_ordered);
    answer_waiting(waiting_.begin()->first, ErrorCode::kUnavailable, "the shard was sealed");
  }
  return {};
}

// ---- understanding ------------------------------------------------------------------------------

Status ProduceService::on_produce(Peer& peer, const Frame& frame) {
  v1::Produce& wire = request_.wire;
  BATON_RETURN_IF_ERROR(parse_metadata(frame.metadata, wire));
  BATON_RETURN_IF_ERROR(check_items("length", wire.length_size(), kBatchItemsMax));
  auto cut = cut_payload(frame.payload,
                         {wire.length().data(), static_cast<std::size_t>(wire.length_size())});
  if (!cut.ok()) return cut.status();
  request_.payloads = std::move(cut).value();
  request_.peer = peer.id();
  request_.id = frame.request_id;
  Status status = check(request_);
  if (status.ok()) status = read_options(request_);
  if (!status.ok()) {
    peer.send_error(frame.request_id, status);
    return {};
  }
  note_wrong(request_);
  read_rule(request_);
  const bool copies =
      std::any_of(request_.options.begin(), request_.options.end(),
                  [](const TaskOptions& options) { return static_cast<bool>(options.retry_of); });
  if (copies) {
    begin_copies(request_, request_.payloads);
  } else {
    handle(request_);
  }
  return {};
}

Status ProduceService::check(const Request& request) {
  const v1::Produce& wire = request.wire;
  const std::size_t items = request.payloads.size();
  if (items == 0) return invalid("a produce request has at least one item");
  BATON_RETURN_IF_ERROR(validate_queue_name(wire.queue()));
  const bool named = wire.producer().hi() != 0 || wire.producer().lo() != 0;
  if (named) BATON_RETURN_IF_ERROR(validate_producer_seqs(wire.seq(), items));
  if (wire.moved() && !named) return invalid("a moved request names its producer");
  if (wire.maybe_at_size() > static_cast<int>(kMaybeAtMax)) {
    return invalid("maybe_at has more than 64 shards");
  }
  for (const std::uint32_t shard : wire.maybe_at()) {
    if (shard == 0 || shard > kShardIdMax)
      return invalid("maybe_at names a shard that cannot exist");
  }
  return {};
}

Status ProduceService::read_options(Request& request) {
  const auto given = static_cast<std::size_t>(request.wire.options_size());
  if (given > 1 && given != request.payloads.size()) {
    return invalid("options are for no item, once for all, or for each item");
  }
  request.options.clear();
  for (const v1::TaskOptions& wire : request.wire.options()) {
    request.options.push_back(task_options_from_wire(wire));
  }
  if (request.options.empty()) request.options.emplace_back();
  return {};
}

// Final refusals of single items; the others of the request go on.
void ProduceService::note_wrong(Request& request) const {
  request.wrong.clear();
  const auto refuse = [&request](std::size_t item, const Status& status) {
    request.wrong[item] = {1, status.code(), TaskId(), status.message()};
  };
  const std::size_t items = request.payloads.size();
  for (std::size_t i = 0; i < request.options.size(); ++i) {
    TaskOptions& options = request.options[i];
    const Status status = validate_task_options(options);
    const bool for_all = request.options.size() == 1;
    for (std::size_t item = for_all ? 0 : i; item < (for_all ? items : i + 1); ++item) {
      if (!status.ok()) {
        refuse(item, status);
      } else if (options.retry_of && !request.payloads[item].empty()) {
        refuse(item, invalid("a copy (retry_of) has no payload of its own"));
      }
    }
    if (!status.ok()) {
      options = TaskOptions();
    } else if (options.delay > Millis(0)) {
      options.not_before = WallTime{context_.loop.wall_now().ms + options.delay.count()};
      options.delay = Millis(0);
    }
  }
}

void ProduceService::read_rule(Request& request) const {
  const QueueRule* rule = rules_.find(request.wire.queue());
  request.queue_ordered = rule != nullptr && rule->ordered;
  request.queue_limited = rule != nullptr && rule->limited();
}

// What was stored as a record that waits never becomes a plain one: the ledger may have made a task
// of it, and a plain confirmation would name another one.
void ProduceService::note_waited(Request& request) const {
  request.waited.clear();
  const ProducerId producer(from_wire(request.wire.producer()));
  if (!producer || request.wire.moved() || request.queue_ordered) return;
  for (std::size_t item = 0; item < request.payloads.size(); ++item) {
    if (dedup_->waited(producer, request.seq_of(item))) request.waited.insert(item);
  }
}

// ---- copies -------------------------------------------------------------------------------------

void ProduceService::begin_copies(Request request, std::span<const std::string_view> payloads) {
  if (copying_.size() >= options_.copying_max) {
    return refuse_all(request, {.code = ErrorCode::kRetryLater,
                                .message = "too many copies are being made",
                                .retry_after_ms = kRetryAfterMs});
  }
  auto copying = std::make_shared<Copying>();
  copying->request = std::move(request);
  Request& kept = copying->request;
  // The frame is gone when the copies are there, and each has its own options.
  for (std::size_t i = 0; i < payloads.size(); ++i) {
    kept.payloads[i] = copying->payloads.emplace_back(payloads[i]);
  }
  kept.options.resize(payloads.size(), kept.options.front());
  copying_.insert(copying);
  ask_for_copies(copying);
}

// A few at a time: what was asked for and did not come yet is not counted.
void ProduceService::ask_for_copies(const std::shared_ptr<Copying>& copying) {
  const Request& request = copying->request;
  ++copying->open;
  for (; copying->next < request.payloads.size() && copying->open <= kCopiesAtOnce;
       ++copying->next) {
    const std::size_t item = copying->next;
    if (!request.options[item].retry_of || request.wrong.contains(item)) continue;
    ++copying->open;
    copies_.fetch(request.options[item].retry_of, timeout_of(request),
                  [this, copying, item](Result<StoredTask> task) {
                    on_copied(copying, item, std::move(task));
                  });
  }
  if (--copying->open > 0) return;
  if (copying_.erase(copying) == 0) return;
  copying_bytes_ -= copying->bytes;
  if (!copying->closed) handle(copying->request);
}

void ProduceService::on_copied(const std::shared_ptr<Copying>& copying, std::size_t item,
                               Result<StoredTask> task) {
  Request& request = copying->request;
  --copying->open;
  const std::size_t bytes = task.ok() ? task.value().payload.size() : 0;
  // One is always let through, so that every request gets on.
  const bool too_many = copying->bytes > 0 && copying_bytes_ + bytes > options_.copying_bytes_max;
  if (task.ok() && !too_many) {
    copying->bytes += bytes;
    copying_bytes_ += bytes;
    request.options[item] = copy_options(task.value().options, request.options[item]);
    request.payloads[item] = copying->payloads.emplace_back(std::move(task.value().payload));
  } else if (task.ok()) {
    request.wrong[item] = {1, ErrorCode::kRetryLater, TaskId(),
                           "more is being copied than this manager has room for", kRetryAfterMs};
  } else {
    request.wrong[item] = {1, task.status().code(), TaskId(), task.status().message(),
                           is_retriable(task.status().code()) ? kRetryAfterMs : 0};
  }
  ask_for_copies(copying);
}

void ProduceService::on_closed(PeerId peer) {
  order_.forget(peer);
  for (const std::shared_ptr<Copying>& copying : copying_) {
    if (copying->request.peer == peer) copying->closed = true;
  }
}

// ---- storing ------------------------------------------------------------------------------------

Duration ProduceService::timeout_of(const Request& request) const {
  const std::uint32_t asked = request.wire.timeout_ms();
  if (asked == 0) return kWaitingTimeoutMax;
  return std::min<Duration>(Millis(asked), kWaitingTimeoutMax);
}

void ProduceService::handle(Request& request) {
  read_rule(request);  // a copy's queue may have another one by now
  note_waited(request);
  order_.begin(request.peer, ProducerId(from_wire(request.wire.producer())),
               ProducerSeq(request.wire.resolved_below()));
  if (Run refused = refusal(request); refused.code != ErrorCode::kOk) {
    return refuse_all(request, std::move(refused));
  }
  store(request);
}

ProduceService::Run ProduceService::refusal(const Request& request) const {
  if (draining_) return {.code = ErrorCode::kUnavailable, .message = "the manager is stopping"};
  if (log_ == nullptr || !may_append_()) {
    return {.code = ErrorCode::kUnavailable,
            .message = "this manager is not registered with the center yet"};
  }
  if (!rules_.known()) {
    return {.code = ErrorCode::kRetryLater,
            .message = "this manager does not know the rules of the queues yet",
            .retry_after_ms = kRetryAfterMs / 10};
  }
  if (disk_low_) {
    return {.code = ErrorCode::kRetryLater,
            .message = "the disk is nearly full",
            .retry_after_ms = kRetryAfterMs};
  }
  std::size_t waits = 0;
  for (std::size_t item = 0; item < request.payloads.size(); ++item) {
    waits += request.waits(item) ? 1 : 0;
  }
  if (waits > 0 && waiting_items_.size() + waits > options_.waiting_max) {
    return {.code = ErrorCode::kRetryLater,
            .message = "too many tasks wait for the center",
            .retry_after_ms = kRetryAfterMs};
  }
  return {};
}

// Nothing of the request was taken, and it may be taken later: no ordered item behind its first one
// must overtake that (R7).
void ProduceService::close_gate(const Request& request) {
  for (std::size_t item = 0; item < request.payloads.size(); ++item) {
    if (!request.ordered(item) || request.wrong.contains(item)) continue;
    order_.refused(request.peer, ProducerId(from_wire(request.wire.producer())),
                   request.seq_of(item));
    return;
  }
}

void ProduceService::refuse_all(const Request& request, Run refused) {
  refused.count = request.payloads.size();
  close_gate(request);
  reply(request.peer, request.id, {&refused, 1}, ShardId());
}

void ProduceService::store(Request& request) {
  const v1::Produce& wire = request.wire;
  ProduceNumbers numbers{ProducerId(from_wire(wire.producer())), ProducerSeq(wire.seq()),
                         ProducerSeq(wire.resolved_below()), request.payloads.size(), wire.moved()};
  auto admitted = admit_produce(*dedup_, numbers, context_.loop.now(), [&](std::size_t item) {
    return content_hash(request.payloads[item]);
  });
  if (!admitted.ok()) {
    if (is_retriable(admitted.status().code())) close_gate(request);
    if (Peer* peer = server_->find(request.peer); peer != nullptr) {
      peer->send_error(request.id, admitted.status(), Millis(kRetryAfterMs));
    }
    return;
  }
  attributes_.queue = wire.queue();
  attributes_.producer = numbers.producer;
  attributes_.moved = numbers.moved;
  attributes_.maybe_at.clear();
  for (const std::uint32_t shard : wire.maybe_at()) attributes_.maybe_at.emplace_back(shard);

  WhenDurable stored{.peer = request.peer, .request = request.id, .shard = log_->shard()};
  for (const AdmittedRun& run : admitted.value()) append(request, run, stored);
  if (std::any_of(stored.reply.begin(), stored.reply.end(),
                  [](const Run& run) { return run.waits; })) {
    wait_for_ledger(request, stored);
  }
  enqueue(std::move(stored));
}

// Appends the items of one admitted run, around those that are refused.
void ProduceService::append(Request& request, const AdmittedRun& run, WhenDurable& stored) {
  if (run.fate != ItemFate::kAppend) {
    order_.decided(request.peer, attributes_.producer, request.seq_of(run.item), run.count);
  }
  if (run.fate == ItemFate::kConflict) {
    stored.lsn = std::max(stored.lsn, run.lsn);
    stored.reply.push_back({run.count, ErrorCode::kConflict, TaskId(),
                            "another payload was produced with this sequence number"});
    return;
  }
  if (run.fate == ItemFate::kStored) {
    stored.lsn = std::max(stored.lsn, run.lsn);
    stored.reply.push_back({run.count, ErrorCode::kOk, TaskId(stored.shard, run.offset)});
    context_.metrics.tasks_repeated += run.count;
    return;
  }
  // Equal options share a run of the log; a task with a key is one of its own.
  const auto goes_on = [&request](std::size_t item) {
    const TaskOptions& options = request.options_of(item);
    return options.key.empty() && request.waits(item) == request.waits(item - 1) &&
           (request.options.size() == 1 || options == request.options_of(item - 1));
  };
  const std::size_t end = run.item + run.count;
  std::size_t begin = run.item;
  for (std::size_t item = run.item; item < end; ++item) {
    Run verdict = judge(request, item);
    const bool refused = verdict.code != ErrorCode::kOk;
    if (item > begin && (refused || !goes_on(item))) {
      append_run(request, begin, item, stored);
      begin = item;
    }
    if (!refused) continue;
    refuse(request, item, std::move(verdict), stored);
    begin = item + 1;
  }
  if (begin < end) append_run(request, begin, end, stored);
}

// Ok: it must be appended, credit was taken for it.
ProduceService::Run ProduceService::judge(const Request& request, std::size_t item) {
  if (!request.wrong.empty()) {
    const auto wrong = request.wrong.find(item);
    if (wrong != request.wrong.end()) return wrong->second;
  }
  const std::size_t bytes = request.payloads[item].size();
  if (bytes > options_.payload_bytes_max) {
    return {1, ErrorCode::kTooLarge, TaskId(), "the payload is over the limit"};
  }
  // Its answer finds it by that, and what is stored but refused by the ledger is no task of anybody.
  if (request.waits(item) && !attributes_.producer) {
    return {1, ErrorCode::kInvalidArgument, TaskId(),
            "what waits for the ledger (a key, an ordering key, `after`, a parent, or an ordered "
            "queue) names its producer and number"};
  }
  if (request.ordered(item)) {
    const auto closed = order_.closed_at(request.peer, attributes_.producer);
    if (closed && request.seq_of(item) > *closed) {
      return {1, ErrorCode::kRetryLater, TaskId(),
              "an earlier task was refused, and this one must not overtake it: produce again "
              "from number " +
                  std::to_string(closed->value()),
              kRetryAfterMs / 10};
    }
  }
  if (request.queue_limited && !rules_.may_ever_take(attributes_.queue, bytes)) {
    return {1, ErrorCode::kTooLarge, TaskId(), rules_.final_refusal(attributes_.queue)};
  }
  if (request.queue_limited && !rules_.take(attributes_.queue, bytes)) {
    return {1, ErrorCode::kRetryLater, TaskId(), rules_.refusal(attributes_.queue),
            rules_.retry_after_ms(attributes_.queue)};
  }
  order_.decided(request.peer, attributes_.producer, request.seq_of(item), 1);
  return {1};
}

void ProduceService::refuse(const Request& request, std::size_t item, Run verdict,
                            WhenDurable& stored) {
  if (!is_retriable(verdict.code)) {
    order_.decided(request.peer, attributes_.producer, request.seq_of(item), 1);
  } else if (request.ordered(item)) {
    order_.refused(request.peer, attributes_.producer, request.seq_of(item));
  }
  Run* last = stored.reply.empty() ? nullptr : &stored.reply.back();
  if (last != nullptr && last->code == verdict.code && last->message == verdict.message) {
    ++last->count;
  } else {
    stored.reply.push_back(std::move(verdict));
  }
}

void ProduceService::append_run(const Request& request, std::size_t begin, std::size_t end,
                                WhenDurable& stored) {
  attributes_.seq = request.seq_of(begin);
  attributes_.options = request.options_of(begin);
  attributes_.waits = request.waits(begin);
  const std::span payloads(request.payloads.data() + begin, end - begin);
  const auto appended = log_->append_tasks(attributes_, payloads);
  if (attributes_.producer && attributes_.waits && !attributes_.moved) {
    dedup_->record_waiting(attributes_.producer, attributes_.seq, payloads.size());
  } else if (attributes_.producer && !attributes_.waits) {
    dedup_->record(attributes_.producer, attributes_.seq, appended.first, appended.content_hash,
                   appended.lsn);
  }
  if (request.queue_limited) {
    CreditAmount amount{payloads.size(), 0};
    for (const std::string_view payload : payloads) amount.bytes += payload.size();
    rules_.stored(attributes_.queue, Offset(appended.first.value() + payloads.size()), amount);
  }

  ReportRun report = report_run(attributes_, appended.content_hash);
  report.first = appended.first;
  report.resolved_below = ProducerSeq(request.wire.resolved_below());
  report.crc_last = appended.crc_last;
  report.stored_at = context_.loop.wall_now();
  stored.lsn = std::max(stored.lsn, appended.lsn);
  stored.reply.push_back({.count = payloads.size(),
                          .first = TaskId(stored.shard, appended.first),
                          .waits = attributes_.waits});
  stored.reports.push_back(std::move(report));
}

// ---- durable ------------------------------------------------------------------------------------

void ProduceService::enqueue(WhenDurable stored) {
  if (stored.lsn <= log_->durable_lsn() && stored.reports.empty()) {
    if (stored.peer != 0) reply(stored.peer, stored.request, stored.reply, stored.shard);
    return;
  }
  // Only repeats may name an earlier batch than the last one asked for: they leave with that one.
  stored.lsn = std::max(stored.lsn, durable_asked_);
  const Lsn lsn = stored.lsn;
  durable_queue_.push_back(std::move(stored));
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
    if (const auto waiting = waiting_.find(front.waiting); waiting != waiting_.end()) {
      waiting->second.durable = true;
      try_answer(waiting->first);
    }
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
    out.set_retry_after_ms(run.retry_after_ms);
    out.set_duplicate(run.duplicate);
    out.set_state(run.state);
    if (run.code == ErrorCode::kOk) {
      context_.metrics.tasks_confirmed += run.count;
    } else {
      context_.metrics.tasks_refused += run.count;
    }
  }
  peer->send(v1::PRODUCED, request, answer_);
}

// ---- waiting for the ledger ---------------------------------------------------------------------

// Takes the reply over: it leaves when every item that waits is decided and every other is durable.
void ProduceService::wait_for_ledger(const Request& request, WhenDurable& stored) {
  const std::uint64_t id = next_waiting_++;
  Waiting waiting{.peer = request.peer,
                  .request = request.id,
                  .shard = stored.shard,
                  .producer = attributes_.producer};
  for (const Run& run : std::exchange(stored.reply, {})) {
    for (std::size_t i = 0; i < run.count; ++i) {
      const std::size_t item = waiting.items.size();
      Run& one = waiting.items.emplace_back(run);
      one.count = 1;
      if (run.code != ErrorCode::kOk) continue;
      const Offset offset(run.first.offset().value() + i);
      one.first = TaskId(stored.shard, offset);
      if (!run.waits) {
        waiting.plain.push_back(item);
        continue;
      }
      waiting_items_[offset] = {id, item, !request.options_of(item).key.empty()};
      waiting.offsets.push_back(offset);
      ++waiting.open;
      if (request.ordered(item) && !waiting.first_ordered) {
        waiting.first_ordered = request.seq_of(item);
      }
    }
  }
  waiting.timer = context_.call_after(timeout_of(request), [this, id] {
    answer_waiting(id, ErrorCode::kDeadlineExceeded, "the ledger did not name the task in time");
  });
  waiting_.emplace(id, std::move(waiting));
  stored.peer = 0;
  stored.waiting = id;
}

void ProduceService::reported(ShardId shard, Offset created_hi,
                              const std::vector<MovedWinner>& winners) {
  if (log_ == nullptr || shard != log_->shard()) return;
  for (const MovedWinner& winner : winners) {
    const auto found = waiting_items_.find(winner.offset);
    if (found == waiting_items_.end()) continue;
    const WaitingItem where = found->second;
    waiting_items_.erase(found);
    const bool named = winner.code == ErrorCode::kOk && winner.task;
    const ErrorCode refused = winner.code == ErrorCode::kOk ? ErrorCode::kInternal : winner.code;
    decide(where, named ? Run{.count = 1,
                              .first = winner.task,
                              .duplicate = winner.duplicate,
                              .state = winner.state}
                        : Run{1, refused, TaskId(), refusal_text(refused, where.keyed)});
  }
  // Known to the ledger, but its answer was lost with a channel: the producer asks again.
  while (!waiting_items_.empty() && waiting_items_.begin()->first < created_hi) {
    const WaitingItem where = waiting_items_.begin()->second;
    waiting_items_.erase(waiting_items_.begin());
    decide(where,
           Run{1, ErrorCode::kUnavailable, TaskId(), "the ledger's answer was lost: repeat"});
  }
}

void ProduceService::decide(WaitingItem where, Run outcome) {
  const auto found = waiting_.find(where.waiting);
  if (found == waiting_.end()) return;
  found->second.items[where.item] = std::move(outcome);
  --found->second.open;
  try_answer(where.waiting);
}

void ProduceService::try_answer(std::uint64_t id) {
  const Waiting& waiting = waiting_.at(id);
  if (waiting.open == 0 && waiting.durable) answer_waiting(id, ErrorCode::kInternal, "");
}

// `rest` is for items whose outcome is still open.
void ProduceService::answer_waiting(std::uint64_t id, ErrorCode rest, const char* message) {
  const auto found = waiting_.find(id);
  if (found == waiting_.end()) return;
  Waiting waiting = std::move(found->second);
  waiting_.erase(found);
  context_.loop.cancel(waiting.timer);
  for (const Offset offset : waiting.offsets) {
    const auto item = waiting_items_.find(offset);
    if (item == waiting_items_.end() || item->second.waiting != id) continue;
    waiting.items[item->second.item] = {1, rest, TaskId(), message};
    waiting_items_.erase(item);
  }
  if (!waiting.durable) {
    for (const std::size_t item : waiting.plain) waiting.items[item] = {1, rest, TaskId(), message};
  }
  reply(waiting.peer, waiting.request, waiting.items, waiting.shard);
}

void ProduceService::resolve(PeerId peer, ProducerId producer, ProducerSeq below) {
  dedup_->resolve(producer, below);
  order_.resolved(peer, producer, below);
}

void ProduceService::drain() {
  draining_ = true;
  while (!waiting_.empty()) {
    answer_waiting(waiting_.begin()->first, ErrorCode::kUnavailable, "the manager is stopping");
  }
}

}  // namespace baton::manager
