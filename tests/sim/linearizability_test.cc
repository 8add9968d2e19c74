// C5: what no order of events can explain is found, and only that.
#include <string>

#include <catch2/catch.hpp>

#include "common/history/checkers.h"
#include "tests/sim/history_story.h"

namespace baton::check {
namespace {

using Catch::Contains;
using std::chrono::seconds;

std::string only(const Linearizability& result) {
  CHECK(result.undecided == 0);
  REQUIRE(result.violations.size() == 1);
  return std::string(result.violations[0].checker) + ": " + result.violations[0].what;
}

bool fits(const Story& story, LinearizabilityOptions options = {}) {
  const Linearizability result = check_linearizability(story.history(), options);
  CHECK(result.undecided == 0);
  return result.violations.empty();
}

TEST_CASE("C5 takes a late consumer, an unanswered ack and a nack for what may happen") {
  Story story;
  story.task(11, 1).delivered(11, 1, 201, 1, 1).delivered(11, 3, 202, 2, 1);
  story.refused(Action::kAck, 11, 1, 201).accepted(Action::kNack, 11, 3, 202);
  story.delivered(11, 4, 203, 3, 1).asked(Action::kAck, 11, 4, 203);
  story.state(11, FinalState::kDone);

  const Linearizability result = check_linearizability(story.history());
  CHECK(result.violations.empty());
  CHECK(result.tasks == 1);
  CHECK(result.steps == 7);
}

TEST_CASE("C5 finds an ack that was accepted while somebody else held the claim") {
  Story story;
  story.task(1, 1).delivered(1, 5, 201, 1, 1).delivered(1, 6, 202, 2, 1);
  story.accepted(Action::kAck, 1, 5, 201);

  CHECK_THAT(only(check_linearizability(story.history())),
             Contains("C5: no order of its events makes task 1 one task: after 2 of 3 steps it is "
                      "claimed with token 6 by process 202, and then cannot be ack of token 5"));
}

TEST_CASE("C5 lets two operations that overlap in time take either order") {
  for (const bool ack_first : {false, true}) {
    Story story;
    story.task(1, 1).delivered(1, 5, 201, 1, 1);
    const auto ack = story.asked(Action::kAck, 1, 5, 201);
    const auto look = story.asked(Action::kState, 1, 0, 300);
    if (ack_first) story.ended(ack, Outcome::kOk);
    story.seen(look, FinalState::kClaimed);
    if (!ack_first) story.ended(ack, Outcome::kOk);
    CHECK(fits(story));
  }
}

TEST_CASE("C5 finds a look that saw the past") {
  Story story;
  story.task(1, 1).delivered(1, 5, 201, 1, 1).accepted(Action::kAck, 1, 5, 201);
  story.seen(story.asked(Action::kState, 1, 0, 300), FinalState::kClaimed);

  CHECK_THAT(only(check_linearizability(story.history())), Contains("look that saw claimed"));
}

TEST_CASE("C5 finds a task that a look no longer knows") {
  Story story;
  story.task(1, 1).state(1, FinalState::kNotFound).delivered(1, 5, 201, 1, 1);
  CHECK(fits(story));  // the ledger hears of it a while after it was confirmed
  story.state(1, FinalState::kNotFound);
  CHECK_FALSE(fits(story));
}

TEST_CASE("C5 finds a task that was delivered before it was produced") {
  Story story;
  story.delivered(1, 5, 201, 1, 1).task(1, 1);

  CHECK_THAT(only(check_linearizability(story.history())), Contains("grant of token 5"));
}

TEST_CASE("C5 finds a task that is done although its only ack was refused") {
  Story story;
  story.task(1, 1).delivered(1, 5, 201, 1, 1).refused(Action::kAck, 1, 5, 201);
  story.state(1, FinalState::kDone);

  CHECK_FALSE(fits(story));
}

TEST_CASE("C5 finds a completion by a token that nobody was given") {
  Story story;
  story.task(1, 1).delivered(1, 5, 201, 1, 1).asked(Action::kAck, 1, 5, 201);
  story.state(1, FinalState::kDone, 6);
  CHECK_FALSE(fits(story));

  Story right;
  right.task(1, 1).delivered(1, 5, 201, 1, 1).asked(Action::kAck, 1, 5, 201);
  right.state(1, FinalState::kDone, 5);
  CHECK(fits(right));
}

TEST_CASE("C5 finds an operation of another session than the claim's") {
  Story story;
  story.task(1, 1).delivered(1, 5, 201, 1, 1).accepted(Action::kRelease, 1, 5, 202);

  CHECK_FALSE(fits(story));
}

TEST_CASE("C5 takes an echo of a completion, whoever asks") {
  Story story;
  story.task(1, 1).delivered(1, 5, 201, 1, 1).accepted(Action::kAck, 1, 5, 201);
  story.accepted(Action::kAck, 1, 5, 202);
  CHECK(fits(story));
}

TEST_CASE("C5 finds a claim that was taken away before its lease was over") {
  Story story;
  story.task(1, 1).leased(1, 5, 201, seconds(3)).wait(seconds(1)).leased(1, 6, 202, seconds(3));
  CHECK_THAT(only(check_linearizability(story.history())), Contains("grant of token 6"));

  Story late;
  late.task(1, 1).leased(1, 5, 201, seconds(3)).wait(seconds(3)).leased(1, 6, 202, seconds(3));
  CHECK(fits(late));

  Story released;
  released.task(1, 1).leased(1, 5, 201, seconds(3)).asked(Action::kRelease, 1, 5, 201);
  released.wait(seconds(1)).leased(1, 6, 202, seconds(3));
  CHECK(fits(released));
}

TEST_CASE("C5 finds an operation that was refused although its claim was good") {
  Story story;
  story.task(1, 1).leased(1, 5, 201, seconds(3)).refused(Action::kAck, 1, 5, 201);
  CHECK_THAT(only(check_linearizability(story.history())),
             Contains("ack of token 5 by process 201, refused"));

  Story unknown_lease;
  unknown_lease.task(1, 1).delivered(1, 5, 201, 1, 1).refused(Action::kAck, 1, 5, 201);
  CHECK(fits(unknown_lease));
}

TEST_CASE("C5 counts a longer lease from the extend that asked for it") {
  Story story;
  story.task(1, 1).leased(1, 5, 201, seconds(3));
  story.ended(story.asked_for_lease(1, 5, 201, seconds(10)), Outcome::kOk);
  story.wait(seconds(5)).leased(1, 6, 202, seconds(3));
  CHECK_FALSE(fits(story));

  Story unanswered;
  unanswered.task(1, 1).leased(1, 5, 201, seconds(3));
  unanswered.asked_for_lease(1, 5, 201, seconds(10));
  unanswered.wait(seconds(5)).leased(1, 6, 202, seconds(3));
  CHECK(fits(unanswered));
}

TEST_CASE("C5 knows how many nacks a task takes") {
  Story story;
  story.task(1, 1);
  for (std::uint64_t token = 1; token <= 2; ++token) {
    story.delivered(1, token, 201, static_cast<std::uint32_t>(token), 1);
    story.accepted(Action::kNack, 1, token, 201);
  }
  story.state(1, FinalState::kDead);

  CHECK(fits(story, {.max_attempts = 2}));
  CHECK(fits(story, {.max_attempts = 0}));
  CHECK_FALSE(fits(story, {.max_attempts = 3}));
  CHECK_FALSE(fits(story, {.max_attempts = 1}));
}

TEST_CASE("C5 finds a claim of a task that is dead or quarantined") {
  Story dead;
  dead.task(1, 1).delivered(1, 5, 201, 1, 1).accepted(Action::kNack, 1, 5, 201);
  dead.delivered(1, 6, 201, 2, 1);
  CHECK_FALSE(fits(dead, {.max_attempts = 1}));

  Story quarantined;
  quarantined.task(1, 1).state(1, FinalState::kQuarantined).delivered(1, 6, 201, 2, 1);
  CHECK(fits(quarantined));  // it was on its way before
  quarantined.accepted(Action::kExtend, 1, 6, 201);
  CHECK_FALSE(fits(quarantined));
}

TEST_CASE("C5 finds a grant in the ledger's own order while the claim is another's") {
  Story story;
  story.task(1, 1).granted(1, 5, 201).state(1, FinalState::kWaiting);
  const auto extend = story.asked(Action::kExtend, 1, 5, 201);
  story.granted(1, 6, 202).ended(extend, Outcome::kOk);
  CHECK_FALSE(fits(story));  // it came back, and yet it was extended

  Story right;
  right.task(1, 1).granted(1, 5, 201);
  const auto before = right.asked(Action::kExtend, 1, 5, 201);
  right.granted(1, 6, 202).ended(before, Outcome::kOk);
  CHECK(fits(right));
}

TEST_CASE("C5 says so when a search takes too long, and counts it") {
  Story story;
  story.task(1, 1).delivered(1, 5, 201, 1, 1);
  // Operations that all overlap and cannot all be: every subset is a way to try.
  std::vector<std::uint64_t> open;
  for (int i = 0; i < 24; ++i) {
    open.push_back(story.asked(Action::kState, 1, 0, 300));
    open.push_back(story.asked(Action::kNack, 1, 5, 201));
  }
  for (std::size_t i = 0; i < open.size(); i += 2) {
    story.seen(open[i], i % 4 == 0 ? FinalState::kDone : FinalState::kClaimed);
  }
  const Linearizability result = check_linearizability(story.history(), {.budget = 20});

  CHECK(result.undecided == 1);
  CHECK(result.violations.empty());
}

// ---- where not only claims move a task --------------------------------------------------------------

TEST_CASE("C5 lets times, relations and operators end and revive a task only where there are any") {
  Story dead;
  dead.task(1, 1).delivered(1, 2, 201, 1, 1).state(1, FinalState::kDead);
  Story redriven = dead;
  redriven.delivered(1, 3, 201, 1, 1).accepted(Action::kAck, 1, 3, 201);
  Story cancelled;
  cancelled.task(1, 1).delivered(1, 2, 201, 1, 1).state(1, FinalState::kCancelled);
  Story acked;
  acked.task(1, 1).delivered(1, 2, 201, 1, 1).accepted(Action::kAck, 1, 2, 201);
  acked.state(1, FinalState::kOther).state(1, FinalState::kDead);
  for (const Story& story : {dead, redriven, cancelled, acked}) {
    CHECK(fits(story, {.max_attempts = 0, .outside = true}));
    CHECK_FALSE(fits(story));
  }
}

TEST_CASE("C5 finds what is claimed again after it was cancelled or acked, whatever else may be") {
  Story cancelled;
  cancelled.task(1, 1).state(1, FinalState::kCancelled).delivered(1, 2, 201, 1, 1);
  cancelled.accepted(Action::kAck, 1, 2, 201);
  Story acked;
  acked.task(1, 1).leased(1, 2, 201, seconds(3)).accepted(Action::kAck, 1, 2, 201);
  acked.state(1, FinalState::kDead).delivered(1, 3, 201, 2, 1).accepted(Action::kNack, 1, 3, 201);
  for (const Story& story : {cancelled, acked}) {
    CHECK_FALSE(fits(story, {.max_attempts = 0, .outside = true}));
  }
}

}  // namespace
}  // namespace baton::check
