// The scripts that a center's store is taken through.
#pragma once

#include <span>

#include "tests/recovery/ledger_machine.h"

namespace baton::recovery {

std::span<const LedgerMachine::Scenario> ledger_scenarios();

}  // namespace baton::recovery
