// What the library tells about tasks, queues, managers and the center, as the JSON that -o json
// prints. Ids and tokens are decimal strings: JavaScript's numbers end at 2^53.
#pragma once

#include "client/admin.h"
#include "client/commands/output.h"

namespace baton::commands {

Json to_json(const client::TaskInfo& task);
Json to_json(const client::QueueInfo& queue);
Json to_json(const client::ManagerInfo& manager);
Json to_json(const client::CenterInfo& center);

}  // namespace baton::commands
