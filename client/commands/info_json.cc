#include "client/commands/info_json.h"

#include <array>
#include <cstdio>

namespace baton::commands {
namespace {

std::string hex(std::uint64_t value) {
  std::array<char, 17> text{};
  std::snprintf(text.data(), text.size(), "%016llx", static_cast<unsigned long long>(value));
  return text.data();
}

void put_task(Json& object, const char* key, TaskId task) {
  if (task) object[key] = to_string(task);
}
template <class T>
void put_if(Json& object, const char* key, const T& value) {
  if (value != T()) object[key] = value;
}

void put_more(Json& json, const client::TaskInfo& task) {
  if (task.not_before.ms != 0) json["not_before"] = time_or_null(task.not_before);
  if (task.expires_in > Millis(0)) json["expires_in_ms"] = task.expires_in.count();
  put_if(json, "payload_bytes", task.payload_bytes);
  put_if(json, "uncertain", task.uncertain);
  put_if(json, "percent", task.percent);
  put_if(json, "progress", task.progress);
  put_if(json, "checkpoint_bytes", task.checkpoint_bytes);
  put_if(json, "order_key", task.order_key);
  put_if(json, "fair_key", task.fair_key);
  put_task(json, "parent", task.parent);
  put_if(json, "children_open", task.children_open);
  put_if(json, "children_failed", task.children_failed);
  put_if(json, "blocked_on", task.blocked_on);
  put_task(json, "retry_of", task.retry_of);
}

}  // namespace

Json time_or_null(WallTime time) { return time.ms == 0 ? Json() : Json(rfc3339(time.ms)); }

Json text_or_null(const std::string& text) { return text.empty() ? Json() : Json(text); }

Json to_json(const client::TaskInfo& task) {
  const bool claimed = task.state == client::TaskState::kClaimed;
  Json json{{"id", to_string(task.task)},
            {"queue", task.queue.empty() ? Json() : Json(task.queue)},
            {"state", std::string(client::to_string(task.state))},
            {"attempt", task.attempt},
            {"failures", task.failures},
            {"expiries", task.expiries},
            {"priority", task.priority},
            {"token", task.token ? Json(std::to_string(task.token.value())) : Json()},
            {"created", time_or_null(task.created)},
            {"manager", task.manager.empty() ? Json() : Json(task.manager)},
            {"has_result", task.has_result},
            {"result_bytes", task.result_bytes}};
  if (claimed) {
    json["session"] = to_string(task.session);
    json["consumer"] = task.consumer;
    json["lease_left_ms"] = task.lease_left.count();
  }
  if (task.state == client::TaskState::kDelayed) json["ready_in_ms"] = task.ready_in.count();
  if (!task.reason.empty()) json["reason"] = task.reason;
  put_more(json, task);
  return json;
}

void put_result(Json& object, const client::TaskResult& result) {
  put_bytes(object, "result", result.result);
  if (!result.content_type.empty()) object["content_type"] = result.content_type;
}

Json to_json(const client::Explanation& explanation) {
  Json json{{"id", to_string(explanation.task.task)},
            {"state", std::string(client::to_string(explanation.task.state))},
            {"because", std::string(client::to_string(explanation.because))},
            {"sentence", explanation.sentence}};
  put_task(json, "other", explanation.other);
  return json;
}

Json to_json(const client::QueueInfo& queue) {
  return {{"name", queue.name},       {"ready", queue.ready},
          {"delayed", queue.delayed}, {"claimed", queue.claimed},
          {"dead", queue.dead},       {"quarantined", queue.quarantined},
          {"done", queue.done},       {"created", queue.created},
          {"waiting", queue.waiting}, {"held", queue.held},
          {"blocked", queue.blocked}, {"cancelled", queue.cancelled},
          {"bytes", queue.bytes},     {"paused", queue.paused},
          {"acked", queue.acked},     {"keys_reach_back_ms", queue.key_window.count()}};
}

Json to_json(const client::QueueDetail& queue) {
  Json json = to_json(queue.info);
  json["keys"] = queue.keys;
  json["order_keys"] = queue.order_keys;
  json["fair_keys"] = queue.fair_keys;
  json["finished_kept"] = queue.finished_kept;
  json["finished_kept_bytes"] = queue.finished_kept_bytes;
  return json;
}

Json to_json(const client::ManagerInfo& manager) {
  Json shards = Json::array();
  for (const ShardId shard : manager.shards) shards.push_back(shard.value());
  return {{"name", manager.name},
          {"address", manager.address},
          {"state", manager.up ? "up" : "down"},
          {"since", time_or_null(manager.since)},
          {"tasks", manager.waiting},
          {"lag", manager.lag},
          {"sessions", manager.sessions},
          {"shards", std::move(shards)},
          {"sealed", manager.sealed},
          {"store", to_string(manager.store)},
          {"incarnation", std::to_string(manager.incarnation.value())}};
}

Json to_json(const client::CenterInfo& center) {
  return {{"address", center.address},
          {"version", center.version},
          {"cluster", to_string(center.cluster)},
          {"leader", center.leader},
          {"up_since", time_or_null(center.up_since)},
          {"generation", center.generation.value()},
          {"term", center.term},
          {"index", center.index},
          {"snapshot_index", center.snapshot_index},
          {"lease_time_ms", center.lease_time.count()},
          {"tasks_waiting", center.tasks_waiting},
          {"tasks_claimed", center.tasks_claimed},
          {"tasks_held", center.tasks_held},
          {"tasks_blocked", center.tasks_blocked},
          {"tasks_dead", center.tasks_dead},
          {"sessions", center.sessions},
          {"grants", center.grants},
          {"completions", center.completions},
          {"superseded", center.superseded},
          {"audit_violations", center.audit_violations},
          {"memory_bytes", center.memory_bytes},
          {"state_hash", hex(center.state_hash)}};
}

Json to_json(const client::HistoryEvent& event) {
  const bool noted = event.from == client::TaskState::kNone && event.to == client::TaskState::kNone;
  return {{"index", event.index},
          {"time", time_or_null(event.time)},
          {"lease_time_ms", event.lease_time.count()},
          {"from", noted ? Json() : Json(std::string(client::to_string(event.from)))},
          {"to", noted ? Json() : Json(std::string(client::to_string(event.to)))},
          {"cause", event.cause},
          {"attempt", event.attempt == 0 ? Json() : Json(event.attempt)},
          {"uncertain", event.uncertain},
          {"token", event.token ? Json(std::to_string(event.token.value())) : Json()},
          {"manager", text_or_null(event.manager)},
          {"consumer", text_or_null(event.consumer)},
          {"session", event.session ? Json(to_string(event.session)) : Json()},
          {"reason", text_or_null(event.reason)},
          {"term", event.term}};
}

Json to_json(const client::AuditInfo& audit) {
  return {{"violations", audit.violations},
          {"first_violation", audit.first_violation.empty() ? Json() : Json(audit.first_violation)},
          {"checked_from", audit.checked_from},
          {"checked_entries", audit.checked_entries},
          {"memory_bytes", audit.memory_bytes},
          {"archive_first", audit.archive_first},
          {"archive_last", audit.archive_last},
          {"archive_bytes", audit.archive_bytes},
          {"archive_segments", audit.archive_segments},
          {"indexes_waiting", audit.indexes_waiting},
          {"replayable", audit.replayable}};
}

}  // namespace baton::commands
