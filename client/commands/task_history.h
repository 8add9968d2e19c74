// baton task history: what became of a task.
#pragma once

#include "client/commands/program.h"

namespace baton::commands {

void add_task_history(Program& program, CLI::App& noun);

}  // namespace baton::commands
