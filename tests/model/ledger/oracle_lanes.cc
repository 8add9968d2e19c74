// Whose turn it is within a queue: priorities and their ageing, fairness keys and their shares (R12).
#include <algorithm>
#include <tuple>

#include "tests/model/ledger/oracle.h"

namespace baton::center::model {
namespace {

constexpr std::uint64_t kStep = 1'000'000;  // of a lane of weight 1

}  // namespace

void Oracle::enter_ready(TaskId id) {
  const OracleTask& task = tasks[id];
  OracleQueue& queue = queue_of(task);
  OracleLevel& level = queue.levels[task.priority];
  const std::string key = has(Mistake::kNoShares) ? "" : task.options.fair_key;
  OracleLane& plain = level.lanes[""];
  const auto let_plain_in = [&] {
    if (plain.tasks.empty() || plain.in_turn) return;
    plain.pass = std::max(plain.pass, level.pass);
    plain.in_turn = true;
  };
  if (!key.empty() && !level.lanes.contains(key)) {
    // One step behind the one served last.
    const std::uint32_t weight = has(Mistake::kNoWeights) ? 1 : queue.fair_keys[key].weight;
    level.lanes[key].pass = level.pass + kStep / weight;
    let_plain_in();
  }
  level.lanes[key].tasks.insert(id);
  if (!key.empty()) {
    refresh_turns(task.queue, key);
  } else if (level.is_shared()) {
    let_plain_in();
  }
}

void Oracle::leave_ready(TaskId id) {
  const OracleTask& task = tasks[id];
  OracleLevel& level = queue_of(task).levels[task.priority];
  const std::string key = has(Mistake::kNoShares) ? "" : task.options.fair_key;
  OracleLane& lane = level.lanes[key];
  lane.tasks.erase(id);
  if (!lane.tasks.empty()) return;
  lane.in_turn = false;
  if (!key.empty()) level.lanes.erase(key);
  if (level.is_shared()) return;
  // Nothing is shared any more.
  level.pass = 0;
  level.lanes[""].pass = 0;
  level.lanes[""].in_turn = false;
}

// A fairness key has no turns while it has as many claims as it may.
void Oracle::refresh_turns(const std::string& name, const std::string& key) {
  OracleQueue& queue = of_queue[name];
  const std::uint32_t most = queue.settings.max_per_fair_key;
  const bool may =
      most == 0 || queue.fair_keys[key].claimed < most || has(Mistake::kKeyWithoutLimit);
  for (auto& [priority, level] : queue.levels) {
    const auto lane = level.lanes.find(key);
    if (lane == level.lanes.end() || lane->second.in_turn == may) continue;
    lane->second.in_turn = may;
    if (may) lane->second.pass = std::max(lane->second.pass, level.pass);
  }
}

// REQUIRES: the task is ready still.
void Oracle::had_turn(const OracleTask& task) {
  OracleQueue& queue = queue_of(task);
  OracleLevel& level = queue.levels[task.priority];
  if (!level.is_shared()) return;
  const std::string& key = task.options.fair_key;
  OracleLane& lane = level.lanes[key];
  level.pass = lane.pass;
  const bool alike = key.empty() || has(Mistake::kNoWeights);
  lane.pass += kStep / (alike ? 1 : queue.fair_keys[key].weight);
}

void Oracle::count_claim(const OracleTask& task, int change) {
  OracleQueue& queue = queue_of(task);
  if (change > 0 && queue.settings.max_rate > 0) queue.rate_credit -= 1000;
  if (const std::string& key = task.options.fair_key; !key.empty()) {
    queue.fair_keys[key].claimed += static_cast<std::uint32_t>(change);
    refresh_turns(task.queue, key);
  }
  const bool limited = queue.settings.max_in_flight > 0 || queue.settings.max_per_fair_key > 0;
  if (change < 0 && limited && queue.ready() > 0) reopen(task.queue);
}

bool Oracle::key_is_full(const OracleTask& task) const {
  const OracleQueue& queue = of_queue.at(task.queue);
  const std::uint32_t most = queue.settings.max_per_fair_key;
  return most > 0 && !task.options.fair_key.empty() && !has(Mistake::kKeyWithoutLimit) &&
         queue.fair_keys.at(task.options.fair_key).claimed >= most;
}

// A grant of this task's priority: those below, with something ready, have waited once more.
void Oracle::pass_levels(const OracleTask& task) {
  OracleQueue& queue = queue_of(task);
  if (queue.settings.ageing == 0) return;
  for (auto& [priority, level] : queue.levels) {
    if (priority == task.priority) level.passed = 0;
    if (priority < task.priority && level.ready() > 0) ++level.passed;
  }
}

// The highest priority first, but one that gave way for long enough goes before all.
Oracle::Levels Oracle::levels_in_order(const std::string& name) {
  OracleQueue& queue = of_queue[name];
  const std::uint64_t ageing = queue.settings.ageing;
  Levels order;
  OracleLevel* aged = nullptr;
  std::uint32_t top = 0;
  for (auto& [priority, level] : queue.levels) {
    if (level.ready() == 0) continue;
    if (order.empty()) top = priority;
    const bool patient = ageing == 0 || level.passed < ageing * (top - priority);
    if (aged == nullptr && priority < top && !patient && !has(Mistake::kNoAgeing)) aged = &level;
    order.push_back(&level);
  }
  if (aged == nullptr) return order;
  std::erase(order, aged);
  order.insert(order.begin(), aged);
  return order;
}

// Those that may be next, the lowest pass first; of equal ones the key that was used first.
Oracle::Lanes Oracle::lanes_in_order(const std::string& name, OracleLevel& level) {
  if (!level.is_shared()) return {&level.lanes[""]};
  std::map<std::tuple<std::uint64_t, std::uint64_t>, OracleLane*> order;
  for (auto& [key, lane] : level.lanes) {
    const std::uint64_t serial = key.empty() ? 0 : of_queue[name].fair_keys[key].serial;
    if (lane.in_turn) order[{lane.pass, serial}] = &lane;
  }
  Lanes lanes;
  for (const auto& [place, lane] : order) lanes.push_back(lane);
  return lanes;
}

}  // namespace baton::center::model
