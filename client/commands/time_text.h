// Points in time as people write them.
#pragma once

#include <string_view>

#include "common/base/status.h"
#include "common/base/time.h"

namespace baton::commands {

// RFC 3339: "2026-12-24T18:00:00Z", "2026-12-24 19:00:00.5+01:00". invalid_argument for anything
// else, also for a time without a zone: nobody could know whose it is.
Result<WallTime> parse_rfc3339(std::string_view text);
// The same, or a duration from `now` on: "+10m", "10m".
Result<WallTime> parse_when(std::string_view text, WallTime now);

}  // namespace baton::commands
