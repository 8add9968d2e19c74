#include "manager/service/task_copies.h"

#include <algorithm>
#include <cctype>
#include <string>
#include <utility>

#include "manager/service/wire.h"

namespace baton::manager {
namespace {

// As people read it.
std::string name_of(v1::TaskState state) {
  std::string name = v1::TaskState_Name(state);
  std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::tolower(c); });
  return name;
}

// What the center said of the task that is to be copied.
Status verdict(const Status& status, const v1::ChannelAnswer& answer) {
  BATON_RETURN_IF_ERROR(status);
  BATON_RETURN_IF_ERROR(status_from_wire(answer.code(), answer.message()));
  BATON_RETURN_IF_ERROR(status_from_wire(answer.answer().code(), answer.answer().message()));
  const v1::TaskInfo& task = answer.answer().task();
  switch (task.state()) {
    case v1::DONE:
    case v1::DEAD:
    case v1::CANCELLED:
      // It may still be there by chance: that it is not kept must not depend on that.
      if (task.payload_kept()) return {};
      return Status(ErrorCode::kNotFound,
                    task.queue().empty()
                        ? "the task has finished, and nothing of it is kept"
                        : "the payload is not kept: queue " + task.queue() +
                              " keeps it of finished tasks when it is set to keep all");
    case v1::VOID:
      return Status(ErrorCode::kNotFound, "the task never was one");
    default:
      return Status(ErrorCode::kConflict, "only a task that has ended can be copied, this one is " +
                                              name_of(task.state()));
  }
}

}  // namespace

void TaskCopies::fetch(TaskId task, Duration timeout, RecordSource::TaskDone done) {
  LogStore* log = logs_.find(task.shard());
  if (log != nullptr && task.offset() >= log->next_offset()) {
    context_.post([task, done = std::move(done)] {
      done(Status(ErrorCode::kNotFound, "task " + to_string(task) + " does not exist"));
    });
    return;
  }
  v1::ChannelQuery query;
  query.mutable_query()->mutable_task_show()->set_task(task.value());
  query.mutable_query()->set_timeout_ms(
      static_cast<std::uint32_t>(std::chrono::duration_cast<Millis>(timeout).count()));
  link_.query(
      query, timeout,
      [this, task, done = std::move(done)](const Status& status, const v1::ChannelAnswer& answer) {
        if (Status said = verdict(status, answer); !said.ok()) return done(said);
        records_.fetch_task(task, done);
      });
}

}  // namespace baton::manager
