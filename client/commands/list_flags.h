// What `baton task ls` and the verbs of `baton dead` share: flags that choose tasks of a queue.
#pragma once

#include <cstdint>
#include <string>

#include "client/commands/program.h"
#include "client/commands/query.h"
#include "client/commands/task_ids.h"

namespace baton::commands {

struct ListFlags {
  std::string queue;
  std::string reason;
  Millis older_than{0};
  std::uint32_t min_attempts = 0;
  std::string order_key;
  std::string fair_key;

  // -q and the filters.
  void add_to(CLI::App& command, bool queue_required);
  // True when any of them was given.
  [[nodiscard]] bool given() const;
  [[nodiscard]] TaskListing listing(client::TaskState state, WallTime now) const;
};

// --limit and --all of a command that lists.
struct PageFlags {
  std::uint64_t limit = 1000;
  bool all = false;
  void add_to(CLI::App& command);
  [[nodiscard]] std::uint64_t rows_max() const;
};

// Prints the tasks, of all states when that is kNone, and finishes the query. not_found: none, and
// there is no such queue.
void list_tasks(Query& query, const TaskListing& listing, const PageFlags& pages);
// Prints all about one task, with its result, and finishes the query.
void show_task(Query& query, TaskId task);

}  // namespace baton::commands
