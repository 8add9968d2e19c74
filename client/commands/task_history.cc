// baton task history

#include "client/commands/task_history.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>

#include "client/commands/info_json.h"
#include "client/commands/list_flags.h"
#include "client/commands/query.h"

namespace baton::commands {
namespace {

constexpr std::uint32_t kPageEvents = 1000;

// Page after page until the limit or the end.
class HistoryLister {
 public:
  HistoryLister(Query& query, TaskId task, std::uint64_t rows_max)
      : query_(query),
        task_(task),
        rows_max_(rows_max),
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
    const auto limit =
        static_cast<std::uint32_t>(std::min<std::uint64_t>(rows_max_ - listed_, kPageEvents));
    query_.admin().task_history(task_, limit, cursor, query_.timeout(),
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
    listed_ += page.value().events.size();
    const bool more = !page.value().next.empty() && query_.out().ok();
    if (more && listed_ < rows_max_) return next_page(page.value().next);
    rows_.finish();
    if (more) std::fprintf(stderr, "there is more: --limit N or --all shows it\n");
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
  const std::uint64_t rows_max_;
  RowWriter rows_;
  std::uint64_t listed_ = 0;
  bool begun_ = false;
};

}  // namespace

void add_task_history(Program& program, CLI::App& noun) {
  struct Options {
    std::string id;
    PageFlags pages;
  };
  auto options = std::make_shared<Options>();
  CLI::App& command = program.add_command(
      noun,
      {.name = "history",
       .summary = "Tell what became of a task, from its creation on: who had it when, and how each "
                  "attempt ended.\nAn attempt is uncertain when it was cut off: its holder may "
                  "still have been working.",
       .examples = "  baton task history 17592186044417\n"
                   "  baton task history 17592186044417 --all -o jsonl | jq .cause"},
      [options](CommonOptions common) {
        return run_query(std::move(common), [&](Query& query) {
          const TaskId task = parse_task_id(options->id).value();
          query.own(std::make_unique<HistoryLister>(query, task, options->pages.rows_max()))
              .next_page("");
        });
      });
  command.add_option("ID", options->id, "the task's id")
      ->required()
      ->check([](const std::string& text) { return parse_task_id(text).status().message(); });
  options->pages.add_to(command);
}

}  // namespace baton::commands
