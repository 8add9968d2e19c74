#include "client/admin.h"

#include <array>
#include <future>
#include <utility>

#include "client/admin_facade.h"
#include "common/base/limits.h"
#include "common/base/wire_options.h"
#include "common/base/wire_uuid.h"

namespace baton::client {
namespace {

constexpr std::array<std::string_view, 22> kExplainNames = {
    "none",        "finished", "running",         "delayed",        "backoff",     "paused",
    "no_consumer", "turn",     "in_flight_limit", "fair_key_limit", "rate_limit",  "order_key",
    "after",       "children", "decision",        "dead",           "quarantined", "manager_away",
    "barred",      "pending",  "purging",         "deadlock"};

TaskInfo read_task(const v1::TaskInfo& from) {
  TaskInfo info;
  info.task = TaskId(from.task());
  info.queue = from.queue();
  info.state = task_state_from_wire(from.state());
  info.priority = from.priority();
  info.attempt = from.attempt();
  info.failures = from.failures();
  info.expiries = from.expiries();
  info.token = Token(from.token());
  info.session = SessionId(from_wire(from.session()));
  info.consumer = from.consumer();
  info.lease_left = Millis(from.lease_left_ms());
  info.ready_in = Millis(from.ready_in_ms());
  info.created = WallTime{from.created_wall_ms()};
  info.reason = from.reason();
  info.has_result = from.has_result();
  info.result_bytes = from.result_bytes();
  info.manager = from.manager();
  info.not_before = WallTime{from.not_before_wall_ms()};
  info.uncertain = from.uncertain();
  info.percent = from.percent();
  info.progress = from.progress();
  info.checkpoint_bytes = from.checkpoint_bytes();
  info.payload_bytes = from.payload_bytes();
  info.order_key = from.order_key();
  info.fair_key = from.fair_key();
  info.parent = TaskId(from.parent());
  info.children_open = from.children_open();
  info.children_failed = from.children_failed();
  info.retry_of = TaskId(from.retry_of());
  info.blocked_on = from.blocked_on();
  info.expires_in = Millis(from.expires_in_ms());
  info.payload_kept = from.payload_kept();
  return info;
}

Explanation read_explanation(const v1::Explanation& from) {
  Explanation explanation;
  explanation.task = read_task(from.task());
  explanation.sentence = from.sentence();
  const auto code = static_cast<std::size_t>(from.because());
  if (code < kExplainNames.size()) explanation.because = static_cast<ExplainCode>(code);
  explanation.other = TaskId(from.other());
  return explanation;
}

QueueInfo read_queue(const v1::QueueInfo& from) {
  QueueInfo info;
  info.name = from.name();
  info.ready = from.ready();
  info.delayed = from.delayed();
  info.claimed = from.claimed();
  info.dead = from.dead();
  info.quarantined = from.quarantined();
  info.done = from.done();
  info.created = from.created();
  info.waiting = from.waiting();
  info.held = from.held();
  info.blocked = from.blocked();
  info.cancelled = from.cancelled();
  info.bytes = from.bytes();
  info.paused = from.paused();
  info.acked = from.acked();
  info.key_window = millis_from_wire(from.key_window_ms());
  return info;
}

QueueDetail read_queue_detail(const v1::QueueDetail& from) {
  QueueDetail detail;
  detail.info = read_queue(from.info());
  detail.settings = changed(QueueSettings(), queue_change_from_wire(from.settings()));
  detail.keys = from.keys();
  detail.order_keys = from.order_keys();
  detail.fair_keys = from.fair_keys();
  detail.finished_kept = from.finished_kept();
  detail.finished_kept_bytes = from.finished_kept_bytes();
  return detail;
}

ManagerInfo read_manager(const v1::ManagerInfo& from) {
  ManagerInfo info;
  info.name = from.name();
  info.address = from.address();
  info.up = from.up();
  info.since = WallTime{from.since_wall_ms()};
  for (const std::uint32_t shard : from.shard()) info.shards.emplace_back(shard);
  info.waiting = from.waiting();
  info.lag = from.lag();
  info.sessions = from.sessions();
  info.sealed = from.sealed();
  info.store = StoreId(from_wire(from.store()));
  info.incarnation = Incarnation(from.incarnation());
  return info;
}

CenterInfo read_center(const v1::CenterInfo& from) {
  CenterInfo info;
  info.address = from.address();
  info.version = from.version();
  info.cluster = ClusterId(from_wire(from.cluster()));
  info.generation = Generation(from.generation());
  info.index = from.index();
  info.term = from.term();
  info.leader = from.leader();
  info.lease_time = Millis(from.lease_time_ms());
  info.tasks_waiting = from.tasks_waiting();
  info.tasks_claimed = from.tasks_claimed();
  info.sessions = from.sessions();
  info.memory_bytes = from.memory_bytes();
  info.snapshot_index = from.snapshot_index();
  info.state_hash = from.state_hash();
  info.grants = from.grants();
  info.completions = from.completions();
  info.superseded = from.superseded();
  info.up_since = WallTime{from.up_since_wall_ms()};
  info.audit_violations = from.audit_violations();
  info.tasks_held = from.tasks_held();
  info.tasks_blocked = from.tasks_blocked();
  info.tasks_dead = from.tasks_dead();
  return info;
}

HistoryEvent read_event(const v1::HistoryEvent& from) {
  HistoryEvent event;
  event.index = from.index();
  event.term = from.term();
  event.time = WallTime{from.wall_ms()};
  event.lease_time = Millis(from.lease_time_ms());
  event.from = task_state_from_wire(from.from());
  event.to = task_state_from_wire(from.to());
  event.cause = from.cause();
  event.token = Token(from.token());
  event.attempt = from.attempt();
  event.uncertain = from.uncertain();
  event.manager = from.manager();
  event.consumer = from.consumer();
  event.session = SessionId(from_wire(from.session()));
  event.reason = from.reason();
  return event;
}

AuditInfo read_audit(const v1::AuditInfo& from) {
  AuditInfo info;
  info.violations = from.violations();
  info.first_violation = from.first_violation();
  info.checked_from = from.checked_from();
  info.checked_entries = from.checked_entries();
  info.memory_bytes = from.memory_bytes();
  info.archive_first = from.archive_first();
  info.archive_last = from.archive_last();
  info.archive_bytes = from.archive_bytes();
  info.archive_segments = from.archive_segments();
  info.indexes_waiting = from.indexes_waiting();
  info.replayable = from.replayable();
  return info;
}

// Asks without blocking and waits for the answer.
template <class T, class Ask>
Result<T> wait_for(Ask ask) {
  auto promise = std::make_shared<std::promise<Result<T>>>();
  auto future = promise->get_future();
  ask([promise](Result<T> result) { promise->set_value(std::move(result)); });
  return future.get();
}

template <class Ask>
Status wait_for_ok(Ask ask) {
  auto promise = std::make_shared<std::promise<Status>>();
  auto future = promise->get_future();
  ask([promise](const Status& status) { promise->set_value(status); });
  return future.get();
}

}  // namespace

std::string_view to_string(ExplainCode code) {
  return kExplainNames[static_cast<std::size_t>(code)];
}

// ---- AdminFacade ----------------------------------------------------------------------------

AdminFacade::~AdminFacade() {
  home_->run([this] { engine_->shutdown(); });
}

template <class T, class Read>
void AdminFacade::ask(v1::Query query, Duration timeout, Callback<T> done, Read read) {
  QueryEngine::Answered answered = [done = std::move(done), read = std::move(read)](
                                       const Status& status, const v1::Answer& answer,
                                       std::string_view payload) {
    if (!status.ok()) {
      done(status);
    } else {
      done(read(answer, payload));
    }
  };
  home_->post([engine = engine_, query = std::move(query), timeout,
               answered = std::move(answered)]() mutable {
    engine->ask(std::move(query), timeout, std::move(answered));
  });
}

void AdminFacade::ask_for_ok(v1::Query query, Duration timeout,
                             std::function<void(const Status&)> done) {
  ask<bool>(
      std::move(query), timeout,
      [done = std::move(done)](const Result<bool>& result) { done(result.status()); },
      [](const v1::Answer&, std::string_view) { return true; });
}

void AdminFacade::task(TaskId task, Duration timeout, Callback<TaskInfo> done) {
  v1::Query query;
  query.mutable_task_show()->set_task(task.value());
  ask<TaskInfo>(
      std::move(query), timeout, std::move(done),
      [](const v1::Answer& answer, std::string_view) { return read_task(answer.task()); });
}

void AdminFacade::task_result(TaskId task, Duration timeout, Callback<TaskResult> done) {
  v1::Query query;
  query.mutable_task_result()->set_task(task.value());
  ask<TaskResult>(std::move(query), timeout, std::move(done),
                  [](const v1::Answer& answer, std::string_view payload) {
                    const v1::ResultInfo& info = answer.result();
                    return TaskResult{TaskId(info.task()), Token(info.token()),
                                      std::string(payload), info.content_type()};
                  });
}

void AdminFacade::task_payload(TaskId task, Duration timeout, Callback<std::string> done) {
  v1::Query query;
  query.mutable_task_payload()->set_task(task.value());
  ask<std::string>(
      std::move(query), timeout, std::move(done),
      [](const v1::Answer&, std::string_view payload) { return std::string(payload); });
}

void AdminFacade::wait_task(TaskId task, Duration timeout, Callback<TaskInfo> done) {
  v1::Query query;
  query.mutable_task_wait()->set_task(task.value());
  ask<TaskInfo>(
      std::move(query), timeout, std::move(done),
      [](const v1::Answer& answer, std::string_view) { return read_task(answer.task()); });
}

void AdminFacade::explain_task(TaskId task, Duration timeout, Callback<Explanation> done) {
  v1::Query query;
  query.mutable_task_explain()->set_task(task.value());
  ask<Explanation>(std::move(query), timeout, std::move(done),
                   [](const v1::Answer& answer, std::string_view) {
                     return read_explanation(answer.explanation());
                   });
}

void AdminFacade::act(TaskAction action, std::vector<TaskId> tasks, std::string reason,
                      Duration timeout, Callback<std::vector<ActOutcome>> done) {
  if (tasks.empty() || tasks.size() > kBatchItemsMax) {
    home_->post([done = std::move(done)] {
      done(Status(ErrorCode::kInvalidArgument, "an action is for 1 to 1,024 tasks"));
    });
    return;
  }
  if (reason.size() > kReasonBytesMax) reason.resize(kReasonBytesMax);
  v1::Act act;
  act.set_action(static_cast<v1::TaskAction>(action));
  for (const TaskId task : tasks) act.add_task(task.value());
  act.set_reason(std::move(reason));
  QueryEngine::Acted acted = [tasks = std::move(tasks), done = std::move(done)](
                                 const Status& status, const std::vector<v1::ActedRun>& runs) {
    if (!status.ok()) return done(status);
    std::vector<ActOutcome> outcomes;
    for (std::size_t i = 0; i < runs.size(); ++i) {
      const ErrorCode code = error_code_from_wire(runs[i].code());
      outcomes.push_back({tasks[i],
                          code == ErrorCode::kOk ? Status() : Status(code, runs[i].message()),
                          task_state_from_wire(runs[i].state())});
    }
    done(std::move(outcomes));
  };
  home_->post(
      [engine = engine_, act = std::move(act), timeout, acted = std::move(acted)]() mutable {
        engine->act(std::move(act), timeout, std::move(acted));
      });
}

void AdminFacade::show_queue(std::string queue, Duration timeout, Callback<QueueDetail> done) {
  v1::Query query;
  query.mutable_queue_show()->set_queue(std::move(queue));
  ask<QueueDetail>(
      std::move(query), timeout, std::move(done),
      [](const v1::Answer& answer, std::string_view) { return read_queue_detail(answer.queue()); });
}

void AdminFacade::set_queue(std::string queue, QueueChange change, Duration timeout,
                            std::function<void(const Status&)> done) {
  v1::Query query;
  query.mutable_queue_set()->set_queue(std::move(queue));
  to_wire(change, query.mutable_queue_set()->mutable_settings());
  ask_for_ok(std::move(query), timeout, std::move(done));
}

void AdminFacade::purge_queue(std::string queue, Duration timeout, Callback<std::uint64_t> done) {
  v1::Query query;
  query.mutable_queue_purge()->set_queue(std::move(queue));
  ask<std::uint64_t>(
      std::move(query), timeout, std::move(done),
      [](const v1::Answer& answer, std::string_view) { return answer.purge().tasks(); });
}

void AdminFacade::list_tasks(std::string queue, TaskState state, TaskFilter filter,
                             std::uint32_t limit, std::string cursor, Duration timeout,
                             Callback<TaskPage> done) {
  v1::Query query;
  v1::TaskList& list = *query.mutable_task_list();
  list.set_queue(std::move(queue));
  list.set_state(static_cast<v1::TaskState>(state));
  list.set_limit(limit);
  list.set_cursor(std::move(cursor));
  list.set_reason_has(std::move(filter.reason_has));
  list.set_created_before_wall_ms(filter.created_before.ms);
  list.set_attempts_min(filter.attempts_min);
  list.set_order_key(std::move(filter.order_key));
  list.set_fair_key(std::move(filter.fair_key));
  ask<TaskPage>(std::move(query), timeout, std::move(done),
                [](const v1::Answer& answer, std::string_view) {
                  TaskPage page;
                  for (const v1::TaskInfo& task : answer.tasks().task()) {
                    page.tasks.push_back(read_task(task));
                  }
                  page.next = answer.tasks().next();
                  page.index = answer.index();
                  return page;
                });
}

void AdminFacade::list_queues(std::string prefix, std::uint32_t limit, std::string cursor,
                              Duration timeout, Callback<QueuePage> done) {
  v1::Query query;
  v1::QueueList& list = *query.mutable_queue_list();
  list.set_prefix(std::move(prefix));
  list.set_limit(limit);
  list.set_cursor(std::move(cursor));
  ask<QueuePage>(std::move(query), timeout, std::move(done),
                 [](const v1::Answer& answer, std::string_view) {
                   QueuePage page;
                   for (const v1::QueueInfo& queue : answer.queues().queue()) {
                     page.queues.push_back(read_queue(queue));
                   }
                   page.next = answer.queues().next();
                   page.index = answer.index();
                   return page;
                 });
}

void AdminFacade::list_managers(Duration timeout, Callback<std::vector<ManagerInfo>> done) {
  v1::Query query;
  query.mutable_manager_list();
  ask<std::vector<ManagerInfo>>(std::move(query), timeout, std::move(done),
                                [](const v1::Answer& answer, std::string_view) {
                                  std::vector<ManagerInfo> managers;
                                  for (const v1::ManagerInfo& from : answer.managers().manager()) {
                                    managers.push_back(read_manager(from));
                                  }
                                  return managers;
                                });
}

void AdminFacade::remove_manager(std::string name, Duration timeout,
                                 std::function<void(const Status&)> done) {
  v1::Query query;
  query.mutable_manager_remove()->set_name(std::move(name));
  ask_for_ok(std::move(query), timeout, std::move(done));
}

void AdminFacade::center_status(Duration timeout, Callback<CenterInfo> done) {
  v1::Query query;
  query.mutable_center_status();
  ask<CenterInfo>(
      std::move(query), timeout, std::move(done),
      [](const v1::Answer& answer, std::string_view) { return read_center(answer.center()); });
}

void AdminFacade::task_history(TaskId task, std::uint32_t limit, std::string cursor,
                               Duration timeout, Callback<HistoryPage> done) {
  v1::Query query;
  v1::TaskHistory* asked = query.mutable_task_history();
  asked->set_task(task.value());
  asked->set_limit(limit);
  asked->set_cursor(std::move(cursor));
  ask<HistoryPage>(std::move(query), timeout, std::move(done),
                   [](const v1::Answer& answer, std::string_view) {
                     HistoryPage page;
                     for (const v1::HistoryEvent& event : answer.history().event()) {
                       page.events.push_back(read_event(event));
                     }
                     page.next = answer.history().next();
                     page.kept_from = answer.history().kept_from();
                     return page;
                   });
}

void AdminFacade::audit_status(Duration timeout, Callback<AuditInfo> done) {
  v1::Query query;
  query.mutable_audit_status();
  ask<AuditInfo>(
      std::move(query), timeout, std::move(done),
      [](const v1::Answer& answer, std::string_view) { return read_audit(answer.audit()); });
}

// ---- blocking -------------------------------------------------------------------------------

Result<TaskInfo> Admin::task(TaskId id, Duration timeout) {
  return wait_for<TaskInfo>([&](auto done) { task(id, timeout, std::move(done)); });
}

Result<TaskResult> Admin::task_result(TaskId id, Duration timeout) {
  return wait_for<TaskResult>([&](auto done) { task_result(id, timeout, std::move(done)); });
}

Result<std::string> Admin::task_payload(TaskId id, Duration timeout) {
  return wait_for<std::string>([&](auto done) { task_payload(id, timeout, std::move(done)); });
}

Result<TaskInfo> Admin::wait_task(TaskId id, Duration timeout) {
  return wait_for<TaskInfo>([&](auto done) { wait_task(id, timeout, std::move(done)); });
}

Result<Explanation> Admin::explain_task(TaskId id, Duration timeout) {
  return wait_for<Explanation>([&](auto done) { explain_task(id, timeout, std::move(done)); });
}

Result<std::vector<ActOutcome>> Admin::act(TaskAction action, std::vector<TaskId> tasks,
                                           std::string reason, Duration timeout) {
  return wait_for<std::vector<ActOutcome>>([&](auto done) {
    act(action, std::move(tasks), std::move(reason), timeout, std::move(done));
  });
}

Result<QueueDetail> Admin::show_queue(std::string queue, Duration timeout) {
  return wait_for<QueueDetail>(
      [&](auto done) { show_queue(std::move(queue), timeout, std::move(done)); });
}

Status Admin::set_queue(std::string queue, QueueChange change, Duration timeout) {
  return wait_for_ok(
      [&](auto done) { set_queue(std::move(queue), std::move(change), timeout, std::move(done)); });
}

Result<std::uint64_t> Admin::purge_queue(std::string queue, Duration timeout) {
  return wait_for<std::uint64_t>(
      [&](auto done) { purge_queue(std::move(queue), timeout, std::move(done)); });
}

void Admin::list_tasks(std::string queue, TaskState state, std::uint32_t limit, std::string cursor,
                       Duration timeout, Callback<TaskPage> done) {
  list_tasks(std::move(queue), state, TaskFilter(), limit, std::move(cursor), timeout,
             std::move(done));
}

Result<TaskPage> Admin::list_tasks(std::string queue, TaskState state, TaskFilter filter,
                                   std::uint32_t limit, std::string cursor, Duration timeout) {
  return wait_for<TaskPage>([&](auto done) {
    list_tasks(std::move(queue), state, std::move(filter), limit, std::move(cursor), timeout,
               std::move(done));
  });
}

Result<TaskPage> Admin::list_tasks(std::string queue, TaskState state, std::uint32_t limit,
                                   std::string cursor, Duration timeout) {
  return list_tasks(std::move(queue), state, TaskFilter(), limit, std::move(cursor), timeout);
}

Result<QueuePage> Admin::list_queues(std::string prefix, std::uint32_t limit, std::string cursor,
                                     Duration timeout) {
  return wait_for<QueuePage>([&](auto done) {
    list_queues(std::move(prefix), limit, std::move(cursor), timeout, std::move(done));
  });
}

Result<std::vector<ManagerInfo>> Admin::list_managers(Duration timeout) {
  return wait_for<std::vector<ManagerInfo>>(
      [&](auto done) { list_managers(timeout, std::move(done)); });
}

Status Admin::remove_manager(std::string name, Duration timeout) {
  return wait_for_ok([&](auto done) { remove_manager(std::move(name), timeout, std::move(done)); });
}

Result<CenterInfo> Admin::center_status(Duration timeout) {
  return wait_for<CenterInfo>([&](auto done) { center_status(timeout, std::move(done)); });
}

Result<HistoryPage> Admin::task_history(TaskId id, std::uint32_t limit, std::string cursor,
                                        Duration timeout) {
  return wait_for<HistoryPage>(
      [&](auto done) { task_history(id, limit, std::move(cursor), timeout, std::move(done)); });
}

Result<AuditInfo> Admin::audit_status(Duration timeout) {
  return wait_for<AuditInfo>([&](auto done) { audit_status(timeout, std::move(done)); });
}

}  // namespace baton::client
