// Time: term starts, ticks, and everything that waits for lease time (R15, R21).
#pragma once

#include "center/core/work.h"

namespace baton::center {

SimpleOutcome apply_term_start(Work& work, const TermStart& command);
SimpleOutcome apply_tick(Work& work, const Tick& command);
SimpleOutcome apply_continue(Work& work);

[[nodiscard]] TickPlan plan_ticks(const Tables& tables);
// Whether something is due, or left over, that the next Tick or Continue would do.
[[nodiscard]] bool has_work_left(const Tables& tables);

}  // namespace baton::center
