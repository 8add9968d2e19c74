// The small values that every message between center and manager is made of, to and from their wire
// form.
#pragma once

#include "proto/broker.pb.h"
#include "proto/error.pb.h"

#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/base/wire_uuid.h"

namespace baton::center {

using baton::from_wire;
using baton::to_wire;

// The codes are the same numbers on both sides (common/base/status.h).
inline v1::ErrorCode to_wire(ErrorCode code) { return static_cast<v1::ErrorCode>(code); }

// Sets `code` and `message` of a message that has both.
template <class Message>
void set_status(const Status& status, Message* out) {
  out->set_code(to_wire(status.code()));
  if (!status.ok()) out->set_message(status.message());
}

}  // namespace baton::center
