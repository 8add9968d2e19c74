// Every checker of the life cycle finds the wrong history that is planted for it, and is silent on
// the right one.
#include "tests/sim/life/life_checkers.h"

#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "tests/sim/life/life_findings.h"
#include "tests/sim/life/life_story.h"

namespace baton::check {
namespace {

using Catch::Contains;

TaskOptions ordered_by(std::string key) { return {.order_key = std::move(key)}; }
TaskOptions keyed(std::string key) { return {.key = std::move(key)}; }
TaskOptions after(std::uint64_t task, FailurePolicy policy = FailurePolicy::kDefault) {
  return {.after = {TaskId(task)}, .on_failed = policy};
}
TaskOptions child_of(std::uint64_t parent, std::uint64_t token, bool with_completion = false) {
  return {
      .parent = TaskId(parent), .parent_token = Token(token), .with_completion = with_completion};
}

// ---- L1 -------------------------------------------------------------------------------------------

TEST_CASE("tasks of an ordering key one after the other break no promise") {
  LifeStory story;
  story.task(1, ordered_by("a")).task(2, ordered_by("a")).task(3, ordered_by("b"));
  story.delivered(1, 10).delivered(3, 11).accepted(Action::kNack, 1, 10);
  story.done(1, 12).done(2, 13).accepted(Action::kAck, 3, 11);

  CHECK(silent(story));
}

TEST_CASE("L1 finds two tasks of a key that are claimed at the same time") {
  LifeStory story;
  story.task(1, ordered_by("a")).task(2, ordered_by("a"));
  story.delivered(1, 10).delivered(2, 11).accepted(Action::kExtend, 1, 10);

  CHECK_THAT(only(story, check_order_keys), Contains("were claimed at the same time"));
}

TEST_CASE("L1 takes the echo of an ack for no claim") {
  LifeStory story;
  story.task(1, ordered_by("a")).task(2, ordered_by("a"));
  story.done(1, 10).delivered(2, 11).accepted(Action::kAck, 1, 10);

  CHECK(silent(story));
}

TEST_CASE("L1 finds a task that overtook one of its key, unless that was redriven") {
  LifeStory story;
  story.task(1, ordered_by("a")).task(2, ordered_by("a"));
  story.delivered(1, 10).accepted(Action::kNack, 1, 10).done(2, 11);
  CHECK(silent(story));  // it may be dead

  story.done(1, 12);
  CHECK_THAT(only(story, check_order_keys), Contains("which came first and got 12"));
}

TEST_CASE("L1 lets a redriven task come behind the others of its key") {
  LifeStory story;
  story.task(1, ordered_by("a")).task(2, ordered_by("a"));
  story.delivered(1, 10).accepted(Action::kNack, 1, 10).done(2, 11);
  story.acted(TaskAction::kRedrive, 1).done(1, 12);

  CHECK(silent(story));
}

TEST_CASE("L1 asks nothing of two tasks of which neither was confirmed before the other was sent") {
  LifeStory story;
  const std::uint64_t one = story.wish(1, ordered_by("a"));
  const std::uint64_t two = story.wish(2, ordered_by("a"));
  story.confirmed(one, 1).confirmed(two, 2).done(2, 10).done(1, 11);

  CHECK(silent(story));
}

TEST_CASE("L1 gives tasks of an ordered queue one key once that is confirmed") {
  LifeStory story;
  story.changed(QueueNote::Kind::kOrdered).waited(9).task(1).task(2).done(2, 10).done(1, 11);
  CHECK_THAT(only(story, check_order_keys), Contains("which came first"));

  LifeStory before;
  before.task(1).task(2).changed(QueueNote::Kind::kOrdered).done(2, 10).done(1, 11);
  CHECK(silent(before));
}

TEST_CASE("L1 asks nothing of an ordered queue whose manager may not have heard that it is") {
  using Kind = QueueNote::Kind;
  LifeStory unheard;
  unheard.changed(Kind::kOrdered).task(1).task(2).done(2, 10).done(1, 11);
  CHECK(silent(unheard));
  LifeStory heard_later;
  heard_later.changed(Kind::kOrdered).task(1).waited(9).task(2).done(2, 10).done(1, 11);
  CHECK(silent(heard_later));
  LifeStory heard_too_soon;
  heard_too_soon.waited(9).changed(Kind::kOrdered).task(1).task(2).done(2, 10).done(1, 11);
  CHECK(silent(heard_too_soon));
  LifeStory asked_others;  // any of them may have answered
  asked_others.changed(Kind::kOrdered).task(9, ordered_by("z")).task(1).task(2);
  asked_others.done(2, 10).done(1, 11);
  CHECK(silent(asked_others));
  LifeStory elsewhere;
  const std::uint64_t other = TaskId(ShardId(2), Offset(1)).value();
  elsewhere.changed(Kind::kOrdered).waited(other).task(1).task(2).done(2, 10).done(1, 11);
  CHECK(silent(elsewhere));
}

TEST_CASE("L1 knows that a task of an ordered queue came first of which the ledger had told") {
  LifeStory story;
  story.changed(QueueNote::Kind::kOrdered).task(1).delivered(1, 10).task(2);
  story.accepted(Action::kNack, 1, 10).done(2, 11).done(1, 12);
  CHECK_THAT(only(story, check_order_keys), Contains("which came first and got 12"));
}

// ---- L2 -------------------------------------------------------------------------------------------

TEST_CASE("a key that is answered with its task, or refused for other content, breaks no promise") {
  LifeStory story;
  story.task(1, keyed("k")).confirmed(story.wish(1, keyed("k")), 1, true);
  story.refused(story.wish(2, keyed("k"), 8), ErrorCode::kConflict).done(1, 10);

  CHECK(silent(story));
}

TEST_CASE("L2 finds a key with two tasks") {
  LifeStory story;
  story.task(1, keyed("k")).task(2, keyed("k"));

  CHECK_THAT(only(story, check_idempotency), Contains("key 'k' names task 1 and task 2"));
}

TEST_CASE("L2 finds a key that takes other content for the same") {
  LifeStory story;
  story.task(1, keyed("k")).confirmed(story.wish(2, keyed("k"), 8), 1, true);

  CHECK_THAT(only(story, check_idempotency), Contains("two contents"));
}

TEST_CASE("L2 finds the same content in conflict with itself") {
  LifeStory story;
  story.task(1, keyed("k")).refused(story.wish(1, keyed("k")), ErrorCode::kConflict);

  CHECK_THAT(only(story, check_idempotency), Contains("conflict for the content that it has"));
}

TEST_CASE("L2 finds a second task of a key that was delivered and told to nobody") {
  LifeStory story;
  story.task(1, keyed("k"));
  story.wish(2, keyed("k"), 8);
  story.done(1, 10).done(2, 11);

  CHECK_THAT(only(story, check_idempotency), Contains("delivered as task 1 and as task 2"));
}

TEST_CASE("L2 lets a key name another task once it may be forgotten") {
  LifeStory story;
  story.changed(QueueNote::Kind::kKeyWindow, 60).task(1, keyed("k")).wait(Millis(50'000));
  story.task(2, keyed("k"), 8);
  CHECK_THAT(only(story, check_idempotency), Contains("names task 1 and task 2"));

  LifeStory later;
  later.changed(QueueNote::Kind::kKeyWindow, 60).task(1, keyed("k")).done(1, 10);
  later.wait(Millis(60'000)).task(2, keyed("k"), 8).done(2, 11);
  later.refused(later.wish(1, keyed("k")), ErrorCode::kConflict);
  CHECK(silent(later));
}

TEST_CASE("L2 lets a key name another task once so many others came that it may be pushed out") {
  LifeStory story;
  story.changed(QueueNote::Kind::kKeyCount, 2).task(1, keyed("k")).task(2, keyed("l"));
  story.task(3, keyed("k"), 8);
  CHECK_THAT(only(story, check_idempotency), Contains("names task 1 and task 3"));

  LifeStory later;
  later.changed(QueueNote::Kind::kKeyCount, 2).task(1, keyed("k")).task(2, keyed("l"));
  later.task(3, keyed("m")).task(4, keyed("k"), 8).done(1, 10).done(4, 11);
  CHECK(silent(later));
}

// ---- L3 -------------------------------------------------------------------------------------------

TEST_CASE("a cancelled task whose holder is refused breaks no promise") {
  LifeStory story;
  story.task(1).delivered(1, 10);
  const std::uint64_t ack = story.asked(Action::kAck, 1, 10);
  story.acted(TaskAction::kCancel, 1).ended(ack, Outcome::kFail);
  story.ended(story.asked(Action::kNack, 1, 10), Outcome::kFail);

  CHECK(silent(story));
}

TEST_CASE("L3 finds a token that outlives a cancel") {
  LifeStory story;
  story.task(1).delivered(1, 10).acted(TaskAction::kCancel, 1).accepted(Action::kAck, 1, 10);

  CHECK_THAT(only(story, check_acts), Contains("ack with token 10 was accepted after a cancel"));
}

TEST_CASE("L3 finds a cancelled task that is granted, by a token that came later") {
  LifeStory story;
  story.task(1).acted(TaskAction::kCancel, 1).delivered(1, 10);
  CHECK(silent(story));  // it may have been on its way

  story.task(2).delivered(2, 9).delivered(1, 11);
  CHECK_THAT(only(story, check_acts), Contains("token 11 was granted after a cancel"));
}

TEST_CASE("L3 finds a completed task that is called cancelled, unless it waits for children") {
  LifeStory story;
  story.task(1).done(1, 10);
  LifeStory parent;
  parent.task(1).delivered(1, 10).task(2, child_of(1, 10)).accepted(Action::kAck, 1, 10);

  parent.acted(TaskAction::kCancel, 1);
  CHECK(silent(parent));
  story.acted(TaskAction::kCancel, 1);
  CHECK_THAT(only(story, check_acts), Contains("cancelled after it was completed"));
}

TEST_CASE("L3 lets a redriven task go on after it was killed") {
  LifeStory story;
  story.task(1).acted(TaskAction::kKill, 1).acted(TaskAction::kRedrive, 1).done(1, 10);

  CHECK(silent(story));
}

// ---- L4 -------------------------------------------------------------------------------------------

TEST_CASE("L4 finds a task that comes before its time by more than the calendars differ") {
  const auto delivered_after = [](Millis time) {
    LifeStory story;
    story.book.set_calendar_spread(Millis(100));
    story.task(1, {.delay = Millis(1000)}).wait(time).done(1, 10);
    return check_delays(LifeTasks(story.book)).size();
  };
  CHECK(delivered_after(Millis(1000)) == 0);
  CHECK(delivered_after(Millis(950)) == 0);
  CHECK(delivered_after(Millis(800)) == 1);
}

TEST_CASE("L4 counts no delay of a task that somebody redrove") {
  LifeStory story;
  story.task(1, {.delay = Millis(1000)}).acted(TaskAction::kKill, 1);
  story.acted(TaskAction::kRedrive, 1).done(1, 10);

  CHECK(silent(story));
}

TEST_CASE("L4 finds a task that was delivered before the time at which it was to run") {
  LifeStory story;
  story.book.set_calendar_begin(WallTime{1'000'000});
  story.book.set_calendar_spread(Millis(10));
  story.task(1, {.not_before = WallTime{1'000'500}}).wait(Millis(480)).delivered(1, 10);
  CHECK_THAT(only(story, check_delays), Contains("before its time"));

  LifeStory later;
  later.book.set_calendar_begin(WallTime{1'000'000});
  later.book.set_calendar_spread(Millis(10));
  later.task(1, {.not_before = WallTime{1'000'500}}).wait(Millis(490)).delivered(1, 10);
  CHECK(silent(later));
}

// ---- L5 -------------------------------------------------------------------------------------------

TEST_CASE("a parent that is done after its children breaks no promise") {
  LifeStory story;
  story.task(1).delivered(1, 10).task(2, child_of(1, 10)).task(3, child_of(1, 10, true));
  story.accepted(Action::kAck, 1, 10).done(2, 11).done(3, 12);
  for (const std::uint64_t task : {2U, 3U, 1U}) story.seen(task, FinalState::kDone);

  CHECK(silent(story));
}

TEST_CASE("L5 finds a child whose completion was never asked for") {
  LifeStory story;
  story.task(1).delivered(1, 10).task(2, child_of(1, 10, true)).accepted(Action::kNack, 1, 10);
  story.delivered(2, 11);

  CHECK_THAT(only(story, check_families), Contains("without the completion"));
}

TEST_CASE("L5 takes an ack without an answer for a completion") {
  LifeStory story;
  story.task(1).delivered(1, 10).task(2, child_of(1, 10, true));
  story.asked(Action::kAck, 1, 10);
  story.done(2, 11);

  CHECK(silent(story));
}

TEST_CASE("L5 finds a child of a claim that was over") {
  LifeStory nacked;
  nacked.task(1).delivered(1, 10).accepted(Action::kNack, 1, 10).task(2, child_of(1, 10));
  CHECK_THAT(only(nacked, check_families), Contains("spawned by a claim that was over"));

  LifeStory granted;
  granted.task(1).delivered(1, 10).delivered(1, 11).task(2, child_of(1, 10));
  CHECK_THAT(only(granted, check_families), Contains("spawned by a claim that was over"));
}

TEST_CASE("L5 finds a parent that is done before its child") {
  LifeStory story;
  story.task(1).delivered(1, 10).task(2, child_of(1, 10)).accepted(Action::kAck, 1, 10);
  story.seen(1, FinalState::kDone).done(2, 11);

  CHECK_THAT(only(story, check_families), Contains("done while child 2 of task 1 was not"));
}

TEST_CASE("L5 finds a parent that is done although a child failed, where its policy minds") {
  const auto found = [](FailurePolicy policy) {
    LifeStory story;
    story.task(1).delivered(1, 10).task(2, child_of(1, 10));
    const std::uint64_t ack = story.asked(Action::kAck, 1, 10);
    story.book.acked(ack, policy);
    story.ended(ack, Outcome::kOk).seen(2, FinalState::kDead).seen(1, FinalState::kDone);
    return check_families(LifeTasks(story.book)).size();
  };
  CHECK(found(FailurePolicy::kDefault) == 1);
  CHECK(found(FailurePolicy::kFail) == 1);
  CHECK(found(FailurePolicy::kIgnore) == 0);
}

TEST_CASE("L5 finds a parent that is dead although all its children are done") {
  LifeStory story;
  story.task(1).delivered(1, 10).task(2, child_of(1, 10)).accepted(Action::kAck, 1, 10);
  story.done(2, 11).seen(2, FinalState::kDone).seen(1, FinalState::kDead);

  CHECK_THAT(only(story, check_families), Contains("dead although all its children are done"));
}

// ---- L6 -------------------------------------------------------------------------------------------

TEST_CASE("a task that comes after what it waits for breaks no promise") {
  LifeStory story;
  story.task(1).task(2, after(1)).done(1, 10).done(2, 11);

  CHECK(silent(story));
}

TEST_CASE("L6 finds a task that comes while the one before is claimed") {
  LifeStory story;
  story.task(1).task(2, after(1, FailurePolicy::kIgnore)).delivered(1, 10).delivered(2, 11);
  story.accepted(Action::kAck, 1, 10);

  CHECK_THAT(only(story, check_after), Contains("was still claimed"));
}

TEST_CASE("L6 finds a task that comes although nobody completed the one before") {
  LifeStory story;
  story.task(1).task(2, after(1)).delivered(1, 10).accepted(Action::kNack, 1, 10);
  LifeStory ignores;
  ignores.task(1).task(2, after(1, FailurePolicy::kIgnore));
  ignores.delivered(1, 10).accepted(Action::kNack, 1, 10).done(2, 11);

  story.delivered(2, 11);
  CHECK_THAT(only(story, check_after), Contains("had not ended well"));
  CHECK(silent(ignores));  // it may be dead
}

TEST_CASE("L6 lets a task go on when somebody said so") {
  LifeStory story;
  story.task(1).task(2, after(1)).acted(TaskAction::kResume, 2).done(2, 10);

  CHECK(silent(story));
}

// ---- L7 -------------------------------------------------------------------------------------------

TEST_CASE("L7 finds a claim that comes with another checkpoint than the last") {
  LifeStory story;
  story.task(1).handed(1, 10, "");
  story.ended(story.save(1, 10, "one"), Outcome::kOk);
  story.ended(story.save(1, 10, "two"), Outcome::kOk).accepted(Action::kNack, 1, 10);

  story.handed(1, 11, "two");
  CHECK(silent(story));
  story.handed(1, 12, "one");
  CHECK_THAT(only(story, check_checkpoints), Contains("checkpoint 'one'"));
}

TEST_CASE("L7 finds a checkpoint that is forgotten, or was refused") {
  LifeStory story;
  story.task(1).handed(1, 10, "");
  story.ended(story.save(1, 10, "one"), Outcome::kOk).handed(1, 11, "");
  CHECK_THAT(only(story, check_checkpoints), Contains("not the last that was saved"));

  LifeStory refused;
  refused.task(1).handed(1, 10, "");
  refused.ended(refused.save(1, 10, "late"), Outcome::kFail).handed(1, 11, "late");
  CHECK_THAT(only(refused, check_checkpoints), Contains("checkpoint 'late'"));
}

TEST_CASE("L7 lets a save without an answer be there or not") {
  for (const char* handed : {"sure", "maybe"}) {
    LifeStory story;
    story.task(1).handed(1, 10, "");
    story.ended(story.save(1, 10, "sure"), Outcome::kOk);
    story.save(1, 10, "maybe");
    story.handed(1, 11, handed);
    CHECK(silent(story));
  }
}

// ---- L8 -------------------------------------------------------------------------------------------

TEST_CASE("L8 finds a task that is granted while its queue is paused") {
  LifeStory story;
  story.task(1).changed(QueueNote::Kind::kPause).delivered(1, 10);
  CHECK(silent(story));  // it may have been on its way

  story.task(2).delivered(2, 11);
  CHECK_THAT(only(story, check_pauses), Contains("token 11 of task 2 was granted while queue 'q'"));
}

TEST_CASE("L8 lets a queue go on when it is resumed") {
  LifeStory story;
  story.changed(QueueNote::Kind::kPause).task(1).changed(QueueNote::Kind::kResume).done(1, 10);
  CHECK(silent(story));

  LifeStory asked;
  asked.changed(QueueNote::Kind::kPause).task(1);
  asked.book.change("q", QueueNote::Kind::kResume);
  asked.done(1, 10);
  CHECK(silent(asked));
}

// ---- L9 -------------------------------------------------------------------------------------------

TEST_CASE("L9 finds a claim beside as many others as its queue may have at once") {
  LifeStory story;
  story.changed(QueueNote::Kind::kLimit, 2).task(1).task(2).task(3);
  story.delivered(1, 10).delivered(2, 11).accepted(Action::kAck, 1, 10).delivered(3, 12);
  story.accepted(Action::kExtend, 2, 11);
  CHECK(silent(story));

  LifeStory more;
  more.changed(QueueNote::Kind::kLimit, 2).task(1).task(2).task(3);
  more.delivered(1, 10).delivered(2, 11).delivered(3, 12);
  more.accepted(Action::kAck, 1, 10).accepted(Action::kExtend, 2, 11);
  CHECK_THAT(only(more, check_limits), Contains("beside 2 others of queue 'q', which is limited"));
}

TEST_CASE("L9 asks nothing of claims before a limit is confirmed, or once it is changed") {
  LifeStory before;
  before.task(1).task(2).delivered(1, 10).delivered(2, 11);
  before.changed(QueueNote::Kind::kLimit, 1).accepted(Action::kAck, 1, 10);
  CHECK(silent(before));

  LifeStory after;
  after.changed(QueueNote::Kind::kLimit, 1).changed(QueueNote::Kind::kLimit, 2).task(1).task(2);
  after.delivered(1, 10).delivered(2, 11).accepted(Action::kAck, 1, 10);
  CHECK(silent(after));
}

TEST_CASE("L8 lets a pause end by itself, but not before its time") {
  LifeStory story;
  const std::size_t pause = story.book.change("q", QueueNote::Kind::kPause, 0, Millis(100));
  story.task(1);
  story.book.changed(pause, true);
  story.task(2).delivered(2, 10);
  CHECK_THAT(only(story, check_pauses), Contains("while queue 'q' was paused"));

  LifeStory later;
  const std::size_t short_pause = later.book.change("q", QueueNote::Kind::kPause, 0, Millis(100));
  later.task(1);
  later.book.changed(short_pause, true);
  later.task(2).wait(Millis(100)).delivered(2, 10);
  CHECK(silent(later));
}

TEST_CASE("L8 takes a pause that ends by itself for the end of the one before") {
  LifeStory story;
  story.changed(QueueNote::Kind::kPause);
  story.book.changed(story.book.change("q", QueueNote::Kind::kPause, 0, Millis(1)), true);
  story.task(1).delivered(1, 10);

  CHECK(silent(story));
}

// ---- what explains an end -------------------------------------------------------------------------

TEST_CASE("an end is explained only by what was asked of the task or of its queue") {
  const auto explains = [](LifeStory& story, FinalState state) {
    return LifeTasks(story.book).explains(TaskId(1), state);
  };
  LifeStory nothing;
  nothing.task(1);
  CHECK_FALSE(explains(nothing, FinalState::kCancelled));
  CHECK_FALSE(explains(nothing, FinalState::kDone));
  LifeStory refused;
  refused.task(1).acted(TaskAction::kCancel, 1, ErrorCode::kConflict);
  CHECK_FALSE(explains(refused, FinalState::kCancelled));
  LifeStory cancelled;
  cancelled.task(1).acted(TaskAction::kCancel, 1);
  CHECK(explains(cancelled, FinalState::kCancelled));
  CHECK_FALSE(explains(cancelled, FinalState::kDone));
  LifeStory purged;
  purged.task(1).changed(QueueNote::Kind::kPurge);
  CHECK(explains(purged, FinalState::kDone));
  LifeStory late;
  late.changed(QueueNote::Kind::kPurge).task(1);
  CHECK_FALSE(explains(late, FinalState::kDone));
  LifeStory short_lived;
  short_lived.task(1, {.time_to_live = Millis(1000)});
  CHECK(explains(short_lived, FinalState::kCancelled));
}

TEST_CASE("a child is explained as void only when its completion was not accepted") {
  LifeStory story;
  story.task(9).delivered(9, 10).task(1, child_of(9, 10, true));
  CHECK(LifeTasks(story.book).explains(TaskId(1), FinalState::kDone));

  story.accepted(Action::kAck, 9, 10);
  CHECK_FALSE(LifeTasks(story.book).explains(TaskId(1), FinalState::kDone));
}

}  // namespace
}  // namespace baton::check
