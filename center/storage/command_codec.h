// Commands between their wire form (proto/center.proto, also what the log stores) and the ledger's
// values.
//
// Every number and name that arrives is checked here, before it can become part of an entry: the
// ledger sees only values that its types can hold. What is wrong is answered, never stored and
// never fatal.
#pragma once

#include "proto/center.pb.h"

#include "center/core/command.h"
#include "common/base/status.h"

namespace baton::center {

// invalid_argument names the field that is out of its range (docs/protocol.md has the limits).
Result<Command> decode_command(const v1::Command& wire);

void encode_command(const Command& command, v1::Command* wire);

// True for what only the center itself may ask for: tick, term start, continue, shard offline, and
// the removal of a manager, which a client asks for by a query.
bool is_center_command(const v1::Command& wire);

// How many tasks, sessions or tokens the command may touch: what an entry is filled by (R21).
std::size_t command_weight(const v1::Command& wire);

}  // namespace baton::center
