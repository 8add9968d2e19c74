// The scripts that a manager's store is taken through.
#pragma once

#include <span>

#include "tests/recovery/payload_machine.h"

namespace baton::recovery {

std::span<const PayloadMachine::Scenario> payload_scenarios();

}  // namespace baton::recovery
