#include "manager/service/session_service.h"

#include <algorithm>
#include <memory>
#include <set>
#include <utility>
#include <variant>

#include "common/base/limits.h"
#include "common/base/utf8.h"
#include "common/net/frame.h"
#include "manager/service/wire.h"

namespace baton::manager {
namespace {

constexpr std::size_t kResyncSessionsMax = 1000;  // per question
constexpr Duration kResyncTimeout = std::chrono::seconds(2);
// A frame becomes a part of one ledger entry, which may touch kEntryTasksMax tasks.
constexpr std::size_t kFrameTasksMax = kEntryTasksMax;

Status invalid(const char* why) { return Status(ErrorCode::kInvalidArgument, why); }

// REQUIRES: the operation has a record.
ResultKey result_key(const SessionOperation& operation) {
  return {operation.task, operation.token, operation.record_kind(), operation.result_shard,
          operation.result_lsn};
}

// Whether this is how a command of this kind is answered.
bool answers(const v1::Outcome& outcome, const RelayCommand& command) {
  switch (outcome.kind_case()) {
    case v1::Outcome::kAttach:
      return std::holds_alternative<AttachCommand>(command);
    case v1::Outcome::kOperations:
      return std::holds_alternative<OperationsCommand>(command);
    case v1::Outcome::kHeartbeat:
      return std::holds_alternative<HeartbeatCommand>(command);
    case v1::Outcome::kSimple:
      return !std::holds_alternative<AttachCommand>(command) &&
             !std::holds_alternative<OperationsCommand>(command) &&
             !std::holds_alternative<HeartbeatCommand>(command);
    default:
      return false;
  }
}

Status check_text(const char* what, const std::string& text) {
  if (text.size() > kTaskTextBytesMax) {
    return {ErrorCode::kInvalidArgument, std::string(what) + " is over 200 bytes"};
  }
  if (!is_utf8(text)) return {ErrorCode::kInvalidArgument, std::string(what) + " is not UTF-8"};
  return {};
}

Status check_ack(const v1::Operation& ack) {
  if (ack.length() > kResultBytesMax) {
    return {ErrorCode::kTooLarge, "the result is over 1 MiB"};
  }
  if (!v1::FailurePolicy_IsValid(ack.on_failed_child())) {
    return invalid("on_failed_child is no policy");
  }
  return check_text("the content type", ack.content_type());
}

Status check_nack(const v1::Operation& nack) {
  if (nack.length() > kReasonBytesMax) return invalid("the reason is over 1,024 bytes");
  if (millis_from_wire(nack.delay_ms()) > kTaskSpanMax) {
    return invalid("the delay of a nack is outside 0 to 10 years");
  }
  if (nack.dead() && nack.has_delay_ms()) {
    return invalid("a nack makes the task dead or delays it, not both");
  }
  return {};
}

Status check_save(const v1::Operation& save) {
  if (save.percent() > 100) return invalid("percent is outside 0 to 100");
  BATON_RETURN_IF_ERROR(check_text("the progress", save.progress()));
  if (!save.checkpoint() && save.length() > 0) {
    return invalid("only a checkpoint has bytes to save");
  }
  if (save.length() > kResultBytesMax) {
    return {ErrorCode::kTooLarge, "the checkpoint is over 1 MiB"};
  }
  if (!save.checkpoint() && !save.has_percent() && save.progress().empty()) {
    return invalid("a save has progress or a checkpoint");
  }
  return {};
}

// What belongs to the kind; the rest is not looked at.
Status check_operation_fields(const v1::Operation& operation) {
  if (operation.kind() == v1::ACK) return check_ack(operation);
  if (operation.kind() == v1::NACK) return check_nack(operation);
  return check_save(operation);
}

std::size_t tasks_of(const RelayCommand& command) {
  if (const auto* operations = std::get_if<OperationsCommand>(&command)) {
    return 2 * operations->operations.size();  // each may end one claim and begin another
  }
  if (const auto* heartbeat = std::get_if<HeartbeatCommand>(&command))
    return heartbeat->tokens.size();
  if (const auto* attach = std::get_if<AttachCommand>(&command))
    return kSessionWindowMax + attach->held.size();
  return 1;
}

}  // namespace

SessionService::SessionService(ServiceContext& context, ShardLogs& logs, CenterLink& link,
                               SessionRelay& relay, ResultWatch& results,
                               std::function<bool()> may_append)
    : context_(context),
      logs_(logs),
      link_(link),
      relay_(relay),
      results_(results),
      may_append_(std::move(may_append)) {}

// ---- frames of clients --------------------------------------------------------------------------

Status SessionService::on_attach(Peer& peer, const Frame& frame) {
  v1::Attach attach;
  BATON_RETURN_IF_ERROR(parse_metadata(frame.metadata, attach));
  BATON_RETURN_IF_ERROR(check_items("held", attach.held_size(), kHeldMax));
  Status status;
  if (!from_wire(attach.session())) status = invalid("a session needs an id");
  if (attach.conn_epoch() == 0) status = invalid("conn_epoch starts at 1");
  if (attach.consumer().size() > kConsumerNameBytesMax)
    status = invalid("the consumer's name is over 200 bytes");
  if (!status.ok()) {
    peer.send_error(frame.request_id, status);
    return {};
  }
  AttachCommand command{SessionId(from_wire(attach.session())),
                        ConnEpoch(attach.conn_epoch()),
                        {},
                        attach.consumer()};
  for (const std::uint64_t token : attach.held()) command.held.emplace_back(token);
  relay_.attach(peer.id(), frame.request_id, std::move(command));
  changed();
  return {};
}

Status SessionService::on_demand(Peer& peer, const Frame& frame) {
  v1::Demand demand;
  BATON_RETURN_IF_ERROR(parse_metadata(frame.metadata, demand));
  Status status = validate_queue_name(demand.queue());
  if (status.ok() && demand.lease_ms() != 0) status = validate_lease(Millis(demand.lease_ms()));
  if (status.ok() && demand.line() == 0) status = invalid("lines start at 1");
  if (status.ok() && demand.task() != 0 && !TaskId(demand.task()).valid()) {
    status = invalid("no task has that id");
  }
  if (!status.ok()) {
    peer.send_error(frame.request_id, status);
    return {};
  }
  DemandCommand command;
  command.line = LineId(demand.line());
  command.queue = demand.queue();
  command.lease = Millis(demand.lease_ms());
  command.total = demand.total();
  command.task = TaskId(demand.task());
  relay_.demand(peer.id(), frame.request_id, std::move(command));
  changed();
  return {};
}

Status SessionService::on_end_wait(Peer& peer, const Frame& frame) {
  v1::EndWait end_wait;
  BATON_RETURN_IF_ERROR(parse_metadata(frame.metadata, end_wait));
  relay_.end_wait(peer.id(), frame.request_id, LineId(end_wait.line()));
  changed();
  return {};
}

Status SessionService::on_heartbeat(Peer& peer, const Frame& frame) {
  v1::Heartbeat heartbeat;
  BATON_RETURN_IF_ERROR(parse_metadata(frame.metadata, heartbeat));
  BATON_RETURN_IF_ERROR(check_items("token", heartbeat.token_size(), kBatchItemsMax));
  std::vector<Token> tokens;
  tokens.reserve(static_cast<std::size_t>(heartbeat.token_size()));
  for (const std::uint64_t token : heartbeat.token()) tokens.emplace_back(token);
  ++context_.metrics.heartbeats;
  relay_.heartbeat(peer.id(), frame.request_id, std::move(tokens));
  changed();
  return {};
}

Status SessionService::on_operations(Peer& peer, const Frame& frame) {
  BATON_RETURN_IF_ERROR(parse_metadata(frame.metadata, operations_));
  BATON_RETURN_IF_ERROR(check_items("operation", operations_.operation_size(), kBatchItemsMax));
  std::vector<std::uint32_t> lengths;
  lengths.reserve(static_cast<std::size_t>(operations_.operation_size()));
  for (const v1::Operation& operation : operations_.operation())
    lengths.push_back(operation.length());
  auto pieces = cut_payload(frame.payload, lengths);
  if (!pieces.ok()) return pieces.status();

  Request request{.peer = peer.id(),
                  .request = frame.request_id,
                  .session = relay_.session_of(peer.id()),
                  .answered_through = OpSeq(operations_.answered_through())};
  if (!request.session) {
    peer.send_error(frame.request_id, invalid("this connection has not attached a session"));
    return {};
  }
  context_.metrics.operations += lengths.size();
  Lsn last_lsn;
  for (int i = 0; i < operations_.operation_size(); ++i) {
    check_operation(operations_.operation(i), pieces.value()[static_cast<std::size_t>(i)], request,
                    last_lsn);
  }
  if (last_lsn || turns_.contains(peer.id())) {
    take_turn(std::move(request), last_lsn);
  } else {
    forward(std::move(request));
  }
  return {};
}

// `last_lsn`: of its records; none: it has none.
void SessionService::take_turn(Request request, Lsn last_lsn) {
  const PeerId peer = request.peer;
  const auto turn = std::make_shared<Turn>(Turn{std::move(request), !last_lsn});
  turns_[peer].push_back(turn);
  ++writing_;
  if (!last_lsn) return;
  logs_.active()->when_durable(last_lsn, context_.guarded([this, peer, turn](Status status) {
    if (!status.ok()) {
      --writing_;
      return;  // the node is about to end (I15)
    }
    turn->durable = true;
    forward_durable(peer);
  }));
}

void SessionService::forward_durable(PeerId peer) {
  while (true) {
    const auto turns = turns_.find(peer);
    if (turns == turns_.end() || !turns->second.front()->durable) return;
    Request request = std::move(turns->second.front()->request);
    turns->second.pop_front();
    if (turns->second.empty()) turns_.erase(turns);
    --writing_;
    forward(std::move(request));
  }
}

void SessionService::check_operation(const v1::Operation& wire, std::string_view payload,
                                     Request& request, Lsn& last_lsn) {
  OperationResult verdict = judge(wire);
  SessionOperation operation;
  if (verdict.code == ErrorCode::kOk) {
    operation = from_wire(wire);
    if (operation.kind == OperationKind::kNack) operation.reason = payload;
    const bool has_record = !payload.empty() && (operation.kind == OperationKind::kAck ||
                                                 operation.kind == OperationKind::kSave);
    if (has_record && !store_record(payload, wire.content_type(), operation, last_lsn)) {
      verdict = {OpSeq(wire.seq()), ErrorCode::kUnavailable,
                 "this manager cannot store a result: it is not registered with the center", false};
    }
  }
  if (verdict.code == ErrorCode::kOk) {
    request.operations.push_back(std::move(operation));
  } else {
    request.decided.push_back(std::move(verdict));
  }
}

OperationResult SessionService::judge(const v1::Operation& operation) {
  OperationResult verdict{OpSeq(operation.seq()), ErrorCode::kOk, "", false};
  const auto refuse = [&verdict](ErrorCode code, std::string why) {
    verdict.code = code;
    verdict.message = std::move(why);
    return verdict;
  };
  if (operation.seq() == 0)
    return refuse(ErrorCode::kInvalidArgument, "operations are numbered from 1");
  if (!TaskId(operation.task()).valid())
    return refuse(ErrorCode::kInvalidArgument, "no task has that id");
  switch (operation.kind()) {
    case v1::ACK:
    case v1::NACK:
    case v1::SAVE:
      if (Status status = check_operation_fields(operation); !status.ok()) {
        return refuse(status.code(), status.message());
      }
      return verdict;
    case v1::RELEASE:
      return verdict;
    case v1::EXTEND:
      if (Status status = validate_lease(Millis(operation.lease_ms())); !status.ok()) {
        return refuse(status.code(), status.message());
      }
      return verdict;
    default:
      return refuse(ErrorCode::kInvalidArgument, "no such kind of operation");
  }
}

// Synced before the ack or save is proposed (R16). False: nothing may be appended now.
bool SessionService::store_record(std::string_view bytes, const std::string& content_type,
                                  SessionOperation& operation, Lsn& last_lsn) {
  LogStore* log = logs_.active();
  if (log == nullptr || !may_append_()) return false;
  operation.result_shard = log->shard();
  ResultRecord record{operation.task, operation.token, operation.record_kind(), std::string(bytes)};
  if (operation.kind == OperationKind::kAck) record.content_type = content_type;
  operation.result_lsn = log->append_result(record);
  operation.result_bytes = static_cast<std::uint32_t>(bytes.size());
  last_lsn = std::max(last_lsn, operation.result_lsn);
  results_.written(result_key(operation), context_.loop.now());
  return true;
}

void SessionService::forward(Request request) {
  if (relay_.session_of(request.peer) != request.session) {
    return forget_results(request.operations);  // the client repeats them on its next connection
  }
  if (request.operations.empty()) {
    TellOperationsDone done{request.peer, request.request, std::move(request.decided)};
    return tell(done);
  }
  if (!request.decided.empty()) {
    decided_[{request.peer, request.request}] = std::move(request.decided);
  }
  relay_.operations(request.peer, request.request, request.answered_through,
                    std::move(request.operations));
  changed();
}

void SessionService::forget_results(const std::vector<SessionOperation>& operations) {
  for (const SessionOperation& operation : operations) {
    if (!operation.result_lsn) continue;
    results_.abandoned(result_key(operation));
  }
}

void SessionService::on_closed(PeerId peer) {
  relay_.closed(peer);
  decided_.erase(decided_.lower_bound({peer, 0}), decided_.lower_bound({peer + 1, 0}));
  changed();
}

// ---- the channel --------------------------------------------------------------------------------

void SessionService::channel_up() {
  ++channel_;
  relay_.channel_up();
  resync();
  changed();
}

void SessionService::channel_down() {
  ++channel_;
  relay_.channel_down();
  changed();
}

void SessionService::on_grants(const v1::ChannelGrants& grants) {
  std::vector<SessionGrant> values;
  values.reserve(static_cast<std::size_t>(grants.grant_size()));
  for (const v1::Grant& grant : grants.grant()) values.push_back(from_wire(grant));
  relay_.granted(values);
  std::vector<LostClaim> lost;
  lost.reserve(static_cast<std::size_t>(grants.lost_size()));
  for (const v1::SessionLostClaim& claim : grants.lost()) lost.push_back(from_wire(claim));
  relay_.lost(lost);
  // Not at the end of the turn: a grant is what somebody waits for.
  flush();
}

// Compares what the sessions were granted with what arrived (R10), some hundred at a time.
void SessionService::resync() {
  std::vector<ResyncItem> items = relay_.resync_items();
  if (items.empty() || !relay_.is_up()) return;
  if (items.size() > kResyncSessionsMax) items.resize(kResyncSessionsMax);
  v1::ChannelQuery query;
  for (const ResyncItem& item : items) {
    v1::ResyncSession& session = *query.mutable_resync()->add_session();
    to_wire(item.session, session.mutable_session());
    session.set_conn_epoch(item.conn_epoch.value());
    session.set_credit_total(item.credit_total);
    session.set_last_number(item.last_number.value());
  }
  link_.query(
      query, kResyncTimeout,
      [this, channel = channel_](const Status& status, const v1::ChannelAnswer& answer) {
        if (channel != channel_ || !link_.is_open()) return;
        if (!status.ok() || answer.code() != v1::OK || answer.resync().session_size() == 0) {
          link_.reconnect(Status(ErrorCode::kUnavailable, "the center did not resync"));
          return;
        }
        std::vector<ResyncResult> results;
        for (const v1::ResyncState& state : answer.resync().session()) {
          results.push_back(from_wire(state));
        }
        relay_.resynced(std::move(results));
        changed();
        resync();
      });
}

void SessionService::send_commands() {
  const std::vector<CommandId> ids = relay_.take_unsent();
  std::size_t at = 0;
  while (at < ids.size()) {
    commands_.Clear();
    std::vector<CommandId> sent;
    std::size_t tasks = 0;
    while (at < ids.size() && sent.size() < kBatchItemsMax) {
      const RelayCommand& command = relay_.command(ids[at]);
      tasks += tasks_of(command);
      if (!sent.empty() && tasks > kFrameTasksMax) break;
      to_wire(command, *commands_.add_command());
      sent.push_back(ids[at++]);
    }
    link_.send(commands_, [this, sent = std::move(sent), channel = channel_](
                              const Status& status, const v1::ChannelOutcomes& outcomes) {
      if (channel == channel_) on_outcomes(sent, status, outcomes);
    });
  }
}

void SessionService::on_outcomes(const std::vector<CommandId>& ids, const Status& status,
                                 const v1::ChannelOutcomes& outcomes) {
  if (!status.ok() || static_cast<std::size_t>(outcomes.outcome_size()) != ids.size()) {
    if (!link_.is_open()) return;  // channel_down() follows
    // Nothing of the frame had an effect, or we are not who the center thinks: start over, which
    // sends everything again.
    context_.logger.warn("commands refused", {kv("status", status)});
    link_.reconnect(status.ok() ? Status(ErrorCode::kInternal, "outcomes are missing") : status);
    return;
  }
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const v1::Outcome& outcome = outcomes.outcome(static_cast<int>(i));
    if (!answers(outcome, relay_.command(ids[i]))) {
      context_.logger.warn("outcome of another kind",
                           {kv("kind", static_cast<int>(outcome.kind_case()))});
      link_.reconnect(Status(ErrorCode::kInternal, "an outcome does not fit its command"));
      return;
    }
    on_outcome(ids[i], outcome);
  }
  flush();
}

void SessionService::on_outcome(CommandId id, const v1::Outcome& outcome) {
  switch (outcome.kind_case()) {
    case v1::Outcome::kAttach: {
      const v1::AttachOutcome& attach = outcome.attach();
      std::vector<Token> kept;
      for (const std::uint64_t token : attach.kept()) kept.emplace_back(token);
      relay_.attach_answered(id, status_from_wire(attach.code(), attach.message()),
                             ConnEpoch(attach.conn_epoch()), std::move(kept));
      return;
    }
    case v1::Outcome::kOperations: {
      std::vector<OperationResult> results;
      for (const v1::OperationOutcome& one : outcome.operations().outcome()) {
        results.push_back(from_wire(one));
      }
      for (const SessionOperation& operation :
           std::get<OperationsCommand>(relay_.command(id)).operations) {
        if (operation.result_lsn) results_.answered(result_key(operation));
      }
      relay_.operations_answered(id, std::move(results));
      return;
    }
    case v1::Outcome::kHeartbeat: {
      const v1::SessionHeartbeatOutcome& heartbeat = outcome.heartbeat();
      std::vector<Token> lost;
      for (const std::uint64_t token : heartbeat.lost()) lost.emplace_back(token);
      relay_.heartbeat_answered(id, status_from_wire(heartbeat.code(), heartbeat.message()),
                                std::move(lost));
      return;
    }
    default:
      relay_.answered(id, status_from_wire(outcome.simple().code(), outcome.simple().message()));
  }
}

// ---- effects ------------------------------------------------------------------------------------

void SessionService::changed() {
  if (std::exchange(flush_planned_, true)) return;
  context_.post([this] { flush(); });
}

void SessionService::flush() {
  flush_planned_ = false;
  while (relay_.has_effects()) {
    for (RelayEffect& effect : relay_.take_effects()) {
      std::visit([this](auto& value) { tell(value); }, effect);
    }
    courier_->pump();
  }
  send_commands();
}

void SessionService::tell(TellAttached& effect) {
  Peer* peer = server_->find(effect.connection);
  if (peer == nullptr) return;
  v1::Attached attached;
  attached.set_code(to_wire(effect.status.code()));
  attached.set_message(effect.status.message());
  attached.set_conn_epoch(effect.conn_epoch.value());
  for (const Token token : effect.kept) attached.add_kept(token.value());
  peer->send(v1::ATTACHED, effect.request, attached);
}

void SessionService::tell(TellWaitEnded& effect) {
  Peer* peer = server_->find(effect.connection);
  if (peer == nullptr) return;
  v1::WaitEnded ended;
  ended.set_line(effect.line.value());
  peer->send(v1::WAIT_ENDED, effect.request, ended);
}

void SessionService::tell(TellOperationsDone& effect) {
  if (const auto decided = decided_.find({effect.connection, effect.request});
      decided != decided_.end()) {
    std::move(decided->second.begin(), decided->second.end(), std::back_inserter(effect.outcomes));
    decided_.erase(decided);
  }
  Peer* peer = server_->find(effect.connection);
  if (peer == nullptr) return;
  operations_done_.Clear();
  for (const OperationResult& outcome : effect.outcomes) {
    to_wire(outcome, *operations_done_.add_outcome());
  }
  peer->send(v1::OPERATIONS_DONE, effect.request, operations_done_);
}

void SessionService::tell(TellHeartbeatDone& effect) {
  Peer* peer = server_->find(effect.connection);
  if (peer == nullptr) return;
  v1::HeartbeatDone done;
  done.set_code(to_wire(effect.status.code()));
  done.set_message(effect.status.message());
  for (const Token token : effect.lost) done.add_lost(token.value());
  peer->send(v1::HEARTBEAT_DONE, effect.request, done);
}

void SessionService::tell(TellError& effect) {
  if (Peer* peer = server_->find(effect.connection); peer != nullptr) {
    peer->send_error(effect.request, effect.status);
  }
}

void SessionService::tell(TellDied& effect) {
  Peer* peer = server_->find(effect.connection);
  if (peer == nullptr) return;
  v1::Tasks tasks;
  tasks.set_conn_epoch(effect.conn_epoch.value());
  for (const GrantNumber number : effect.numbers) tasks.add_died(number.value());
  peer->send(v1::TASKS, 0, tasks);
}

void SessionService::tell(TellLost& effect) {
  std::set<Token> tokens;
  for (const LostClaim& claim : effect.claims) tokens.insert(claim.token);
  courier_->lost(tokens);
  Peer* peer = server_->find(effect.connection);
  if (peer == nullptr) return;
  for (std::size_t at = 0; at < effect.claims.size(); at += kBatchItemsMax) {
    v1::ClaimsLost lost;
    const std::size_t end = std::min(effect.claims.size(), at + kBatchItemsMax);
    for (std::size_t i = at; i < end; ++i) to_wire(effect.claims[i], *lost.add_claim());
    peer->send(v1::CLAIMS_LOST, 0, lost);
  }
}

void SessionService::tell(TellClose& effect) {
  if (Peer* peer = server_->find(effect.connection); peer != nullptr) peer->close(effect.status);
}

void SessionService::tell(Deliver& effect) { courier_->add(std::move(effect)); }

void SessionService::tell(Forgotten& effect) { forget_results(effect.operations); }

void SessionService::drain() {
  relay_.drain();
  changed();
}

}  // namespace baton::manager
