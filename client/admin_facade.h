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
  void list_tasks(std::string queue, TaskState state, std::uint32_t limit, std::string cursor,
                  Duration timeout, Callback<TaskPage> done) override;
  void list_queues(std::string prefix, std::uint32_t limit, std::string cursor, Duration timeout,
                   Callback<QueuePage> done) override;
  void list_managers(Duration timeout, Callback<std::vector<ManagerInfo>> done) override;
  void remove_manager(std::string name, Duration timeout,
                      std::function<void(const Status&)> done) override;
  void center_status(Duration timeout, Callback<CenterInfo> done) override;

 private:
  template <class T, class Read>
  void ask(v1::Query query, Duration timeout, Callback<T> done, Read read);

  const std::shared_ptr<Home> home_;
  const std::shared_ptr<QueryEngine> engine_;
};

}  // namespace baton::client
