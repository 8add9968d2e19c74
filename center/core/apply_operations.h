// Operations on claims: ack, nack, release, extend, and what a manager gives back (R11, R13, R14).
#pragma once

#include "center/core/work.h"

namespace baton::center {

OperationsOutcome apply_operations(Work& work, const SessionOperations& command);
SimpleOutcome apply_give_back(Work& work, Sender sender, const GiveBack& command);

}  // namespace baton::center
