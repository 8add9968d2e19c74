// The verbs that act on tasks: cancel, resume, complete, kill, and those of `baton dead`.
#pragma once

#include "client/commands/program.h"

namespace baton::commands {

void add_task_actions(Program& program, CLI::App& noun);
void add_task_retry(Program& program, CLI::App& noun);

}  // namespace baton::commands
