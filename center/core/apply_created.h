// Commands of producing: created, producer_done (R1, R5, R6).
#pragma once

#include "center/core/work.h"

namespace baton::center {

CreatedOutcome apply_created(Work& work, Sender sender, const Created& command);
SimpleOutcome apply_producer_done(Work& work, const ProducerDone& command);

}  // namespace baton::center
