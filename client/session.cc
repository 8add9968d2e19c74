#include "client/session.h"

#include <algorithm>
#include <set>

#include "common/base/limits.h"
#include "common/base/wire_options.h"
#include "common/base/wire_uuid.h"

namespace baton::client {
namespace {

// A session that is silent for 10 minutes of lease time is forgotten: one that only waits says
// something well before.
constexpr Duration kIdleHeartbeat = std::chrono::minutes(2);
constexpr Duration kBackoffFirst = std::chrono::milliseconds(50);
constexpr Duration kBackoffLast = std::chrono::seconds(5);

Status parsed(const Frame& frame, google::protobuf::MessageLite& message) {
  return parse_metadata(frame.metadata, message);
}

// The request may be repeated as it is, here or at another manager: also after a bug of this one.
bool may_repeat(ErrorCode code) { return is_retriable(code) || code == ErrorCode::kInternal; }

v1::OperationKind to_wire(OperationKind kind) {
  switch (kind) {
    case OperationKind::kAck:
      return v1::ACK;
    case OperationKind::kNack:
      return v1::NACK;
    case OperationKind::kRelease:
      return v1::RELEASE;
    case OperationKind::kExtend:
      return v1::EXTEND;
    case OperationKind::kSave:
      return v1::SAVE;
  }
  return v1::OPERATION_NONE;
}

// Everything but the payload piece.
void to_wire(const Operation& from, v1::Operation* to) {
  const bool saves = from.kind == OperationKind::kSave;
  to->set_seq(from.seq.value());
  to->set_kind(to_wire(from.kind));
  to->set_task(from.task.value());
  to->set_token(from.token.value());
  to->set_wants_next(from.wants_next);
  to->set_length(static_cast<std::uint32_t>(from.bytes.size()));
  to->set_lease_ms(static_cast<std::uint32_t>(from.lease.count()));
  to->set_started(from.started);
  if (from.delay) to->set_delay_ms(static_cast<std::uint64_t>(from.delay->count()));
  to->set_dead(from.dead);
  (saves ? to->mutable_progress() : to->mutable_content_type())->assign(from.text);
  to->set_on_failed_child(static_cast<v1::FailurePolicy>(from.on_failed_child));
  if (from.percent) to->set_percent(*from.percent);
  to->set_checkpoint(from.checkpoint);
}

std::optional<LostCause> cause_from(v1::LostCause cause) {
  if (cause < v1::LOST_CANCELLED || cause > v1::LOST_DECIDED) return std::nullopt;
  return static_cast<LostCause>(cause);
}

}  // namespace

Session::Session(Environment& environment, SessionOptions options, SessionEvents events)
    : env_(environment),
      options_(std::move(options)),
      events_(std::move(events)),
      random_(environment.random.fork()),
      id_(random_.uuid()),
      lines_(options_.queues) {}

// Runs the body of an event, then sends what it made necessary.
template <class Event>
void Session::event(Event&& run) {
  if (stopped_) return;
  const auto self = shared_from_this();  // the owner may drop us inside one of our events
  ++depth_;
  run();
  if (!stopped_ && events_.on_change) events_.on_change();
  if (!stopped_) flush();
  --depth_;
}

void Session::start() {
  const std::weak_ptr<Session> weak = weak_from_this();
  ChannelEvents events;
  events.on_open = [weak](const v1::HelloOk& hello) {
    const auto self = weak.lock();
    if (!self || self->stopped_) return Status(ErrorCode::kUnavailable, "the consumer is gone");
    return self->on_open(hello);
  };
  events.on_frame = [weak](const Frame& frame) {
    if (const auto self = weak.lock()) self->event([&] { self->on_frame(frame); });
  };
  events.on_goodbye = [weak] {
    if (const auto self = weak.lock()) self->event([&] { self->going_ = true; });
  };
  events.on_closed = [weak](const Status&) {
    if (const auto self = weak.lock()) self->event([&] { self->on_closed(); });
  };
  channel_ = Channel::create(env_.loop, env_.transport, env_.logger, random_.next(),
                             env_.channel_options(options_.first_manager), std::move(events));
  channel_->start();
}

void Session::shutdown() {
  if (stopped_) return;
  stopped_ = true;
  env_.loop.cancel(timer_);
  channel_->stop(Status(ErrorCode::kUnavailable, "the consumer is gone"));
  // Inside one of its own events the channel must not be destroyed.
  if (depth_ > 0) {
    env_.loop.post([channel = std::shared_ptr<Channel>(std::move(channel_))] {});
  } else {
    channel_.reset();
  }
}

// ---- what the owner wants -------------------------------------------------------------------

void Session::set_window(std::size_t window) {
  if (!credit_.set_window(window)) return;
  schedule_flush();
}

void Session::submit(Operation operation) {
  if (ends_claim(operation.kind)) {
    LeaseTable::Lease* lease = leases_.find(operation.token);
    BATON_CHECK(lease != nullptr && !lease->ending);
    lease->ending = true;
  }
  operation.anticipated = operation.wants_next;
  operations_.add(std::move(operation));
  schedule_flush();
}

void Session::end_wait() {
  ending_ = true;
  schedule_flush();
}

bool Session::lost(Token token) {
  const LeaseTable::Lease* lease = leases_.find(token);
  return lease == nullptr || lease->lost;
}

// ---- events of the channel ------------------------------------------------------------------

Status Session::on_open(const v1::HelloOk& hello) {
  ++env_.metrics.connections_opened;
  manager_ = hello.name();
  bytes_max_ = static_cast<std::size_t>(
      std::max<std::uint64_t>(hello.payload_bytes_max(), kFrameMetadataBytesMax));
  open_ = true;
  going_ = false;
  send_attach();
  return Status();
}

void Session::on_closed() {
  ++env_.metrics.connections_lost;
  open_ = attached_ = false;
  attach_request_ = 0;
  lines_.reset();
  move_at_ = MonoTime::max();
  operations_in_flight_.clear();
  heartbeat_ = HeartbeatRequest{};
}

void Session::on_frame(const Frame& frame) {
  Status status;
  switch (frame.type) {
    case v1::ATTACHED:
      status = on_attached(frame);
      break;
    case v1::TASKS:
      status = on_tasks(frame);
      break;
    case v1::CLAIMS_LOST:
      status = on_claims_lost(frame);
      break;
    case v1::OPERATIONS_DONE:
      status = on_operations_done(frame);
      break;
    case v1::HEARTBEAT_DONE:
      status = on_heartbeat_done(frame);
      break;
    case v1::WAIT_ENDED:
      if (Line* line = lines_.ended_by(frame.request_id)) SessionLines::close(*line);
      break;
    case v1::ERROR:
      on_error(frame);
      break;
    default:
      break;
  }
  if (!status.ok()) move_on(status);  // it does not speak our protocol as it should
}

void Session::send_attach() {
  ++conn_epoch_;
  v1::Attach attach;
  to_wire(id_, attach.mutable_session());
  attach.set_conn_epoch(conn_epoch_);
  for (const Token token : leases_.held()) attach.add_held(token.value());
  attach.set_consumer(env_.name);
  credit_.attach(leases_.size());
  numbers_.clear();
  attach_request_ = channel_->next_request_id();
  attach_sent_at_ = env_.loop.now();
  channel_->send(v1::ATTACH, attach_request_, attach);
  channel_->set_outstanding(true);
  arm(attach_sent_at_ + heartbeat_patience());
}

Status Session::on_attached(const Frame& frame) {
  if (frame.request_id != attach_request_ || attached_) return Status();
  v1::Attached attached;
  BATON_RETURN_IF_ERROR(parsed(frame, attached));
  attach_request_ = 0;
  const Status status(error_code_from_wire(attached.code()), attached.message());
  if (!status.ok()) {
    conn_epoch_ = std::max(conn_epoch_, attached.conn_epoch());
    attach_failed(status);
    return Status();
  }
  ++env_.metrics.attaches;
  attached_ = true;
  failures_ = 0;
  pause_until_ = MonoTime{};
  heartbeat_not_before_ = MonoTime{};
  heartbeat_sent_at_ = env_.loop.now();  // attaching shows life as well as a heartbeat
  env_.metrics.operations_repeated += operations_.send_all_again();
  std::set<std::uint64_t> kept(attached.kept().begin(), attached.kept().end());
  for (const Token token : leases_.held()) {
    if (!kept.contains(token.value())) lose(token);
  }
  arm(env_.loop.now());
  return Status();
}

// Not attached: try elsewhere, at once while there are managers that were not asked, then more
// slowly.
void Session::attach_failed(const Status& status) {
  if (!may_repeat(status.code()) && status.code() != ErrorCode::kConflict &&
      status.code() != ErrorCode::kNotFound) {
    events_.on_refused(status);
    return;
  }
  const MonoTime now = env_.loop.now();
  pause(now);
  const bool others = failures_ < static_cast<int>(env_.managers.size());
  move_at_ = others ? now : pause_until_;
  arm(move_at_);
}

Status Session::on_tasks(const Frame& frame) {
  v1::Tasks tasks;
  BATON_RETURN_IF_ERROR(parsed(frame, tasks));
  if (!attached_ || tasks.conn_epoch() != conn_epoch_) {
    env_.metrics.deliveries_dropped += static_cast<std::uint64_t>(tasks.delivery_size());
    return Status();
  }
  std::vector<std::uint32_t> lengths;
  for (const v1::Delivery& delivery : tasks.delivery()) {
    lengths.push_back(delivery.length());
    lengths.push_back(delivery.checkpoint_length());
  }
  BATON_ASSIGN_OR_RETURN(const auto payloads, cut_payload(frame.payload, lengths));
  for (const std::uint64_t number : tasks.died()) {
    if (!numbers_.insert(number)) continue;
    credit_.died();
    ++env_.metrics.grants_died;
  }
  const MonoTime now = env_.loop.now();
  for (int i = 0; i < tasks.delivery_size(); ++i) {
    const v1::Delivery& from = tasks.delivery(i);
    const std::string* queue = lines_.queue_of(from.line());
    if (queue == nullptr)
      return Status(ErrorCode::kInternal, "a task of a line that nobody opened");
    const Token token(from.token());
    if (!numbers_.insert(from.number()) || leases_.find(token) != nullptr || !token) {
      ++env_.metrics.deliveries_dropped;
      continue;
    }
    // No ledger grants a session more than this; what is kept here must have a bound.
    if (leases_.size() >= kSessionWindowMax) {
      return Status(ErrorCode::kInternal, "the manager delivers more than a session may hold");
    }
    ++env_.metrics.deliveries;
    const Millis lease(from.lease_ms());
    leases_.add(token, TaskId(from.task()), lease, now);
    arm(now + LeaseTable::first_heartbeat_after(lease));
    const auto piece = 2 * static_cast<std::size_t>(i);
    Delivery delivery{.task = TaskId(from.task()),
                      .queue = *queue,
                      .attempt = from.attempt(),
                      .token = token,
                      .lease = lease,
                      .payload = std::string(payloads[piece]),
                      .manager = manager_,
                      .options = {},
                      .expiries = from.expiries(),
                      .checkpoint = std::string(payloads[piece + 1]),
                      .percent = {},
                      .progress = from.progress()};
    if (from.percent() > 0) delivery.percent = std::min(from.percent(), 100U);
    if (from.has_options()) delivery.options = task_options_from_wire(from.options());
    events_.on_delivery(std::move(delivery));
    if (stopped_) return Status();
  }
  return Status();
}

// Pushed, so that work which does not count any more ends before the next heartbeat would tell.
Status Session::on_claims_lost(const Frame& frame) {
  v1::ClaimsLost lost;
  BATON_RETURN_IF_ERROR(parsed(frame, lost));
  for (const v1::LostClaim& claim : lost.claim()) {
    lose(Token(claim.token()), cause_from(claim.cause()));
    if (stopped_) return Status();
  }
  return Status();
}

Status Session::on_operations_done(const Frame& frame) {
  const auto found = operations_in_flight_.find(frame.request_id);
  if (found == operations_in_flight_.end()) return Status();
  v1::OperationsDone done;
  BATON_RETURN_IF_ERROR(parsed(frame, done));
  const OperationsRequest request = std::move(found->second);
  operations_in_flight_.erase(found);
  bool patience = false;
  // Only what this request asked counts: an answer to what was not sent yet proves nothing.
  std::set<std::uint64_t> unnamed;
  for (const OpSeq seq : request.seqs) unnamed.insert(seq.value());
  for (const v1::OperationOutcome& outcome : done.outcome()) {
    if (unnamed.erase(outcome.seq()) == 0) continue;
    const Status status(error_code_from_wire(outcome.code()), outcome.message());
    if (may_repeat(status.code())) {
      operations_.send_again(OpSeq(outcome.seq()));
      ++env_.metrics.operations_repeated;
      patience = true;
    } else {
      operation_answered(OpSeq(outcome.seq()), status.ok() ? Status() : status,
                         outcome.finished_unknown());
      if (stopped_) return Status();
    }
  }
  for (const std::uint64_t seq : unnamed) operations_.send_again(OpSeq(seq));
  if (patience) {
    pause(env_.loop.now());
  } else {
    failures_ = 0;
  }
  return Status();
}

void Session::operation_answered(OpSeq seq, const Status& status, bool finished_unknown) {
  if (operations_.find(seq) == nullptr) return;  // answered before
  const Operation operation = operations_.take_answered(seq);
  ++env_.metrics.operations_answered;
  if (ends_claim(operation.kind)) {
    if (status.code() == ErrorCode::kClaimSuperseded)
      events_.on_lost(operation.token, leases_.lost_cause(operation.token));
    leases_.erase(operation.token);
    credit_.answered(operation.anticipated && status.ok());
    events_.on_answered(operation.token);
  } else if (status.ok()) {
    if (operation.kind == OperationKind::kExtend)
      leases_.extended(operation.token, operation.lease, operation.sent_at);
  } else if (status.code() == ErrorCode::kClaimSuperseded) {
    lose(operation.token);
  }
  // A checkpoint that was too large may leave nothing that could be saved.
  const bool told_instead =
      !operation.instead.ok() && (status.ok() || status.code() == ErrorCode::kInvalidArgument);
  if (stopped_ || !operation.done) return;
  operation.done(OperationResult{told_instead ? operation.instead : status, finished_unknown});
}

Status Session::on_heartbeat_done(const Frame& frame) {
  if (heartbeat_.id == 0 || frame.request_id != heartbeat_.id) return Status();
  v1::HeartbeatDone done;
  BATON_RETURN_IF_ERROR(parsed(frame, done));
  const Status status(error_code_from_wire(done.code()), done.message());
  if (!status.ok()) {
    heartbeat_failed(status);
    return Status();
  }
  ++env_.metrics.heartbeats_answered;
  const HeartbeatRequest request = std::exchange(heartbeat_, {});
  for (const std::uint64_t token : done.lost()) lose(Token(token));
  leases_.renewed(request.tokens, request.sent_at);
  return Status();
}

void Session::heartbeat_failed(const Status& status) {
  heartbeat_ = HeartbeatRequest{};
  const MonoTime now = env_.loop.now();
  heartbeat_not_before_ = now + heartbeat_patience() / 2;
  arm(heartbeat_not_before_);
  // Another manager may still have the center, or the ledger has forgotten the session: attach
  // again.
  if (env_.managers.size() > 1 || !may_repeat(status.code())) move_on(status);
}

void Session::on_error(const Frame& frame) {
  v1::Error error;
  Status status(ErrorCode::kInternal, "unreadable error");
  if (parsed(frame, error).ok()) status = from_error(error);
  const MonoTime now = env_.loop.now();
  if (frame.request_id == 0) return;  // the connection closes by itself
  if (frame.request_id == attach_request_) {
    attach_request_ = 0;
    attach_failed(status);
  } else if (frame.request_id == heartbeat_.id) {
    heartbeat_failed(status);
  } else if (const auto found = operations_in_flight_.find(frame.request_id);
             found != operations_in_flight_.end()) {
    const OperationsRequest request = std::move(found->second);
    operations_in_flight_.erase(found);
    for (const OpSeq seq : request.seqs) {
      if (may_repeat(status.code()) || status.code() == ErrorCode::kNotFound) {
        operations_.send_again(seq);
      } else {
        operation_answered(seq, status, false);
        if (stopped_) return;
      }
    }
    pause(now);
    if (status.code() == ErrorCode::kNotFound) move_on(status);
  } else if (Line* line = lines_.ended_by(frame.request_id)) {
    line->ending = 0;
    line->not_before = now + backoff(line->failures);
  } else {
    demand_refused(frame.request_id, status);
  }
}

void Session::demand_refused(std::uint64_t request, const Status& status) {
  if (status.code() == ErrorCode::kNotFound || status.code() == ErrorCode::kConflict)
    return move_on(status);
  if (!may_repeat(status.code())) return events_.on_refused(status);
  credit_.refused();  // another line states it again
  Line* line = lines_.demanded_by(request);
  if (line == nullptr || ending_) return;
  send_end_wait(*line);  // a manager may keep a line that only its ledger has refused
  SessionLines::close(*line);
  line->not_before = env_.loop.now() + backoff(line->failures);
}

void Session::lose(Token token, std::optional<LostCause> cause) {
  if (!leases_.lose(token, cause)) return;
  events_.on_lost(token, cause);
}

// ---- sending --------------------------------------------------------------------------------

void Session::schedule_flush() {
  if (flush_scheduled_ || stopped_ || depth_ > 0) return;
  flush_scheduled_ = true;
  env_.loop.post([weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self) return;
    self->flush_scheduled_ = false;
    self->event([] {});
  });
}

void Session::flush() {
  const bool paused = env_.loop.now() < pause_until_;
  if (attached_ && !paused) {
    // What ends claims goes first: it may free what the demand is about.
    if (!going_) send_operations();
    if (ending_) {
      end_lines();
    } else if (!going_) {
      state_credit();
    }
  }
  if (paused) arm(pause_until_);
  // An attached session always expects something: tasks, answers, or at least a living manager. One
  // that is to leave expects only its answers.
  const bool expects = attach_request_ != 0 || !operations_in_flight_.empty() || heartbeat_.id != 0;
  if (open_) channel_->set_outstanding(expects || (attached_ && !going_));
}

// What has grown is told by a line that is open: one that is being opened may be refused.
void Session::state_credit() {
  if (const Line* open = lines_.first_open(); open != nullptr) {
    const auto total = restate_ ? credit_.take_restatement() : credit_.take_statement();
    if (total) send_demand(*open, *total);
  }
  restate_ = false;
  open_lines();
}

void Session::open_lines() {
  const MonoTime now = env_.loop.now();
  for (Line* line : lines_.to_open(now)) {
    const auto total = credit_.take_opening();
    if (!total) return;
    lines_.open(*line);
    line->opening = send_demand(*line, *total);
  }
  if (const MonoTime next = lines_.next_try(now); next != MonoTime::max()) arm(next);
}

void Session::end_lines() {
  const MonoTime now = env_.loop.now();
  for (Line* line : lines_.to_end(now)) line->ending = send_end_wait(*line);
  if (const MonoTime next = lines_.next_try(now); next != MonoTime::max()) arm(next);
}

std::uint64_t Session::send_demand(const Line& line, std::uint64_t total) {
  operations_.forget_anticipation();
  v1::Demand demand;
  demand.set_line(line.number);
  demand.set_queue(line.queue);
  demand.set_lease_ms(static_cast<std::uint32_t>(options_.lease.count()));
  demand.set_total(total);
  demand.set_task(options_.task.value());
  const std::uint64_t request = channel_->next_request_id();
  channel_->send(v1::DEMAND, request, demand);
  return request;
}

void Session::send_operations() {
  const MonoTime now = env_.loop.now();
  while (operations_.has_to_send()) {
    const auto batch = operations_.take_to_send(kBatchItemsMax, bytes_max_, now);
    if (batch.empty()) return;
    v1::Operations message;
    message.set_answered_through(operations_.answered_through().value());
    std::vector<std::string_view> payload;
    OperationsRequest request;
    request.sent_at = now;
    for (Operation* operation : batch) {
      if (operation->bytes.size() > bytes_max_) shrink(*operation);
      // Without a line there is nothing that the ledger could raise.
      if (!waiting()) operation->anticipated = false;
      to_wire(*operation, message.add_operation());
      payload.push_back(operation->bytes);
      request.seqs.push_back(operation->seq);
    }
    const std::uint64_t id = channel_->next_request_id();
    operations_in_flight_.emplace(id, std::move(request));
    channel_->send(v1::OPERATIONS, id, message, payload);
    arm(now + env_.answer_timeout);
  }
}

// A result that no frame of this manager can carry would end every connection: the task failed
// instead. Of a checkpoint only the progress is told.
void Session::shrink(Operation& operation) const {
  const bool saves = operation.kind == OperationKind::kSave;
  operation.instead =
      Status(ErrorCode::kTooLarge, (saves ? "checkpoint of " : "result of ") +
                                       std::to_string(operation.bytes.size()) +
                                       " bytes, this manager takes " + std::to_string(bytes_max_));
  operation.bytes = saves ? "" : operation.instead.message();
  operation.checkpoint = false;
  if (saves) return;
  operation.kind = OperationKind::kNack;
  operation.text.clear();
}

void Session::send_heartbeat(MonoTime now) {
  heartbeat_ = HeartbeatRequest{channel_->next_request_id(), leases_.to_renew(), now};
  heartbeat_sent_at_ = now;
  v1::Heartbeat message;
  for (const Token token : heartbeat_.tokens) message.add_token(token.value());
  ++env_.metrics.heartbeats_sent;
  channel_->send(v1::HEARTBEAT, heartbeat_.id, message);
  restate_ = true;  // now and then, to repair a credit that the ledger does not have after all
}

std::uint64_t Session::send_end_wait(const Line& line) {
  v1::EndWait message;
  message.set_line(line.number);
  const std::uint64_t request = channel_->next_request_id();
  channel_->send(v1::END_WAIT, request, message);
  return request;
}

// Doubling, with jitter.
Duration Session::backoff(int& failures) {
  const Duration most =
      std::min<Duration>(kBackoffFirst * (1 << std::min(failures, 8)), kBackoffLast);
  ++failures;
  return most / 2 + Duration(static_cast<std::int64_t>(
                        random_.below(static_cast<std::uint64_t>(most.count() / 2))));
}

void Session::pause(MonoTime now) { pause_until_ = now + backoff(failures_); }

void Session::move_on(Status reason) {
  if (!open_) return;
  open_ = attached_ = false;  // nothing of this connection counts any more
  channel_->reconnect(std::move(reason));
}

// ---- time -----------------------------------------------------------------------------------

// How long an answer to attach or heartbeat may take before another manager is tried. With the
// first heartbeat after an eighth of the lease this leaves a twelfth for the other one (R15).
Duration Session::heartbeat_patience() const {
  const Millis usual = options_.lease > Millis(0) ? options_.lease : kLeaseDefault;
  return std::min<Duration>(Duration(leases_.shortest(usual)) / 8, env_.answer_timeout);
}

MonoTime Session::heartbeat_due() const {
  const MonoTime due = std::min(leases_.heartbeat_due(), heartbeat_sent_at_ + kIdleHeartbeat);
  return std::max(due, heartbeat_not_before_);
}

void Session::on_timer() {
  const MonoTime now = env_.loop.now();
  for (const Token token : leases_.expire(now)) {
    events_.on_lost(token, LostCause::kLease);
    if (stopped_) return;
  }
  if (!open_) return;
  const Status silent(ErrorCode::kDeadlineExceeded, "the manager does not answer");
  if (attach_request_ != 0 && now >= attach_sent_at_ + heartbeat_patience()) {
    move_on(silent);
  } else if (heartbeat_.id != 0 && now >= heartbeat_.sent_at + heartbeat_patience()) {
    move_on(silent);
  } else if (!operations_in_flight_.empty() &&
             now >= operations_in_flight_.begin()->second.sent_at + env_.answer_timeout) {
    move_on(silent);
  } else if (now >= move_at_) {
    move_on(Status(ErrorCode::kUnavailable, "the manager cannot attach the consumer now"));
  } else if (attached_ && !going_ && heartbeat_.id == 0 && now >= heartbeat_due()) {
    send_heartbeat(now);
  }
}

MonoTime Session::next_check(MonoTime now) const {
  MonoTime next = leases_.deadline();
  if (!open_) return next;
  if (attach_request_ != 0) next = std::min(next, attach_sent_at_ + heartbeat_patience());
  if (heartbeat_.id != 0) next = std::min(next, heartbeat_.sent_at + heartbeat_patience());
  if (attached_ && !going_ && heartbeat_.id == 0) next = std::min(next, heartbeat_due());
  if (!operations_in_flight_.empty()) {
    next = std::min(next, operations_in_flight_.begin()->second.sent_at + env_.answer_timeout);
  }
  if (pause_until_ > now) next = std::min(next, pause_until_);
  return std::min(next, move_at_);
}

// Makes sure that on_timer() runs at `at` or before.
void Session::arm(MonoTime at) {
  if (timer_ != 0 && timer_at_ <= at) return;
  env_.loop.cancel(timer_);
  timer_at_ = at;
  timer_ = env_.loop.call_at(at, [weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self || self->stopped_) return;
    self->timer_ = 0;
    self->event([&] { self->on_timer(); });
    if (self->stopped_) return;
    const MonoTime next = self->next_check(self->env_.loop.now());
    if (next != MonoTime::max()) self->arm(next);
  });
}

}  // namespace baton::client
