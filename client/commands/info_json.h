// What the library tells about tasks, queues, managers and the center, as the JSON that -o json
// prints. Ids and tokens are decimal strings: JavaScript's numbers end at 2^53.
#pragma once

#include "client/admin.h"
#include "client/commands/output.h"

namespace baton::commands {

Json time_or_null(WallTime time);
Json text_or_null(const std::string& text);

// Fields that most tasks have no use for are there only when they say something.
Json to_json(const client::TaskInfo& task);
// Adds `result` or `result_base64`, and `content_type` where there is one.
void put_result(Json& object, const client::TaskResult& result);
Json to_json(const client::Explanation& explanation);
Json to_json(const client::QueueInfo& queue);
// The figures; the settings are setting_flags.h's business.
Json to_json(const client::QueueDetail& queue);
Json to_json(const client::ManagerInfo& manager);
Json to_json(const client::CenterInfo& center);
Json to_json(const client::HistoryEvent& event);
Json to_json(const client::AuditInfo& audit);

}  // namespace baton::commands
