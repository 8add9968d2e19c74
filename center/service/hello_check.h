// Whether a manager and this center belong together: what HELLO must say before anything else is
// heard.
#pragma once

#include "proto/broker.pb.h"

#include "common/base/ids.h"
#include "common/base/status.h"

namespace baton::center {

// Where this center's ledger stands.
struct LedgerPosition {
  ClusterId cluster;
  Generation generation;
  Lsn index;
};

// denied: not a manager. conflict: of another cluster. data_loss: the manager has durably seen a
// later ledger, so this center's data directory was put back to an older state (R20). Each in one
// sentence for the operator. The last two end the manager: nothing that passes by itself may use
// these codes.
Status check_hello(const v1::Hello& hello, const LedgerPosition& ledger);

}  // namespace baton::center
