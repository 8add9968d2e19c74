#include "center/service/query_service.h"

#include <algorithm>
#include <utility>

#include "center/service/answers.h"
#include "center/storage/command_codec.h"
#include "center/storage/outcome_codec.h"
#include "center/storage/wire_values.h"
#include "common/base/limits.h"
#include "version.h"

namespace baton::center {
namespace {

Status invalid(const char* what) { return Status(ErrorCode::kInvalidArgument, what); }

// An answer to a client's question carries its status twice: for the manager, and to pass on.
void set_both(const Status& status, v1::ChannelAnswer& answer) {
  set_status(status, &answer);
  set_status(status, answer.mutable_answer());
}

// Whose shard it is.
std::string manager_of(TaskId task, const std::vector<ManagerView>& managers) {
  for (const ManagerView& manager : managers) {
    for (const ShardView& shard : manager.shards) {
      if (shard.shard == task.shard()) return manager.name;
    }
  }
  return {};
}

std::size_t page_limit(std::uint32_t asked) {
  return asked == 0 ? QueryService::kListMax : std::min<std::size_t>(asked, QueryService::kListMax);
}

}  // namespace

QueryService::QueryService(Loop& loop, LedgerHost& host, const ManagerLiveness& liveness,
                           World world)
    : loop_(loop),
      host_(host),
      liveness_(liveness),
      world_(std::move(world)),
      up_since_(loop.wall_now()),
      ends_(host) {}

void QueryService::answer(Incarnation asker, v1::ChannelQuery query, Reply reply) {
  const Millis timeout =
      query.timeout_ms() == 0 ? kTimeoutDefault : std::min(Millis(query.timeout_ms()), kTimeoutMax);
  v1::ChannelAnswer answer;
  answer.set_index(ledger().index().value());
  switch (query.what_case()) {
    case v1::ChannelQuery::kQuery:
      return answer_client(query.query(), timeout, std::move(reply));
    case v1::ChannelQuery::kResync:
      resync(asker, query.resync(), answer);
      break;
    case v1::ChannelQuery::kSettle:
      settle(query.settle(), answer);
      break;
    case v1::ChannelQuery::kLive:
      live(query.live(), answer);
      break;
    case v1::ChannelQuery::kMembers:
      members(answer);
      break;
    case v1::ChannelQuery::kQueueRules:
      queue_rules(query.queue_rules(), answer);
      break;
    case v1::ChannelQuery::WHAT_NOT_SET:
      set_status(invalid("a question that this center does not know"), &answer);
      break;
  }
  reply(answer);
}

void QueryService::answer_client(const v1::Query& query, Millis timeout, Reply reply) {
  const auto ask_about = [&](std::uint64_t task) {
    const MonoTime now = loop_.now();
    answer_task({query, TaskId(task), now, now + timeout, std::move(reply)});
  };
  v1::ChannelAnswer answer;
  answer.set_index(ledger().index().value());
  answer.mutable_answer()->set_index(answer.index());
  switch (query.what_case()) {
    case v1::Query::kTaskShow:
      return ask_about(query.task_show().task());
    case v1::Query::kTaskResult:
      return ask_about(query.task_result().task());
    case v1::Query::kTaskHistory:
      return ask_about(query.task_history().task());
    case v1::Query::kTaskWait:
      return ask_about(query.task_wait().task());
    case v1::Query::kTaskExplain:
      return ask_about(query.task_explain().task());
    case v1::Query::kTaskPayload:
      return ask_about(query.task_payload().task());
    case v1::Query::kManagerRemove:
    case v1::Query::kQueueSet:
    case v1::Query::kQueuePurge:
      if (std::optional<Command> command = command_of(query, answer))
        return propose(std::move(*command), std::move(reply));
      break;
    case v1::Query::kQueueShow:
      show_queue(query.queue_show(), *answer.mutable_answer());
      break;
    case v1::Query::kTaskList:
      list_tasks(query.task_list(), *answer.mutable_answer());
      break;
    case v1::Query::kQueueList:
      list_queues(query.queue_list(), *answer.mutable_answer());
      break;
    case v1::Query::kManagerList:
      list_managers(*answer.mutable_answer());
      break;
    case v1::Query::kCenterStatus:
      center_status(*answer.mutable_answer());
      break;
    case v1::Query::kAuditStatus:
      audit_status(*answer.mutable_answer());
      break;
    case v1::Query::WHAT_NOT_SET:
      set_both(invalid("a question that this center does not know"), answer);
      break;
  }
  answer.set_code(answer.answer().code());
  answer.set_message(answer.answer().message());
  reply(answer);
}

// ---- changing ----

// What the ledger could not read again must never get into it, whoever asks for it.
std::optional<Command> QueryService::command_of(const v1::Query& query, v1::ChannelAnswer& answer) {
  v1::Command wire;
  if (query.has_manager_remove()) wire.mutable_remove()->set_name(query.manager_remove().name());
  if (query.has_queue_purge()) wire.mutable_purge()->set_queue(query.queue_purge().queue());
  if (query.has_queue_set()) {
    wire.mutable_set_queue()->set_queue(query.queue_set().queue());
    *wire.mutable_set_queue()->mutable_settings() = query.queue_set().settings();
  }
  Result<Command> command = decode_command(wire);
  if (command.ok()) return std::move(command).value();
  set_both(command.status(), answer);
  return std::nullopt;
}

void QueryService::propose(Command command, Reply reply) {
  // Who changes a queue is told all that holds then.
  const auto* set = std::get_if<SetQueue>(&command);
  v1::QueueShow shown;
  if (set != nullptr) shown.set_queue(set->queue);
  world_.propose(std::move(command),
                 [this, shown, reply = std::move(reply)](const Outcome* outcome) {
                   v1::ChannelAnswer answer;
                   answer.set_index(ledger().index().value());
                   answer.mutable_answer()->set_index(answer.index());
                   Status status(ErrorCode::kUnavailable, "this center no longer leads");
                   if (outcome != nullptr) {
                     if (const auto* simple = std::get_if<SimpleOutcome>(outcome))
                       status = simple->status;
                     if (const auto* purged = std::get_if<PurgeOutcome>(outcome)) {
                       status = purged->status;
                       answer.mutable_answer()->mutable_purge()->set_tasks(purged->tasks);
                     }
                   }
                   if (status.ok() && !shown.queue().empty())
                     show_queue(shown, *answer.mutable_answer());
                   set_both(status, answer);
                   reply(answer);
                 });
}

// ---- one task ----

void QueryService::answer_task(Parked question) {
  if (!question.task.valid()) {
    v1::ChannelAnswer answer;
    set_both(invalid("no task has this id"), answer);
    return question.reply(answer);
  }
  auto shared = std::make_shared<Parked>(std::move(question));
  const Closure done = gate_.on_loop([this, shared] {
    if (!try_task(*shared)) park(std::move(*shared));
  });
  host_.barrier([done, reply = shared->reply](const Status& status) {
    if (status.ok()) return done();
    v1::ChannelAnswer answer;
    set_both(Status(ErrorCode::kUnavailable, status.message()), answer);
    reply(answer);
  });
}

namespace {

bool is_forgotten(const TaskView& task) {
  return task.state == TaskState::kDone && task.queue.empty();
}

// Whether the answer says how the task ended.
bool tells_state(const v1::Query& query) {
  return query.has_task_show() || query.has_task_wait() || query.has_task_explain();
}

}  // namespace

bool QueryService::try_task(const Parked& question) {
  const Result<TaskView> found = ledger().find(question.task);
  if (found.status().code() == ErrorCode::kUnavailable) return false;
  if (found.ok() && question.query.has_task_history()) {
    task_history(question);
    return true;
  }
  if (found.ok() && question.query.has_task_wait() && !has_ended(found.value().state)) {
    wait_for_end(question);
    return true;
  }
  if (found.ok() && is_forgotten(found.value()) && tells_state(question.query)) {
    ends_.ask(question.task, [this, question](const Result<ForgottenEnds::End>& end) {
      if (end.ok()) return tell_forgotten(question, end.value().state, end.value().reason);
      v1::ChannelAnswer refused;
      set_both(end.status(), refused);
      question.reply(refused);
    });
    return true;
  }
  v1::ChannelAnswer answer;
  answer.set_index(ledger().index().value());
  if (!found.ok()) {
    set_both(found.status(), answer);
  } else if (question.query.has_task_result()) {
    task_result(found.value(), answer);
  } else if (question.query.has_task_explain()) {
    explain(question, *answer.mutable_answer());
  } else {
    encode_view(found.value(), manager_of(question.task, ledger().managers()),
                answer.mutable_answer()->mutable_task());
  }
  if (answer.has_answer()) answer.mutable_answer()->set_index(answer.index());
  question.reply(answer);
  return true;
}

void QueryService::explain(const TaskQuestion& question, v1::Answer& answer) const {
  const Result<Explanation> explained = ledger().explain(question.task);
  if (!explained.ok()) return set_status(explained.status(), &answer);
  v1::Explanation* wire = answer.mutable_explanation();
  encode_view(ledger().find(question.task).value(), manager_of(question.task, ledger().managers()),
              wire->mutable_task());
  wire->set_sentence(explained.value().sentence);
  wire->set_because(static_cast<v1::ExplainCode>(explained.value().because));
  wire->set_other(explained.value().other.value());
}

void QueryService::wait_for_end(const Parked& question) {
  if (waits_.full()) {
    v1::ChannelAnswer answer;
    set_both(Status(ErrorCode::kRetryLater, "too many wait for tasks"), answer);
    return question.reply(answer);
  }
  waits_.add(question);
  arm_waits();
}

void QueryService::arm_waits() {
  loop_.cancel(std::exchange(waits_timer_, 0));
  if (waits_.empty()) return;
  waits_timer_ = loop_.call_at(waits_.next_deadline(), gate_.on_loop([this] {
    for (const TaskQuestion& question : waits_.take_expired(loop_.now())) {
      v1::ChannelAnswer answer;
      set_both(Status(ErrorCode::kDeadlineExceeded,
                      "task " + to_string(question.task) + " has not ended"),
               answer);
      question.reply(answer);
    }
    arm_waits();
  }));
}

void QueryService::end_waits(const Effects& effects) {
  if (waits_.empty()) return;
  for (const Transition& transition : effects.transitions) {
    if (!has_ended(transition.to)) continue;
    for (std::uint32_t i = 0; i < transition.count && !waits_.empty(); ++i) {
      for (const TaskQuestion& question : waits_.take(TaskId(transition.first.value() + i)))
        tell_end(question, transition);
    }
  }
}

// The ledger keeps no row of most that has ended, and of such a task only knows that it has: how, is
// in the transition.
void QueryService::tell_end(const TaskQuestion& question, const Transition& ended) {
  const Result<TaskView> found = ledger().find(question.task);
  if (!found.ok() || !is_forgotten(found.value())) return static_cast<void>(try_task(question));
  tell_forgotten(question, ended.to, reason_of(ended.cause));
}

void QueryService::tell_forgotten(const TaskQuestion& question, TaskState ended,
                                  const std::string& reason) {
  v1::ChannelAnswer answer;
  answer.set_index(ledger().index().value());
  answer.mutable_answer()->set_index(answer.index());
  TaskView view;
  view.task = question.task;
  view.state = ended;
  view.reason = reason;
  const bool explains = question.query.has_task_explain();
  v1::Explanation* explained = explains ? answer.mutable_answer()->mutable_explanation() : nullptr;
  encode_view(view, manager_of(question.task, ledger().managers()),
              explains ? explained->mutable_task() : answer.mutable_answer()->mutable_task());
  if (explains) {
    explained->set_because(v1::EXPLAIN_FINISHED);
    explained->set_sentence("it is " + std::string(to_string(ended)) +
                            (reason.empty() ? "" : " (" + reason + ")") +
                            ", and nothing else of it is kept");
  }
  question.reply(answer);
}

// From files, so it takes a while; the answer is true for the index at which it was asked.
void QueryService::task_history(const Parked& question) {
  const v1::TaskHistory& asked = question.query.task_history();
  host_.look_up(
      question.task, asked.cursor(), page_limit(asked.limit()),
      [index = ledger().index(), reply = question.reply](const Result<HistoryPage>& page) {
        v1::ChannelAnswer answer;
        answer.set_index(index.value());
        answer.mutable_answer()->set_index(index.value());
        if (!page.ok()) {
          set_both(page.status(), answer);
        } else {
          encode_view(page.value(), answer.mutable_answer()->mutable_history());
        }
        reply(answer);
      });
}

// Where the result is; none (lsn 0) when the task was completed without one. A parent that was acked has
// one, whatever becomes of its children.
void QueryService::task_result(const TaskView& task, v1::ChannelAnswer& answer) const {
  if (task.state != TaskState::kDone && !task.result) {
    return set_both(
        Status(ErrorCode::kNotFound, "task " + to_string(task.task) + " is " +
                                         std::string(to_string(task.state)) + ": it has no result"),
        answer);
  }
  v1::ResultPlace* place = answer.mutable_result();
  place->set_task(task.task.value());
  place->set_token(task.token.value());
  place->set_shard(task.result.shard.value());
  place->set_kind(v1::RECORD_RESULT);
  place->set_lsn(task.result.lsn.value());
  place->set_length(task.result.bytes);
}

void QueryService::park(Parked question) {
  const Status unknown = ledger().find(question.task).status();
  if (parked_.size() >= kParkedMax || loop_.now() >= question.deadline) {
    v1::ChannelAnswer answer;
    set_both(unknown, answer);
    return question.reply(answer);
  }
  parked_.push_back(std::move(question));
  expire_parked();
}

// Also arms the timer for the next one.
void QueryService::expire_parked() {
  const MonoTime now = loop_.now();
  MonoTime next = MonoTime::max();
  for (auto it = parked_.begin(); it != parked_.end();) {
    if (it->deadline > now) {
      next = std::min(next, it->deadline);
      ++it;
      continue;
    }
    v1::ChannelAnswer answer;
    set_both(Status(ErrorCode::kUnavailable, "shard " + std::to_string(it->task.shard().value()) +
                                                 " has not reported task " + to_string(it->task) +
                                                 " yet"),
             answer);
    const Reply reply = std::move(it->reply);
    it = parked_.erase(it);
    reply(answer);
  }
  loop_.cancel(std::exchange(timer_, 0));
  if (!parked_.empty()) timer_ = loop_.call_at(next, gate_.on_loop([this] { expire_parked(); }));
}

void QueryService::on_applied(const Effects& effects) {
  ends_.applied(effects);
  end_waits(effects);
  for (auto it = parked_.begin(); it != parked_.end();) {
    if (ledger().find(it->task).status().code() == ErrorCode::kUnavailable) {
      ++it;
      continue;
    }
    const Parked question = std::move(*it);
    it = parked_.erase(it);
    try_task(question);
  }
}

// Whoever asks knows the id, so the task was durable before the question. A beat that arrives more
// than kPeerDeadAfter after it was composed after it: a slower link counts as dead.
void QueryService::on_beat(ShardId shard, Offset durable_end) {
  const MonoTime now = loop_.now();
  for (auto it = parked_.begin(); it != parked_.end();) {
    if (it->task.shard() != shard || it->task.offset() < durable_end ||
        now - it->since < kPeerDeadAfter) {
      ++it;
      continue;
    }
    v1::ChannelAnswer answer;
    set_both(Status(ErrorCode::kNotFound, "there is no task " + to_string(it->task)), answer);
    const Reply reply = std::move(it->reply);
    it = parked_.erase(it);
    reply(answer);
  }
}

// ---- lists ----

void QueryService::list_tasks(const v1::TaskList& query, v1::Answer& answer) const {
  if (const Status name = validate_queue_name(query.queue()); !name.ok())
    return set_status(name, &answer);
  const bool any = query.state() == v1::STATE_NONE;
  if (!any && (query.state() < v1::DELAYED || query.state() > v1::VOID)) {
    return set_status(invalid("there is no such state of tasks"), &answer);
  }
  const TaskFilter filter{query.reason_has(), WallTime{query.created_before_wall_ms()},
                          query.attempts_min(), query.order_key(), query.fair_key()};
  const TaskPage page = ledger().list_tasks(query.queue(), static_cast<TaskState>(query.state()),
                                            filter, query.cursor(), page_limit(query.limit()));
  const std::vector<ManagerView> managers = ledger().managers();
  for (const TaskView& task : page.tasks) {
    encode_view(task, manager_of(task.task, managers), answer.mutable_tasks()->add_task());
  }
  answer.mutable_tasks()->set_next(page.next);
}

void QueryService::list_queues(const v1::QueueList& query, v1::Answer& answer) const {
  const QueuePage page =
      ledger().list_queues(query.prefix(), query.cursor(), page_limit(query.limit()));
  for (const QueueView& queue : page.queues)
    encode_view(queue, answer.mutable_queues()->add_queue());
  answer.mutable_queues()->set_next(page.next);
}

void QueryService::show_queue(const v1::QueueShow& query, v1::Answer& answer) const {
  const Result<QueueDetailView> found = ledger().find_queue(query.queue());
  if (!found.ok()) return set_status(found.status(), &answer);
  encode_view(found.value(), answer.mutable_queue());
}

void QueryService::list_managers(v1::Answer& answer) const {
  v1::ManagerPage* page = answer.mutable_managers();
  for (const ManagerView& manager : ledger().managers()) {
    encode_view(manager, liveness_.find(manager.incarnation), page->add_manager());
  }
}

void QueryService::center_status(v1::Answer& answer) const {
  const LedgerTotals totals = ledger().totals();
  const StuckTotals stuck = ledger().stuck_totals();
  v1::CenterInfo* info = answer.mutable_center();
  to_wire(ledger().cluster(), info->mutable_cluster());
  info->set_generation(ledger().generation().value());
  info->set_index(ledger().index().value());
  info->set_term(host_.log().term().value());
  info->set_leader(host_.serving());
  info->set_lease_time_ms(static_cast<std::uint64_t>(totals.lease_time.count()));
  info->set_tasks_waiting(totals.waiting);
  info->set_tasks_claimed(totals.claimed);
  info->set_tasks_held(stuck.held);
  info->set_tasks_blocked(stuck.blocked);
  info->set_tasks_dead(stuck.dead);
  info->set_sessions(totals.sessions);
  info->set_memory_bytes(totals.memory_bytes);
  info->set_snapshot_index(host_.snapshot_index().value());
  info->set_state_hash(ledger().state_hash());
  info->set_address(world_.address());
  info->set_version(kVersion);
  info->set_grants(totals.grants);
  info->set_completions(totals.completions);
  info->set_superseded(totals.superseded);
  info->set_up_since_wall_ms(up_since_.ms);
  info->set_audit_violations(host_.auditor().violations());
}

void QueryService::audit_status(v1::Answer& answer) const {
  const Auditor& auditor = host_.auditor();
  const Archive& archive = host_.archive();
  v1::AuditInfo* info = answer.mutable_audit();
  info->set_violations(auditor.violations());
  if (auditor.violations() > 0) {
    info->set_first_violation("entry " + std::to_string(auditor.first().index.value()) + ": " +
                              auditor.first().what);
  }
  info->set_checked_from(host_.audited_from().value());
  info->set_checked_entries(auditor.counts().entries);
  info->set_memory_bytes(auditor.memory_bytes());
  info->set_archive_first(archive.first_index().value());
  info->set_archive_last(archive.head().index.value());
  info->set_archive_bytes(archive.bytes());
  info->set_archive_segments(archive.segments());
  info->set_indexes_waiting(archive.indexes().waiting());
  info->set_replayable(archive.replay_base().has_value());
}

// ---- what managers ask for themselves ----

void QueryService::resync(Incarnation asker, const v1::Resync& query,
                          v1::ChannelAnswer& answer) const {
  if (query.session_size() > static_cast<int>(kItemsMax)) {
    return set_status(invalid("resync: too many sessions"), &answer);
  }
  constexpr std::size_t kResyncBytesMax = std::size_t{3} << 20;
  v1::ResyncAnswer* states = answer.mutable_resync();
  std::size_t bytes = 0;
  for (const v1::ResyncSession& asked : query.session()) {
    const SessionId session(from_wire(asked.session()));
    encode_view(ledger().resync(session, ConnEpoch(asked.conn_epoch()), asker,
                                GrantNumber(asked.last_number())),
                session, states->add_session());
    // Must fit a frame. The manager asks again about those that are missing.
    bytes += states->session().rbegin()->ByteSizeLong();
    if (bytes > kResyncBytesMax) return;
  }
}

SettleVerdict QueryService::settle(const v1::SettleItem& item) const {
  // A number that does not fit is one that this build does not know.
  const RecordKind kind = item.kind() > UINT8_MAX ? RecordKind() : RecordKind(item.kind());
  return ledger().settle(TaskId(item.task()), Token(item.token()), kind, ShardId(item.shard()),
                         Lsn(item.lsn()));
}

void QueryService::settle(const v1::Settle& query, v1::ChannelAnswer& answer) const {
  if (query.item_size() > static_cast<int>(kItemsMax)) {
    return set_status(invalid("settle: too many records"), &answer);
  }
  v1::SettleAnswer* verdicts = answer.mutable_settle();
  for (const v1::SettleItem& item : query.item()) {
    verdicts->add_verdict(static_cast<v1::SettleVerdict>(settle(item)));
  }
}

void QueryService::live(const v1::Live& query, v1::ChannelAnswer& answer) const {
  if (query.from() == 0 || query.to() < query.from() || query.to() > kOffsetMax + 1 ||
      query.result_size() > static_cast<int>(kItemsMax)) {
    return set_status(invalid("live: no such range"), &answer);
  }
  v1::LiveAnswer* found = answer.mutable_live();
  encode_view(ledger().live(ShardId(query.shard()), Offset(query.from()), Offset(query.to())),
              found);
  // Not open any more and not pointed to: only then is a result garbage (R17).
  for (const v1::SettleItem& item : query.result()) {
    found->add_result_live(settle(item) != SettleVerdict::kDrop);
  }
}

void QueryService::members(v1::ChannelAnswer& answer) const {
  v1::MembersAnswer* found = answer.mutable_members();
  for (const ManagerView& manager : ledger().managers())
    encode_member(manager, found->add_member());
}

void QueryService::queue_rules(const v1::QueueRules& query, v1::ChannelAnswer& answer) const {
  const RulePage page = ledger().list_rules(query.cursor(), kListMax);
  v1::QueueRulesAnswer* found = answer.mutable_queue_rules();
  for (const QueueRule& rule : page.rules) encode_rule(rule, found->add_rule());
  found->set_next(page.next);
}

}  // namespace baton::center
