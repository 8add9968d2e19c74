// The checkers of turns, rates and ends (L10 ...) find the wrong history that is planted for them, and
// are silent on the right one. Tokens begin at 1: whatever lies below the first would be unseen.
#include <cstdint>
#include <string>
#include <utility>

#include "tests/sim/life/life_findings.h"

namespace baton::check {
namespace {

using Catch::Contains;
using Kind = QueueNote::Kind;

TaskOptions urgent(std::uint32_t priority) { return {.priority = priority}; }
TaskOptions tenant(std::string key, std::uint32_t weight = 1) {
  return {.fair_key = std::move(key), .fair_weight = weight};
}

// ---- L10 ------------------------------------------------------------------------------------------

// Task 1 of priority 9 waits, task 2 of priority 1 is granted.
struct PassedBy : LifeStory {
  PassedBy() {
    changed(Kind::kAgeing, 0).task(1, urgent(9)).task(2, urgent(1)).task(3, urgent(1));
    done(2, 1).done(1, 2).done(3, 3);
  }
};

TEST_CASE("L10 finds a task that was granted while one of higher priority waited") {
  LifeStory right;
  right.changed(Kind::kAgeing, 0).task(1, urgent(9)).task(2, urgent(1)).done(1, 1).done(2, 2);
  CHECK(silent(right));

  CHECK_THAT(only(PassedBy(), check_priorities),
             Contains("token 1 of task 2 of priority 1 was granted while task 1 of priority 9"));
}

TEST_CASE("L10 asks nothing where priorities may give way, or did until just now") {
  LifeStory never_said;
  never_said.task(1, urgent(9)).task(2, urgent(1)).done(2, 1).done(1, 2);
  CHECK(silent(never_said));
  LifeStory said_later;
  said_later.task(1, urgent(9)).task(2, urgent(1)).changed(Kind::kAgeing, 0);
  said_later.done(2, 1).done(1, 2);
  CHECK(silent(said_later));
  LifeStory changed_since;
  changed_since.changed(Kind::kAgeing, 0).changed(Kind::kAgeing, 3);
  changed_since.task(1, urgent(9)).task(2, urgent(1)).done(2, 1).done(1, 2);
  CHECK(silent(changed_since));
}

TEST_CASE("L10 asks nothing of a task that may have been granted unseen, or not be known") {
  LifeStory unseen;
  unseen.changed(Kind::kAgeing, 0).task(1, urgent(9)).task(2, urgent(1)).done(2, 2).done(1, 3);
  CHECK(silent(unseen));
  // Nothing behind it was granted: the ledger may not have heard of it.
  LifeStory unknown;
  unknown.changed(Kind::kAgeing, 0).task(1, urgent(1)).task(2, urgent(9)).done(1, 1).done(2, 2);
  CHECK(silent(unknown));
  LifeStory delayed;
  delayed.changed(Kind::kAgeing, 0).task(1, {.priority = 9, .delay = Millis(1)});
  delayed.task(2, urgent(1)).done(2, 1).done(1, 2);
  CHECK(silent(delayed));
}

TEST_CASE("L10 asks nothing of a claim that was asked for by the task's name") {
  PassedBy story;
  story.book.picked(Token(1));

  CHECK(silent(story));
}

TEST_CASE("L10 compares tasks of different shards only where none was ever away") {
  const std::uint64_t elsewhere = TaskId(ShardId(2), Offset(1)).value();
  const auto told = [&](bool stayed) {
    LifeStory story;
    story.book.set_shards_stayed(stayed);
    story.changed(Kind::kAgeing, 0).task(1, urgent(9)).task(2, urgent(5));
    story.task(elsewhere, urgent(1)).done(2, 1).done(elsewhere, 2).done(1, 3);
    return check_priorities(LifeTasks(story.book)).size();
  };
  CHECK(told(false) == 1);
  CHECK(told(true) == 2);
}

// ---- L11 ------------------------------------------------------------------------------------------

TEST_CASE("L11 finds more grants within a time than a rate allows") {
  LifeStory right;
  right.changed(Kind::kRate, 2);
  for (std::uint64_t task = 1; task <= 9; task++) right.task(task);
  for (std::uint64_t task = 1; task <= 9; task++) right.done(task, task).wait(Millis(500));
  CHECK(silent(right));

  LifeStory story;
  story.changed(Kind::kRate, 2);
  for (std::uint64_t task = 1; task <= 9; task++) story.task(task);
  for (std::uint64_t task = 1; task <= 9; task++) story.done(task, task).wait(Millis(200));
  CHECK_THAT(only(story, check_rates), Contains("limited to 2 a second"));
}

TEST_CASE("L11 knows that what comes late and all at once may have been granted long before") {
  LifeStory story;
  story.changed(Kind::kRate, 2);
  for (std::uint64_t task = 1; task <= 9; task++) story.task(task);
  story.wait(Millis(4000));
  for (std::uint64_t task = 1; task <= 9; task++) story.done(task, task);
  CHECK(silent(story));

  LifeStory later;
  later.changed(Kind::kRate, 2).wait(Millis(4000));
  for (std::uint64_t task = 1; task <= 9; task++) later.task(task).done(task, task);
  CHECK_THAT(only(later, check_rates), Contains("limited to 2 a second"));
}

TEST_CASE("L11 asks nothing once the rate is changed") {
  LifeStory story;
  story.changed(Kind::kRate, 2).changed(Kind::kRate, 0);
  for (std::uint64_t task = 1; task <= 9; task++) story.task(task).done(task, task);

  CHECK(silent(story));
}

// ---- L12 ------------------------------------------------------------------------------------------

TEST_CASE("L12 finds a task that was granted although it had been purged") {
  LifeStory story;
  story.task(1).task(2).done(2, 1).changed(Kind::kPurge).task(3).done(3, 2).done(1, 3);

  CHECK_THAT(only(story, check_purges), Contains("token 3 of task 1 was granted after queue 'q'"));
}

TEST_CASE("L12 finds one that the ledger itself had confirmed") {
  LifeStory story;
  story.task(1, {.order_key = "a"}).changed(Kind::kPurge).task(2).done(2, 1).done(1, 2);

  CHECK_THAT(only(story, check_purges), Contains("was purged"));
}

TEST_CASE("L12 asks nothing of what the ledger may not have known, or somebody may have had") {
  LifeStory unknown;
  unknown.task(1).changed(Kind::kPurge).task(3).done(3, 1).done(1, 2);
  CHECK(silent(unknown));
  LifeStory granted;  // while it was purged, and delivered late
  granted.task(1).task(2).done(2, 1).changed(Kind::kPurge).done(1, 2);
  CHECK(silent(granted));
  LifeStory unseen;
  unseen.task(1).task(2).done(2, 1).changed(Kind::kPurge).task(3).done(3, 3).done(1, 4);
  CHECK(silent(unseen));
  LifeStory redriven;
  redriven.task(1).task(2).done(2, 1).changed(Kind::kPurge).task(3).done(3, 2);
  redriven.acted(TaskAction::kRedrive, 1).done(1, 3);
  CHECK(silent(redriven));
}

// ---- L13 ------------------------------------------------------------------------------------------

// Of `passed` tasks of key "b" that are granted while one of "a" waits.
struct Neighbours : LifeStory {
  Neighbours(std::uint64_t passed, std::uint32_t weight, bool stayed = true) {
    book.set_shards_stayed(stayed);
    task(1, tenant("a")).task(2, tenant("a"));
    for (std::uint64_t i = 0; i < passed; i++) task(10 + i, tenant("b", weight));
    done(1, 1);
    for (std::uint64_t i = 0; i < passed; i++) done(10 + i, 2 + i);
    done(2, 2 + passed);
  }
};

TEST_CASE("L13 finds a fairness key that waits while another has turn after turn") {
  CHECK(silent(Neighbours(3, 1)));
  CHECK_THAT(only(Neighbours(4, 1), check_fairness),
             Contains("task 2 of fairness key 'a' of weight 1 waited while 4 of key 'b'"));
}

TEST_CASE("L13 grants a heavier key its share") {
  CHECK(silent(Neighbours(5, 3)));
  CHECK_THAT(only(Neighbours(6, 3), check_fairness), Contains("waited while 6 of key 'b'"));
}

TEST_CASE("L13 asks nothing where shards were away, or a key may be at its limit") {
  CHECK(silent(Neighbours(9, 1, false)));
  Neighbours limited(9, 1);
  limited.changed(Kind::kKeyLimit, 1);
  CHECK(silent(limited));
  Neighbours out_of_turn(9, 1);
  out_of_turn.book.picked(Token(5));
  CHECK(silent(out_of_turn));
  Neighbours of_two_weights(9, 1);
  of_two_weights.task(99, {.priority = 1, .fair_key = "b", .fair_weight = 9});
  CHECK(silent(of_two_weights));
}

// ---- L14 ------------------------------------------------------------------------------------------

TEST_CASE("L14 finds an end that was told and was none") {
  LifeStory right;
  right.task(1).done(1, 1);
  right.told(1, FinalState::kDone);
  CHECK(silent(right));

  LifeStory nobody;
  nobody.task(1).delivered(1, 1);
  nobody.told(1, FinalState::kDone);
  CHECK_THAT(only(nobody, check_told_ends), Contains("is done; although nobody had acked it"));
  LifeStory waiting;
  waiting.task(1);
  waiting.told(1, FinalState::kWaiting);
  CHECK_THAT(only(waiting, check_told_ends), Contains("which is no end"));
  LifeStory cancelled;
  cancelled.task(1);
  cancelled.told(1, FinalState::kCancelled);
  CHECK_THAT(only(cancelled, check_told_ends), Contains("although nothing cancelled it"));
}

TEST_CASE("L14 finds an end that was told and did not last") {
  LifeStory goes_on;
  goes_on.task(1).delivered(1, 1);
  goes_on.told(1, FinalState::kDead);
  goes_on.accepted(Action::kExtend, 1, 1);
  CHECK_THAT(only(goes_on, check_told_ends), Contains("extend was accepted after that"));

  LifeStory comes_back;
  comes_back.task(1).delivered(1, 1);
  comes_back.told(1, FinalState::kDead);
  comes_back.task(2).done(2, 2).delivered(1, 3);
  CHECK_THAT(only(comes_back, check_told_ends), Contains("token 3 was granted after that"));

  LifeStory other;
  other.task(1).delivered(1, 1);
  other.told(1, FinalState::kDead);
  other.seen(1, FinalState::kDone);
  CHECK_THAT(only(other, check_told_ends), Contains("it was done after that"));
}

TEST_CASE("L14 lets a dead task be redriven") {
  LifeStory story;
  story.task(1).delivered(1, 1);
  story.told(1, FinalState::kDead);
  story.acted(TaskAction::kRedrive, 1).done(1, 2).seen(1, FinalState::kDone);

  CHECK(silent(story));
}

// ---- L15 ------------------------------------------------------------------------------------------

LifeStory& lost(LifeStory& story, std::uint64_t token, std::uint32_t expiries) {
  story.delivered(1, token);
  story.book.handed(Token(token), "", expiries);
  return story;
}

TEST_CASE("L15 finds a task that is granted again after as many losses as its queue allows") {
  LifeStory story;
  story.changed(Kind::kLossLimit, 2).task(1);
  lost(story, 1, 0);
  lost(story, 2, 1);
  CHECK(silent(story));

  lost(story, 3, 2);
  CHECK_THAT(only(story, check_losses), Contains("after 2 attempts were cut off"));
}

TEST_CASE("L15 asks nothing of losses from before the limit, or once somebody decided") {
  LifeStory before;
  before.task(1);
  lost(before, 1, 0);
  before.changed(Kind::kLossLimit, 1);
  lost(before, 2, 1);
  CHECK(silent(before));
  LifeStory given_back;
  given_back.changed(Kind::kLossLimit, 1).task(1);
  lost(given_back, 1, 1);
  lost(given_back, 2, 1);
  CHECK(silent(given_back));
  LifeStory resumed;
  resumed.changed(Kind::kLossLimit, 1).task(1);
  lost(resumed, 1, 0);
  resumed.acted(TaskAction::kResume, 1);
  lost(resumed, 2, 1);
  CHECK(silent(resumed));
}

// ---- L16 ------------------------------------------------------------------------------------------

TEST_CASE("L16 finds a task that is delivered again though nobody knows what became of it") {
  LifeStory story;
  story.changed(Kind::kHold, 1).task(1).delivered(1, 1).delivered(1, 2);
  CHECK_THAT(only(story, check_holds), Contains("was delivered with token 1 and again with 2"));
}

TEST_CASE("L16 lets a task go on that was given up, or of which somebody has decided") {
  for (const Action action : {Action::kNack, Action::kRelease}) {
    LifeStory given_up;
    given_up.changed(Kind::kHold, 1).task(1).delivered(1, 1);
    given_up.accepted(action, 1, 1).done(1, 2);
    CHECK(silent(given_up));
    LifeStory refused;
    refused.changed(Kind::kHold, 1).task(1).delivered(1, 1);
    refused.ended(refused.asked(action, 1, 1), Outcome::kFail).delivered(1, 2);
    CHECK_FALSE(silent(refused, check_holds));
  }
  for (const TaskAction action : {TaskAction::kResume, TaskAction::kRedrive}) {
    LifeStory decided;
    decided.changed(Kind::kHold, 1).task(1).delivered(1, 1).acted(action, 1).done(1, 2);
    CHECK(silent(decided));
  }
}

TEST_CASE("L16 takes no decision from before a claim for one about it") {
  LifeStory story;
  story.changed(Kind::kHold, 1).task(1).delivered(1, 1).acted(TaskAction::kResume, 1);
  story.task(2).done(2, 2).delivered(1, 3).delivered(1, 4);
  CHECK_THAT(only(story, check_holds), Contains("with token 3 and again with 4"));
}

TEST_CASE("L16 asks nothing of what was granted before the queue held, or after it did") {
  LifeStory before;
  before.task(1).delivered(1, 1).changed(Kind::kHold, 1).delivered(1, 2);
  CHECK(silent(before));
  LifeStory after;
  after.changed(Kind::kHold, 1).task(1).delivered(1, 1).changed(Kind::kHold, 0).delivered(1, 2);
  CHECK(silent(after));
}

// ---- L17 ------------------------------------------------------------------------------------------

// Task 1 is seen to have ended so after so long.
struct Ended : LifeStory {
  Ended(TaskOptions options, FinalState state, Millis after) {
    task(1, std::move(options)).wait(after).seen(1, state);
  }
};

TEST_CASE("L17 finds a task that ends before one of its times is over") {
  const TaskOptions options[] = {{.total_timeout = Millis(6000)},
                                 {.wait_timeout = Millis(6000)},
                                 {.time_to_live = Millis(6000)}};
  for (const TaskOptions& stated : options) {
    const bool lives = stated.time_to_live != Millis(0);
    const FinalState end = lives ? FinalState::kCancelled : FinalState::kDead;
    CHECK(silent(Ended(stated, end, Millis(6000))));
    CHECK(silent(Ended(stated, end, Millis(5000))));  // by a fast clock, and a tick
    CHECK_THAT(only(Ended(stated, end, Millis(3000)), check_early_ends),
               Contains("ms after it was asked for, although it had 6000 ms"));
    LifeStory told;
    told.task(1, stated).wait(Millis(3000)).told(1, end);
    CHECK_THAT(only(told, check_early_ends), Contains("although it had 6000 ms"));
  }
}

TEST_CASE("L17 knows the times of the queue, of which the shortest counts") {
  LifeStory story;
  story.changed(Kind::kTimeToLive, 9).changed(Kind::kTimeToLive, 6).task(1).wait(Millis(3000));
  story.seen(1, FinalState::kCancelled);
  CHECK_THAT(only(story, check_early_ends), Contains("although it had 6000 ms"));

  LifeStory sooner;
  sooner.changed(Kind::kTotalTimeout, 3).task(1, {.wait_timeout = Millis(6000)});
  sooner.wait(Millis(3000)).seen(1, FinalState::kDead);
  CHECK(silent(sooner));
}

TEST_CASE("L17 asks nothing where something else may be why") {
  const TaskOptions dies = {.total_timeout = Millis(6000)};
  const TaskOptions lives = {.time_to_live = Millis(6000)};
  LifeStory cancelled;
  cancelled.task(1, lives).acted(TaskAction::kCancel, 1).seen(1, FinalState::kCancelled);
  CHECK(silent(cancelled));
  LifeStory purged;
  purged.task(1, lives).changed(Kind::kPurge).seen(1, FinalState::kCancelled);
  CHECK(silent(purged));
  LifeStory nacked;
  nacked.task(1, dies).delivered(1, 1).accepted(Action::kNack, 1, 1).seen(1, FinalState::kDead);
  CHECK(silent(nacked));
  LifeStory cut_off;
  cut_off.changed(Kind::kLossLimit, 1).task(1, dies).delivered(1, 1).seen(1, FinalState::kDead);
  CHECK(silent(cut_off));
  LifeStory behind;
  behind.task(2);
  behind.task(1, {.total_timeout = Millis(6000), .after = {TaskId(2)}}).seen(1, FinalState::kDead);
  CHECK(silent(behind));
}

// ---- L18 ------------------------------------------------------------------------------------------

TEST_CASE("L18 finds an attempt that is timed out too soon, or without a timeout") {
  LifeStory story;
  story.task(1, {.attempt_timeout = Millis(2000)}).task(2).task(3, {.retry_of = TaskId(1)});
  story.book.timed_out(TaskId(1), Token(5), Millis(2000));
  story.book.timed_out(TaskId(3), Token(6), Millis(2000));
  CHECK(silent(story));
  LifeStory soon;
  soon.task(1, {.attempt_timeout = Millis(2000)});
  soon.book.timed_out(TaskId(1), Token(7), Millis(1999));
  CHECK_THAT(only(soon, check_attempts), Contains("after 1999 ms, before its 2000 ms"));
  story.book.timed_out(TaskId(2), Token(8), Millis(9000));
  CHECK_THAT(only(story, check_attempts), Contains("and it has no timeout"));
}

// ---- L19 ------------------------------------------------------------------------------------------

TEST_CASE("L19 finds a result that is gone although few can have ended since") {
  LifeStory all;
  all.task(1).done(1, 1);
  all.book.lost_result(TaskId(1));
  CHECK_THAT(only(all, check_retention), Contains("although its queue keeps all"));

  LifeStory few;
  few.changed(Kind::kKeepCount, 2).task(1).task(2).task(3).done(1, 1).done(2, 2).done(3, 3);
  few.book.lost_result(TaskId(1));
  CHECK(silent(few));
  few.book.lost_result(TaskId(2));  // of 2 and 3 both are kept
  CHECK_THAT(only(few, check_retention), Contains("keeps 2 and fewer can have ended since"));
}

TEST_CASE("L19 takes a parent for something that may have ended since it was acked") {
  LifeStory story;
  story.changed(Kind::kKeepCount, 1).task(1).delivered(1, 1);
  story.task(2, {.parent = TaskId(1), .parent_token = Token(1)}).accepted(Action::kAck, 1, 1);
  story.task(3).done(3, 2).done(2, 3);
  story.book.lost_result(TaskId(3));
  CHECK(silent(story));
}

TEST_CASE("L19 takes what nobody was told the end of for something that may have ended since") {
  LifeStory story;
  story.changed(Kind::kKeepCount, 2).task(1).task(2).done(1, 1);
  story.wish(3, {});  // perhaps there is such a task
  story.book.lost_result(TaskId(1));
  CHECK(silent(story));
}

}  // namespace
}  // namespace baton::check
