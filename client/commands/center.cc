// baton center status

#include <utility>

#include "client/commands/info_json.h"
#include "client/commands/program.h"
#include "client/commands/query.h"

namespace baton::commands {
namespace {

int status(CommonOptions common) {
  return run_query(std::move(common), [](Query& query) {
    query.admin().center_status(query.timeout(), [&query](Result<client::CenterInfo> center) {
      if (!center.ok()) return query.fail(center.status());
      query.print_and_finish(to_json(center.value()));
    });
  });
}

}  // namespace

void add_center(Program& program) {
  CLI::App& noun = program.add_noun("center", "Look at the center");
  program.add_command(
      noun,
      {.name = "status",
       .summary = "Show where the ledger stands: its index, memory, tasks, sessions and counters.",
       .examples = "  baton center status\n"
                   "  baton center status -o json | jq .tasks_waiting"},
      status);
}

}  // namespace baton::commands
