// Every checker finds the wrong history that is planted for it, and is silent on the right one.
#include "common/history/checkers.h"

#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "tests/sim/history_story.h"

namespace baton::check {
namespace {

// Two tasks, one of which expires at its first consumer: everything that may happen in a good run.
Story good_run() {
  Story story;
  story.task(11, 1).task(12, 2);
  story.delivered(11, 1, 201, 1, 1).delivered(12, 2, 202, 1, 2);
  story.accepted(Action::kExtend, 12, 2, 202).accepted(Action::kAck, 12, 2, 202);
  story.delivered(11, 3, 202, 2, 1);
  story.ended(story.asked(Action::kAck, 11, 1, 201), Outcome::kFail);
  story.accepted(Action::kAck, 11, 3, 202);
  story.state(11, FinalState::kDone).state(12, FinalState::kDone);
  return story;
}

// The one violation that is expected, for its words.
std::string only(const std::vector<Violation>& found) {
  REQUIRE(found.size() == 1);
  return std::string(found[0].checker) + ": " + found[0].what;
}

using Catch::Contains;

TEST_CASE("a run in which a late consumer was refused breaks no promise") {
  const Story story = good_run();

  CHECK(check_delivery(story.history()).empty());
  CHECK(check_claims(story.history()).empty());
  CHECK(check_completion(story.history()).empty());
  CHECK(check_identity(story.history()).empty());
  CHECK(check_payloads(story.history()).empty());
  CHECK(check_liveness(story.history()).empty());
}

TEST_CASE("C1 finds a confirmed task that nobody knows any more") {
  Story story = good_run();
  story.task(13, 3).state(13, FinalState::kNotFound);

  CHECK_THAT(only(check_delivery(story.history())), Contains("C1: confirmed task 13 is lost"));
}

TEST_CASE("C1 finds a confirmed task whose state was never asked for") {
  Story story = good_run();
  story.task(13, 3);

  CHECK_THAT(only(check_delivery(story.history())), Contains("nobody knows it"));
}

TEST_CASE("C1 finds a task that is called done although nobody completed it") {
  Story story = good_run();
  story.task(13, 3).delivered(13, 9, 201, 1, 3).state(13, FinalState::kDone);
  CHECK_THAT(only(check_delivery(story.history())), Contains("not completed, and it is done"));

  story.ended(story.asked(Action::kAck, 13, 9, 201), Outcome::kFail);
  CHECK(check_delivery(story.history()).size() == 1);

  story.asked(Action::kAck, 13, 9, 201);  // without an answer: it may have been this one
  CHECK(check_delivery(story.history()).empty());
}

TEST_CASE("C1 takes waiting, claimed and dead tasks as delivered so far") {
  Story story;
  story.task(1, 1).task(2, 2).task(3, 3);
  story.state(1, FinalState::kWaiting).state(2, FinalState::kClaimed).state(3, FinalState::kDead);

  CHECK(check_delivery(story.history()).empty());
}

TEST_CASE("C1 accepts a quarantined task only where disks are damaged") {
  Story story;
  story.task(1, 1).state(1, FinalState::kQuarantined);

  CHECK(check_delivery(story.history()).size() == 1);
  CHECK(check_delivery(story.history(), {.quarantine_allowed = true}).empty());
}

TEST_CASE("C1 finds a delivery of something that nobody produced") {
  Story story = good_run();
  story.delivered(99, 9, 201, 1, 42);

  CHECK_THAT(only(check_delivery(story.history())), Contains("which nobody produced"));
}

TEST_CASE("C1 finds a delivery of an item that was refused") {
  Story story = good_run();
  story.ended(story.produce(3, 7), Outcome::kFail);
  story.delivered(13, 9, 201, 1, 3);

  CHECK_THAT(only(check_delivery(story.history())), Contains("was refused, yet delivered"));
}

TEST_CASE("lost tasks are told apart by where they were in the order of confirmation") {
  Story story;
  for (std::uint64_t i = 1; i <= 6; i++) story.task(i, i);
  story.state(2, FinalState::kWaiting).state(4, FinalState::kDead).state(5, FinalState::kClaimed);

  const LostShape shape = shape_of_lost(story.history());

  CHECK(shape.prefix == 1);
  CHECK(shape.middle == 1);
  CHECK(shape.postfix == 1);
}

TEST_CASE("C2 finds a token that came to two sessions") {
  Story story = good_run();
  story.task(13, 3).delivered(13, 9, 201, 1, 3).delivered(13, 9, 202, 1, 3);

  CHECK_THAT(only(check_claims(story.history())),
             Contains("token 9 of task 13 came to process 202"));
}

TEST_CASE("C2 finds a token that was used for two tasks") {
  Story story = good_run();
  story.task(13, 3).task(14, 4).delivered(13, 9, 201, 1, 3).delivered(14, 9, 201, 1, 4);

  CHECK_THAT(only(check_claims(story.history())), Contains("as one of task 13"));
}

TEST_CASE("C2 finds a grant whose token is not above the one before") {
  Story story;
  story.granted(1, 5, 201).granted(1, 4, 202);

  CHECK_THAT(only(check_claims(story.history())),
             Contains("token 4 of task 1 was granted after 5"));
}

TEST_CASE("C2 finds an attempt that went back under a later token") {
  Story story = good_run();
  story.task(13, 3).delivered(13, 8, 201, 2, 3).delivered(13, 9, 202, 1, 3);

  CHECK_THAT(only(check_claims(story.history())), Contains("attempts of task 13 went back"));
}

TEST_CASE("C2 finds an operation that went past the fence") {
  Story story = good_run();
  story.task(13, 3).delivered(13, 8, 201, 1, 3).delivered(13, 9, 202, 2, 3);
  story.accepted(Action::kExtend, 13, 8, 201);

  CHECK_THAT(only(check_claims(story.history())),
             Contains("extend with token 8 of task 13 was accepted"));
}

TEST_CASE("C2 lets an operation pass that was sent before the newer claim was out") {
  Story story = good_run();
  story.task(13, 3).delivered(13, 8, 201, 1, 3);
  const auto nack = story.asked(Action::kNack, 13, 8, 201);
  story.delivered(13, 9, 202, 2, 3).ended(nack, Outcome::kOk);

  CHECK(check_claims(story.history()).empty());
}

TEST_CASE("C2 finds an operation that was accepted from a session without the claim") {
  Story story = good_run();
  story.task(13, 3).delivered(13, 8, 201, 1, 3).accepted(Action::kRelease, 13, 8, 202);

  CHECK_THAT(only(check_claims(story.history())),
             Contains("from process 202, which does not hold it"));
}

TEST_CASE("C2 finds a completion by a session without the claim, but not an echo of one") {
  Story story;
  story.task(1, 1).delivered(1, 5, 201, 1, 1);
  story.accepted(Action::kAck, 1, 5, 202);
  CHECK_THAT(only(check_claims(story.history())), Contains("ack with token 5 of task 1"));

  Story echo = good_run();
  echo.accepted(Action::kAck, 12, 2, 201);
  CHECK(check_claims(echo.history()).empty());
}

TEST_CASE("C3 finds a task that was completed twice") {
  Story story;
  story.task(1, 1).delivered(1, 5, 201, 1, 1).delivered(1, 6, 202, 2, 1);
  story.accepted(Action::kAck, 1, 5, 201).accepted(Action::kAck, 1, 6, 202);

  CHECK_THAT(only(check_completion(story.history())), Contains("C3: task 1 was completed 2 times"));
}

TEST_CASE("C3 finds a claim of a task that was done") {
  Story story = good_run();
  story.delivered(12, 9, 201, 2, 2);

  CHECK_THAT(only(check_completion(story.history())),
             Contains("completed with token 2 and claimed again with token 9"));
}

TEST_CASE("C6 finds an item that became two tasks") {
  Story story = good_run();
  story.delivered(44, 9, 201, 1, 2);

  CHECK_THAT(only(check_identity(story.history())),
             Contains("C6: item 1/2 is both task 12 and task 44"));
}

TEST_CASE("C6 finds a task that two items were told") {
  Story story = good_run();
  story.task(12, 3);

  CHECK_THAT(only(check_identity(story.history())),
             Contains("C6: task 12 is both item 1/2 and item 1/3"));
}

TEST_CASE("C6 finds two tasks of an item whose outcome stayed unknown") {
  Story story;
  story.ended(story.produce(1, 7), Outcome::kUnknown);
  story.delivered(1, 5, 201, 1, 1).delivered(2, 6, 201, 1, 1);

  CHECK(check_identity(story.history()).size() == 1);
}

TEST_CASE("C7 finds a payload that was changed") {
  Story story;
  story.task(1, 1, 7).delivered(1, 5, 201, 1, 1, 8);

  CHECK_THAT(only(check_payloads(story.history())), Contains("C7: the payload of task 1"));
}

TEST_CASE("C8 finds a task that still waits after everything was healed") {
  Story story = good_run();
  story.task(13, 3).state(13, FinalState::kWaiting);

  CHECK_THAT(only(check_liveness(story.history())), Contains("C8: confirmed task 13 is waiting"));
}

TEST_CASE("C8 accepts dead tasks only where handlers refuse them") {
  Story story;
  story.task(1, 1).state(1, FinalState::kDead);

  CHECK(check_liveness(story.history()).size() == 1);
  CHECK(check_liveness(story.history(), {.dead_allowed = true}).empty());
}

TEST_CASE("totals count what a run did") {
  Story story = good_run();
  story.ended(story.produce(3, 7), Outcome::kUnknown);
  story.produce(4, 7);
  story.delivered(13, 9, 201, 1, 3);

  const Totals sum = totals(story.history());

  CHECK(sum.produced == 4);
  CHECK(sum.confirmed == 2);
  CHECK(sum.produce_unknown == 2);
  CHECK(sum.recovered == 1);
  CHECK(sum.deliveries == 4);
  CHECK(sum.redeliveries == 1);
  CHECK(sum.completed == 2);
  CHECK(sum.superseded == 1);
}

TEST_CASE("C1 and C8 take an end that something outside of the history explains, and no other") {
  Story story;
  story.task(1, 1).state(1, FinalState::kCancelled).task(2, 2).state(2, FinalState::kCancelled);
  const Explained explained = [](TaskId task, FinalState state) {
    return task == TaskId(1) && state == FinalState::kCancelled;
  };

  CHECK_THAT(only(check_delivery(story.history(), {.explained = explained})),
             Contains("confirmed task 2 is lost"));
  CHECK_THAT(only(check_liveness(story.history(), {.explained = explained})),
             Contains("confirmed task 2 is cancelled"));
}

TEST_CASE("C2 lets the attempts of a task go back only when it was redriven") {
  Story story;
  story.task(1, 1).delivered(1, 2, 201, 3, 1).delivered(1, 3, 201, 1, 1);

  CHECK_THAT(only(check_claims(story.history())), Contains("went back from 3 to 1"));
  CHECK(check_claims(story.history(), [](TaskId task) { return task == TaskId(1); }).empty());
}

}  // namespace
}  // namespace baton::check
