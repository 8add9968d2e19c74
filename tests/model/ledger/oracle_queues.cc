// Whole queues: their settings, what they let begin, purges, and what managers may store (R21, R22).
#include <algorithm>

#include "common/base/limits.h"
#include "tests/model/ledger/oracle.h"

namespace baton::center::model {
namespace {

// Of a rate a queue saves up a tenth of a second, or one claim.
std::int64_t most_saved(const QueueSettings& settings) {
  return std::max<std::int64_t>(1000, std::int64_t{settings.max_rate} * 100);
}

}  // namespace

QueueRule Oracle::rule_of(const std::string& queue) const {
  const QueueSettings& settings = of_queue.at(queue).settings;
  return {queue, settings.ordered, settings.max_tasks > 0, settings.max_bytes};
}

Status Oracle::set_queue(const SetQueue& c) {
  if (!validate_queue_name(c.queue).ok()) return {ErrorCode::kInvalidArgument, ""};
  const auto known = of_queue.find(c.queue);
  QueueSettings wanted =
      changed(known == of_queue.end() ? QueueSettings() : known->second.settings, c.change);
  if (!validate_queue_settings(wanted).ok()) return {ErrorCode::kInvalidArgument, ""};
  if (!wanted.paused) wanted.paused_until = WallTime();
  intern(c.queue);
  OracleQueue& queue = of_queue[c.queue];
  const QueueRule rule = rule_of(c.queue);
  const bool had_rate = queue.settings.max_rate > 0;
  const bool held = queue.settings.on_dead == OnDead::kHoldKey;
  queue.settings = wanted;
  queue.rate_credit =
      had_rate ? std::min(queue.rate_credit, most_saved(wanted)) : most_saved(wanted);
  if (wanted.max_tasks == 0 && wanted.max_bytes == 0) queue.lent.clear();
  for (const auto& [key, unused] : queue.fair_keys) refresh_turns(c.queue, key);
  if (rule_of(c.queue) != rule) effects_.rules.push_back(rule_of(c.queue));
  forget_surplus(c.queue);
  for (auto& [name, key] : queue.order_keys) {
    const bool frees = held && wanted.on_dead != OnDead::kHoldKey && key.holder &&
                       tasks[key.holder].state == TaskState::kDead;
    if (frees) release_key(key.holder);
  }
  if (queue.ready() > 0) reopen(c.queue);
  return {};
}

bool Oracle::is_open(const std::string& name) const {
  const auto queue = of_queue.find(name);
  if (queue == of_queue.end()) return true;
  const QueueSettings& settings = queue->second.settings;
  const auto claims = std::count_if(claimed_.begin(), claimed_.end(),
                                    [&](TaskId id) { return tasks.at(id).queue == name; });
  const bool full = settings.max_in_flight > 0 && claims >= settings.max_in_flight;
  const bool fast = settings.max_rate > 0 && queue->second.rate_credit < 1000;
  return !settings.paused && (!full || has(Mistake::kNoFlightLimit)) &&
         (!fast || has(Mistake::kNoRate));
}

// Claims may begin again: those who wait look.
void Oracle::reopen(const std::string& name) {
  std::set<TaskId> wanted;
  for (const auto& [id, session] : sessions) {
    for (const auto& [line_id, line] : session.lines) {
      if (line.task && line.turn > 0 && line.queue == name && tasks.contains(line.task))
        wanted.insert(line.task);
    }
  }
  wanted_.insert(wanted_.end(), wanted.begin(), wanted.end());
  offered_.push_back(name);
}

bool Oracle::waits_for_rate(const std::string& name) const {
  const OracleQueue& queue = of_queue.at(name);
  const bool lines = std::any_of(sessions.begin(), sessions.end(), [&](const auto& session) {
    return std::any_of(
        session.second.lines.begin(), session.second.lines.end(),
        [&](const auto& line) { return line.second.queue == name && line.second.turn > 0; });
  });
  return lines && queue.ready() > 0 && queue.rate_credit < 1000;
}

void Oracle::open_queues(std::int64_t elapsed) {
  std::map<std::pair<std::int64_t, QueueId>, std::string> over;
  for (const auto& [name, queue] : of_queue) {
    const std::int64_t until = queue.settings.paused_until.ms;
    if (queue.settings.paused && until != 0 && until <= calendar && !has(Mistake::kPauseForEver))
      over[{until, intern(name)}] = name;
  }
  for (const auto& [key, name] : over) {
    OracleQueue& queue = of_queue[name];
    queue.settings.paused = false;
    queue.settings.paused_until = WallTime();
    if (queue.ready() > 0) reopen(name);
  }
  for (const std::string& name : queues) {
    OracleQueue& queue = of_queue[name];
    if (queue.settings.max_rate == 0) continue;
    const bool waited = waits_for_rate(name);
    queue.rate_credit =
        std::min(most_saved(queue.settings), queue.rate_credit + elapsed * queue.settings.max_rate);
    if (waited && !waits_for_rate(name)) reopen(name);
  }
}

std::uint64_t Oracle::acked_in(const std::string& queue) const {
  return static_cast<std::uint64_t>(std::count_if(alive_.begin(), alive_.end(), [&](TaskId id) {
    const OracleTask& task = tasks.at(id);
    return task.queue == queue && task.acked && task.state == TaskState::kBlocked;
  }));
}

PurgeOutcome Oracle::purge(const Purge& c) {
  if (std::find(queues.begin(), queues.end(), c.queue) == queues.end())
    return {{ErrorCode::kNotFound, ""}, 0};
  const std::uint64_t waiting = count(c.queue, TaskState::kReady) +
                                count(c.queue, TaskState::kDelayed) +
                                count(c.queue, TaskState::kBlocked) - acked_in(c.queue);
  for (const TaskId id : std::set<TaskId>(alive_)) {
    const OracleTask& task = tasks[id];
    const bool held = task.state == TaskState::kHeld && has(Mistake::kPurgesHeld);
    const bool waits = task.waits() && task.state != TaskState::kPending && !task.acked;
    if (task.queue == c.queue && (waits || held)) cancel(id, Cause::kPurged, "");
  }
  return {{}, waiting};
}

BorrowOutcome Oracle::borrow(const std::string& from, const Borrow& c) {
  intern(c.queue);
  OracleQueue& queue = of_queue[c.queue];
  OracleQueue::Lent others;
  for (const auto& [manager, lent] : queue.lent) {
    if (manager == from || has(Mistake::kLendsTooMuch)) continue;
    others.tasks += lent.tasks;
    others.bytes += lent.bytes;
  }
  const auto lend = [](std::uint64_t limit, std::uint64_t taken, std::uint64_t have,
                       std::uint64_t want) -> std::uint64_t {
    if (limit == 0) return 0;
    if (want <= have) return want;
    const std::uint64_t room = limit > taken + have ? limit - taken - have : 0;
    return have + std::min(want - have, room);
  };
  std::uint64_t unfinished = 0;
  for (const TaskId id : alive_)
    unfinished += tasks[id].queue == c.queue && tasks[id].unfinished() ? 1 : 0;
  OracleQueue::Lent& own = queue.lent[from];
  own.tasks = lend(queue.settings.max_tasks, unfinished + others.tasks, c.have_tasks, c.want_tasks);
  own.bytes =
      lend(queue.settings.max_bytes, bytes_of(c.queue) + others.bytes, c.have_bytes, c.want_bytes);
  return {{}, own.tasks, own.bytes, rule_of(c.queue)};
}

}  // namespace baton::center::model
