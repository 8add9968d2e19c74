// baton manager ls | remove

#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "client/commands/info_json.h"
#include "client/commands/program.h"
#include "client/commands/query.h"

namespace baton::commands {
namespace {

int list(CommonOptions common) {
  return run_query(std::move(common), [](Query& query) {
    query.admin().list_managers(query.timeout(),
                                [&query](Result<std::vector<client::ManagerInfo>> managers) {
                                  if (!managers.ok()) return query.fail(managers.status());
                                  RowWriter rows(query.out(), query.format(),
                                                 {{"name", "NAME"},
                                                  {"address", "ADDRESS"},
                                                  {"state", "STATE"},
                                                  {"since", "SINCE"},
                                                  {"tasks", "TASKS"},
                                                  {"lag", "LAG"},
                                                  {"sessions", "SESSIONS"},
                                                  {"shards", "SHARDS"},
                                                  {"sealed", "SEALED"}});
                                  for (const client::ManagerInfo& manager : managers.value())
                                    rows.add(to_json(manager));
                                  rows.finish();
                                  query.finish();
                                });
  });
}

int remove(CommonOptions common, const std::string& name) {
  return run_query(std::move(common), [&](Query& query) {
    query.admin().remove_manager(name, query.timeout(), [&query, name](const Status& status) {
      if (!status.ok()) return query.fail(status);
      std::fprintf(stderr, "removed: the name %s is free\n", name.c_str());
      query.finish();
    });
  });
}

}  // namespace

void add_manager(Program& program) {
  CLI::App& noun = program.add_noun("manager", "Look at managers");
  program.add_command(
      noun,
      {.name = "ls",
       .summary =
           "List the managers: up or down, since when, how many tasks wait on each, and how many\n"
           "of them the ledger does not know yet (LAG).",
       .examples = "  baton manager ls\n"
                   "  baton manager ls -o json"},
      list);
  auto name = std::make_shared<std::string>();
  program
      .add_command(
          noun,
          {.name = "remove",
           .summary =
               "Free the name of a manager whose data is lost or was sealed, for a new one. Its\n"
               "unfinished tasks stay quarantined. Refused while it is up.",
           .examples = "  baton manager remove 127.0.0.1:7103",
           .formats = {}},
          [name](CommonOptions common) { return remove(std::move(common), *name); })
      .add_option("NAME", *name, "as `baton manager ls` shows it")
      ->required()
      ->check([](const std::string& text) { return validate_manager_name(text).message(); });
}

}  // namespace baton::commands
