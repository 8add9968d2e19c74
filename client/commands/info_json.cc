#include "client/commands/info_json.h"

#include <array>
#include <cstdio>

namespace baton::commands {
namespace {

Json time_or_null(WallTime time) { return time.ms == 0 ? Json() : Json(rfc3339(time.ms)); }

std::string hex(std::uint64_t value) {
  std::array<char, 17> text{};
  std::snprintf(text.data(), text.size(), "%016llx", static_cast<unsigned long long>(value));
  return text.data();
}

}  // namespace

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
  return json;
}

Json to_json(const client::QueueInfo& queue) {
  return {
      {"name", queue.name},       {"ready", queue.ready},     {"delayed", queue.delayed},
      {"claimed", queue.claimed}, {"dead", queue.dead},       {"quarantined", queue.quarantined},
      {"done", queue.done},       {"created", queue.created}, {"waiting", queue.waiting}};
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
          {"sessions", center.sessions},
          {"grants", center.grants},
          {"completions", center.completions},
          {"superseded", center.superseded},
          {"memory_bytes", center.memory_bytes},
          {"state_hash", hex(center.state_hash)}};
}

}  // namespace baton::commands
