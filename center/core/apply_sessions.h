// Commands of sessions: attach, demand, end_wait, closed, heartbeat (R9, R10).
#pragma once

#include "center/core/work.h"

namespace baton::center {

AttachOutcome apply_attach(Work& work, Sender sender, const AttachSession& command);
SimpleOutcome apply_demand(Work& work, Sender sender, const SessionDemand& command);
SimpleOutcome apply_end_wait(Work& work, Sender sender, const SessionEndWait& command);
SimpleOutcome apply_closed(Work& work, Sender sender, const SessionClosed& command);
HeartbeatOutcome apply_heartbeat(Work& work, const SessionHeartbeat& command);

// A sign of life of the session: it is not removed for another 10 minutes of lease time.
void see_session(Work& work, std::uint32_t session);

// Looks at one session that may be idle and removes it if it is; false when there was none to look
// at.
bool drop_idle_session(Work& work);

}  // namespace baton::center
