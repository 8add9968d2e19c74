// What happens to the sessions of a manager that is gone: their credit is void, their claims are
// not (R10).
#pragma once

#include "center/core/work.h"

namespace baton::center {

// The manager went offline: no more grants until its sessions state their totals again.
void void_credit(Work& work, std::uint32_t manager);

// That life of the manager is over, and with it every connection to it: lines end too.
void end_connections(Work& work, std::uint32_t manager);

// Ends all lines of a session and voids its credit.
void end_lines(Tables& tables, std::uint32_t session);

}  // namespace baton::center
