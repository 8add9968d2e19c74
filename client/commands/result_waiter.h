// ResultWaiter: waits for tasks to finish and fetches what they left, many at once but never more
// than a bound.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <string>

#include "client/admin.h"
#include "client/commands/payload_json.h"
#include "common/base/loop.h"

namespace baton::commands {

// How a task ended, as far as we know.
struct TaskEnd {
  TaskId task;
  // "done", "dead", "cancelled", ...; "unfinished": not in time; "unknown": `status` says why.
  std::string outcome;
  Status status;  // not ok: unknown, or the result could not be fetched
  std::string result;
  std::string content_type;
  std::string reason;  // of what is not done

  [[nodiscard]] bool done() const { return outcome == "done"; }
};

class ResultWaiter {
 public:
  // `admin` and `loop` outlive this; dropping it drops the callbacks with `admin`.
  ResultWaiter(Loop& loop, client::Admin& admin, Duration patience)
      : loop_(loop), admin_(admin), patience_(patience) {}

  // Waits from now on, for `patience`.
  using Done = std::function<void(TaskEnd)>;
  void wait(TaskId task, Done done);

 private:
  struct Wanted {
    TaskId task;
    MonoTime deadline;
    Done done;
  };
  void fill();
  void ask(Wanted wanted);
  void on_finished(const Result<client::TaskInfo>& info, TaskId task, const Done& done);
  void fetch(TaskEnd end, const Done& done);
  void end(const Done& done, TaskEnd how);

  Loop& loop_;
  client::Admin& admin_;
  const Duration patience_;
  std::deque<Wanted> wanted_;  // not asked yet
  std::size_t asked_ = 0;
};

// "ID<TAB>OUTCOME<TAB>RESULT", with the reason in place of a result that there is not.
std::string end_line(const TaskEnd& end);
// Adds `outcome`, `result`, `content_type`, `reason` and `error`.
void put_end(Json& object, const TaskEnd& end);

// Of many ends the exit code: 0 all done; 5 and others: one is unknown; 6: one is unfinished; 8: some
// ended otherwise; 1: all did.
class EndCount {
 public:
  void add(const TaskEnd& end);
  [[nodiscard]] int exit_code() const;

 private:
  std::uint64_t done_ = 0;
  std::uint64_t failed_ = 0;
  std::uint64_t unfinished_ = 0;
  Status unknown_;
};

}  // namespace baton::commands
