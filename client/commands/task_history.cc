// baton task history

#include "client/commands/task_history.h"

#include <cstdio>
#include <memory>
#include <string>
#include <utility>

#include "client/commands/info_json.h"
#include "client/commands/query.h"

namespace baton::commands {
namespace {

constexpr std::uint32_t kPageEvents = 1000;

// Page after page until the end: what became of one task is not much.
class HistoryLister {
 public:
  HistoryLister(Query& query, TaskId task)
      : query_(query),
        task_(task),
        rows_(query.out(), query.format(),
              {{"index", "INDEX"},
               {"time", "TIME"},
               {"cause", "CAUSE"},
               {"from", "FROM"},
               {"to", "TO"},
               {"attempt", "ATTEMPT"},
               {"uncertain", "UNCERTAIN"},
               {"token", "TOKEN"},
               {"manager", "MANAGER"},
               {"consumer", "CONSUMER"},
               {"reason", "REASON"}}) {}

  void next_page(const std::string& cursor) {
    query_.admin().task_history(task_, kPageEvents, cursor, query_.timeout(),
                                [this](Result<client::HistoryPage> page) { on_page(page); });
  }

 private:
  void on_page(const Result<client::HistoryPage>& page) {
    if (!page.ok()) return query_.fail(page.status());
    if (!begun_) say_where_it_begins(page.value());
    if (!begun_ && page.value().events.empty() && page.value().next.empty()) {
      return query_.fail(
          Status(ErrorCode::kNotFound, "of task " + to_string(task_) +
                                           " no history is kept: it goes back to ledger entry " +
                                           std::to_string(page.value().kept_from)));
    }
    begun_ = true;
    for (const client::HistoryEvent& event : page.value().events) rows_.add(to_json(event));
    if (!page.value().next.empty() && query_.out().ok()) return next_page(page.value().next);
    rows_.finish();
    query_.finish();
  }

  static void say_where_it_begins(const client::HistoryPage& page) {
    const bool whole = page.kept_from <= 1 || page.events.empty() ||
                       page.events.front().from == client::TaskState::kNone;
    if (!whole) {
      std::fprintf(stderr,
                   "note: history is kept from ledger entry %llu on; what became of the task "
                   "before is not known any more\n",
                   static_cast<unsigned long long>(page.kept_from));
    }
  }

  Query& query_;
  const TaskId task_;
  RowWriter rows_;
  bool begun_ = false;
};

}  // namespace

int print_history(CommonOptions common, TaskId task) {
  return run_query(std::move(common), [task](Query& query) {
    query.own(std::make_unique<HistoryLister>(query, task)).next_page("");
  });
}

}  // namespace baton::commands
