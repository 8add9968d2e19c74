// Between the messages of proto/ and the values of manager/core.
#pragma once

#include "proto/broker.pb.h"
#include "proto/center.pb.h"

#include "common/base/ids.h"
#include "common/base/record_kind.h"
#include "common/base/status.h"
#include "common/base/wire_options.h"
#include "common/base/wire_uuid.h"
#include "manager/core/created_reporter.h"
#include "manager/core/registration.h"
#include "manager/core/relay_values.h"

namespace baton::manager {

using baton::from_wire;
using baton::to_wire;

inline v1::ErrorCode to_wire(ErrorCode code) { return static_cast<v1::ErrorCode>(code); }
inline ErrorCode from_wire(v1::ErrorCode code) { return error_code_from_wire(code); }
// Kinds that this build does not know pass unchanged.
inline v1::RecordKind to_wire(RecordKind kind) { return static_cast<v1::RecordKind>(kind); }
inline RecordKind from_wire(v1::RecordKind kind) {
  return kind > UINT8_MAX ? RecordKind() : static_cast<RecordKind>(kind);
}
// ok, or the code with its text.
Status status_from_wire(v1::ErrorCode code, const std::string& message);

// Fills `out` with the command of the channel.
void to_wire(const RelayCommand& command, v1::Command& out);
// A created command; queue names the reporter has learned ids of travel as ids.
void to_wire(const CreatedBatch& batch, const CreatedReporter& reporter, v1::Created& out);

SessionGrant from_wire(const v1::Grant& grant);
OperationResult from_wire(const v1::OperationOutcome& outcome);
ResyncResult from_wire(const v1::ResyncState& state);
RegisterAnswer from_wire(const v1::RegisterOutcome& outcome);
// Without its result place and reason, which travel beside it. kind must be one of the known ones.
SessionOperation from_wire(const v1::Operation& operation);

void to_wire(const OperationResult& outcome, v1::OperationOutcome& out);
void to_wire(const SessionGrant& grant, std::size_t bytes, v1::Delivery& out);
void to_delivery_options(const TaskOptions& options, v1::Delivery& out);
LostClaim from_wire(const v1::SessionLostClaim& lost);
void to_wire(const LostClaim& claim, v1::LostClaim& out);

}  // namespace baton::manager
