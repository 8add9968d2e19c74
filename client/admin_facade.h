// AdminFacade: Admin over a QueryEngine, with the protocol's messages translated.
#pragma once

#include <memory>

#include "client/admin.h"
#include "client/query_engine.h"
#include "client/threads.h"

namespace baton::client {

class AdminFacade final : public Admin {
 public:
  AdminFacade(std::shared_ptr<Home> home, std::shared_ptr<QueryEngine> engine)
      : home_(std::move(home)), engine_(std::move(engine)) {}
  ~AdminFacade() override;

  void task(TaskId task, Duration timeout, Callback<TaskInfo> done) override;
  void task_result(TaskId task, Duration timeout, Callback<TaskResult> done) override;
  void task_payload(TaskId task, Duration timeout, Callback<std::string> done) override;
  void wait_task(TaskId task, Duration timeout, Callback<TaskInfo> done) override;
  void explain_task(TaskId task, Duration timeout, Callback<Explanation> done) override;
  void list_tasks(std::string queue, TaskState state, TaskFilter filter, std::uint32_t limit,
                  std::string cursor, Duration timeout, Callback<TaskPage> done) override;
  void act(TaskAction action, std::vector<TaskId> tasks, std::string reason, Duration timeout,
           Callback<std::vector<ActOutcome>> done) override;
  void show_queue(std::string queue, Duration timeout, Callback<QueueDetail> done) override;
  void set_queue(std::string queue, QueueChange change, Duration timeout,
                 std::function<void(const Status&)> done) override;
  void purge_queue(std::string queue, Duration timeout, Callback<std::uint64_t> done) override;
  void list_queues(std::string prefix, std::uint32_t limit, std::string cursor, Duration timeout,
                   Callback<QueuePage> done) override;
  void list_managers(Duration timeout, Callback<std::vector<ManagerInfo>> done) override;
  void remove_manager(std::string name, Duration timeout,
                      std::function<void(const Status&)> done) override;
  void center_status(Duration timeout, Callback<CenterInfo> done) override;
  void task_history(TaskId task, std::uint32_t limit, std::string cursor, Duration timeout,
                    Callback<HistoryPage> done) override;
  void audit_status(Duration timeout, Callback<AuditInfo> done) override;

 private:
  void ask_for_ok(v1::Query query, Duration timeout, std::function<void(const Status&)> done);
  template <class T, class Read>
  void ask(v1::Query query, Duration timeout, Callback<T> done, Read read);

  const std::shared_ptr<Home> home_;
  const std::shared_ptr<QueryEngine> engine_;
};

}  // namespace baton::client
