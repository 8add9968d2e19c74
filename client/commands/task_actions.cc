#include "client/commands/task_actions.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "client/commands/bulk.h"
#include "client/commands/confirm.h"

namespace baton::commands {
namespace {

struct ActionSpec {
  TaskAction action;
  std::string verb;
  std::string done;
  std::string summary;
  std::string examples;
};

struct ActionOptions {
  std::vector<std::string> ids;
  std::string reason;
  BulkFlags flags;
};

int act(CommonOptions common, const ActionSpec& spec, const ActionOptions& options) {
  const bool ask = names_many(options.ids) && !options.flags.dry_run;
  const std::string question = spec.verb + " all of these tasks?";
  if (const auto code = refuse_unconfirmed(options.flags.yes || !ask, question)) return *code;
  return run_query(std::move(common), [&](Query& query) {
    BulkPlan plan;
    plan.action = spec.action;
    plan.done = spec.done;
    plan.reason = options.reason;
    plan.dry_run = options.flags.dry_run;
    query.own(std::make_unique<BulkAction>(query, plan, make_named_ids(query.loop(), options.ids)))
        .start();
  });
}

void add_action(Program& program, CLI::App& noun, const ActionSpec& spec) {
  auto options = std::make_shared<ActionOptions>();
  CLI::App& command = program.add_command(
      noun,
      {.name = spec.verb,
       .summary = spec.summary,
       .examples =
           spec.examples +
           "\nPrints a row for each task. Exit 8 when only some could be. More than one task "
           "needs a yes at the\nterminal, or --yes."},
      [options, spec](CommonOptions common) { return act(std::move(common), spec, *options); });
  command.add_option("ID", options->ids, "the tasks; - reads ids from standard input")
      ->required()
      ->check(check_id_word);
  command.add_option("--reason", options->reason, "why, for people: `task show` tells it")
      ->check([](const std::string& text) {
        return text.size() <= kReasonBytesMax ? "" : "at most 1,024 bytes";
      });
  options->flags.add_to(command);
}

}  // namespace

void add_task_actions(Program& program, CLI::App& noun) {
  add_action(
      program, noun,
      {TaskAction::kCancel, "cancel", "cancelled",
       "Cancel tasks, whether they wait or run. A consumer that works on one is told to stop.",
       "  baton task cancel 17592186044417\n"
       "  baton task ls -q mail -o jsonl | jq -r .id | baton task cancel - --yes\n"});
  add_action(
      program, noun,
      {TaskAction::kResume, "resume", "resumed",
       "Let held tasks run again, and tasks that are blocked by a failed one go on as if that "
       "had finished.",
       "  baton task resume 17592186044417\n"});
  add_action(program, noun,
             {TaskAction::kComplete, "complete", "completed",
              "Say that held tasks, or tasks blocked by a failed child, are done.",
              "  baton task complete 17592186044417 --reason 'paid by hand'\n"});
  add_action(program, noun,
             {TaskAction::kKill, "kill", "killed",
              "Make tasks dead that are held, blocked or waiting. `baton dead redrive` brings them "
              "back.",
              "  baton task kill 17592186044417\n"});
}

}  // namespace baton::commands
