// baton dead ls | show | redrive | purge

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "client/commands/bulk.h"
#include "client/commands/confirm.h"
#include "client/commands/count_check.h"
#include "client/commands/dead_show.h"
#include "client/commands/list_flags.h"
#include "client/commands/program.h"

namespace baton::commands {
namespace {

struct DeadOptions {
  std::vector<std::string> ids;
  ListFlags flags;
  std::uint32_t rate = 0;  // 0: no bound
  std::uint64_t limit = 0;
  BulkFlags bulk;
};

struct DeadSpec {
  TaskAction action;
  std::string verb;
  std::string done;
};

int act(CommonOptions common, const DeadSpec& spec, const DeadOptions& options) {
  const std::string command = "dead " + spec.verb;
  const bool listed = options.ids.empty();
  if (listed && options.flags.queue.empty())
    return usage_error(command, "name the tasks, or their queue with -q");
  if (!listed && options.flags.given())
    return usage_error(command, "ids and -q with its filters exclude each other");
  const bool ask = (listed || names_many(options.ids)) && !options.bulk.dry_run;
  const std::string which =
      listed ? "the dead tasks of queue '" + options.flags.queue + "' that the filters let pass"
             : "all of these tasks";
  if (const auto code = refuse_unconfirmed(options.bulk.yes || !ask, spec.verb + " " + which + "?"))
    return *code;
  return run_query(std::move(common), [&](Query& query) {
    BulkPlan plan;
    plan.action = spec.action;
    plan.done = spec.done;
    plan.limit = options.limit;
    if (options.rate > 0) plan.rate = options.rate;
    plan.dry_run = options.bulk.dry_run;
    auto ids = listed ? make_listed_ids(query.loop(), query.admin(),
                                        options.flags.listing(client::TaskState::kDead,
                                                              query.loop().wall_now()),
                                        query.timeout())
                      : make_named_ids(query.loop(), options.ids);
    query.own(std::make_unique<BulkAction>(query, plan, std::move(ids))).start();
  });
}

void add_action(Program& program, CLI::App& noun, const Program::CommandSpec& command_spec,
                const DeadSpec& spec) {
  auto options = std::make_shared<DeadOptions>();
  CLI::App& command = program.add_command(
      noun, command_spec,
      [options, spec](CommonOptions common) { return act(std::move(common), spec, *options); });
  command.add_option("ID", options->ids, "tasks; - reads ids from standard input; none: see -q")
      ->check(check_id_word);
  options->flags.add_to(command, false);
  command.add_option("--rate", options->rate, "at most so many a second")
      ->check(CLI::Range(1U, 1'000'000U));
  command.add_option("--limit", options->limit, "at most so many in all")->check(at_least_one());
  options->bulk.add_to(command);
}

void add_list(Program& program, CLI::App& noun) {
  struct Options {
    ListFlags flags;
    PageFlags pages;
  };
  auto options = std::make_shared<Options>();
  CLI::App& command = program.add_command(
      noun,
      {.name = "ls",
       .summary = "List the dead tasks of a queue, with the reason of each.",
       .examples = "  baton dead ls -q mail\n"
                   "  baton dead ls -q mail --reason timeout --older-than 1d -o jsonl"},
      [options](CommonOptions common) {
        return run_query(std::move(common), [&](Query& query) {
          list_tasks(query,
                     options->flags.listing(client::TaskState::kDead, query.loop().wall_now()),
                     options->pages);
        });
      });
  options->flags.add_to(command, true);
  options->pages.add_to(command);
}

}  // namespace

void add_dead(Program& program) {
  CLI::App& noun = program.add_noun("dead", "Look at dead tasks, run them again, drop them");
  add_list(program, noun);
  add_dead_show(program, noun);
  add_action(
      program, noun,
      {.name = "redrive",
       .summary = "Make dead tasks ready again in their queue, with their attempts forgotten.",
       .examples = "  baton dead redrive 17592186044417\n"
                   "  baton dead redrive -q mail --reason 'timed out' --dry-run\n"
                   "  baton dead redrive -q mail --older-than 1h --rate 50 --limit 1000 --yes"},
      {TaskAction::kRedrive, "redrive", "redriven"});
  add_action(program, noun,
             {.name = "purge",
              .summary = "Drop dead tasks for good.",
              .examples = "  baton dead purge -q mail --older-than 30d --dry-run\n"
                          "  baton dead purge -q mail --older-than 30d --yes"},
             {TaskAction::kDiscard, "purge", "dropped"});
}

}  // namespace baton::commands
