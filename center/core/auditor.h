// Auditor: watches the transitions of every entry and says when a promise is broken (I3, I4, I6,
// I7).
//
// It believes nothing that the ledger's tables say: its own shadow state is made of transitions
// alone. It checks that tasks are created once and without a gap (offsets are dense), that a task
// is where the transition says it comes from, that the step is one of transition_rules.h, that at
// most one claim exists and ends with its own token, that tokens grow over all tasks, and that
// nothing follows a completion: neither that of a task nor that of a parent whose children still
// work, which is never handed out again.
//
// Started over a ledger that was restored (begin_at) it knows what is finished, claimed, delayed or
// was tried before, and takes the word of the first transition of any other task that is older
// than the start; from then on it knows that one too.
//
// Memory: a slot of 24 bytes, at most half of them empty, for each task that is claimed, held,
// pending, dead or done but for its children (of those the ledger keeps more), and runs of
// finished, quarantined, delayed and blocked offsets, 8 bytes each, which join where neighbours are
// alike.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "center/core/effects.h"
#include "center/core/ledger.h"
#include "common/base/run_set.h"

namespace baton::center {

struct AuditViolation {
  Lsn index;  // the entry that broke it
  Transition transition;
  std::string what;
};

class Auditor {
 public:
  Auditor();

  // Forgets everything and knows what `ledger` says. Looks at each shard once and at each row once.
  void begin_at(const Ledger& ledger);
  // Forgets everything and takes each task's first transition on trust, whichever it is: for a
  // history whose beginning is lost.
  void begin_anywhere();
  // The transitions of the entry at `index`, in order. Returns how many promises it broke; after a
  // violation the transition is believed, so that one mistake is one violation.
  std::uint64_t check(Lsn index, const std::vector<Transition>& transitions);

  [[nodiscard]] std::uint64_t violations() const { return violations_; }
  // Of the first one; REQUIRES: violations() > 0.
  [[nodiscard]] const AuditViolation& first() const { return first_; }
  [[nodiscard]] const AuditViolation& last() const { return last_; }

  // Where the ledger holds another view of what is finished, or of where a task is that is not
  // plain: one sentence about the first; empty when they agree. REQUIRES: it saw every transition
  // of the ledger, or began at it.
  [[nodiscard]] std::string disagreement(const Ledger& ledger) const;

  // What is known of a task; kNone: not created yet, or from before the start and not met since.
  [[nodiscard]] TaskState state_of(TaskId task) const;
  [[nodiscard]] std::size_t memory_bytes() const;

  // What was seen since the start.
  struct Counts {
    std::uint64_t entries = 0;
    std::uint64_t created = 0;
    std::uint64_t claims = 0;
    std::uint64_t completions = 0;
  };
  [[nodiscard]] const Counts& counts() const { return counts_; }
  // Of all that was created, void ones too, and of what of it is not finished: the difference is
  // what was completed or void, so nothing is lost when it adds up.
  [[nodiscard]] std::uint64_t known_tasks() const;
  [[nodiscard]] std::uint64_t finished_tasks() const;

 private:
  // Tasks by id, for all that are in another state than most. Linear probing; erasing moves what
  // follows back, so a lookup ends at the first empty slot.
  class RowMap {
   public:
    struct Row {
      TaskId task;  // none: empty
      Token token;
      TaskState state = TaskState::kNone;
      bool acked = false;  // its own work was done
    };
    RowMap() : rows_(16) {}
    [[nodiscard]] Row* find(TaskId task);
    [[nodiscard]] const Row* find(TaskId task) const;
    Row& put(TaskId task);  // found, or made
    void erase(Row* row);
    void clear();
    template <class Visit>
    void for_each(Visit&& visit) const {
      for (const Row& row : rows_) {
        if (row.task) visit(row);
      }
    }
    [[nodiscard]] std::size_t memory_bytes() const { return rows_.capacity() * sizeof(Row); }

   private:
    [[nodiscard]] std::size_t home(TaskId task) const;
    void grow();
    std::vector<Row> rows_;  // a power of two
    std::size_t used_ = 0;
  };
  struct Shard {
    Offset created_hi{1};
    Offset known_from{1};  // tasks below are from before the start
    bool adopted = false;  // nothing was known of it when its first transition came
    RunSet finished;       // done or void
    RunSet quarantined;
    RunSet delayed;
    RunSet blocked;

    // Where tasks in the state stand that have no row; null: such tasks have one.
    [[nodiscard]] RunSet* plain(TaskState state) {
      switch (state) {
        case TaskState::kQuarantined:
          return &quarantined;
        case TaskState::kDelayed:
          return &delayed;
        case TaskState::kBlocked:
          return &blocked;
        default:
          return nullptr;
      }
    }
  };

  static std::vector<RunSet::Run> joined(const RunSet& set);
  Shard& shard(ShardId id);
  void check_created(const Transition& transition);
  void check_moved(TaskId task, const Transition& transition);
  void check_token(const Transition& transition, const RowMap::Row* row);
  static TaskState state_in(const Shard& shard, Offset offset, const RowMap::Row* row);
  void check_ack(const Transition& transition, const RowMap::Row* row, TaskId task);
  void set_state(Shard& shard, TaskId task, RowMap::Row* row, const Transition& by);
  void put(Shard& shard, TaskId task, RowMap::Row* row, const RowMap::Row& known);
  [[nodiscard]] TaskId first_unknown_to(const Auditor& other) const;
  void violated(const Transition& transition, TaskId task, std::string what);

  std::vector<Shard> shards_;  // by id - 1; few
  RowMap rows_;
  Token newest_;
  bool begun_late_ = false;  // shards that it does not know may be older than it
  Lsn index_;                // being checked
  std::uint64_t violations_ = 0;
  AuditViolation first_;
  AuditViolation last_;
  Counts counts_;
};

}  // namespace baton::center
