// Foresight: what the ledger would do with a task that is acted on, without acting: for --dry-run.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "client/commands/query.h"

namespace baton::commands {

struct Foreseen {
  Status status;                                       // not ok: it would be refused, and why
  client::TaskState state = client::TaskState::kNone;  // that the task is in now
  std::string only_if;  // ok, if this holds too, which cannot be asked: "its parent is not at work"
};

// An answer is true for the moment in which the cluster was asked: nothing holds the task.
class Foresight {
 public:
  Foresight(Query& query, TaskAction action) : query_(query), action_(action) {}

  // What has to be known before the first look; `ready` runs on the loop, never inside this call.
  void begin(std::function<void()> ready);

  using Done = std::function<void(Foreseen)>;
  // After begin(). Any number at once.
  void look(TaskId task, Done done);

 private:
  // A dead task that is to run again, while it is looked at.
  struct Dead {
    client::TaskInfo task;
    std::string only_if;
    Done done;
  };
  using DeadPtr = std::shared_ptr<Dead>;

  void on_task(const client::TaskInfo& task, Done done);
  void explain(TaskId task, Done done);
  void on_explained(const client::Explanation& why, Done done);
  void look_at_other(const client::Explanation& why, Done done);
  void look_at_payload(const DeadPtr& dead);
  void look_at_parent(const DeadPtr& dead);
  void end(const DeadPtr& dead, Status status = {});
  [[nodiscard]] bool may_lack_payload(TaskId task) const;

  Query& query_;
  const TaskAction action_;
  std::vector<client::ManagerInfo> managers_;  // for a redrive; empty: not known
};

}  // namespace baton::commands
