#include "manager/service/query_service.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "common/base/limits.h"
#include "common/net/frame.h"
#include "manager/service/wire.h"

namespace baton::manager {
namespace {

constexpr Duration kTimeoutDefault = std::chrono::seconds(5);
constexpr Duration kTimeoutMax = std::chrono::seconds(60);
constexpr Duration kPauseMin = std::chrono::milliseconds(10);
constexpr Duration kPauseMax = std::chrono::milliseconds(250);
constexpr std::uint32_t kPageMax = 1000;

Status invalid(const char* why) { return Status(ErrorCode::kInvalidArgument, why); }

// The task that the question is about, if it is about one.
TaskId task_of(const v1::Query& query) {
  if (query.what_case() == v1::Query::kTaskShow) return TaskId(query.task_show().task());
  if (query.what_case() == v1::Query::kTaskResult) return TaskId(query.task_result().task());
  if (query.what_case() == v1::Query::kTaskHistory) return TaskId(query.task_history().task());
  if (query.what_case() == v1::Query::kTaskWait) return TaskId(query.task_wait().task());
  if (query.what_case() == v1::Query::kTaskExplain) return TaskId(query.task_explain().task());
  if (query.what_case() == v1::Query::kTaskPayload) return TaskId(query.task_payload().task());
  return TaskId();
}

// Of a list of tasks: the number of one. The ledger would take any other for the end.
Status check_task_cursor(const std::string& cursor) {
  std::uint64_t number = 0;
  const char* end = cursor.data() + cursor.size();
  const auto [stopped, error] = std::from_chars(cursor.data(), end, number);
  if (cursor.empty() || (error == std::errc() && stopped == end)) return {};
  return invalid("no list has had this cursor");
}

Status check_queue_list(const v1::QueueList& list) {
  if (list.limit() == 0 || list.limit() > kPageMax) return invalid("limit is 1 to 1,000");
  if (!list.cursor().empty()) BATON_RETURN_IF_ERROR(validate_queue_name(list.cursor()));
  return list.prefix().empty() ? Status() : validate_queue_name(list.prefix());
}

Status check_list(const v1::TaskList& list) {
  BATON_RETURN_IF_ERROR(validate_queue_name(list.queue()));
  if (!v1::TaskState_IsValid(list.state())) return invalid("state is no state of a task");
  if (list.reason_has().size() > kReasonBytesMax) return invalid("reason_has is over 1,024 bytes");
  if (list.order_key().size() > kTaskTextBytesMax) return invalid("order_key is over 200 bytes");
  if (list.fair_key().size() > kTaskTextBytesMax) return invalid("fair_key is over 200 bytes");
  return check_task_cursor(list.cursor());
}

// Ranges of single values; what they mean together only the queue's other settings tell.
Status check_queue_set(const v1::QueueSet& set) {
  BATON_RETURN_IF_ERROR(validate_queue_name(set.queue()));
  const QueueChange change = queue_change_from_wire(set.settings());
  QueueSettings settings = changed(QueueSettings(), change);
  // Half of a pair is judged by the ledger, which knows the other half.
  if (!change.backoff_max)
    settings.backoff_max = std::max(settings.backoff_max, settings.backoff_min);
  if (!change.backoff_min)
    settings.backoff_min = std::min(settings.backoff_min, settings.backoff_max);
  return validate_queue_settings(settings);
}

}  // namespace

QueryService::QueryService(ServiceContext& context, ShardLogs& logs, CenterLink& link,
                           RecordSource& records, const Members& members)
    : context_(context), logs_(logs), link_(link), records_(records), members_(members) {}

Status QueryService::on_query(Peer& peer, const Frame& frame) {
  auto question = std::make_shared<Question>();
  BATON_RETURN_IF_ERROR(parse_metadata(frame.metadata, question->query));
  question->peer = peer.id();
  question->request = frame.request_id;
  const std::uint32_t timeout_ms = question->query.timeout_ms();
  const Duration timeout =
      timeout_ms == 0 ? kTimeoutDefault : std::min<Duration>(Millis(timeout_ms), kTimeoutMax);
  question->deadline = context_.loop.now() + timeout;
  question->pause = kPauseMin;
  if (open_[peer.id()] >= kOpenPerConnectionMax) {
    fail(*question, Status(ErrorCode::kRetryLater, "1,024 questions of this connection are open"));
    return {};
  }
  ++open_[peer.id()];
  question->counted = true;

  if (const Status status = check(question->query); !status.ok()) {
    fail(*question, status);
  } else {
    ask(question);
  }
  return {};
}

Status QueryService::check(const v1::Query& query) {
  switch (query.what_case()) {
    case v1::Query::kTaskShow:
    case v1::Query::kTaskResult:
    case v1::Query::kTaskWait:
    case v1::Query::kTaskExplain:
    case v1::Query::kTaskPayload:
      return task_of(query).valid() ? Status()
                                    : Status(ErrorCode::kNotFound, "no task has that id");
    case v1::Query::kTaskHistory:
      if (query.task_history().limit() == 0 || query.task_history().limit() > kPageMax) {
        return invalid("limit is 1 to 1,000");
      }
      return task_of(query).valid() ? Status()
                                    : Status(ErrorCode::kNotFound, "no task has that id");
    case v1::Query::kTaskList:
      if (query.task_list().limit() == 0 || query.task_list().limit() > kPageMax) {
        return invalid("limit is 1 to 1,000");
      }
      return check_list(query.task_list());
    case v1::Query::kQueueShow:
      return validate_queue_name(query.queue_show().queue());
    case v1::Query::kQueueSet:
      return check_queue_set(query.queue_set());
    case v1::Query::kQueuePurge:
      return validate_queue_name(query.queue_purge().queue());
    case v1::Query::kQueueList:
      return check_queue_list(query.queue_list());
    case v1::Query::kManagerRemove:
      return validate_manager_name(query.manager_remove().name());
    case v1::Query::kManagerList:
    case v1::Query::kCenterStatus:
    case v1::Query::kAuditStatus:
      return {};
    case v1::Query::WHAT_NOT_SET:
      break;
  }
  return invalid("the query asks nothing that this manager knows");
}

Status QueryService::check_task(TaskId task) {
  LogStore* log = logs_.find(task.shard());
  if (log == nullptr || task.offset() < log->next_offset()) return {};
  return Status(ErrorCode::kNotFound, "task " + to_string(task) + " does not exist");
}

void QueryService::ask(const QuestionPtr& question) {
  if (draining_) return fail(*question, Status(ErrorCode::kUnavailable, "the manager is stopping"));
  const Duration left = question->deadline - context_.loop.now();
  if (left < Millis(1)) {
    return fail(*question,
                Status(ErrorCode::kDeadlineExceeded, "the center did not answer in time"));
  }
  if (!link_.is_open()) {
    return fail(*question, Status(ErrorCode::kUnavailable, "the center cannot be reached"));
  }
  v1::ChannelQuery query;
  *query.mutable_query() = question->query;
  // Where the payload is does not need the ledger; whether there is such a task does.
  if (question->query.has_task_payload()) {
    query.mutable_query()->mutable_task_show()->set_task(question->query.task_payload().task());
  }
  query.mutable_query()->set_timeout_ms(
      static_cast<std::uint32_t>(std::chrono::duration_cast<Millis>(left).count()));
  link_.query(query, left, [this, question](const Status& status, const v1::ChannelAnswer& answer) {
    on_answer(question, status, answer);
  });
}

void QueryService::on_answer(const QuestionPtr& question, const Status& status,
                             const v1::ChannelAnswer& answer) {
  if (!status.ok()) return fail(*question, status);
  Status outcome = status_from_wire(answer.code(), answer.message());
  if (outcome.ok() && answer.what_case() == v1::ChannelAnswer::kAnswer) {
    outcome = status_from_wire(answer.answer().code(), answer.answer().message());
  }
  // A task above created_hi: the ledger will hear of it, unless its shard says that there is none
  // (R4).
  if (const TaskId task = task_of(question->query);
      outcome.code() == ErrorCode::kUnavailable && task) {
    if (const Status none = check_task(task); !none.ok()) return fail(*question, none);
    return ask_again(question, outcome);
  }
  if (!outcome.ok()) return fail(*question, outcome);
  if (answer.what_case() == v1::ChannelAnswer::kResult) {
    return fetch_result(question, answer.index(), answer.result());
  }
  v1::Answer completed = answer.answer();
  if (completed.index() == 0) completed.set_index(answer.index());
  complete(completed);
  if (question->query.has_task_payload() && completed.has_task()) {
    return fetch_payload(question, std::move(completed));
  }
  send(*question, completed);
}

void QueryService::ask_again(const QuestionPtr& question, const Status& why) {
  if (context_.loop.now() + question->pause >= question->deadline) return fail(*question, why);
  context_.call_after(question->pause, [this, question] { ask(question); });
  question->pause = std::min<Duration>(question->pause * 2, kPauseMax);
}

// ---- completing ---------------------------------------------------------------------------------

void QueryService::complete(v1::Answer& answer) const {
  if (answer.what_case() == v1::Answer::kTask) return complete(*answer.mutable_task());
  if (answer.what_case() == v1::Answer::kExplanation) {
    return complete(*answer.mutable_explanation()->mutable_task());
  }
  if (answer.what_case() != v1::Answer::kTasks) return;
  for (v1::TaskInfo& task : *answer.mutable_tasks()->mutable_task()) complete(task);
}

void QueryService::complete(v1::TaskInfo& task) const {
  if (!task.manager().empty()) return;
  const ShardId shard = TaskId(task.task()).shard();
  if (const Members::Place* place = members_.find(shard); place != nullptr) {
    task.set_manager(place->name);
  }
}

void QueryService::fetch_result(const QuestionPtr& question, std::uint64_t index,
                                const v1::ResultPlace& place) {
  const ShardId shard(place.shard());
  const ResultRecordId id{TaskId(place.task()), Token(place.token()), from_wire(place.kind()),
                          Lsn(place.lsn())};
  if (!id.lsn) {
    return fail(*question,
                Status(ErrorCode::kNotFound, "task " + to_string(id.task) + " has no result"));
  }
  records_.fetch_result(shard, id,
                        [this, question, index, place](const Result<ResultContent>& found) {
                          send_result(*question, index, place, found);
                        });
  limit_fetch(question);
}

void QueryService::limit_fetch(const QuestionPtr& question) {
  question->timer = context_.call_after(question->deadline - context_.loop.now(), [this, question] {
    fail(*question,
         Status(ErrorCode::kDeadlineExceeded, "the manager that keeps it did not answer in time"));
  });
}

void QueryService::fetch_payload(const QuestionPtr& question, v1::Answer answer) {
  const TaskId task(answer.task().task());
  records_.fetch_task(task, [this, question, answer = std::move(answer),
                             task](const Result<StoredTask>& found) mutable {
    if (!found.ok()) {
      const bool gone = found.status().code() == ErrorCode::kNotFound;
      return fail(*question,
                  gone ? Status(ErrorCode::kNotFound,
                                "the payload of task " + to_string(task) + " is not kept any more")
                       : found.status());
    }
    const std::string& payload = found.value().payload;
    answer.mutable_task()->set_payload_bytes(static_cast<std::uint32_t>(payload.size()));
    send(*question, answer, payload);
  });
  limit_fetch(question);
}

void QueryService::send_result(Question& question, std::uint64_t index,
                               const v1::ResultPlace& place, const Result<ResultContent>& found) {
  if (!found.ok()) {
    // The ledger points to it, so it exists: where it should be it was not found.
    const bool missing = found.status().code() == ErrorCode::kNotFound;
    return fail(question, missing ? Status(ErrorCode::kDataLoss, "the result record is missing")
                                  : found.status());
  }
  const std::string& bytes = found.value().bytes;
  v1::Answer answer;
  answer.set_index(index);
  v1::ResultInfo& result = *answer.mutable_result();
  result.set_task(place.task());
  result.set_token(place.token());
  result.set_length(static_cast<std::uint32_t>(bytes.size()));
  result.set_content_type(found.value().content_type);
  send(question, answer, bytes);
}

void QueryService::fail(Question& question, const Status& status) {
  v1::Answer answer;
  answer.set_code(to_wire(status.code()));
  answer.set_message(status.message());
  send(question, answer);
}

void QueryService::send(Question& question, const v1::Answer& answer, std::string_view payload) {
  if (std::exchange(question.answered, true)) return;
  if (const auto open = open_.find(question.peer); question.counted && --open->second == 0)
    open_.erase(open);
  context_.loop.cancel(std::exchange(question.timer, 0));
  Peer* peer = server_->find(question.peer);
  if (peer == nullptr) return;
  if (payload.empty()) return peer->send(v1::ANSWER, question.request, answer);
  peer->send(v1::ANSWER, question.request, answer, {&payload, 1});
}

}  // namespace baton::manager
