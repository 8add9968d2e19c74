// The scripts that the whole trio goes through.
#pragma once

#include <span>

#include "tests/recovery/trio.h"

namespace baton::recovery {

std::span<const Trio::Scenario> trio_scenarios();

}  // namespace baton::recovery
