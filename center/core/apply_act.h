// What operators do with tasks from outside.
#pragma once

#include "center/core/work.h"

namespace baton::center {

// One outcome per task: not_found, unavailable (not known yet, R4), conflict (its state does not
// allow it), or ok. Repeating an action does no harm: what is so already is ok.
ActOutcome apply_act(Work& work, const ActOn& command);

}  // namespace baton::center
