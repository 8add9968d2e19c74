// Ledger::explain: why a task is where it is, in a sentence for people.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "center/core/ledger_state.h"
#include "center/core/task_view.h"
#include "common/base/duration_text.h"

namespace baton::center {
namespace {

// Tenths of a second matter of what is over soon.
std::string in_time(Millis span) {
  if (span >= std::chrono::minutes(1)) return to_text(Millis(span.count() / 1000 * 1000));
  const std::int64_t tenths = (span.count() + 99) / 100;
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " s";
}

std::string count_of(std::uint64_t n, const char* one, const char* many) {
  return std::to_string(n) + " " + (n == 1 ? one : many);
}

class Explainer {
 public:
  Explainer(const Tables& tables, TaskId task)
      : tables_(tables),
        task_(task),
        facts_(facts_of(tables, task)),
        view_(task_view(tables, task)) {}

  Explanation explain() const {
    switch (view_.state) {
      case TaskState::kDone:
        if (!facts_.queue)
          return {ExplainCode::kFinished, "it has finished, and nothing of it is kept", {}};
        return {ExplainCode::kFinished, "it is done", {}};
      case TaskState::kCancelled:
        return {ExplainCode::kFinished, "it was cancelled" + because(), {}};
      case TaskState::kClaimed:
        return {ExplainCode::kRunning,
                "consumer '" + view_.consumer + "' works on it: attempt " +
                    std::to_string(view_.attempt) + ", and its lease lasts another " +
                    in_time(view_.lease_left) + " unless it is renewed",
                {}};
      case TaskState::kDead:
        return {ExplainCode::kDead,
                "it is dead after " + count_of(view_.failures, "failure", "failures") + " and " +
                    count_of(view_.expiries, "lost attempt", "lost attempts") + because() +
                    "; it stays until it is redriven or discarded",
                {}};
      case TaskState::kQuarantined:
        return {ExplainCode::kQuarantined, "its payload cannot be served" + because(), {}};
      case TaskState::kHeld:
        return {ExplainCode::kDecision,
                "an attempt was cut off, and its queue holds such tasks until a person decides: "
                "resume, complete, kill or cancel it",
                {}};
      case TaskState::kPending:
        return {ExplainCode::kPending,
                "it begins when task " + to_string(view_.parent) + ", which spawned it, is acked",
                view_.parent};
      case TaskState::kDelayed:
        return delayed();
      case TaskState::kBlocked:
        return blocked();
      case TaskState::kReady:
        return ready();
      default:
        return {ExplainCode::kFinished, "it is not known any more", {}};
    }
  }

 private:
  std::string because() const { return view_.reason.empty() ? "" : " (" + view_.reason + ")"; }

  Explanation delayed() const {
    if (facts_.row != kNoSlot) {
      return {ExplainCode::kBackoff,
              "it failed" + because() + " and is tried again in " + in_time(view_.ready_in),
              {}};
    }
    return {
        ExplainCode::kDelayed, "it is not to run before another " + in_time(view_.ready_in), {}};
  }

  Explanation blocked() const {
    if (facts_.row != kNoSlot && tables_.rows[facts_.row].acked) return waits_for_children();
    if (facts_.order_key != kNoSlot) {
      const TaskId holder = tables_.order_keys[facts_.order_key].holder;
      if (!holder)
        return {
            ExplainCode::kOrderKey, "its ordering key is being handed on to the next in line", {}};
      if (holder != task_) {
        return {ExplainCode::kOrderKey,
                "task " + to_string(holder) + ", which is " +
                    std::string(to_string(state_of(tables_, holder))) + ", has the ordering key '" +
                    view_.order_key + "' before it",
                holder};
      }
    }
    return runs_after();
  }

  Explanation waits_for_children() const {
    const Family* family = tables_.families.families.find(task_);
    if (family != nullptr && family->failed > 0) {
      return {ExplainCode::kDecision,
              "its own work is done, but " + count_of(family->failed, "child", "children") +
                  " failed: redrive them, or resume, complete or kill it",
              {}};
    }
    return {
        ExplainCode::kChildren,
        "its own work is done; it waits for " + count_of(view_.children_open, "child", "children"),
        {}};
  }

  Explanation runs_after() const {
    const OptionsRow* options = options_of(tables_, facts_);
    const TaskId other = first_dependency();
    if (options != nullptr && options->after_failed > 0 &&
        options->after_failed == options->after_open) {
      return {ExplainCode::kDecision,
              "a task that it runs after failed: redrive that, or resume or kill this one", other};
    }
    std::string sentence =
        "it runs after " + count_of(view_.blocked_on, "task", "tasks") + " that did not finish";
    if (other) sentence += ", one of them " + to_string(other) + standing(other);
    return {ExplainCode::kAfter, std::move(sentence), other};
  }

  std::string standing(TaskId other) const {
    const Shard* shard = tables_.members.find_shard(other.shard());
    if (shard == nullptr || other.offset() >= shard->created_hi())
      return ", which the ledger does not know yet";
    return ", which is " + std::string(to_string(state_of(tables_, other)));
  }

  // Of those that it runs after one that failed, if it waits for a decision about that.
  TaskId first_dependency() const {
    const FamilyTable& families = tables_.families;
    TaskId first;
    for (TaskId at = FamilyTable::next(families.dependencies, task_, TaskId(1)); at;
         at = FamilyTable::next(families.dependencies, task_, TaskId(at.value() + 1))) {
      if (families.dependents.find({at, task_})->failed) return at;
      if (!first) first = at;
    }
    return first;
  }

  Explanation ready() const {
    const Shard& shard = tables_.members.shard(task_.shard());
    const Queue& queue = tables_.queues[facts_.queue];
    const std::string name = "queue '" + queue.name + "'";
    if (queue.purging) return {ExplainCode::kPurging, name + " is being purged", {}};
    if (queue.settings.paused)
      return {ExplainCode::kPaused, name + " is paused" + until(queue), {}};
    if (!tables_.members.is_available(shard)) {
      return {ExplainCode::kManagerAway,
              "manager '" + tables_.members.manager(shard.manager).name +
                  "', which keeps its payload, is away",
              {}};
    }
    if (queue.waiting == 0) {
      return {ExplainCode::kNoConsumer,
              "no consumer waits for a task of " + name + ": " +
                  (queue.claimed == 0
                       ? "nobody works on it"
                       : count_of(queue.claimed, "claim is", "claims are") + " being worked on"),
              {}};
    }
    return limited(queue, name);
  }

  // When a pause ends by itself.
  std::string until(const Queue& queue) const {
    const WallTime end = queue.settings.paused_until;
    if (end.ms == 0) return "";
    return " for another " + in_time(Millis(end.ms - tables_.counters.calendar.ms));
  }

  Explanation limited(const Queue& queue, const std::string& name) const {
    const QueueSettings& settings = queue.settings;
    if (settings.max_in_flight > 0 && queue.claimed >= settings.max_in_flight) {
      return {
          ExplainCode::kInFlightLimit,
          name + " has as many claims as it may have: " + std::to_string(settings.max_in_flight),
          {}};
    }
    if (settings.max_rate > 0 && queue.rate_credit < Queue::kClaimCredit) {
      return {
          ExplainCode::kRateLimit,
          name + " begins no more than " + std::to_string(settings.max_rate) + " claims a second",
          {}};
    }
    if (queue.changing_turns) {
      return {ExplainCode::kFairKeyLimit,
              name + " is being given another limit of claims of one fairness key",
              {}};
    }
    if (settings.max_per_fair_key > 0 && facts_.fair_key != kNoSlot &&
        tables_.fair_keys[facts_.fair_key].claimed >= settings.max_per_fair_key) {
      return {ExplainCode::kFairKeyLimit,
              "fairness key '" + view_.fair_key + "' has as many claims as it may have: " +
                  std::to_string(settings.max_per_fair_key),
              {}};
    }
    if (queue.ring_size == 0) {
      return {ExplainCode::kNoConsumer,
              "those who wait for " + name + " wait for one other task each",
              {}};
    }
    if (is_barred_from_all(queue)) {
      return {ExplainCode::kBarred,
              "the managers of those who wait could not fetch its payload and will try again",
              {}};
    }
    return {ExplainCode::kTurn,
            std::to_string(queue.ready) + " of " + name + (queue.ready == 1 ? " is" : " are") +
                " ready: its turn will come",
            {}};
  }

  // Whether nobody who waits may have it for now (R13). Only the first in the ring are looked at.
  [[nodiscard]] bool is_barred_from_all(const Queue& queue) const {
    constexpr int kLookedAt = 1024;
    if (tables_.bars.empty()) return false;
    std::uint32_t line = queue.ring_first;
    for (int i = 0; i < kLookedAt && line != kNoSlot; ++i, line = tables_.lines[line].after) {
      const Session& session = tables_.sessions[tables_.lines[line].session];
      if (!tables_.bars.is_barred(session.manager, task_.shard())) return false;
    }
    return true;
  }

  const Tables& tables_;
  const TaskId task_;
  const TaskFacts facts_;
  const TaskView view_;
};

}  // namespace

namespace {

// How far the tasks that a task waits for are followed.
constexpr std::size_t kStepsMax = 64;

bool descends_from(const Tables& tables, TaskId task, TaskId ancestor) {
  for (std::size_t i = 0; i < kStepsMax; ++i) {
    const OptionsRow* options = options_of(tables, facts_of(tables, task));
    if (options == nullptr || !options->parent) return false;
    if (options->parent == ancestor) return true;
    task = options->parent;
  }
  return false;
}

// A child of the parent that waits for others; none is found where too many tasks have options to
// look at them all.
TaskId find_blocked_child(const Tables& tables, TaskId parent) {
  constexpr std::uint32_t kLookedAt = 1U << 16;
  const auto slots = static_cast<std::uint32_t>(tables.task_options.slots());
  for (std::uint32_t slot = 0; slot < std::min(slots, kLookedAt); ++slot) {
    const OptionsRow& options = tables.task_options[slot];
    if (options.task && options.parent == parent &&
        state_of(tables, options.task) == TaskState::kBlocked)
      return options.task;
  }
  return {};
}

// Follows what a task waits for. A parent waits for its children: it closes a circle when one of
// those before it is one of them.
class Circle {
 public:
  Circle(const Tables& tables, TaskId task) : tables_(tables), chain_{task} {}

  // The tasks that wait for each other, in that order; none: no circle was found.
  std::vector<TaskId> find(const Explanation& first) {
    Explanation said = first;
    while (chain_.size() < kStepsMax) {
      const auto begin = said.because == ExplainCode::kChildren
                             ? std::find_if(chain_.begin(), chain_.end() - 1,
                                            [&](TaskId task) {
                                              return descends_from(tables_, task, chain_.back());
                                            })
                             : std::find(chain_.begin(), chain_.end() - 1, said.other);
      if (begin != chain_.end() - 1) return {begin, chain_.end()};
      if (said.because == ExplainCode::kChildren)
        said.other = find_blocked_child(tables_, chain_.back());
      const Shard* shard = said.other ? tables_.members.find_shard(said.other.shard()) : nullptr;
      if (shard == nullptr || said.other.offset() >= shard->created_hi()) return {};
      chain_.push_back(said.other);
      said = Explainer(tables_, said.other).explain();
    }
    return {};
  }

 private:
  const Tables& tables_;
  std::vector<TaskId> chain_;  // each waits for the next
};

}  // namespace

Result<Explanation> Ledger::explain(TaskId task) const {
  const Result<TaskView> found = find(task);
  if (!found.ok()) return found.status();
  const Tables& tables = state_->tables;
  Explanation said = Explainer(tables, task).explain();
  const std::vector<TaskId> circle = Circle(tables, task).find(said);
  if (circle.empty()) return said;
  std::string names;
  for (const TaskId one : circle) names += (names.empty() ? "" : ", ") + to_string(one);
  return Explanation{
      ExplainCode::kDeadlock,
      said.sentence + "; these wait for each other: " + names + ": cancel or kill one of them",
      said.other};
}

}  // namespace baton::center
