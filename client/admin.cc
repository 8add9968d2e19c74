#include "client/admin.h"

#include <array>
#include <future>
#include <utility>

#include "client/admin_facade.h"
#include "common/base/wire_uuid.h"

namespace baton::client {
namespace {

constexpr std::array<std::string_view, 12> kStateNames = {
    "none",      "delayed",     "ready", "claimed", "done",    "dead",
    "cancelled", "quarantined", "held",  "blocked", "pending", "void"};

TaskState state_from(v1::TaskState from) {
  const auto number = static_cast<std::size_t>(from);
  return number < kStateNames.size() ? static_cast<TaskState>(number) : TaskState::kNone;
}

TaskInfo read_task(const v1::TaskInfo& from) {
  TaskInfo info;
  info.task = TaskId(from.task());
  info.queue = from.queue();
  info.state = state_from(from.state());
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
  return info;
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
  return info;
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

}  // namespace

std::string_view to_string(TaskState state) { return kStateNames[static_cast<std::size_t>(state)]; }

Result<TaskState> parse_task_state(std::string_view text) {
  std::string all;
  for (std::size_t i = 1; i < kStateNames.size(); ++i) {
    if (kStateNames[i] == text) return static_cast<TaskState>(i);
    all += (i > 1 ? ", " : "") + std::string(kStateNames[i]);
  }
  return Status(ErrorCode::kInvalidArgument,
                "no state is called '" + std::string(text) + "'; there are " + all);
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
                    return TaskResult{TaskId(answer.result().task()),
                                      Token(answer.result().token()), std::string(payload)};
                  });
}

void AdminFacade::list_tasks(std::string queue, TaskState state, std::uint32_t limit,
                             std::string cursor, Duration timeout, Callback<TaskPage> done) {
  v1::Query query;
  v1::TaskList& list = *query.mutable_task_list();
  list.set_queue(std::move(queue));
  list.set_state(static_cast<v1::TaskState>(state));
  list.set_limit(limit);
  list.set_cursor(std::move(cursor));
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
  ask<bool>(
      std::move(query), timeout,
      [done = std::move(done)](const Result<bool>& result) { done(result.status()); },
      [](const v1::Answer&, std::string_view) { return true; });
}

void AdminFacade::center_status(Duration timeout, Callback<CenterInfo> done) {
  v1::Query query;
  query.mutable_center_status();
  ask<CenterInfo>(
      std::move(query), timeout, std::move(done),
      [](const v1::Answer& answer, std::string_view) { return read_center(answer.center()); });
}

// ---- blocking -------------------------------------------------------------------------------

Result<TaskInfo> Admin::task(TaskId id, Duration timeout) {
  return wait_for<TaskInfo>([&](auto done) { task(id, timeout, std::move(done)); });
}

Result<TaskResult> Admin::task_result(TaskId id, Duration timeout) {
  return wait_for<TaskResult>([&](auto done) { task_result(id, timeout, std::move(done)); });
}

Result<TaskPage> Admin::list_tasks(std::string queue, TaskState state, std::uint32_t limit,
                                   std::string cursor, Duration timeout) {
  return wait_for<TaskPage>([&](auto done) {
    list_tasks(std::move(queue), state, limit, std::move(cursor), timeout, std::move(done));
  });
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
  return wait_for<bool>([&](auto done) {
           remove_manager(std::move(name), timeout, [done](const Status& status) {
             done(status.ok() ? Result<bool>(true) : Result<bool>(status));
           });
         })
      .status();
}

Result<CenterInfo> Admin::center_status(Duration timeout) {
  return wait_for<CenterInfo>([&](auto done) { center_status(timeout, std::move(done)); });
}

}  // namespace baton::client
