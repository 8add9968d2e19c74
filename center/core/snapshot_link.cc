#include "center/core/snapshot_link.h"

#include <algorithm>
#include <string>
#include <utility>

#include "center/core/finished_rows.h"
#include "center/core/task_facts.h"
#include "center/core/waiting.h"

namespace baton::center {
namespace {

class SnapshotLinker {
 public:
  explicit SnapshotLinker(SnapshotItems& items) : items_(items), t_(items.tables) {}

  Result<Tables> link() {
    t_.rows.finish_restore();
    t_.task_options.finish_restore();
    t_.order_keys.finish_restore();
    t_.fair_keys.finish_restore();
    t_.fair_keys.restore_last_serial(items_.loose.last_fair_serial);
    t_.sessions.finish_restore();
    t_.members.finish_restore(items_.loose.last_incarnation);
    t_.finished.restore(items_.loose.finished_first, items_.loose.finished_last,
                        items_.loose.finished_size);
    for (Producer& producer : items_.producers) t_.producers.restore(std::move(producer));
    BATON_RETURN_IF_ERROR(link_lines());
    BATON_RETURN_IF_ERROR(link_rows());
    if (items_.is_old) quarantine_removed();
    BATON_RETURN_IF_ERROR(find_waiting_tasks());
    BATON_RETURN_IF_ERROR(check_families());
    BATON_RETURN_IF_ERROR(check_order_keys());
    link_queues();
    return std::move(t_);
  }

 private:
  static bool is_finished(const TaskRow& row) {
    return row.state == TaskState::kDone || row.state == TaskState::kCancelled;
  }

  [[nodiscard]] bool is_linked(const TaskRow& row) const {
    const auto is_done = [this](std::uint32_t slot) {
      return slot == kNoSlot || (slot < t_.rows.slots() && is_finished(t_.rows[slot]));
    };
    return is_done(row.older) && is_done(row.newer) && is_done(row.newer_in_queue);
  }

  Status link_lines() {
    t_.lines.finish_restore(t_.queues, items_.loose.last_turn);
    for (std::uint32_t slot = 0; slot < t_.lines.slots(); ++slot) {
      if (t_.lines[slot].id) t_.sessions.edit(t_.lines[slot].session).lines.push_back(slot);
    }
    for (std::uint32_t slot = 0; slot < t_.sessions.slots(); ++slot) {
      if (!t_.sessions.used(slot)) continue;
      auto& lines = t_.sessions.edit(slot).lines;
      std::sort(lines.begin(), lines.end(), [this](std::uint32_t a, std::uint32_t b) {
        return t_.lines[a].id < t_.lines[b].id;
      });
    }
    return {};
  }

  // Claims go back to their sessions, deadlines into their heaps.
  Status link_rows() {
    std::vector<std::pair<Token, std::uint32_t>> claims;
    for (std::size_t i = 0; i < t_.rows.slots(); ++i) {
      const auto slot = static_cast<std::uint32_t>(i);
      const TaskRow& row = t_.rows[slot];
      if (!row.task) continue;
      const Shard* shard = t_.members.find_shard(row.task.shard());
      const bool known = shard != nullptr && row.task.offset() < shard->created_hi() &&
                         shard->tasks.get(row.task.offset()) == TaskValue::row(slot);
      if (!known) return inconsistent_snapshot("a row without its task");
      if (is_finished(row) && !is_linked(row))
        return inconsistent_snapshot("a finished row linked to nothing");
      if (!has_wishes(row.options, row.order_key, row.fair_key))
        return inconsistent_snapshot("a row that asks for what is not there");
      if (row.state != TaskState::kClaimed) continue;
      if (!t_.sessions.used(row.session))
        return inconsistent_snapshot("a claim without its session");
      t_.lease_ends.set(slot, row.deadline_ms, row.token.value());
      claims.emplace_back(row.token, slot);
    }
    std::sort(claims.begin(), claims.end());
    for (const auto& [token, slot] : claims)
      t_.sessions.edit(t_.rows[slot].session).claims.add(token, slot);
    return claims.size() == t_.counters.claimed ? Status()
                                                : inconsistent_snapshot("claims are missing");
  }

  [[nodiscard]] bool has_wishes(std::uint32_t options, std::uint32_t order_key,
                                std::uint32_t fair_key) const {
    return (options == kNoSlot ||
            (options < t_.task_options.slots() && t_.task_options[options].task)) &&
           (order_key == kNoSlot || t_.order_keys.in_use(order_key)) &&
           (fair_key == kNoSlot || t_.fair_keys.in_use(fair_key));
  }

  // Whether what the task's value points to is there and points back.
  [[nodiscard]] bool is_whole(TaskId task, TaskValue value, std::uint32_t extra) const {
    switch (value.kind()) {
      case TaskValue::Kind::kFinished:
        return true;
      case TaskValue::Kind::kRow:
        return value.row_slot() < t_.rows.slots() && t_.rows[value.row_slot()].task == task;
      case TaskValue::Kind::kOptions: {
        if (!t_.queues.exists(value.queue()) || extra >= t_.task_options.slots()) return false;
        const OptionsRow& options = t_.task_options[extra];
        return options.task == task && has_wishes(kNoSlot, options.order_key, options.fair_key);
      }
      case TaskValue::Kind::kOrdered:
      case TaskValue::Kind::kQueued:
        return t_.queues.exists(value.queue()) && t_.order_keys.in_use(extra);
      case TaskValue::Kind::kFair:
        return t_.queues.exists(value.queue()) && t_.fair_keys.in_use(extra);
      case TaskValue::Kind::kReady:
      case TaskValue::Kind::kQuarantined:
      case TaskValue::Kind::kDelayed:
      case TaskValue::Kind::kMortal:
        return t_.queues.exists(value.queue());
    }
    return false;
  }

  // The indexes hold what the pages say.
  Status find_waiting_tasks() {
    for (const Shard& shard : t_.members.shards()) {
      for (Offset at = shard.tasks.next_live(Offset(1)); at < shard.created_hi();) {
        const TaskValue value = shard.tasks.get(at);
        const Offset until =
            value.kind() == TaskValue::Kind::kReady ? shard.tasks.same_until(at) : at.next();
        const TaskId task(shard.id, at);
        if (!is_whole(task, value, shard.tasks.extra(at)))
          return inconsistent_snapshot("a task without what it points to");
        enter(task, until.value() - at.value(), value);
        at = shard.tasks.next_live(until);
      }
    }
    for (std::uint32_t i = 0; i < items_.said.size(); ++i) {
      const Queue& queue = t_.queues[QueueId(i + 1)];
      const SnapshotItems::Said& said = items_.said[i];
      if (queue.ready != said.ready || queue.delayed != said.delayed ||
          queue.blocked != said.blocked || queue.pending != said.pending)
        return inconsistent_snapshot("waiting tasks are missing");
    }
    return {};
  }

  // Version 1 left them ready in the pages of a removed shard, and counted them as quarantined.
  void quarantine_removed() {
    for (const Shard& known : t_.members.shards()) {
      if (!known.removed) continue;
      TaskPages& tasks = t_.members.shard(known.id).tasks;
      for (Offset at = tasks.next_live(Offset(1)); at < known.created_hi();
           at = tasks.next_live(at.next())) {
        const TaskValue value = tasks.get(at);
        if (value.kind() == TaskValue::Kind::kReady)
          tasks.set(at, TaskValue::quarantined(value.queue(), value.priority()));
      }
    }
  }

  void enter(TaskId task, std::uint64_t count, TaskValue value) {
    if (value.kind() == TaskValue::Kind::kReady) {
      t_.queues.edit(value.queue()).add_ready(task.shard(), task.offset(), count, value.priority());
      return;
    }
    const TaskFacts facts = facts_of(t_, task);
    if (!facts.waits()) return;
    Queue& queue = t_.queues.edit(facts.queue);
    if (facts.state == TaskState::kReady) {
      queue.put_back(task, facts.priority, facts.fair_key,
                     facts.fair_key == kNoSlot ? nullptr : &t_.fair_keys[facts.fair_key]);
    } else if (facts.state == TaskState::kDelayed) {
      ++queue.delayed;
      if (facts.row == kNoSlot) {
        t_.delays.insert({facts.ready_at_ms, task}, {});
      } else {
        t_.backoff_ends.set(facts.row, facts.ready_at_ms, t_.rows[facts.row].token.value());
      }
    } else {
      ++(facts.state == TaskState::kBlocked ? queue.blocked : queue.pending);
    }
    if (const std::int64_t end = waiting_end_ms(t_, facts); end != 0)
      t_.waiting_ends.insert({end, task}, {});
  }

  [[nodiscard]] bool is_known(TaskId task) const {
    const Shard* shard = task.valid() ? t_.members.find_shard(task.shard()) : nullptr;
    return shard != nullptr && task.offset() < shard->created_hi();
  }

  Status check_families() const {
    const FamilyTable& families = t_.families;
    for (auto at = families.pending.begin(); !at.done(); ++at) {
      if (!is_known(at->first.second)) return inconsistent_snapshot("a child that does not exist");
    }
    for (auto at = families.dependents.begin(); !at.done(); ++at) {
      const TaskId task = at->first.second;
      const bool waits = is_known(task) && facts_of(t_, task).options != kNoSlot;
      if (!waits) return inconsistent_snapshot("a task runs after others that does not wait");
    }
    for (const JobTable::Telling& telling : t_.jobs.tellings) {
      if (telling.ending == Ending::kDied && !is_known(telling.task))
        return inconsistent_snapshot("the death of a task that does not exist");
    }
    return {};
  }

  Status check_order_keys() const {
    for (std::uint32_t slot = 0; slot < t_.order_keys.slots(); ++slot) {
      const OrderKey& key = t_.order_keys[slot];
      bool sound = !key.holder || is_known(key.holder);
      key.line.for_each(
          [&](TaskId task, TaskLine::Place) { return sound = sound && is_known(task); });
      if (!sound) return inconsistent_snapshot("an ordering key of a task that does not exist");
    }
    return {};
  }

  // Turns and deadlines of queues, and how much their finished tasks take.
  void link_queues() {
    for (std::uint32_t slot = 0; slot < t_.rows.slots(); ++slot) {
      const TaskRow& row = t_.rows[slot];
      if (row.task && is_finished(row))
        t_.queues.edit(row.queue).done_bytes += finished_bytes(t_, slot);
    }
    for (std::uint32_t i = 1; i <= t_.queues.size(); ++i) {
      const QueueId id(i);
      restore_turns(t_.queues.edit(id));
      update_kept_end(t_, id);
      const QueueSettings& settings = t_.queues[id].settings;
      if (settings.paused && settings.paused_until.ms != 0)
        t_.pause_ends.insert({settings.paused_until.ms, id});
      if (settings.max_rate != 0) t_.rated_queues.insert(id);
    }
  }

  void restore_turns(Queue& queue) {
    for (Level& level : queue.levels) {
      for (const LaneItem& said : items_.said[queue.id.value() - 1].plain) {
        if (said.priority == level.priority)
          queue.restore_lane(level, kNoSlot, said.overtaken, said.pass, said.in_turn);
      }
      for (auto at = level.fair.begin(); !at.done(); ++at) {
        for (const LaneItem& said : items_.lanes[at->first]) {
          if (said.priority == level.priority)
            queue.restore_lane(level, at->first, said.overtaken, said.pass, said.in_turn);
        }
      }
    }
  }

  SnapshotItems& items_;
  Tables& t_;
};

}  // namespace

Status inconsistent_snapshot(std::string_view what) {
  return {ErrorCode::kDataLoss, "snapshot: " + std::string(what)};
}

Result<Tables> link_snapshot(SnapshotItems items) { return SnapshotLinker(items).link(); }

}  // namespace baton::center
