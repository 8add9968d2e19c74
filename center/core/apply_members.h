// Commands of membership: enroll, register, seal, shard_offline, report, remove, quarantine (R2,
// R13).
#pragma once

#include "center/core/work.h"

namespace baton::center {

EnrollOutcome apply_enroll(Work& work, const Enroll& command);
RegisterOutcome apply_register(Work& work, const Register& command);
SimpleOutcome apply_report(Work& work, const Report& command);
SimpleOutcome apply_shard_offline(Work& work, const ShardOffline& command);
SimpleOutcome apply_seal(Work& work, const Seal& command);
SimpleOutcome apply_remove(Work& work, const Remove& command);
SimpleOutcome apply_quarantine(Work& work, Sender sender, const Quarantine& command);

// Goes on with sealing, within the budget.
void continue_seals(Work& work);

// Remembers when a shard has reported all that it had at its last register (R5).
void note_caught_up(Tables& tables, Shard& shard);

}  // namespace baton::center
