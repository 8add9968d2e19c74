// baton task show | ls | result | payload | wait | explain | history, and the verbs of task_actions.h

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "client/commands/info_json.h"
#include "client/commands/list_flags.h"
#include "client/commands/program.h"
#include "client/commands/query.h"
#include "client/commands/result_waiter.h"
#include "client/commands/task_actions.h"
#include "client/commands/task_history.h"

namespace baton::commands {
namespace {

// A task id that the user typed; the text of the usage error otherwise.
std::string check_task_id(const std::string& text) {
  return parse_task_id(text).status().message();
}

TaskId task_id(const std::string& text) {
  auto parsed = parse_task_id(text);
  BATON_CHECK(parsed.ok());  // check_task_id saw it
  return parsed.value();
}

// ---- one task -----------------------------------------------------------------------------------

int show(CommonOptions common, TaskId task) {
  return run_query(std::move(common), [&](Query& query) { show_task(query, task); });
}

// Bytes as they are, or inside JSON.
void print_bytes(Query& query, const std::string& bytes, Json json, const std::string& key) {
  if (query.format() == OutputFormat::kTable) {
    query.out().write(bytes);
    return query.finish();
  }
  put_bytes(json, key, bytes);
  query.print_and_finish(json);
}

int print_result(CommonOptions common, TaskId task) {
  return run_query(std::move(common), [&](Query& query) {
    query.admin().task_result(task, query.timeout(), [&query](Result<client::TaskResult> result) {
      if (!result.ok()) return query.fail(result.status());
      const client::TaskResult& found = result.value();
      Json json{{"id", to_string(found.task)}, {"token", std::to_string(found.token.value())}};
      if (!found.content_type.empty()) json["content_type"] = found.content_type;
      print_bytes(query, found.result, json, "result");
    });
  });
}

int print_payload(CommonOptions common, TaskId task) {
  return run_query(std::move(common), [&](Query& query) {
    query.admin().task_payload(task, query.timeout(), [&query, task](Result<std::string> payload) {
      if (!payload.ok()) return query.fail(payload.status());
      print_bytes(query, payload.value(), Json{{"id", to_string(task)}}, "payload");
    });
  });
}

int explain(CommonOptions common, TaskId task) {
  return run_query(std::move(common), [&](Query& query) {
    query.admin().explain_task(task, query.timeout(), [&query](Result<client::Explanation> why) {
      if (!why.ok()) return query.fail(why.status());
      if (query.format() != OutputFormat::kTable) {
        return query.print_and_finish(to_json(why.value()));
      }
      query.out().write(why.value().sentence + "\n");
      query.finish();
    });
  });
}

// A verb about one task.
void add_one(Program& program, CLI::App& noun, const Program::CommandSpec& spec,
             int (*run)(CommonOptions, TaskId)) {
  auto id = std::make_shared<std::string>();
  program
      .add_command(noun, spec,
                   [id, run](CommonOptions common) { return run(std::move(common), task_id(*id)); })
      .add_option("ID", *id, "the task's id")
      ->required()
      ->check(check_task_id);
}

// ---- waiting ------------------------------------------------------------------------------------

// Waits for the ids piece by piece, all of a piece at once, and prints in their order.
class WaitCommand {
 public:
  WaitCommand(Query& query, const std::vector<std::string>& ids)
      : query_(query),
        ids_(make_named_ids(query.loop(), ids)),
        waiter_(query.loop(), query.admin(), query.timeout()),
        rows_(query.out(), query.format(), {}) {}

  void next() {
    ids_->next(kPieceMax, [this](Result<std::vector<TaskId>> ids) {
      if (!ids.ok()) return query_.fail(ids.status());
      if (ids.value().empty() || !query_.out().ok()) return finish();
      ends_.assign(ids.value().size(), {});
      open_ = ends_.size();
      for (std::size_t i = 0; i < ends_.size(); ++i) {
        waiter_.wait(ids.value()[i], [this, i](TaskEnd end) { on_end(i, std::move(end)); });
      }
    });
  }

 private:
  static constexpr std::size_t kPieceMax = 256;

  void on_end(std::size_t place, TaskEnd end) {
    count_.add(end);
    ends_[place] = std::move(end);
    if (--open_ > 0) return;
    for (const TaskEnd& ended : ends_) print(ended);
    query_.out().flush();
    next();
  }

  void print(const TaskEnd& end) {
    if (!end.status.ok()) query_.complain(end.status);
    if (query_.format() == OutputFormat::kTable) {
      query_.out().write(end_line(end));
      return;
    }
    Json json{{"id", to_string(end.task)}};
    put_end(json, end);
    rows_.add(json);
  }

  void finish() {
    if (query_.format() != OutputFormat::kTable) rows_.finish();
    query_.finish(count_.exit_code());
  }

  Query& query_;
  const std::unique_ptr<TaskIds> ids_;
  ResultWaiter waiter_;
  RowWriter rows_;  // of JSON; else each is a line of its own
  EndCount count_;
  std::vector<TaskEnd> ends_;  // of this piece
  std::size_t open_ = 0;       // of them, not ended
};

void add_wait(Program& program, CLI::App& noun) {
  auto ids = std::make_shared<std::vector<std::string>>();
  program
      .add_command(
          noun,
          {.name = "wait",
           .summary = "Wait until tasks have finished, and print ID, outcome and result (or why "
                      "there is none) of each.",
           .examples =
               "  baton task wait 17592186044417 --timeout 30s\n"
               "  seq 10 | baton produce -q squares | baton task wait -\n"
               "\nExit 0: all are done; 6: --timeout ended it; 1: dead or cancelled, 8: only "
               "some of them.",
           .timeout_default = std::chrono::hours(24)},
          [ids](CommonOptions common) {
            return run_query(std::move(common), [&](Query& query) {
              query.own(std::make_unique<WaitCommand>(query, *ids)).next();
            });
          })
      .add_option("ID", *ids, "the tasks; - reads ids from standard input")
      ->required()
      ->check(check_id_word);
}

// "ready|delayed|...": what --help shows and a shell completes.
std::string state_names() {
  std::string names;
  for (auto state = client::TaskState::kDelayed; state <= client::TaskState::kVoid;
       state = static_cast<client::TaskState>(static_cast<int>(state) + 1)) {
    names += (names.empty() ? "" : "|") + std::string(to_string(state));
  }
  return names;
}

// ---- many tasks -----------------------------------------------------------------------------------

struct ListOptions {
  ListFlags flags;
  PageFlags pages;
  client::TaskState state = client::TaskState::kNone;  // all of them
};

void add_list(Program& program, CLI::App& noun) {
  auto options = std::make_shared<ListOptions>();
  CLI::App& command = program.add_command(
      noun,
      {.name = "ls",
       .summary = "List the tasks of a queue, of one state or of all: what is not finished, and "
                  "finished tasks that are kept.",
       .examples = "  baton task ls -q mail --state dead\n"
                   "  baton task ls -q mail --state claimed --older-than 1h\n"
                   "  baton task ls -q mail --all -o jsonl | jq -r .id"},
      [options](CommonOptions common) {
        return run_query(std::move(common), [&](Query& query) {
          list_tasks(query, options->flags.listing(options->state, query.loop().wall_now()),
                     options->pages);
        });
      });
  options->flags.add_to(command, true);
  command
      .add_option_function<std::string>(
          "--state",
          [options](const std::string& text) {
            options->state = client::parse_task_state(text).value();
          },
          "only tasks in this state (default: in any)")
      ->type_name(state_names())
      ->check([](const std::string& text) {
        return client::parse_task_state(text).status().message();
      });
  options->pages.add_to(command);
}

}  // namespace

void add_task(Program& program) {
  CLI::App& noun = program.add_noun("task", "Look at tasks, wait for them, act on them");
  add_one(program, noun,
          {.name = "show",
           .summary = "Show what is known about a task. A finished task whose row is gone still "
                      "says done.",
           .examples = "  baton task show 17592186044417\n"
                       "  baton task show 17592186044417 -o json"},
          show);
  add_one(program, noun,
          {.name = "explain",
           .summary = "Say in a sentence why a task is where it is, above all why it does not run.",
           .examples = "  baton task explain 17592186044417\n"
                       "  baton task explain 17592186044417 -o json | jq -r .because"},
          explain);
  add_one(program, noun,
          {.name = "result",
           .summary = "Print a task's result: the bytes that its ack carried, as they are.",
           .examples = "  baton task result 17592186044417 > thumbnail.png"},
          print_result);
  add_one(program, noun,
          {.name = "payload",
           .summary = "Print a task's payload, as it is, while it is kept.",
           .examples = "  baton task payload 17592186044417 | less"},
          print_payload);
  add_task_history(program, noun);
  add_wait(program, noun);
  add_list(program, noun);
  add_task_actions(program, noun);
  add_task_retry(program, noun);
}

}  // namespace baton::commands
