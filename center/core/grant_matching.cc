#include "center/core/grant_matching.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "center/core/task_claims.h"

namespace baton::center {
namespace {

constexpr std::uint32_t kLinesLookedAt = 16;  // by a task that would like its own manager
constexpr std::uint32_t kOvertakenMax = 1024;

// A task that may be granted, and how it stands in the order of its queue.
struct Candidate {
  std::uint64_t order = 0;
  ShardId shard;
  Offset offset;

  [[nodiscard]] TaskId task() const { return TaskId(shard, offset); }
  friend bool operator<(const Candidate& a, const Candidate& b) {
    return std::pair(a.order, a.shard) < std::pair(b.order, b.shard);
  }
};

std::optional<Candidate> head_of(const Tables& tables, const ReadyShard& ready) {
  if (ready.offsets.empty()) return std::nullopt;
  const Shard& shard = tables.members.shard(ready.shard);
  if (!tables.members.is_available(shard)) return std::nullopt;
  const Offset offset(ready.offsets.front());
  return Candidate{shard.tasks.order(offset), ready.shard, offset};
}

void served(Work& work, std::uint32_t session, std::uint32_t line) {
  Tables& tables = work.tables;
  if (!tables.sessions[session].wants_more()) {
    update_waiting(tables, session);
  } else if (!tables.lines[line].task) {
    tables.lines.served(tables.queues, line);
  }
}

void grant(Work& work, TaskId task, std::uint32_t line) {
  const std::uint32_t session = work.tables.lines[line].session;
  claim(work, task, session, line);
  served(work, session, line);
}

// ---- the order within a queue ----

// Visits the levels in the order in which they may be granted from, until `visit` is true: the
// highest priority first, but one that gave way to others often enough has its turn (ageing).
template <class Visit>
void each_level(const Queue& queue, Visit&& visit) {
  const Level* top = nullptr;
  const Level* aged = nullptr;
  for (const Level& level : queue.levels) {
    if (level.ready == 0) continue;
    if (top == nullptr) {
      top = &level;
      continue;
    }
    const std::uint64_t patience =
        std::uint64_t{queue.settings.ageing} * (top->priority - level.priority);
    if (queue.settings.ageing > 0 && level.passed >= patience) {
      aged = &level;
      break;
    }
  }
  if (aged != nullptr && visit(*aged)) return;
  for (const Level& level : queue.levels) {
    if (level.ready > 0 && &level != aged && visit(level)) return;
  }
}

// Visits the level's lanes in order of their turns, until `visit` is true.
template <class Visit>
bool each_lane(const Level& level, Visit&& visit) {
  if (level.fair.empty()) return visit(level.plain, kNoSlot);
  for (auto at = level.turns.begin(); !at.done(); ++at) {
    if (visit(level.lane(at->second), at->second)) return true;
  }
  return false;
}

// ---- tasks pick lines ----

// The line that a task of `shard` goes to; kNoSlot when no line of the queue may have it.
std::uint32_t pick_line(const Tables& tables, const Queue& queue, ShardId shard) {
  const std::uint32_t home = tables.members.shard(shard).manager;
  std::uint32_t first = kNoSlot;
  std::uint32_t looked_at = 0;
  for (std::uint32_t slot = queue.ring_first; slot != kNoSlot; slot = tables.lines[slot].after) {
    const std::uint32_t manager = tables.sessions[tables.lines[slot].session].manager;
    if (tables.bars.is_barred(manager, shard)) continue;
    if (manager == home) return slot;
    if (first == kNoSlot) first = slot;
    if (++looked_at == kLinesLookedAt) break;
  }
  return first;
}

struct Pick {
  TaskId task;
  std::uint32_t line = kNoSlot;
};

// The oldest task of the lane that some line may have, where no line may have the very oldest.
std::optional<Pick> pick_past_bars(const Tables& tables, const Queue& queue, const Lane& lane) {
  std::vector<Candidate> heads;
  for (const ReadyShard& ready : lane.shards) {
    if (const auto head = head_of(tables, ready)) heads.push_back(*head);
  }
  std::sort(heads.begin(), heads.end());
  for (const Candidate& head : heads) {
    const std::uint32_t line = pick_line(tables, queue, head.shard);
    if (line != kNoSlot) return Pick{head.task(), line};
  }
  return std::nullopt;
}

// The oldest task of the lane that some line may have.
std::optional<Pick> pick_oldest(const Tables& tables, const Queue& queue, const Lane& lane) {
  std::optional<Candidate> oldest;
  for (const ReadyShard& ready : lane.shards) {
    const auto head = head_of(tables, ready);
    if (head && (!oldest || *head < *oldest)) oldest = head;
  }
  if (!oldest) return std::nullopt;
  const std::uint32_t line = pick_line(tables, queue, oldest->shard);
  if (line != kNoSlot) return Pick{oldest->task(), line};
  return pick_past_bars(tables, queue, lane);
}

std::optional<Pick> pick_from_queue(const Tables& tables, const Queue& queue) {
  std::optional<Pick> pick;
  each_level(queue, [&](const Level& level) {
    return each_lane(level, [&](const Lane& lane, std::uint32_t) {
      if (lane.ready > 0) pick = pick_oldest(tables, queue, lane);
      return pick.has_value();
    });
  });
  return pick;
}

// False when the budget ended before the work.
bool match_queue(Work& work, QueueId id) {
  while (true) {
    const Queue& queue = work.tables.queues[id];
    if (queue.ring_size == 0 || queue.ready == 0 || !queue.is_open()) return true;
    const std::optional<Pick> pick = pick_from_queue(work.tables, queue);
    if (!pick) return true;
    if (!work.spend()) return false;
    grant(work, pick->task, pick->line);
  }
}

// ---- lines pick tasks ----

// What a line of `manager` takes from a lane: the oldest task, or a local one that may overtake it.
struct LanePick {
  TaskId task;
  std::uint32_t priority = 0;
  std::uint32_t fair_key = kNoSlot;
  bool overtakes = false;
};

std::optional<LanePick> pick_task(const Tables& tables, const Lane& lane, std::uint32_t manager) {
  std::optional<Candidate> oldest;
  std::optional<Candidate> local;
  for (const ReadyShard& ready : lane.shards) {
    const auto head = head_of(tables, ready);
    if (!head || tables.bars.is_barred(manager, head->shard)) continue;
    if (!oldest || *head < *oldest) oldest = head;
    const bool at_home = tables.members.shard(head->shard).manager == manager;
    if (at_home && (!local || *head < *local)) local = head;
  }
  if (!oldest) return std::nullopt;
  if (local && local->shard != oldest->shard && lane.overtaken < kOvertakenMax)
    return LanePick{local->task(), 0, kNoSlot, true};
  return LanePick{oldest->task()};
}

std::optional<TaskId> pick_for_manager(Tables& tables, QueueId id, std::uint32_t manager) {
  std::optional<LanePick> pick;
  each_level(tables.queues[id], [&](const Level& level) {
    return each_lane(level, [&](const Lane& lane, std::uint32_t fair_key) {
      if (lane.ready == 0) return false;
      pick = pick_task(tables, lane, manager);
      if (!pick) return false;
      pick->priority = level.priority;
      pick->fair_key = fair_key;
      return true;
    });
  });
  if (!pick) return std::nullopt;
  std::uint32_t& overtaken =
      tables.queues.edit(id).level(pick->priority).edit_lane(pick->fair_key).overtaken;
  if (pick->overtakes) {
    ++overtaken;
  } else if (overtaken > 0) {
    --overtaken;
  }
  return pick->task;
}

// Whether the one task that a line waits for can be granted to it.
bool may_have(const Tables& tables, std::uint32_t line, TaskId task) {
  const Shard* shard = tables.members.find_shard(task.shard());
  if (shard == nullptr || !task.valid() || task.offset() >= shard->created_hi()) return false;
  if (!tables.members.is_available(*shard)) return false;
  if (tables.bars.is_barred(tables.sessions[tables.lines[line].session].manager, task.shard()))
    return false;
  const TaskFacts facts = facts_of(tables, task);
  if (facts.state != TaskState::kReady || facts.queue != tables.lines[line].queue) return false;
  const Queue& queue = tables.queues[facts.queue];
  const std::uint32_t per_key = queue.settings.max_per_fair_key;
  const bool key_is_full = per_key > 0 && facts.fair_key != kNoSlot &&
                           tables.fair_keys[facts.fair_key].claimed >= per_key;
  return queue.is_open() && !key_is_full;
}

std::optional<TaskId> pick_for_line(Tables& tables, std::uint32_t slot) {
  const Line& line = tables.lines[slot];
  if (line.task) return may_have(tables, slot, line.task) ? std::optional(line.task) : std::nullopt;
  const Queue& queue = tables.queues[line.queue];
  if (queue.ready == 0 || !queue.is_open()) return std::nullopt;
  return pick_for_manager(tables, line.queue, tables.sessions[line.session].manager);
}

// Where the turn of the session's lines is: with the one after that which was served last, or with
// that one while it has not had its queue's weight.
std::size_t turn_of(const Tables& tables, const Session& session) {
  const std::vector<std::uint32_t>& lines = session.lines;
  const auto next = std::find_if(lines.begin(), lines.end(), [&](std::uint32_t slot) {
    if (tables.lines[slot].id != session.served_line)
      return tables.lines[slot].id > session.served_line;
    return session.served_count < tables.queues[tables.lines[slot].queue].settings.weight;
  });
  return static_cast<std::size_t>(next - lines.begin());
}

// One grant for the session: its lines take turns.
std::optional<Pick> pick_for_session(Tables& tables, const Session& session) {
  const std::vector<std::uint32_t>& lines = session.lines;
  const std::size_t start = turn_of(tables, session);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const std::uint32_t line = lines[(start + i) % lines.size()];
    if (const auto task = pick_for_line(tables, line)) return Pick{*task, line};
  }
  return std::nullopt;
}

void match_task(Work& work, TaskId task) {
  const auto& by_task = work.tables.lines.by_task();
  const auto found = by_task.find(task);
  if (found == by_task.end()) return;
  for (const std::uint32_t line : found->second) {
    if (!may_have(work.tables, line, task)) continue;
    work.spend();  // at most one per line, so never put off
    grant(work, task, line);
    return;
  }
}

// The budget is spent: what the session's lines could have is looked for from the queues' side
// later.
void remember_session(Work& work, const Session& session) {
  const std::vector<std::uint32_t> lines = session.lines;
  for (const std::uint32_t slot : lines) {
    const Line line = work.tables.lines[slot];
    if (line.task) {
      match_task(work, line.task);
    } else {
      work.tables.jobs.match_queues.insert(line.queue);
    }
  }
}

void match_session(Work& work, std::uint32_t slot) {
  Tables& tables = work.tables;
  if (!tables.sessions.used(slot)) return;
  update_waiting(tables, slot);
  while (tables.sessions[slot].wants_more()) {
    if (work.budget == 0) {
      remember_session(work, tables.sessions[slot]);
      return;
    }
    const auto pick = pick_for_session(tables, tables.sessions[slot]);
    if (!pick) return;
    work.spend();
    grant(work, pick->task, pick->line);
  }
}

void match_or_remember(Work& work, QueueId queue) {
  if (!match_queue(work, queue)) work.tables.jobs.match_queues.insert(queue);
}

bool has_ready_in(const Queue& queue, ShardId shard) {
  return std::any_of(queue.levels.begin(), queue.levels.end(),
                     [shard](const Level& level) { return level.has_ready_in(shard); });
}

// Offers the shard's tasks, queue by queue. Returns the queue to go on with, or none.
QueueId offer_from(Work& work, ShardId shard, QueueId from) {
  const Tables& tables = work.tables;
  for (QueueId id = from; tables.queues.exists(id); id = id.next()) {
    if (!work.spend()) return id;
    const Queue& queue = tables.queues[id];
    const bool wanted = queue.ring_size > 0 && queue.ready > 0 && has_ready_in(queue, shard);
    if (wanted) work.ready_queues.push_back(id);
  }
  return {};
}

}  // namespace

void update_waiting(Tables& tables, std::uint32_t slot) {
  const Session& session = tables.sessions[slot];
  for (const std::uint32_t line : session.lines) {
    if (session.wants_more()) {
      tables.lines.wait(tables.queues, line);
    } else {
      tables.lines.leave(tables.queues, line);
    }
  }
}

void settle_matches(Work& work) {
  for (std::size_t i = 0; i < work.wanted_tasks.size(); ++i) match_task(work, work.wanted_tasks[i]);
  for (std::size_t i = 0; i < work.ready_queues.size(); ++i)
    match_or_remember(work, work.ready_queues[i]);
  for (std::size_t i = 0; i < work.eager_sessions.size(); ++i)
    match_session(work, work.eager_sessions[i]);
  work.wanted_tasks.clear();
  work.ready_queues.clear();
  work.eager_sessions.clear();
}

void offer_shard(Work& work, ShardId shard) {
  const auto& by_task = work.tables.lines.by_task();
  const TaskId first(shard, Offset(1));
  for (auto at = by_task.lower_bound(first); at != by_task.end() && at->first.shard() == shard;
       ++at) {
    work.wanted_tasks.push_back(at->first);
  }
  const QueueId next = offer_from(work, shard, QueueId(1));
  if (next) work.tables.jobs.offer_shards[shard] = next;
}

void continue_matches(Work& work) {
  JobTable& jobs = work.tables.jobs;
  for (std::uint32_t i = 0; i < work.budget && !jobs.match_queues.empty(); ++i) {
    work.ready_queues.push_back(*jobs.match_queues.begin());
    jobs.match_queues.erase(jobs.match_queues.begin());
  }
  while (!jobs.offer_shards.empty() && work.budget > 0) {
    const auto [shard, from] = *jobs.offer_shards.begin();
    jobs.offer_shards.erase(jobs.offer_shards.begin());
    if (const QueueId next = offer_from(work, shard, from)) jobs.offer_shards[shard] = next;
  }
}

}  // namespace baton::center
