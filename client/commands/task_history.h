// baton task history: what became of a task.
#pragma once

#include "client/commands/runtime.h"
#include "common/base/ids.h"

namespace baton::commands {

int print_history(CommonOptions common, TaskId task);

}  // namespace baton::commands
