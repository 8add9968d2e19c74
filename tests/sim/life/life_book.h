// LifeBook: what the programs and operators of a run asked of the life of tasks, beside its History.
//
// A history says who had which task when. What was wished for a task (a delay, keys, relations), what
// was saved with it, and what an operator did to it or to its queue stands here, tied to the history
// by the numbers of its operations and by moments. The checkers (life_checkers.h) read both.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/base/protocol_enums.h"
#include "common/base/status.h"
#include "common/base/task_options.h"
#include "common/history/history.h"

namespace baton::check {

// A place in the order of a run: event i of the history is at 2i + 1, what stands in the book
// between the events before and after it.
using Moment = std::uint64_t;
inline constexpr Moment kNever = UINT64_MAX;

// What was asked for with a produce.
struct Wish {
  std::string queue;
  TaskOptions options;
  std::uint64_t content = 0;
  ErrorCode answer = ErrorCode::kUnavailable;  // of one that has ended
  bool duplicate = false;
  bool asked_one = false;  // of all managers, so that it was that of its task's shard
};

// One action on one task.
struct ActNote {
  TaskAction action = TaskAction::kCancel;
  TaskId task;
  Moment begin = 0;
  Moment end = kNever;              // no answer: it may have its effect at any time
  std::optional<ErrorCode> code{};  // of the answer; none: it may have had its effect

  [[nodiscard]] bool ok() const { return code == ErrorCode::kOk; }
};

// One change of one queue. Those of a queue are asked for one after the other.
struct QueueNote {
  enum class Kind : std::uint8_t {
    kPause,
    kResume,  // also a pause that ends by itself: from when it was asked for
    kPurge,
    kOrdered,       // from now on
    kTimeToLive,    // of tasks that state none: `value` seconds
    kTotalTimeout,  // the same
    kLimit,         // of claims at once: `value`; 0: none
    kKeyLimit,      // of claims at once of one fairness key: `value`; 0: none
    kRate,          // claims begun in a second: `value`; 0: no limit
    kAgeing,        // `value`; 0: a priority never gives way
    kLossLimit,     // attempts cut off until a task is dead: `value`
    kKeyWindow,     // how long an idempotency key is remembered: `value` seconds
    kKeyCount,      // how many idempotency keys are remembered: `value`
    kKeepCount,     // how many finished tasks are kept: `value`
    kHold,          // 1: what was cut off waits for a person; 0: it does not
  };
  std::string queue;
  Kind kind = Kind::kPause;
  std::uint64_t value = 0;
  Duration until{0};  // a pause that ends by itself: not before this; 0: it does not
  Moment begin = 0;
  Moment end = kNever;
  bool ok = false;
};

// The end of a task as somebody was told it who had waited for it.
struct ToldEnd {
  TaskId task;
  FinalState state = FinalState::kNotFound;
  Moment at = 0;
  Duration time{0};
};

// An attempt that its timeout ended, as the history of its task tells it: by the ledger's own clock.
struct TimedOut {
  TaskId task;
  Token token;
  Millis lasted{0};
};

// Somebody looked for the result of a task that was acked with one, and it is not kept.
struct LostResult {
  TaskId task;
  Moment at = 0;
};

class LifeBook {
 public:
  explicit LifeBook(const History& history) : history_(history) {}

  [[nodiscard]] Moment now() const { return 2 * history_.events().size(); }

  // `operation`: of the history.
  void wished(std::uint64_t operation, std::string queue, TaskOptions options,
              std::uint64_t content = 0) {
    wishes_[operation] = {
        .queue = std::move(queue), .options = std::move(options), .content = content};
  }
  void answered(std::uint64_t operation, ErrorCode code, bool duplicate) {
    Wish& wish = wishes_[operation];
    wish.answer = code;
    wish.duplicate = duplicate;
  }
  // No other manager than the one that answered was ever asked for it.
  void asked_one(std::uint64_t operation) {
    if (const auto wish = wishes_.find(operation); wish != wishes_.end())
      wish->second.asked_one = true;
  }
  void saved(std::uint64_t operation, std::string checkpoint) {
    saves_[operation] = std::move(checkpoint);
  }
  void handed(Token token, std::string checkpoint, std::uint32_t expiries = 0) {
    handed_[token] = std::move(checkpoint);
    expiries_[token] = expiries;
  }
  // The claim was asked for by the task's name: it has no turn to wait for.
  void picked(Token token) { picked_.insert(token); }
  void told_end(TaskId task, FinalState state, Duration time) {
    told_ends_.push_back({task, state, now(), time});
  }
  void timed_out(TaskId task, Token token, Millis lasted) {
    timed_out_.push_back({task, token, lasted});
  }
  void lost_result(TaskId task) { lost_results_.push_back({task, now()}); }
  void acked(std::uint64_t operation, FailurePolicy policy) { policies_[operation] = policy; }

  // Returns the number to end it with.
  std::size_t act(TaskAction action, TaskId task) {
    acts_.push_back({.action = action, .task = task, .begin = now()});
    return acts_.size() - 1;
  }
  // A code that leaves open whether it happened is noted as none.
  void acted(std::size_t number, std::optional<ErrorCode> code) {
    acts_[number].end = now();
    acts_[number].code = code;
  }
  std::size_t change(std::string queue, QueueNote::Kind kind, std::uint64_t value = 0,
                     Duration until = Duration(0)) {
    changes_.push_back(
        {.queue = std::move(queue), .kind = kind, .value = value, .until = until, .begin = now()});
    return changes_.size() - 1;
  }
  void changed(std::size_t number, bool ok) {
    changes_[number].ok = ok;
    if (ok) changes_[number].end = now();
  }
  // The calendars of the daemons were at most this far apart.
  void set_calendar_spread(Duration spread) { calendar_spread_ = spread; }
  // What the calendar says when the run begins.
  void set_calendar_begin(WallTime begin) { calendar_begin_ = begin; }
  // No shard was ever away, or out of reach for a manager: whatever the ledger had heard of could be
  // granted to anybody.
  void set_shards_stayed(bool stayed) { shards_stayed_ = stayed; }

  [[nodiscard]] const History& history() const { return history_; }
  [[nodiscard]] const std::map<std::uint64_t, Wish>& wishes() const { return wishes_; }
  [[nodiscard]] const std::map<std::uint64_t, std::string>& saves() const { return saves_; }
  [[nodiscard]] const std::map<Token, std::string>& checkpoints_handed() const { return handed_; }
  [[nodiscard]] const std::map<std::uint64_t, FailurePolicy>& policies() const { return policies_; }
  [[nodiscard]] const std::vector<ActNote>& acts() const { return acts_; }
  [[nodiscard]] const std::vector<QueueNote>& changes() const { return changes_; }
  [[nodiscard]] Duration calendar_spread() const { return calendar_spread_; }
  // The moment of the run at which the calendar says this, but for its spread.
  [[nodiscard]] Duration time_of(WallTime calendar) const {
    return Millis(calendar.ms - calendar_begin_.ms);
  }
  [[nodiscard]] bool shards_stayed() const { return shards_stayed_; }
  [[nodiscard]] const std::map<Token, std::uint32_t>& expiries_handed() const { return expiries_; }
  [[nodiscard]] bool was_picked(Token token) const { return picked_.contains(token); }
  [[nodiscard]] const std::vector<ToldEnd>& told_ends() const { return told_ends_; }
  [[nodiscard]] const std::vector<TimedOut>& timed_out() const { return timed_out_; }
  [[nodiscard]] const std::vector<LostResult>& lost_results() const { return lost_results_; }

 private:
  const History& history_;
  std::map<std::uint64_t, Wish> wishes_;        // by produce
  std::map<std::uint64_t, std::string> saves_;  // checkpoints, by save
  std::map<Token, std::string> handed_;         // checkpoints that came with deliveries
  std::map<Token, std::uint32_t> expiries_;     // attempts cut off before these deliveries
  std::set<Token> picked_;
  std::map<std::uint64_t, FailurePolicy> policies_;  // stated by acks
  std::vector<ActNote> acts_;
  std::vector<QueueNote> changes_;
  std::vector<ToldEnd> told_ends_;
  std::vector<TimedOut> timed_out_;
  std::vector<LostResult> lost_results_;
  Duration calendar_spread_{0};
  WallTime calendar_begin_{};
  bool shards_stayed_ = false;
};

}  // namespace baton::check
