#include "center/core/auditor.h"

#include <algorithm>
#include <utility>

#include "center/core/transition_rules.h"
#include "common/base/hash64.h"

namespace baton::center {

// ---- rows -----------------------------------------------------------------------------------

std::size_t Auditor::RowMap::home(TaskId task) const {
  return static_cast<std::size_t>(hash64(task.value())) & (rows_.size() - 1);
}

const Auditor::RowMap::Row* Auditor::RowMap::find(TaskId task) const {
  for (std::size_t at = home(task);; at = (at + 1) & (rows_.size() - 1)) {
    if (rows_[at].task == task) return &rows_[at];
    if (!rows_[at].task) return nullptr;
  }
}

Auditor::RowMap::Row* Auditor::RowMap::find(TaskId task) {
  return const_cast<Row*>(std::as_const(*this).find(task));
}

Auditor::RowMap::Row& Auditor::RowMap::put(TaskId task) {
  if (Row* known = find(task); known != nullptr) return *known;
  if (2 * (used_ + 1) > rows_.size()) grow();
  ++used_;
  std::size_t at = home(task);
  while (rows_[at].task) at = (at + 1) & (rows_.size() - 1);
  rows_[at] = Row{task, {}, TaskState::kNone};
  return rows_[at];
}

void Auditor::RowMap::erase(Row* row) {
  const std::size_t mask = rows_.size() - 1;
  auto hole = static_cast<std::size_t>(row - rows_.data());
  for (std::size_t at = (hole + 1) & mask; rows_[at].task; at = (at + 1) & mask) {
    // What may not stand before its home stays.
    const std::size_t distance = (at - home(rows_[at].task)) & mask;
    if (distance < ((at - hole) & mask)) continue;
    rows_[hole] = rows_[at];
    hole = at;
  }
  rows_[hole] = Row();
  --used_;
}

void Auditor::RowMap::grow() {
  const std::vector<Row> old = std::exchange(rows_, std::vector<Row>(2 * rows_.size()));
  used_ = 0;
  for (const Row& row : old) {
    if (row.task) put(row.task) = row;
  }
}

void Auditor::RowMap::clear() {
  rows_.assign(16, Row());
  used_ = 0;
}

// ---- the shadow -----------------------------------------------------------------------------

Auditor::Auditor() = default;

void Auditor::begin_at(const Ledger& ledger) {
  shards_.clear();
  rows_.clear();
  newest_ = Token((std::uint64_t{ledger.generation().value()} << 52) | ledger.totals().grants);
  begun_late_ = false;
  for (ShardId id(1); !ledger.manager_of(id).empty(); id = id.next()) {
    Shard& known = shard(id);
    known.adopted = true;
    const LiveOffsets live = ledger.live(id, Offset(1), Offset(kOffsetMax));
    known.created_hi = known.known_from = live.created_hi;
    std::uint64_t at = 1;
    for (const LiveOffsets::Run& run : live.runs) {
      if (run.first.value() > at) known.finished.push_back(at, run.first.value() - at);
      at = run.first.value() + run.count;
    }
    if (live.created_hi.value() > at) known.finished.push_back(at, live.created_hi.value() - at);
  }
  ledger.visit_rows([this](TaskId task, TaskState state, Token token, bool acked) {
    Shard& in = shard(task.shard());
    if (is_final(state)) {
      in.finished.insert(task.offset().value());
    } else {
      put(in, task, nullptr, {task, token, state, acked});
    }
  });
}

void Auditor::begin_anywhere() {
  *this = Auditor();
  begun_late_ = true;
}

Auditor::Shard& Auditor::shard(ShardId id) {
  if (id.value() > shards_.size()) shards_.resize(id.value());
  return shards_[id.value() - 1];
}

TaskState Auditor::state_of(TaskId task) const {
  const std::uint32_t number = task.shard().value();
  if (!task.valid() || number > shards_.size()) return TaskState::kNone;
  const Shard& in = shards_[number - 1];
  if (task.offset() >= in.created_hi) return TaskState::kNone;
  return state_in(in, task.offset(), rows_.find(task));
}

// What has a row is in none of the sets.
TaskState Auditor::state_in(const Shard& in, Offset offset, const RowMap::Row* row) {
  if (row != nullptr) return row->state;
  if (in.finished.contains(offset.value())) return TaskState::kDone;
  if (in.quarantined.contains(offset.value())) return TaskState::kQuarantined;
  if (in.delayed.contains(offset.value())) return TaskState::kDelayed;
  if (in.blocked.contains(offset.value())) return TaskState::kBlocked;
  return offset < in.known_from ? TaskState::kNone : TaskState::kReady;
}

std::size_t Auditor::memory_bytes() const {
  std::size_t bytes = rows_.memory_bytes() + shards_.capacity() * sizeof(Shard);
  for (const Shard& in : shards_) {
    bytes += in.finished.memory_bytes() + in.quarantined.memory_bytes() +
             in.delayed.memory_bytes() + in.blocked.memory_bytes();
  }
  return bytes;
}

std::uint64_t Auditor::known_tasks() const {
  std::uint64_t tasks = 0;
  for (const Shard& in : shards_) tasks += in.created_hi.value() - 1;
  return tasks;
}

std::uint64_t Auditor::finished_tasks() const {
  std::uint64_t tasks = 0;
  for (const Shard& in : shards_) tasks += in.finished.size();
  return tasks;
}

// Finished offsets of a shard as they are, whichever way the runs were put together.
std::vector<RunSet::Run> Auditor::joined(const RunSet& set) {
  std::vector<RunSet::Run> runs;
  set.for_each_run([&](const RunSet::Run& run) {
    if (!runs.empty() && runs.back().first + runs.back().count == run.first) {
      runs.back().count += run.count;
    } else {
      runs.push_back(run);
    }
  });
  return runs;
}

std::string Auditor::disagreement(const Ledger& ledger) const {
  Auditor other;
  other.begin_at(ledger);
  const auto name = [](std::size_t shard, std::uint64_t offset) {
    return "task " +
           to_string(TaskId(ShardId(static_cast<std::uint32_t>(shard + 1)), Offset(offset)));
  };
  for (std::size_t i = 0; i < std::max(shards_.size(), other.shards_.size()); ++i) {
    const Shard ours = i < shards_.size() ? shards_[i] : Shard();
    const Shard theirs = i < other.shards_.size() ? other.shards_[i] : Shard();
    if (ours.created_hi != theirs.created_hi) {
      return name(i, std::min(ours.created_hi, theirs.created_hi).value()) +
             ": it was created for one of ledger and transitions only";
    }
    const std::vector<RunSet::Run> a = joined(ours.finished);
    const std::vector<RunSet::Run> b = joined(theirs.finished);
    for (std::size_t k = 0; k < std::max(a.size(), b.size()); ++k) {
      if (k < a.size() && k < b.size() && a[k].first == b[k].first && a[k].count == b[k].count)
        continue;
      const std::uint64_t at = k >= a.size()   ? b[k].first
                               : k >= b.size() ? a[k].first
                               : a[k].first != b[k].first
                                   ? std::min(a[k].first, b[k].first)
                                   : a[k].first + std::min(a[k].count, b[k].count);
      return name(i, at) + ": it is finished for one of ledger and transitions only";
    }
  }
  std::string found;
  ledger.visit_rows([&](TaskId task, TaskState state, Token, bool) {
    const TaskState here = state_of(task);
    // Of what has ended, transitions leave no more than that.
    const bool both_ended = here == TaskState::kDone && is_final(state);
    const bool same = here == state || here == TaskState::kNone || both_ended;
    if (!same && found.empty()) {
      found = "task " + to_string(task) + ": it is " + std::string(to_string(state)) +
              " in the ledger and " + std::string(to_string(here)) + " by its transitions";
    }
  });
  // And nothing that we know of may be missing there.
  const TaskId missing = first_unknown_to(other);
  if (found.empty() && missing) {
    found = "task " + to_string(missing) + ": it is " + std::string(to_string(state_of(missing))) +
            " by its transitions, and plain in the ledger";
  }
  return found;
}

// The first task of ours that is more than ready, and of which the other knows nothing.
TaskId Auditor::first_unknown_to(const Auditor& other) const {
  TaskId first;
  const auto look = [&](TaskId task) {
    if (other.state_of(task) == TaskState::kNone && (!first || task < first)) first = task;
  };
  rows_.for_each([&](const RowMap::Row& row) {
    if (row.state != TaskState::kReady) look(row.task);
  });
  for (std::size_t i = 0; i < shards_.size(); ++i) {
    const ShardId id(static_cast<std::uint32_t>(i + 1));
    for (const RunSet* set : {&shards_[i].delayed, &shards_[i].blocked}) {
      set->for_each_run([&](const RunSet::Run& run) {
        for (std::uint64_t at = run.first; at < run.first + run.count; ++at)
          look(TaskId(id, Offset(at)));
      });
    }
  }
  return first;
}

// ---- checking -------------------------------------------------------------------------------

std::uint64_t Auditor::check(Lsn index, const std::vector<Transition>& transitions) {
  const std::uint64_t before = violations_;
  index_ = index;
  ++counts_.entries;
  for (const Transition& transition : transitions) {
    const TaskId first = transition.first;
    if (!is_legal(transition.from, transition.to, transition.cause)) {
      violated(transition, first, "no task goes that way for that reason");
    }
    if (is_note(transition)) continue;
    if (!first.valid() || transition.count == 0 ||
        first.offset().value() + transition.count > kOffsetMax + 1) {
      violated(transition, first, "no such tasks");
    } else if (transition.from == TaskState::kNone) {
      check_created(transition);
    } else {
      for (std::uint32_t i = 0; i < transition.count; ++i) {
        check_moved(TaskId(first.value() + i), transition);
      }
    }
  }
  return violations_ - before;
}

void Auditor::check_created(const Transition& transition) {
  const TaskId first = transition.first;
  Shard& in = shard(first.shard());
  if (begun_late_ && !in.adopted && first.offset() >= in.created_hi) {
    in.created_hi = in.known_from = first.offset();
  }
  in.adopted = true;
  if (first.offset() < in.created_hi) {
    return violated(transition, first, "it was created before");
  }
  if (first.offset() > in.created_hi) {
    violated(transition, first,
             "tasks from offset " + std::to_string(in.created_hi.value()) + " on were left out");
  }
  counts_.created += transition.count;
  const std::uint64_t offset = first.offset().value();
  in.created_hi = Offset(offset + transition.count);
  if (is_final(transition.to)) {
    in.finished.push_back(offset, transition.count);
  } else if (transition.to != TaskState::kReady) {
    for (std::uint32_t i = 0; i < transition.count; ++i) {
      set_state(in, TaskId(first.value() + i), nullptr, transition);
    }
  }
}

void Auditor::check_moved(TaskId task, const Transition& transition) {
  Shard& in = shard(task.shard());
  if (task.offset() >= in.created_hi) {
    if (!begun_late_ || in.adopted) violated(transition, task, "it was never created");
    in.created_hi = in.known_from = task.offset().next();
  }
  RowMap::Row* const row = rows_.find(task);
  const TaskState state = state_in(in, task.offset(), row);
  if (state == TaskState::kDone) {
    const bool again = transition.to == TaskState::kDone;
    return violated(transition, task, again ? "it was completed before" : "it is finished");
  }
  // Claims from before the start are known, but where nothing is.
  const bool taken_on_trust =
      state == TaskState::kNone && (begun_late_ || transition.from != TaskState::kClaimed);
  if (state != transition.from && !taken_on_trust) {
    const bool second = state == TaskState::kClaimed && transition.to == TaskState::kClaimed;
    violated(transition, task,
             second ? "it is claimed already"
                    : "it was " + std::string(to_string(state)) + " before, not " +
                          std::string(to_string(transition.from)));
  }
  check_token(transition, row);
  check_ack(transition, row, task);
  set_state(in, task, row, transition);
}

// Its own work is done once and for all; the rest is its children's.
void Auditor::check_ack(const Transition& transition, const RowMap::Row* row, TaskId task) {
  if (row == nullptr || !row->acked || is_final(transition.to)) return;
  if (transition.to != TaskState::kBlocked && transition.to != TaskState::kDead)
    violated(transition, task, "its own work was completed before");
}

void Auditor::check_token(const Transition& transition, const RowMap::Row* row) {
  const bool granted = transition.to == TaskState::kClaimed && transition.from != transition.to;
  if (granted) {
    ++counts_.claims;
    if (transition.token <= newest_) {
      violated(
          transition, transition.first,
          "its token does not grow: " + std::to_string(newest_.value()) + " was granted before");
    }
    newest_ = std::max(newest_, transition.token);
  } else if (transition.from == TaskState::kClaimed && row != nullptr &&
             row->state == TaskState::kClaimed && row->token != transition.token) {
    violated(transition, transition.first,
             "it is claimed with another token, " + std::to_string(row->token.value()));
  }
}

// `row` is the task's, or null.
void Auditor::set_state(Shard& in, TaskId task, RowMap::Row* row, const Transition& by) {
  counts_.completions += by.to == TaskState::kDone;
  const bool acks = by.cause == Cause::kAck && by.to == TaskState::kBlocked;
  const bool acked = acks || (row != nullptr && row->acked);
  put(in, task, row, {task, by.token, by.to, acked});
}

void Auditor::put(Shard& in, TaskId task, RowMap::Row* row, const RowMap::Row& known) {
  const std::uint64_t offset = task.offset().value();
  if (row == nullptr) {
    for (RunSet* set : {&in.quarantined, &in.delayed, &in.blocked}) {
      if (!set->empty() && set->erase(offset)) break;
    }
  }
  RunSet* plain = is_final(known.state) ? &in.finished : in.plain(known.state);
  const bool forgets = known.state == TaskState::kReady && task.offset() >= in.known_from;
  if ((plain == nullptr && !forgets) || (known.acked && !is_final(known.state))) {
    if (row == nullptr) row = &rows_.put(task);
    *row = known;
    return;
  }
  if (plain != nullptr) plain->insert(offset);
  if (row != nullptr) rows_.erase(row);
}

void Auditor::violated(const Transition& transition, TaskId task, std::string what) {
  ++violations_;
  last_ = {index_, transition,
           "task " + to_string(task) + ", from " + std::string(to_string(transition.from)) +
               " to " + std::string(to_string(transition.to)) + " (" +
               std::string(to_string(transition.cause)) + "): " + std::move(what)};
  if (violations_ == 1) first_ = last_;
}

}  // namespace baton::center
