// What the ledger answers, in the wire form of proto/center.proto.
#pragma once

#include "proto/center.pb.h"

#include "center/core/effects.h"
#include "common/base/status.h"

namespace baton::center {

void encode_outcome(const Outcome& outcome, v1::Outcome* wire);
void encode_grant(const Grant& grant, v1::Grant* wire);
void encode_lost(const LostClaim& lost, v1::SessionLostClaim* wire);
void encode_rule(const QueueRule& rule, v1::QueueRule* wire);

// The answer to a command that never reached the ledger, in the shape that this kind of command is
// always answered in. `status` is not ok.
void encode_refusal(const v1::Command& command, const Status& status, v1::Outcome* wire);

}  // namespace baton::center
