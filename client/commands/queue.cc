// baton queue ls

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "client/commands/info_json.h"
#include "client/commands/program.h"
#include "client/commands/query.h"

namespace baton::commands {
namespace {

constexpr std::uint32_t kPageQueues = 1000;

class QueueLister {
 public:
  QueueLister(Query& query, std::string prefix)
      : query_(query),
        prefix_(std::move(prefix)),
        rows_(query.out(), query.format(),
              {{"name", "QUEUE"},
               {"ready", "READY"},
               {"delayed", "DELAYED"},
               {"claimed", "CLAIMED"},
               {"dead", "DEAD"},
               {"quarantined", "QUARANTINED"},
               {"done", "DONE"},
               {"waiting", "WAITING"}}) {}

  void next_page(const std::string& cursor) {
    query_.admin().list_queues(prefix_, kPageQueues, cursor, query_.timeout(),
                               [this](Result<client::QueuePage> page) { on_page(page); });
  }

 private:
  void on_page(const Result<client::QueuePage>& page) {
    if (!page.ok()) return query_.fail(page.status());
    for (const client::QueueInfo& queue : page.value().queues) rows_.add(to_json(queue));
    if (!page.value().next.empty() && query_.out().ok()) return next_page(page.value().next);
    rows_.finish();
    query_.finish();
  }

  Query& query_;
  std::string prefix_;
  RowWriter rows_;
};

}  // namespace

void add_queue(Program& program) {
  CLI::App& noun = program.add_noun("queue", "Look at queues");
  auto prefix = std::make_shared<std::string>();
  program
      .add_command(
          noun,
          {.name = "ls",
           .summary =
               "List the queues and how many tasks are in which state. DONE counts all that ever\n"
               "finished, WAITING the consumers that wait for a task.",
           .examples = "  baton queue ls\n"
                       "  baton queue ls mail/ -o json"},
          [prefix](CommonOptions common) {
            std::unique_ptr<QueueLister> lister;
            return run_query(std::move(common), [&](Query& query) {
              lister = std::make_unique<QueueLister>(query, *prefix);
              lister->next_page("");
            });
          })
      .add_option("PREFIX", *prefix, "only queues whose name begins so");
}

}  // namespace baton::commands
