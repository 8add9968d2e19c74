// BulkAction: one action on many tasks: in pieces of bounded size, at a bounded rate, with an
// outcome for each.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "client/commands/foresight.h"
#include "client/commands/query.h"
#include "client/commands/task_ids.h"

namespace baton::commands {

struct BulkPlan {
  TaskAction action = TaskAction::kCancel;
  std::string done;                   // what the tasks are then: "cancelled"
  std::string reason;                 // for people
  std::uint64_t limit = 0;            // tasks at most; 0: all
  std::optional<std::uint32_t> rate;  // tasks a second
  bool dry_run = false;
};

// The flags that every bulk command has: --dry-run, --yes.
struct BulkFlags {
  bool dry_run = false;
  bool yes = false;
  void add_to(CLI::App& command);
};

// "12 cancelled, 1 refused" on stderr, behind `before`.
struct BulkCounts {
  std::uint64_t done = 0;
  std::uint64_t refused = 0;
  [[nodiscard]] std::uint64_t all() const { return done + refused; }
  void print(const char* before, const std::string& what, bool dry_run) const;
};

// Prints a row for each task and finishes the query: 0 when all were done, 8 when only some were,
// else the code of the first refusal. A dry run looks at each task and says what would become of it.
// Interrupted it prints what was done by then.
class BulkAction {
 public:
  BulkAction(Query& query, BulkPlan plan, std::unique_ptr<TaskIds> ids);

  void start();

 private:
  void next();
  void on_ids(Result<std::vector<TaskId>> ids);
  void foresee(const std::vector<TaskId>& ids);
  void on_foreseen();
  void on_acted(const std::vector<client::ActOutcome>& outcomes);
  void add_row(TaskId task, const std::string& outcome, client::TaskState state,
               const std::string& message);
  void finish();
  void interrupt(int signal);
  [[nodiscard]] std::size_t piece() const;

  Query& query_;
  const BulkPlan plan_;
  const std::unique_ptr<TaskIds> ids_;
  RowWriter rows_;
  Foresight foresight_;
  MonoTime began_;
  std::vector<Foreseen> looks_;  // of a dry run's piece, in order
  std::vector<TaskId> looked_at_;
  std::size_t looks_open_ = 0;
  BulkCounts counts_;
  std::size_t asked_ = 0;  // without an answer
  Status first_refusal_;
  Status broken_;  // what ended it early
};

}  // namespace baton::commands
