// baton task show | ls | result

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "client/commands/info_json.h"
#include "client/commands/program.h"
#include "client/commands/query.h"

namespace baton::commands {
namespace {

constexpr std::uint32_t kPageTasks = 1000;

// A task id that the user typed; the text of the usage error otherwise.
std::string check_task_id(const std::string& text) {
  return parse_task_id(text).status().message();
}

TaskId task_id(const std::string& text) {
  auto parsed = parse_task_id(text);
  BATON_CHECK(parsed.ok());  // check_task_id saw it
  return parsed.value();
}

int show(CommonOptions common, const std::string& id) {
  return run_query(std::move(common), [&](Query& query) {
    query.admin().task(task_id(id), query.timeout(), [&query](Result<client::TaskInfo> task) {
      if (!task.ok()) return query.fail(task.status());
      Json json = to_json(task.value());
      if (!task.value().has_result) return query.print_and_finish(json);
      query.admin().task_result(task.value().task, query.timeout(),
                                [&query, json](Result<client::TaskResult> result) mutable {
                                  // Its manager may be down: what is known is worth showing all the
                                  // same.
                                  if (result.ok()) {
                                    put_bytes(json, "result", result.value().result);
                                  } else {
                                    json["result_error"] = result.status().to_string();
                                  }
                                  query.print_and_finish(json);
                                });
    });
  });
}

int print_result(CommonOptions common, const std::string& id) {
  return run_query(std::move(common), [&](Query& query) {
    query.admin().task_result(
        task_id(id), query.timeout(), [&query](Result<client::TaskResult> result) {
          if (!result.ok()) return query.fail(result.status());
          const client::TaskResult& found = result.value();
          if (query.format() == OutputFormat::kTable) {
            query.out().write(found.result);
            return query.finish();
          }
          Json json{{"id", to_string(found.task)}, {"token", std::to_string(found.token.value())}};
          put_bytes(json, "result", found.result);
          query.print_and_finish(json);
        });
  });
}

struct ListOptions {
  std::string queue;
  client::TaskState state = client::TaskState::kReady;
  std::uint64_t limit = 100;
};

// Page after page until the limit or the end.
class TaskLister {
 public:
  TaskLister(Query& query, const ListOptions& options)
      : query_(query),
        options_(options),
        rows_(query.out(), query.format(),
              {{"id", "ID"},
               {"state", "STATE"},
               {"attempt", "ATTEMPT"},
               {"failures", "FAILURES"},
               {"expiries", "EXPIRIES"},
               {"manager", "MANAGER"},
               {"created", "CREATED"},
               {"reason", "REASON"}}) {}

  void next_page(const std::string& cursor) {
    const std::uint64_t left = options_.limit - listed_;
    query_.admin().list_tasks(options_.queue, options_.state,
                              static_cast<std::uint32_t>(std::min<std::uint64_t>(left, kPageTasks)),
                              cursor, query_.timeout(),
                              [this](Result<client::TaskPage> page) { on_page(page); });
  }

 private:
  void on_page(const Result<client::TaskPage>& page) {
    if (!page.ok()) return query_.fail(page.status());
    for (const client::TaskInfo& task : page.value().tasks) rows_.add(to_json(task));
    listed_ += page.value().tasks.size();
    if (!page.value().next.empty() && listed_ < options_.limit && query_.out().ok()) {
      return next_page(page.value().next);
    }
    rows_.finish();
    query_.finish();
  }

  Query& query_;
  const ListOptions& options_;
  RowWriter rows_;
  std::uint64_t listed_ = 0;
};

int list(CommonOptions common, const ListOptions& options) {
  std::unique_ptr<TaskLister> lister;
  return run_query(std::move(common), [&](Query& query) {
    lister = std::make_unique<TaskLister>(query, options);
    lister->next_page("");
  });
}

void add_list(Program& program, CLI::App& noun) {
  auto options = std::make_shared<ListOptions>();
  CLI::App& command = program.add_command(
      noun,
      {.name = "ls",
       .summary = "List the tasks of a queue that are in one state.",
       .examples = "  baton task ls -q mail --state dead\n"
                   "  baton task ls -q mail --state claimed -o jsonl --limit 5000"},
      [options](CommonOptions common) { return list(std::move(common), *options); });
  command.add_option("-q,--queue", options->queue, "the queue")
      ->required()
      ->check([](const std::string& name) { return validate_queue_name(name).message(); });
  command
      .add_option_function<std::string>(
          "--state",
          [options](const std::string& text) {
            options->state = client::parse_task_state(text).value();
          },
          "ready (default), delayed, claimed, dead, quarantined, ...")
      ->check([](const std::string& text) {
        return client::parse_task_state(text).status().message();
      });
  command.add_option("--limit", options->limit, "at most this many")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
}

}  // namespace

void add_task(Program& program) {
  CLI::App& noun = program.add_noun("task", "Look at tasks");
  auto shown = std::make_shared<std::string>();
  program
      .add_command(noun,
                   {.name = "show",
                    .summary = "Show what is known about a task. A finished task whose row is gone "
                               "still says done.",
                    .examples = "  baton task show 17592186044417\n"
                                "  baton task show 17592186044417 -o json"},
                   [shown](CommonOptions common) { return show(std::move(common), *shown); })
      .add_option("ID", *shown, "the task's id")
      ->required()
      ->check(check_task_id);
  auto wanted = std::make_shared<std::string>();
  program
      .add_command(
          noun,
          {.name = "result",
           .summary = "Print a task's result: the bytes that its ack carried, as they are.",
           .examples = "  baton task result 17592186044417 > thumbnail.png"},
          [wanted](CommonOptions common) { return print_result(std::move(common), *wanted); })
      .add_option("ID", *wanted, "the task's id")
      ->required()
      ->check(check_task_id);
  add_list(program, noun);
}

}  // namespace baton::commands
